#pragma once

#include <memory>

#include <grpcpp/grpcpp.h>

#include "peerwatt/metering/v1/metering.grpc.pb.h"
#include "services/gateway/device/device_gate.h"
#include "services/gateway/device/device_streams.h"
#include "services/gateway/forward/forwarding_service.h"

namespace peerwatt::gateway {

/// The stream of readings at the device port.
class DeviceService final : public grpc::Service {
 public:
  /// All arguments outlive the server.
  DeviceService(DeviceGate& gate, peerwatt::metering::v1::Metering::Stub& metering,
                DeviceStreams& streams);
};

/// Admission at the device port: the client certificate. The caller is `devices/<id>`, `DEVICE`.
Admission CertificateAdmission(DeviceGate& gate);

}  // namespace peerwatt::gateway
