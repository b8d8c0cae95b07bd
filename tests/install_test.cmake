# Installs from BUILD into PREFIX, which is emptied first: the licence, and two files of which the program
# runs and prints the other, which is PROFILE.
file(REMOVE_RECURSE ${PREFIX})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX}
                OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)

file(GLOB_RECURSE installed RELATIVE ${PREFIX} ${PREFIX}/*)
list(SORT installed)
set(program bin/code-executor-webhook)
set(profile share/code-executor-webhook/nsjail-seccomp.json)
set(licence share/doc/code-executor-webhook/copyright)
if(NOT installed STREQUAL "${program};${profile};${licence}")
  message(FATAL_ERROR "installed: ${installed} (expected ${program}, ${profile} and ${licence})")
endif()

execute_process(COMMAND ${PREFIX}/${program} profile OUTPUT_FILE ${PREFIX}/printed
                COMMAND_ERROR_IS_FATAL ANY)
foreach(file IN ITEMS ${PREFIX}/printed ${PROFILE})
  execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files ${PREFIX}/${profile} ${file}
                  COMMAND_ERROR_IS_FATAL ANY)
endforeach()
