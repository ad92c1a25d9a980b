#include "libs/rpc/security.h"

#include <algorithm>

#include <grpcpp/security/auth_context.h>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/flags.h"
#include "libs/crypto/certificates.h"

ABSL_FLAG(std::string, tls_cert_file, "", "Certificate of this process, PEM");
ABSL_FLAG(std::string, tls_key_file, "", "Private key of this process, PEM");
ABSL_FLAG(std::string, tls_ca_file, "", "Authorities that this process trusts, PEM");

namespace peerwatt::rpc {
namespace {

constexpr char kGatewayIdentity[] = "spiffe://peerwatt/service/gateway";

absl::Status CallerUnknown(absl::string_view why) { return Error(kUnauthenticated, why); }

std::shared_ptr<grpc::ServerCredentials> ServerWith(
    const TlsFiles& tls, grpc_ssl_client_certificate_request_type client) {
  grpc::SslServerCredentialsOptions options(client);
  options.pem_root_certs = tls.ca_pem;
  options.pem_key_cert_pairs.push_back({tls.key_pem, tls.cert_pem});
  return grpc::SslServerCredentials(options);
}

}  // namespace

TlsFiles TlsFromFlags() {
  return TlsFiles{
      .cert_pem = ReadConfigurationFile("tls_cert_file", absl::GetFlag(FLAGS_tls_cert_file)),
      .key_pem = ReadConfigurationFile("tls_key_file", absl::GetFlag(FLAGS_tls_key_file)),
      .ca_pem = ReadConfigurationFile("tls_ca_file", absl::GetFlag(FLAGS_tls_ca_file))};
}

std::shared_ptr<grpc::ServerCredentials> MutualTlsServer(const TlsFiles& tls) {
  return ServerWith(tls, GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
}

std::shared_ptr<grpc::ServerCredentials> TlsServer(const TlsFiles& tls) {
  return ServerWith(tls, GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
}

void ReconnectSoon(grpc::ChannelArguments& arguments) {
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  // Despite its name: how long one attempt to connect, handshake included, may take.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
}

std::shared_ptr<grpc::Channel> MutualTlsChannel(
    const std::string& address, const TlsFiles& tls, const std::string& peer_service,
    const std::function<void(grpc::ChannelArguments&)>& customise) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = tls.ca_pem;
  options.pem_private_key = tls.key_pem;
  options.pem_cert_chain = tls.cert_pem;
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(absl::StrCat(peer_service, ".peerwatt.internal"));
  arguments.SetMaxReceiveMessageSize(64 << 20);
  ReconnectSoon(arguments);
  // Keys and retries are ours: a transparent retry of a write would hide what happened.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  if (customise) customise(arguments);
  return grpc::CreateCustomChannel(address, grpc::SslCredentials(options), arguments);
}

std::string PeerIdentity(const grpc::AuthContext& auth) {
  std::string identity;
  for (const grpc::string_ref& uri : auth.FindPropertyValues("peer_uri")) {
    if (!identity.empty()) return "";
    identity.assign(uri.data(), uri.size());
  }
  return identity;
}

std::string PeerCertificateSerial(const grpc::AuthContext& auth) {
  for (const grpc::string_ref& pem : auth.FindPropertyValues("x509_pem_cert")) {
    const auto certificate = crypto::ParseCertificate(std::string(pem.data(), pem.size()));
    return certificate.ok() ? certificate->serial : "";
  }
  return "";
}

absl::StatusOr<Principal> CallerOf(const grpc::ServerContextBase& context) {
  const auto auth = context.auth_context();
  if (auth == nullptr || PeerIdentity(*auth) != kGatewayIdentity) {
    return CallerUnknown("only the gateway vouches for a caller");
  }
  const auto range = context.client_metadata().equal_range(kPrincipalKey);
  Principal principal;
  if (range.first == range.second || std::next(range.first) != range.second ||
      !principal.ParseFromArray(range.first->second.data(),
                                static_cast<int>(range.first->second.size())) ||
      principal.subject().empty()) {
    return CallerUnknown("the request names no caller");
  }
  return principal;
}

absl::Status RequirePeer(const grpc::ServerContextBase& context,
                         const std::vector<std::string>& services) {
  const auto auth = context.auth_context();
  const std::string identity = auth == nullptr ? "" : PeerIdentity(*auth);
  for (const std::string& service : services) {
    if (identity == absl::StrCat(kServiceIdentityPrefix, service)) return absl::OkStatus();
  }
  return CallerUnknown("this peer may not call this method");
}

bool HasRole(const Principal& caller, Role role) {
  return std::find(caller.roles().begin(), caller.roles().end(), role) != caller.roles().end();
}

bool IsStaff(const Principal& caller) {
  return HasRole(caller, peerwatt::access::v1::OPERATOR) ||
         HasRole(caller, peerwatt::access::v1::REGULATOR) ||
         HasRole(caller, peerwatt::access::v1::ADMIN);
}

absl::Status RequireOwnerOrStaff(const Principal& caller, const std::string& participant) {
  if (IsStaff(caller) || (!participant.empty() && caller.participant() == participant)) {
    return absl::OkStatus();
  }
  return Error(kPermissionDenied, "this resource belongs to another participant");
}

}  // namespace peerwatt::rpc
