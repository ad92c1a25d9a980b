#include "services/gateway/device/device_gate.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/ids.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "services/gateway/core/errors.h"

namespace peerwatt::gateway {
namespace {

using peerwatt::registry::v1::Device;
using peerwatt::registry::v1::ResolveDeviceRequest;
using peerwatt::registry::v1::ResolveDeviceResponse;

constexpr absl::Duration kCheckTimeout = absl::Seconds(5);

absl::Status CertificateUnknown() {
  return Error(kCertificateUnknown, "the certificate is none that the registry issued to a device");
}

}  // namespace

absl::StatusOr<DeviceIdentity> DeviceIdentityOf(const grpc::AuthContext& auth) {
  const std::string identity = rpc::PeerIdentity(auth);
  if (!absl::StartsWith(identity, rpc::kDeviceIdentityPrefix)) return CertificateUnknown();
  const std::string id = identity.substr(std::string(rpc::kDeviceIdentityPrefix).size());
  DeviceIdentity out{absl::StrCat("devices/", id), rpc::PeerCertificateSerial(auth)};
  if (!IsResourceId(id) || out.certificate_serial.empty()) return CertificateUnknown();
  return out;
}

absl::StatusOr<DevicePoints> Judge(const ResolveDeviceResponse& answer) {
  if (answer.state() == Device::REVOKED) return Error(kDeviceRevoked, "the device is revoked");
  if (answer.state() != Device::ACTIVE || !answer.certificate_known()) {
    return CertificateUnknown();
  }
  return std::make_shared<const absl::flat_hash_set<std::string>>(
      answer.metering_points().begin(), answer.metering_points().end());
}

DeviceGate::DeviceGate(const std::shared_ptr<grpc::Channel>& registry)
    : registry_(peerwatt::registry::v1::RegistryInternal::NewStub(registry)) {}

void DeviceGate::Check(const DeviceIdentity& identity, Done done) {
  struct Call {
    grpc::ClientContext context;
    ResolveDeviceRequest request;
    ResolveDeviceResponse response;
  };
  auto call = std::make_shared<Call>();
  call->request.set_name(identity.device);
  call->request.set_certificate_serial(identity.certificate_serial);
  rpc::SetDeadline(call->context, kCheckTimeout);
  registry_->async()->ResolveDevice(
      &call->context, &call->request, &call->response,
      [call, done = std::move(done)](const grpc::Status& status) {
        if (status.ok()) {
          done(Judge(call->response));
        } else if (status.error_code() == grpc::StatusCode::NOT_FOUND) {
          done(CertificateUnknown());
        } else {
          done(status.error_code() == grpc::StatusCode::UNAVAILABLE
                   ? Error(kPeerUnavailable, "the registry is not available; try again")
                   : rpc::FromGrpcStatus(status));
        }
      });
}

}  // namespace peerwatt::gateway
