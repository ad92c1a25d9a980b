#include "tools/peerwatt/health.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace peerwatt::tool {
namespace {

constexpr char kMethod[] = "/grpc.health.v1.Health/Check";
// `HealthCheckResponse{status: SERVING}` on the wire: field 1, varint 1.
constexpr absl::string_view kServing("\x08\x01", 2);

std::string BytesOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string out;
  if (!buffer.Dump(&slices).ok()) return out;
  for (const grpc::Slice& slice : slices) out.append(slice.begin(), slice.end());
  return out;
}

}  // namespace

absl::Status CheckHealth(const Endpoint& endpoint, absl::Duration timeout) {
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = endpoint.ca_pem;
  tls.pem_cert_chain = endpoint.cert_pem;
  tls.pem_private_key = endpoint.key_pem;
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(endpoint.server_name);
  // A channel of its own each time: no back-off of an earlier attempt delays the answer.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto channel =
      grpc::CreateCustomChannel(endpoint.address, grpc::SslCredentials(tls), arguments);
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  grpc::CompletionQueue queue;
  // An empty `HealthCheckRequest` has no bytes and asks for the server as a whole.
  const grpc::ByteBuffer request(nullptr, 0);
  const auto call = stub.PrepareUnaryCall(&context, kMethod, request, &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  if (!status.ok()) {
    return absl::UnavailableError(
        absl::StrCat("no answer from ", endpoint.address, ": ", status.error_message()));
  }
  if (BytesOf(response) != kServing) {
    return absl::UnavailableError(absl::StrCat(endpoint.address, " is not serving yet"));
  }
  return absl::OkStatus();
}

}  // namespace peerwatt::tool
