#pragma once

#include <memory>

#include <grpcpp/grpcpp.h>

#include "services/gateway/api/method_table.h"
#include "services/gateway/device/device_gate.h"
#include "services/gateway/forward/upstreams.h"
#include "services/gateway/h2/call.h"

namespace peerwatt::gateway {

/// What every forwarded call of a device needs; all of it outlives them.
struct UnaryCallParts {
  DeviceGate& gate;
  Upstreams& upstreams;
  Deadlines deadlines;
};

/// One unary call of a device: asks whether the device may, and forwards it by bytes as
/// `devices/<id>` with the role `DEVICE`.
class UnaryCall final : public CallHandler, public std::enable_shared_from_this<UnaryCall> {
 public:
  /// method: outlives the call.
  UnaryCall(const UnaryCallParts& parts, const ApiMethod& method)
      : parts_(parts), method_(method) {}

  void OnStart(ServerCall& call) override;
  void OnMessage(absl::string_view bytes) override;
  void OnHalfClose() override;
  void OnWritten() override;
  void OnDone() override;

 private:
  void Admitted(const absl::Status& status);
  void Answered(const grpc::Status& status);
  void Refuse(const absl::Status& error);

  const UnaryCallParts& parts_;
  const ApiMethod& method_;
  ServerCall* call_ = nullptr;  ///< null after the end
  std::shared_ptr<LoopQueue> queue_;
  DeviceIdentity identity_;
  grpc::ClientContext client_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
};

}  // namespace peerwatt::gateway
