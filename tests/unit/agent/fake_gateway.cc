#include "tests/unit/agent/fake_gateway.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/check.h"
#include "libs/base/error.h"
#include "libs/crypto/certificates.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/security.h"
#include "libs/rpc/status.h"

namespace peerwatt::testing {
namespace {

constexpr char kDomain[] = "registry.peerwatt.dev";
constexpr absl::Duration kLife = absl::Hours(3);

}  // namespace

FakeGateway::FakeGateway(Faults faults, absl::Duration renew_after)
    : metering_(std::move(faults)), renew_after_(renew_after) {
  const absl::Time now = absl::Now();
  ca_key_pem_ = crypto::NewPrivateKey().value();
  ca_pem_ = crypto::NewAuthority(ca_key_pem_, "test authority", now, kLife)->pem;
  const std::string key = crypto::NewPrivateKey().value();
  const auto leaf =
      crypto::IssueLeaf(ca_pem_, ca_key_pem_, key,
                        {.common_name = "gateway",
                         .uri_san = "spiffe://peerwatt/service/gateway",
                         .dns_sans = {"localhost"},
                         .ip_sans = {"127.0.0.1"},
                         .server = true},
                        now, kLife);
  PW_CHECK(leaf.ok(), "a certificate for the fake gateway");
  const rpc::TlsFiles tls{.cert_pem = leaf->pem, .key_pem = key, .ca_pem = ca_pem_};
  int port = 0;
  grpc::ServerBuilder open;
  open.AddListeningPort("127.0.0.1:0", rpc::TlsServer(tls), &port);
  open.RegisterService(static_cast<registry::v1::Registry::Service*>(this));
  public_server_ = open.BuildAndStart();
  public_address_ = absl::StrCat("127.0.0.1:", port);
  grpc::ServerBuilder closed;
  closed.AddListeningPort("127.0.0.1:0", rpc::MutualTlsServer(tls), &port);
  closed.RegisterService(static_cast<registry::v1::Registry::Service*>(this));
  closed.RegisterService(&metering_);
  device_server_ = closed.BuildAndStart();
  device_address_ = absl::StrCat("127.0.0.1:", port);
  PW_CHECK(public_server_ != nullptr && device_server_ != nullptr, "ports for the fake gateway");
}

FakeGateway::~FakeGateway() {
  metering_.CancelStreams();
  public_server_->Shutdown(std::chrono::system_clock::now());
  device_server_->Shutdown(std::chrono::system_clock::now());
}

void FakeGateway::LoseAnswers(int count) {
  absl::MutexLock lock(&mutex_);
  answers_to_lose_ = count;
}
int FakeGateway::enrolments() const {
  absl::MutexLock lock(&mutex_);
  return enrolments_;
}
int FakeGateway::renewals() const {
  absl::MutexLock lock(&mutex_);
  return renewals_;
}
size_t FakeGateway::requests() const {
  absl::MutexLock lock(&mutex_);
  return requests_.size();
}

grpc::Status FakeGateway::Issue(const std::string& device, const std::string& csr_pem,
                                registry::v1::DeviceCertificate& response) {
  const std::string id = device.substr(device.find('/') + 1);
  const auto leaf = crypto::IssueLeafForRequest(
      ca_pem_, ca_key_pem_, csr_pem,
      {.common_name = id,
       .uri_san = absl::StrCat(rpc::kDeviceIdentityPrefix, id),
       .dns_sans = {},
       .ip_sans = {},
       .client = true},
      absl::Now(), kLife);
  if (!leaf.ok()) return rpc::ToGrpcStatus(leaf.status(), kDomain);
  response.set_certificate_pem(leaf->pem);
  response.set_ca_pem(ca_pem_);
  *response.mutable_expire_time() = rpc::ToProto(leaf->not_after);
  *response.mutable_renew_time() =
      rpc::ToProto(absl::FromUnixMicros(absl::ToUnixMicros(absl::Now() + renew_after_)));
  return grpc::Status::OK;
}

grpc::Status FakeGateway::EnrolDevice(grpc::ServerContext*,
                                      const registry::v1::EnrolDeviceRequest* request,
                                      registry::v1::DeviceCertificate* response) {
  absl::MutexLock lock(&mutex_);
  if (request->enrolment_token() != "secret") {
    const ErrorReason reason{"ENROLMENT_TOKEN_INVALID", absl::StatusCode::kUnauthenticated};
    return rpc::ToGrpcStatus(Error(reason, "the token is not known"), kDomain);
  }
  requests_.insert(request->csr_pem());
  ++enrolments_;
  if (answers_to_lose_ > 0) {
    --answers_to_lose_;
    return {grpc::StatusCode::UNAVAILABLE, "lost on purpose"};
  }
  return Issue(request->name(), request->csr_pem(), *response);
}

grpc::Status FakeGateway::RenewDeviceCertificate(
    grpc::ServerContext* context, const registry::v1::RenewDeviceCertificateRequest* request,
    registry::v1::DeviceCertificate* response) {
  absl::MutexLock lock(&mutex_);
  const std::string id = request->name().substr(request->name().find('/') + 1);
  if (rpc::PeerIdentity(*context->auth_context()) != absl::StrCat(rpc::kDeviceIdentityPrefix, id)) {
    return rpc::ToGrpcStatus(Error(kPermissionDenied, "another device"), kDomain);
  }
  requests_.insert(request->csr_pem());
  ++renewals_;
  return Issue(request->name(), request->csr_pem(), *response);
}

}  // namespace peerwatt::testing
