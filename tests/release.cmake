# Tests of the program as it is shipped: under a sanitizer they would measure the sanitizer. To build
# it takes no Python; where there is none there are no tests.
enable_testing()
find_program(WEBHOOK_PYTHON NAMES /usr/bin/python3 python3)
if(NOT WEBHOOK_PYTHON)
  return()
endif()
foreach(test IN ITEMS integration/memory bench/instructions)
  string(REPLACE / _ name ${test})
  add_test(NAME ${name}
    COMMAND ${WEBHOOK_PYTHON} -m pytest -q -p no:cacheprovider ${CMAKE_CURRENT_LIST_DIR}/${test}_test.py)
  set_tests_properties(${name} PROPERTIES
    ENVIRONMENT "WEBHOOK_BINARY=$<TARGET_FILE:code-executor-webhook>;PYTHONDONTWRITEBYTECODE=1")
endforeach()
# Before OpenSSL reads it: Python's ssl cannot choose the suites of TLS 1.3 itself.
set_property(TEST bench_instructions APPEND PROPERTY
  ENVIRONMENT OPENSSL_CONF=${CMAKE_CURRENT_LIST_DIR}/bench/go_ciphers.cnf)
