#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "peerwatt/access/v1/access.pb.h"

namespace peerwatt::rpc {

/// PEM files of this process: its own certificate and key, and the authorities it trusts.
/// From the flags `--tls_cert_file`, `--tls_key_file`, `--tls_ca_file`.
struct TlsFiles {
  std::string cert_pem;
  std::string key_pem;
  std::string ca_pem;
};
/// Reads the files that the flags name; ends the process when one is missing.
TlsFiles TlsFromFlags();

/// Server credentials that demand a client certificate signed by `ca_pem` (mTLS).
std::shared_ptr<grpc::ServerCredentials> MutualTlsServer(const TlsFiles& tls);
/// Server credentials without a client certificate.
std::shared_ptr<grpc::ServerCredentials> TlsServer(const TlsFiles& tls);

/// Lets a channel find a restarted peer within a second, not after gRPC's default two minutes.
void ReconnectSoon(grpc::ChannelArguments& arguments);

/// A channel to a peer service over mTLS. The peer must prove the name `peer`
/// (`metering.peerwatt.internal`); `address` is `host:port`. customise: sets what only this channel
/// needs, after everything else; may be empty.
std::shared_ptr<grpc::Channel> MutualTlsChannel(
    const std::string& address, const TlsFiles& tls, const std::string& peer_service,
    const std::function<void(grpc::ChannelArguments&)>& customise = nullptr);

/// Identity in the URI SAN of the peer's certificate: `spiffe://peerwatt/service/<name>` or
/// `spiffe://peerwatt/device/<id>`. Empty when there is none or more than one.
std::string PeerIdentity(const grpc::AuthContext& auth);
/// Serial number of the peer's certificate, lower-case hexadecimal without leading zeros.
std::string PeerCertificateSerial(const grpc::AuthContext& auth);

inline constexpr char kPrincipalKey[] = "peerwatt-principal-bin";
inline constexpr char kServiceIdentityPrefix[] = "spiffe://peerwatt/service/";
inline constexpr char kDeviceIdentityPrefix[] = "spiffe://peerwatt/device/";

using Principal = peerwatt::access::v1::Principal;
using Role = peerwatt::access::v1::Role;

/// The caller that the gateway vouches for. Believed only when the peer is the gateway.
/// Errors: CALLER_UNKNOWN (kUnauthenticated) when absent, malformed or from another peer.
absl::StatusOr<Principal> CallerOf(const grpc::ServerContextBase& context);
/// Errors: CALLER_UNKNOWN (kUnauthenticated) when the peer is not one of `services`
/// (`market`, `settlement`, …). For internal methods.
absl::Status RequirePeer(const grpc::ServerContextBase& context,
                         const std::vector<std::string>& services);

bool HasRole(const Principal& caller, Role role);
/// Operator, regulator or admin: sees what is not its own.
bool IsStaff(const Principal& caller);
/// OK when the caller stands for `participant` (`participants/p1`) or is staff.
/// Errors: PERMISSION_DENIED.
absl::Status RequireOwnerOrStaff(const Principal& caller, const std::string& participant);

}  // namespace peerwatt::rpc
