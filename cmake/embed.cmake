# webhook_embed(TARGET SYMBOL FILE): makes the bytes of FILE available to TARGET as
# `extern const std::string_view SYMBOL` in namespace webhook. The file is a build dependency:
# a changed file is embedded anew.
# FILE is relative to the project.
function(webhook_embed target symbol file)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/embedded/${symbol}.cc)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -D symbol=${symbol} -D in=${PROJECT_SOURCE_DIR}/${file} -D out=${out}
            -P ${PROJECT_SOURCE_DIR}/cmake/embed_file.cmake
    DEPENDS ${PROJECT_SOURCE_DIR}/${file} ${PROJECT_SOURCE_DIR}/cmake/embed_file.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${out})
endfunction()
