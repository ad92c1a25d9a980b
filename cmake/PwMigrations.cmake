# pw_embed_migrations(<storage target> SERVICE <name> <NNNN_what.sql> …)
# Builds the migrations of a service into its storage library, which then offers
# `std::vector<postgres::Migration> Migrations()` in `services/<name>/storage/migrations.h`.
function(pw_embed_migrations target)
  cmake_parse_arguments(A "" "SERVICE" "" ${ARGN})
  set(dir ${CMAKE_BINARY_DIR}/gen/services/${A_SERVICE}/storage)
  set(body "")
  foreach(file IN LISTS A_UNPARSED_ARGUMENTS)
    get_filename_component(path ${file} ABSOLUTE)
    get_filename_component(name ${file} NAME_WE)
    file(READ ${path} sql)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
    string(APPEND body "      {\"${name}\", R\"migration(${sql})migration\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${dir}/migrations.h CONTENT [[#pragma once

#include <vector>

#include "libs/postgres/migrator.h"

namespace peerwatt::@A_SERVICE@ {

/// The steps of this service's schema.
std::vector<postgres::Migration> Migrations();

}  // namespace peerwatt::@A_SERVICE@
]] @ONLY)
  file(CONFIGURE OUTPUT ${dir}/migrations.cc CONTENT
[[#include "services/@A_SERVICE@/storage/migrations.h"

namespace peerwatt::@A_SERVICE@ {

std::vector<postgres::Migration> Migrations() {
  return {
@body@  };
}

}  // namespace peerwatt::@A_SERVICE@
]] @ONLY)
  target_sources(${target} PRIVATE ${dir}/migrations.cc)
  target_include_directories(${target} PUBLIC ${CMAKE_BINARY_DIR}/gen)
endfunction()
