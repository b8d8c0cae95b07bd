# Flags for our own code. Linked PRIVATE, so that they reach no dependency.
add_library(webhook_flags INTERFACE)
target_compile_options(webhook_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual)
target_compile_definitions(webhook_flags INTERFACE _GLIBCXX_ASSERTIONS)
if(WEBHOOK_WERROR)
  target_compile_options(webhook_flags INTERFACE -Werror)
endif()

if(WEBHOOK_SANITIZE)
  set(sanitize -fsanitize=${WEBHOOK_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  # Its check opens a pipe, and takes a process that is out of descriptors for a bug.
  list(APPEND sanitize -fno-sanitize=vptr)
  target_compile_options(webhook_flags INTERFACE ${sanitize})
  target_link_options(webhook_flags INTERFACE ${sanitize})
  # A kernel that randomises by 32 bits (vm.mmap_rnd_bits) may put a program where the address
  # sanitizer keeps its heap.
  if(WEBHOOK_SANITIZE MATCHES "address")
    target_link_options(webhook_flags INTERFACE -no-pie)
  endif()
endif()
if(WEBHOOK_FUZZ)
  target_compile_options(webhook_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# What is shipped: fortified, every symbol bound at start, stack and branches guarded.
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(webhook_flags INTERFACE
    -O2 -g1 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection)
  target_link_options(webhook_flags INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack)
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    target_compile_options(webhook_flags INTERFACE -fcf-protection)
  elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
    target_compile_options(webhook_flags INTERFACE -mbranch-protection=standard)
  endif()
endif()
