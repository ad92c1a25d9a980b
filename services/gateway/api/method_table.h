#pragma once

#include <string>
#include <vector>

#include <google/protobuf/descriptor.h>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "peerwatt/access/v1/access.pb.h"
#include "services/gateway/core/path_template.h"
#include "services/gateway/core/router.h"

namespace peerwatt::gateway {

/// The services behind the gateway.
enum class Upstream { kRegistry = 0, kMetering = 1, kMarket = 2, kSettlement = 3 };
inline constexpr int kUpstreamCount = 4;

/// One way to reach a method by HTTP, from its `google.api.http` annotation.
struct HttpBinding {
  std::string http_method;
  PathTemplate path;
  /// The request field that the body fills, `*` for the whole request, empty for no body.
  std::string body;
};

/// A public method: what it is called, who serves it, who may call it.
struct ApiMethod {
  const google::protobuf::MethodDescriptor* descriptor = nullptr;
  std::string path;  ///< `/peerwatt.market.v1.Market/CreateOrder`
  Upstream upstream = Upstream::kRegistry;
  /// Absent when the method declares none; it is refused then.
  bool has_access = false;
  peerwatt::access::v1::AccessRule access;
  std::vector<HttpBinding> bindings;

  bool server_streaming() const { return descriptor->server_streaming(); }
  bool client_streaming() const { return descriptor->client_streaming(); }
};

/// The public API, read from the descriptors once at start.
class MethodTable {
 public:
  /// What an HTTP request meets.
  struct Route {
    const ApiMethod* method = nullptr;
    const HttpBinding* binding = nullptr;
  };

  /// A public service and the process that serves it.
  struct ApiService {
    const google::protobuf::ServiceDescriptor* descriptor;
    Upstream upstream;
  };

  /// All methods of all public services.
  /// Errors: kInvalidArgument for an annotation that cannot be served.
  static absl::StatusOr<MethodTable> Build();

  const std::vector<ApiMethod>& methods() const { return methods_; }
  /// The method of a gRPC path, or null.
  const ApiMethod* Find(absl::string_view path) const;
  const Router& router() const { return router_; }
  /// The route of a router's target.
  Route RouteOf(size_t target) const;
  /// The public services.
  static std::vector<ApiService> Services();

 private:
  absl::Status AddBindings(size_t method);

  std::vector<ApiMethod> methods_;
  absl::flat_hash_map<std::string, size_t> by_path_;
  Router router_;
  std::vector<std::pair<size_t, size_t>> routes_;
};

}  // namespace peerwatt::gateway
