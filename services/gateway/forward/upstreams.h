#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "absl/time/time.h"
#include "libs/rpc/security.h"
#include "peerwatt/registry/v1/registry.grpc.pb.h"
#include "services/gateway/api/method_table.h"
#include "services/gateway/auth/token_keys.h"

namespace peerwatt::gateway {

/// The services behind the gateway, called by bytes.
class Upstreams {
 public:
  using Stub = grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer>;
  using Channels = std::array<std::shared_ptr<grpc::Channel>, kUpstreamCount>;

  explicit Upstreams(Channels channels);
  Stub& stub(Upstream upstream) { return *stubs_[static_cast<size_t>(upstream)]; }
  const std::shared_ptr<grpc::Channel>& channel(Upstream upstream) const {
    return channels_[static_cast<size_t>(upstream)];
  }

 private:
  Channels channels_;
  std::array<std::unique_ptr<Stub>, kUpstreamCount> stubs_;
};

/// How long calls may take.
struct Deadlines {
  absl::Duration unary = absl::Seconds(10);
  absl::Duration stream = absl::Hours(1);
};

/// What goes along with a call to a service. Nothing else of the client's metadata does.
struct CallHeaders {
  std::string request_id;
  std::string trace_parent;
};

/// Prepares a call: deadline (the sooner of the client's and ours), caller, headers.
void PrepareContext(const ApiMethod& method, const Deadlines& deadlines,
                    std::chrono::system_clock::time_point client_deadline,
                    const std::optional<rpc::Principal>& caller, const CallHeaders& headers,
                    grpc::ClientContext& context);

/// `value` when it is a usable request id (1 to 64 letters, digits, `-`, `_`, `.`), else a new one.
std::string RequestIdFrom(absl::string_view value);
/// `value` when it is a W3C trace parent, else empty.
std::string TraceParentFrom(absl::string_view value);

/// The keys that the registry signs tokens with.
class RegistryKeySource final : public KeySource {
 public:
  explicit RegistryKeySource(const std::shared_ptr<grpc::Channel>& registry);
  void Fetch(Done done) override;

 private:
  std::unique_ptr<peerwatt::registry::v1::Registry::Stub> stub_;
};

}  // namespace peerwatt::gateway
