#include "services/gateway/device/device_service.h"

#include <grpcpp/impl/codegen/server_callback_handlers.h>

#include <memory>
#include <utility>

#include "libs/rpc/security.h"

namespace peerwatt::gateway {

DeviceService::DeviceService(const DeviceStreamParts& parts) {
  AddMethod(new grpc::internal::RpcServiceMethod(
      "/peerwatt.metering.v1.Metering/StreamReadings",
      grpc::internal::RpcMethod::BIDI_STREAMING, nullptr));
  MarkMethodRawCallback(
      0, new grpc::internal::CallbackBidiHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
             [&parts](grpc::CallbackServerContext* context) {
               const auto stream = std::make_shared<DeviceStream>(*context, parts);
               stream->Start();
               return stream.get();
             }));
}

Admission CertificateAdmission(DeviceGate& gate) {
  return [&gate](const grpc::CallbackServerContext& context, const ApiMethod&,
                 Authenticator::Done done) {
    auto identity = DeviceIdentityOf(*context.auth_context());
    if (!identity.ok()) {
      done(identity.status());
      return;
    }
    gate.Check(*identity, [device = identity->device,
                           done = std::move(done)](absl::StatusOr<DevicePoints> points) {
      if (!points.ok()) {
        done(points.status());
        return;
      }
      rpc::Principal principal;
      principal.set_subject(device);
      principal.add_roles(peerwatt::access::v1::DEVICE);
      done(Authenticator::Caller{std::move(principal)});
    });
  };
}

}  // namespace peerwatt::gateway
