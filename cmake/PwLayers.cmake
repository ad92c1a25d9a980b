# The layer rule. Each target declares its layer; a link that points outward stops configure.
#
#   pw_library(<target> LAYER <layer> [SERVICE <name>] SRCS … HDRS … DEPS …)
#   pw_executable(<target> LAYER <layer> [SERVICE <name>] SRCS … DEPS …)

set(PW_MAY_USE_base      "base")
set(PW_MAY_USE_domain    "base;domain")
set(PW_MAY_USE_core      "base;domain;core")
# File formats: as pure as core, with a parser library.
set(PW_MAY_USE_formats   "base;domain;core;formats")
set(PW_MAY_USE_proto     "proto")
set(PW_MAY_USE_crypto    "base;crypto")
set(PW_MAY_USE_postgres  "base;domain;postgres")
set(PW_MAY_USE_telemetry "base;telemetry")
set(PW_MAY_USE_rpclib    "base;domain;proto;crypto;telemetry;rpclib")
set(PW_MAY_USE_storage   "base;domain;core;postgres;storage")
set(PW_MAY_USE_clients   "base;domain;core;crypto;proto;rpclib;clients")
set(PW_MAY_USE_rpc       "base;domain;core;formats;proto;telemetry;rpclib;rpc")
# The edge speaks HTTP and JSON besides gRPC; it holds no durable state and so no storage.
set(PW_MAY_USE_edge      "base;domain;core;proto;crypto;telemetry;rpclib;edge")
# What runs at a meter, and what people run: they reach the services only through public doors.
set(PW_MAY_USE_agent     "base;domain;crypto;proto;rpclib;agent")
set(PW_MAY_USE_tool      "base;domain;crypto;proto;postgres;rpclib;agent;tool")
# What checks the books from outside shares nothing with what writes them.
set(PW_MAY_USE_verifier  "base;verifier")
set(PW_MAY_USE_app
    "base;domain;core;formats;crypto;proto;postgres;telemetry;rpclib;storage;clients;rpc"
    "edge;agent;tool;verifier")

# Third-party targets that a layer may link, as a regular expression.
set(PW_THIRD_PARTY_base      "^absl::|^Threads::|^spdlog::")
set(PW_THIRD_PARTY_domain    "^absl::")
set(PW_THIRD_PARTY_core      "^absl::|^nlohmann_json::")
set(PW_THIRD_PARTY_formats   "^absl::|^EXPAT::|^Haru::")
set(PW_THIRD_PARTY_proto     "^protobuf::|^gRPC::")
set(PW_THIRD_PARTY_crypto    "^absl::|^OpenSSL::|^PkgConfig::SODIUM$|^nlohmann_json::")
set(PW_THIRD_PARTY_postgres  "^absl::|^PkgConfig::PQ(XX)?$")
set(PW_THIRD_PARTY_telemetry "^absl::|^prometheus-cpp::")
set(PW_THIRD_PARTY_rpclib    "^absl::|^protobuf::|^gRPC::")
set(PW_THIRD_PARTY_storage   "^absl::|^PkgConfig::PQXX$")
set(PW_THIRD_PARTY_clients   "^absl::|^protobuf::|^gRPC::")
set(PW_THIRD_PARTY_rpc       "^absl::|^protobuf::|^gRPC::")
set(PW_THIRD_PARTY_edge
    "^absl::|^protobuf::|^gRPC::|^Boost::|^nlohmann_json::|^OpenSSL::|^PkgConfig::NGHTTP2$")
set(PW_THIRD_PARTY_agent
    "^absl::|^protobuf::|^gRPC::|^nlohmann_json::|^PkgConfig::MODBUS$")
set(PW_THIRD_PARTY_tool
    "^absl::|^protobuf::|^gRPC::|^Boost::|^nlohmann_json::|^OpenSSL::|^PkgConfig::PQXX$")
set(PW_THIRD_PARTY_verifier  "^absl::|^nlohmann_json::")
set(PW_THIRD_PARTY_app
    "^absl::|^gRPC::|^prometheus-cpp::|^nlohmann_json::|^Boost::|^PkgConfig::JEMALLOC$")

function(pw_check_layer target layer service deps)
  if(NOT DEFINED PW_MAY_USE_${layer})
    message(FATAL_ERROR "${target}: no layer '${layer}'")
  endif()
  foreach(dep IN LISTS deps)
    if(NOT TARGET ${dep})
      message(FATAL_ERROR "${target}: no target ${dep}; add_subdirectory order is the layer order")
    endif()
    get_target_property(dep_layer ${dep} PW_LAYER)
    if(NOT dep_layer)
      if(NOT dep MATCHES "${PW_THIRD_PARTY_${layer}}")
        message(FATAL_ERROR "${target}: layer '${layer}' may not link ${dep}")
      endif()
      continue()
    endif()
    if(NOT dep_layer IN_LIST PW_MAY_USE_${layer})
      message(FATAL_ERROR "${target}: layer '${layer}' may not depend on ${dep} "
                          "(layer '${dep_layer}')")
    endif()
    get_target_property(dep_service ${dep} PW_SERVICE)
    if(dep_service AND NOT dep_service STREQUAL "${service}")
      message(FATAL_ERROR "${target}: service '${service}' may not link ${dep} of service "
                          "'${dep_service}'; services meet only in protos/")
    endif()
  endforeach()
endfunction()

function(pw_library target)
  cmake_parse_arguments(A "" "LAYER;SERVICE" "SRCS;HDRS;DEPS" ${ARGN})
  if(A_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${target}: unknown arguments ${A_UNPARSED_ARGUMENTS}")
  endif()
  pw_check_layer(${target} "${A_LAYER}" "${A_SERVICE}" "${A_DEPS}")
  if(A_SRCS)
    add_library(${target} STATIC ${A_SRCS})
    set(scope PUBLIC)
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:pw_warnings>)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  # Every public header must compile on its own: target `all_verify_interface_header_sets`.
  target_sources(${target} ${scope}
    FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${A_HDRS})
  set_target_properties(${target} PROPERTIES
    PW_LAYER "${A_LAYER}" PW_SERVICE "${A_SERVICE}" VERIFY_INTERFACE_HEADER_SETS ON)
  target_include_directories(${target} ${scope} ${PROJECT_SOURCE_DIR})
  target_link_libraries(${target} ${scope} ${A_DEPS})
endfunction()

function(pw_executable target)
  cmake_parse_arguments(A "" "LAYER;SERVICE" "SRCS;DEPS" ${ARGN})
  pw_check_layer(${target} "${A_LAYER}" "${A_SERVICE}" "${A_DEPS}")
  add_executable(${target} ${A_SRCS})
  set_target_properties(${target} PROPERTIES PW_LAYER "${A_LAYER}" PW_SERVICE "${A_SERVICE}")
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${target} PRIVATE pw_warnings ${A_DEPS})
endfunction()
