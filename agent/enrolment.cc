#include "agent/enrolment.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/disk.h"
#include "agent/errors.h"
#include "libs/base/error.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/crypto/certificates.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "peerwatt/registry/v1/registry.grpc.pb.h"

namespace peerwatt::agent {
namespace {

constexpr char kRenewLabel[] = "Renew-Time: ";
constexpr char kKeyBegin[] = "-----BEGIN PRIVATE KEY-----";
constexpr char kCertificateBegin[] = "-----BEGIN CERTIFICATE-----";
constexpr char kRequestBegin[] = "-----BEGIN CERTIFICATE REQUEST-----";

std::shared_ptr<grpc::Channel> NewChannel(const std::string& address,
                                          const grpc::SslCredentialsOptions& ssl) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  rpc::ReconnectSoon(arguments);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // A dead line is noticed even while there is nothing to send.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  return grpc::CreateCustomChannel(address, grpc::SslCredentials(ssl), arguments);
}

absl::StatusOr<Identity> IdentityFrom(const registry::v1::DeviceCertificate& answer,
                                      std::string key_pem) {
  PW_ASSIGN_OR_RETURN(const absl::Time renew_time,
                      rpc::TimeFrom(answer.renew_time(), "renew_time"));
  return Identity{std::move(key_pem), answer.certificate_pem(), answer.ca_pem(), renew_time};
}

std::string After(const std::string& text, absl::string_view begin, absl::string_view end) {
  const size_t from = text.find(begin.data());
  if (from == std::string::npos) return "";
  const size_t to = end.empty() ? std::string::npos : text.find(end.data(), from);
  return text.substr(from, to == std::string::npos ? std::string::npos : to - from);
}

}  // namespace

std::shared_ptr<grpc::Channel> PublicChannel(const std::string& address,
                                             const std::string& ca_pem) {
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs = ca_pem;
  return NewChannel(address, ssl);
}

std::shared_ptr<grpc::Channel> DeviceChannel(const std::string& address,
                                             const Identity& identity) {
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs = identity.ca_pem;
  ssl.pem_private_key = identity.key_pem;
  ssl.pem_cert_chain = identity.certificate_pem;
  return NewChannel(address, ssl);
}

absl::StatusOr<std::string> Enrolment::PendingRequest(std::string& key_pem) const {
  const std::string path = options_.folder + "/request.pem";
  absl::StatusOr<std::string> stored = ReadWholeFile(path);
  if (!stored.ok() && !absl::IsNotFound(stored.status())) return stored.status();
  if (absl::IsNotFound(stored.status())) {
    PW_ASSIGN_OR_RETURN(key_pem, crypto::NewPrivateKey());
    PW_ASSIGN_OR_RETURN(std::string request, crypto::NewSigningRequest(key_pem, options_.device));
    stored = absl::StrCat(key_pem, request);
    PW_RETURN_IF_ERROR(ReplaceFile(path, *stored, 0600, true));
  }
  key_pem = After(*stored, kKeyBegin, kRequestBegin);
  return After(*stored, kRequestBegin, "");
}

absl::Status Enrolment::Store(const Identity& identity) const {
  PW_RETURN_IF_ERROR(ReplaceFile(options_.folder + "/ca.pem", identity.ca_pem, 0644, true));
  const std::string text = absl::StrCat(
      kRenewLabel, absl::FormatTime(absl::RFC3339_full, identity.renew_time, absl::UTCTimeZone()),
      "\n", identity.key_pem, identity.certificate_pem);
  PW_RETURN_IF_ERROR(ReplaceFile(options_.folder + "/identity.pem", text, 0600, true));
  if (unlink((options_.folder + "/request.pem").c_str()) != 0 && errno != ENOENT) {
    return Error(kDiskFailed, absl::StrCat("cannot remove the request: ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

absl::StatusOr<Identity> Enrolment::LoadOrEnrol() const {
  PW_RETURN_IF_ERROR(MakeFolder(options_.folder));
  const absl::StatusOr<std::string> stored = ReadWholeFile(options_.folder + "/identity.pem");
  if (!stored.ok() && !absl::IsNotFound(stored.status())) return stored.status();
  if (stored.ok()) {
    Identity identity;
    PW_ASSIGN_OR_RETURN(identity.ca_pem, ReadWholeFile(options_.folder + "/ca.pem"));
    identity.key_pem = After(*stored, kKeyBegin, kCertificateBegin);
    identity.certificate_pem = After(*stored, kCertificateBegin, "");
    const size_t label = std::strlen(kRenewLabel);
    std::string error;
    if (stored->compare(0, label, kRenewLabel) != 0 || identity.key_pem.empty() ||
        !absl::ParseTime(absl::RFC3339_full, stored->substr(label, stored->find('\n') - label),
                         &identity.renew_time, &error)) {
      return Error(kSettingsInvalid, absl::StrCat(options_.folder, "/identity.pem is no identity"));
    }
    return identity;
  }
  registry::v1::EnrolDeviceRequest request;
  request.set_name(options_.device);
  request.set_enrolment_token(options_.enrolment_token);
  std::string key_pem;
  PW_ASSIGN_OR_RETURN(*request.mutable_csr_pem(), PendingRequest(key_pem));
  const auto stub = registry::v1::Registry::NewStub(
      PublicChannel(options_.gateway_grpc_address, options_.ca_pem));
  grpc::ClientContext context;
  rpc::SetDeadline(context, options_.timeout);
  registry::v1::DeviceCertificate answer;
  PW_RETURN_IF_ERROR(rpc::FromGrpcStatus(stub->EnrolDevice(&context, request, &answer)));
  PW_ASSIGN_OR_RETURN(const Identity identity, IdentityFrom(answer, key_pem));
  PW_RETURN_IF_ERROR(Store(identity));
  Log(Severity::kInfo, "enrolled", {{"device", options_.device}});
  return identity;
}

absl::StatusOr<Identity> Enrolment::Renew(const Identity& present) const {
  registry::v1::RenewDeviceCertificateRequest request;
  request.set_name(options_.device);
  std::string key_pem;
  PW_ASSIGN_OR_RETURN(*request.mutable_csr_pem(), PendingRequest(key_pem));
  const auto stub = registry::v1::Registry::NewStub(
      DeviceChannel(options_.gateway_device_address, present));
  grpc::ClientContext context;
  rpc::SetDeadline(context, options_.timeout);
  registry::v1::DeviceCertificate answer;
  PW_RETURN_IF_ERROR(
      rpc::FromGrpcStatus(stub->RenewDeviceCertificate(&context, request, &answer)));
  PW_ASSIGN_OR_RETURN(const Identity identity, IdentityFrom(answer, key_pem));
  PW_RETURN_IF_ERROR(Store(identity));
  Log(Severity::kInfo, "certificate renewed", {{"device", options_.device}});
  return identity;
}

}  // namespace peerwatt::agent
