# Compiler cache, linker, warnings and sanitizers: used when present, the same for every target.
find_program(PW_CCACHE ccache)
if(PW_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${PW_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${PW_CCACHE})
endif()

find_program(PW_MOLD mold)
if(PW_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-fdiagnostics-color=always)

add_library(pw_warnings INTERFACE)
target_compile_options(pw_warnings INTERFACE
  # Only the compiler that builds what runs may stop a build for a warning.
  -Wall -Wextra -Wpedantic $<$<CXX_COMPILER_ID:GNU>:-Werror>
  -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual -Wformat=2 -Wimplicit-fallthrough)

if(PW_SANITIZE)
  add_compile_options(-fsanitize=${PW_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PW_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # Debian's libraries are built without: their classes have no type information to check.
    add_compile_options(-fno-sanitize=vptr,function)
  endif()
endif()
