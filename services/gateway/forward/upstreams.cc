#include "services/gateway/forward/upstreams.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/time/clock.h"
#include "libs/base/ids.h"
#include "libs/rpc/callback_threads.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"

namespace peerwatt::gateway {
namespace {

constexpr absl::Duration kKeysTimeout = absl::Seconds(5);

bool IsHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

}  // namespace

Upstreams::Upstreams(Channels channels) : channels_(std::move(channels)) {
  rpc::KeepCallbackThreads();
  for (size_t i = 0; i < channels_.size(); ++i) stubs_[i] = std::make_unique<Stub>(channels_[i]);
}

void PrepareContext(const ApiMethod& method, const Deadlines& deadlines,
                    std::chrono::system_clock::time_point client_deadline,
                    const std::optional<rpc::Principal>& caller, const CallHeaders& headers,
                    grpc::ClientContext& context) {
  const bool streams = method.server_streaming() || method.client_streaming();
  const absl::Duration timeout = streams ? deadlines.stream : deadlines.unary;
  const auto ours = absl::ToChronoTime(absl::Now() + timeout);
  context.set_deadline(std::min(ours, client_deadline));
  if (caller.has_value()) rpc::SetPrincipal(context, caller->SerializeAsString());
  if (!headers.request_id.empty()) context.AddMetadata("x-request-id", headers.request_id);
  if (!headers.trace_parent.empty()) context.AddMetadata("traceparent", headers.trace_parent);
}

std::string RequestIdFrom(absl::string_view value) {
  const bool usable =
      !value.empty() && value.size() <= 64 && std::all_of(value.begin(), value.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ||
               c == '.';
      });
  return usable ? std::string(value) : NewUuid();
}

std::string TraceParentFrom(absl::string_view value) {
  const bool usable = value.size() == 55 && value[2] == '-' && value[35] == '-' &&
                      value[52] == '-' && value.substr(0, 2) == "00" &&
                      IsHex(value.substr(3, 32)) && IsHex(value.substr(36, 16)) &&
                      IsHex(value.substr(53));
  return usable ? std::string(value) : "";
}

RegistryKeySource::RegistryKeySource(const std::shared_ptr<grpc::Channel>& registry)
    : stub_(peerwatt::registry::v1::Registry::NewStub(registry)) {}

void RegistryKeySource::Fetch(Done done) {
  struct Call {
    grpc::ClientContext context;
    peerwatt::registry::v1::GetJwksRequest request;
    peerwatt::registry::v1::Jwks response;
  };
  auto call = std::make_shared<Call>();
  rpc::SetDeadline(call->context, kKeysTimeout);
  stub_->async()->GetJwks(
      &call->context, &call->request, &call->response,
      [call, done = std::move(done)](const grpc::Status& status) {
        if (!status.ok()) {
          done(rpc::FromGrpcStatus(status));
          return;
        }
        std::vector<crypto::PublicJwk> keys;
        for (const auto& key : call->response.keys()) {
          if (key.kty() == "EC" && key.crv() == "P-256") {
            keys.push_back({key.kid(), key.x(), key.y()});
          }
        }
        done(std::move(keys));
      });
}

}  // namespace peerwatt::gateway
