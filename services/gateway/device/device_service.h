#pragma once

#include <grpcpp/grpcpp.h>

#include "services/gateway/device/device_gate.h"
#include "services/gateway/device/device_stream.h"
#include "services/gateway/forward/forwarding_service.h"

namespace peerwatt::gateway {

/// The stream of readings at the device port.
class DeviceService final : public grpc::Service {
 public:
  /// parts: as they, it outlives the server.
  explicit DeviceService(const DeviceStreamParts& parts);
};

/// Admission at the device port: the client certificate. The caller is `devices/<id>`, `DEVICE`.
Admission CertificateAdmission(DeviceGate& gate);

}  // namespace peerwatt::gateway
