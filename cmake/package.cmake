# A package for the nodes that administrators run `doctor` on.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME ${PROJECT_NAME})
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_VENDOR ${PROJECT_NAME})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "admission webhook that sandboxes Retool's code-executor pods")
set(CPACK_PACKAGE_DESCRIPTION
"Takes code-executor pods out of privileged mode, into a user namespace with a
seccomp profile of their own. Its command doctor asks a node whether such pods
work on it, and mutate shows what becomes of a manifest, both without a cluster.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "the maintainers of ${PROJECT_NAME} <maintainers@code-executor-webhook.invalid>")
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
# dpkg-shlibdeps, of dpkg-dev, says which packages of this Debian the program needs.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
include(CPack)
