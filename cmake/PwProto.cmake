# google/api, google/rpc, google/longrunning and google/type protos come from Debian's
# libgoogle-common-protos-java (a jar is a zip). Nothing is vendored.
find_file(GOOGLE_COMMON_PROTOS_JAR NAMES proto-google-common-protos.jar
          PATHS /usr/share/java ENV GOOGLE_COMMON_PROTOS_DIR REQUIRED)
set(GOOGLEAPIS_DIR ${CMAKE_BINARY_DIR}/googleapis)
if(NOT EXISTS ${GOOGLEAPIS_DIR}/google/api/annotations.proto)
  file(ARCHIVE_EXTRACT INPUT ${GOOGLE_COMMON_PROTOS_JAR}
       DESTINATION ${GOOGLEAPIS_DIR} PATTERNS "google/*.proto")
endif()

# pw_proto_library(<target> ROOT <dir> PROTOS … DEPS … [GRPC]): paths are relative to ROOT.
# An object library: a static one would drop the descriptors that only reflection looks up.
function(pw_proto_library target)
  cmake_parse_arguments(A "GRPC" "ROOT" "PROTOS;DEPS" ${ARGN})
  set(out ${CMAKE_BINARY_DIR}/gen)
  file(MAKE_DIRECTORY ${out})
  set(includes -I${A_ROOT} -I${PROJECT_SOURCE_DIR}/protos -I${GOOGLEAPIS_DIR})
  set(srcs)
  foreach(proto IN LISTS A_PROTOS)
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    set(gen ${out}/${stem}.pb.cc ${out}/${stem}.pb.h)
    set(args --cpp_out=${out})
    if(A_GRPC)
      list(APPEND gen ${out}/${stem}.grpc.pb.cc ${out}/${stem}.grpc.pb.h)
      list(APPEND args --grpc_out=${out}
           --plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin>)
    endif()
    add_custom_command(
      OUTPUT ${gen}
      COMMAND protobuf::protoc ${includes} ${args} ${proto}
      DEPENDS ${A_ROOT}/${proto} VERBATIM)
    list(APPEND srcs ${gen})
  endforeach()
  add_library(${target}_objects OBJECT ${srcs})
  # Generated code is the slow part: a proto and its service are one translation unit. Several
  # protos cannot be: each defines the same names for its own tables.
  if(A_GRPC)
    set_target_properties(${target}_objects PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
  endif()
  target_include_directories(${target}_objects SYSTEM PUBLIC ${out})
  target_link_libraries(${target}_objects PUBLIC protobuf::libprotobuf gRPC::grpc++)
  add_library(${target} INTERFACE)
  set_target_properties(${target} PROPERTIES PW_LAYER proto)
  target_sources(${target} INTERFACE $<TARGET_OBJECTS:${target}_objects>)
  target_include_directories(${target} SYSTEM INTERFACE ${out})
  target_link_libraries(${target} INTERFACE protobuf::libprotobuf gRPC::grpc++)
  foreach(dep IN LISTS A_DEPS)
    target_link_libraries(${target} INTERFACE ${dep})
    add_dependencies(${target}_objects ${dep}_objects)
  endforeach()
  add_dependencies(${target} ${target}_objects)
endfunction()
