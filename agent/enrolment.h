#pragma once

#include <memory>
#include <string>

#include <grpcpp/channel.h>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace peerwatt::agent {

/// Who a device is: its key and the certificate for it.
struct Identity {
  std::string key_pem;
  std::string certificate_pem;
  std::string ca_pem;  ///< what the device trusts for the gateway
  absl::Time renew_time;
};

/// What a device needs to get its identity.
struct EnrolmentOptions {
  std::string device;                  ///< `devices/d-h01`
  std::string folder;                  ///< made when absent
  std::string enrolment_token;         ///< from `CreateDevice`
  std::string gateway_grpc_address;    ///< public port, `host:port`
  std::string gateway_device_address;  ///< device port, `host:port`
  std::string ca_pem;                  ///< what the device trusts before it is enrolled
  absl::Duration timeout = absl::Seconds(10);
};

/// A channel over TLS that finds a restarted gateway again within seconds. Every device has its
/// own connection.
std::shared_ptr<grpc::Channel> PublicChannel(const std::string& address, const std::string& ca_pem);
/// The same with the device's own certificate (mTLS).
std::shared_ptr<grpc::Channel> DeviceChannel(const std::string& address, const Identity& identity);

/// Keeps a device's identity in its folder: `identity.pem` (mode 0600) with renewal time, key and
/// certificate, and `ca.pem`. A key is on the disk before its signing request leaves, so a device
/// that dies in between asks again with the same request.
class Enrolment {
 public:
  explicit Enrolment(EnrolmentOptions options) : options_(std::move(options)) {}

  /// The stored identity, or a new one from the registry.
  /// Errors: what EnrolDevice fails with, PEER_UNAVAILABLE, DISK_FAILED.
  absl::StatusOr<Identity> LoadOrEnrol() const;
  /// A new key and certificate, asked for over the device port with the present one.
  /// Errors: what RenewDeviceCertificate fails with, PEER_UNAVAILABLE, DISK_FAILED.
  absl::StatusOr<Identity> Renew(const Identity& present) const;

 private:
  absl::StatusOr<std::string> PendingRequest(std::string& key_pem) const;
  absl::Status Store(const Identity& identity) const;

  EnrolmentOptions options_;
};

}  // namespace peerwatt::agent
