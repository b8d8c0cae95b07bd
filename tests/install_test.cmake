# Installs from BUILD into PREFIX, which is emptied first: the program, which runs, the profile, which it
# prints and which is PROFILE, the licence, and what man(1) and the shells are to read.
file(REMOVE_RECURSE ${PREFIX})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX}
                OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)

set(program bin/code-executor-webhook)
set(profile share/code-executor-webhook/nsjail-seccomp.json)
set(expected ${program} ${profile}
  share/doc/code-executor-webhook/copyright
  share/bash-completion/completions/code-executor-webhook
  share/fish/vendor_completions.d/code-executor-webhook.fish
  share/man/man1/code-executor-webhook.1
  share/zsh/site-functions/_code-executor-webhook)
foreach(command IN ITEMS certs completion doctor explain help man mutate policy profile review serve version)
  list(APPEND expected share/man/man1/code-executor-webhook-${command}.1)
endforeach()
list(SORT expected)
file(GLOB_RECURSE installed RELATIVE ${PREFIX} ${PREFIX}/*)
list(SORT installed)
if(NOT installed STREQUAL expected)
  message(FATAL_ERROR "installed: ${installed} (expected ${expected})")
endif()

execute_process(COMMAND ${PREFIX}/${program} profile OUTPUT_FILE ${PREFIX}/printed
                COMMAND_ERROR_IS_FATAL ANY)
foreach(file IN ITEMS ${PREFIX}/printed ${PROFILE})
  execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files ${PREFIX}/${profile} ${file}
                  COMMAND_ERROR_IS_FATAL ANY)
endforeach()
