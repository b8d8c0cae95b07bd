# Manual pages and completions, by the program that was built, to where man(1) and the shells look.
set(manual ${PROJECT_BINARY_DIR}/manual)
set(name code-executor-webhook)
add_custom_command(OUTPUT ${manual}/made
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${manual}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${manual}
  COMMAND ${name} man --out ${manual}/man1
  COMMAND ${name} completion bash > ${manual}/${name}
  COMMAND ${name} completion zsh > ${manual}/_${name}
  COMMAND ${name} completion fish > ${manual}/${name}.fish
  COMMAND ${CMAKE_COMMAND} -E touch ${manual}/made
  DEPENDS ${name} VERBATIM)
add_custom_target(manual ALL DEPENDS ${manual}/made)
install(DIRECTORY ${manual}/man1/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${manual}/${name} DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${manual}/_${name} DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${manual}/${name}.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
