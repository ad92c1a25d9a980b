#pragma once

#include <memory>
#include <set>
#include <string>

#include <grpcpp/grpcpp.h>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "peerwatt/registry/v1/registry.grpc.pb.h"
#include "tests/unit/agent/fake_metering.h"

namespace peerwatt::testing {

/// A gateway in this process with a real authority: a public TLS port that enrols devices with the
/// token `secret`, and a device port (mTLS) that renews and takes readings.
class FakeGateway final : public registry::v1::Registry::Service {
 public:
  explicit FakeGateway(Faults faults = {}, absl::Duration renew_after = absl::Hours(1));
  ~FakeGateway() override;

  const std::string& ca_pem() const { return ca_pem_; }
  const std::string& public_address() const { return public_address_; }
  const std::string& device_address() const { return device_address_; }
  FakeMetering& metering() { return metering_; }
  /// The next `count` enrolments do their work but the answer is lost.
  void LoseAnswers(int count);
  int enrolments() const;
  int renewals() const;
  /// Distinct signing requests seen.
  size_t requests() const;

  grpc::Status EnrolDevice(grpc::ServerContext* context,
                           const registry::v1::EnrolDeviceRequest* request,
                           registry::v1::DeviceCertificate* response) override;
  grpc::Status RenewDeviceCertificate(grpc::ServerContext* context,
                                      const registry::v1::RenewDeviceCertificateRequest* request,
                                      registry::v1::DeviceCertificate* response) override;

 private:
  grpc::Status Issue(const std::string& device, const std::string& csr_pem,
                     registry::v1::DeviceCertificate& response);

  FakeMetering metering_;
  const absl::Duration renew_after_;
  std::string ca_key_pem_;
  std::string ca_pem_;
  std::string public_address_;
  std::string device_address_;
  mutable absl::Mutex mutex_;
  int answers_to_lose_ ABSL_GUARDED_BY(mutex_) = 0;
  int enrolments_ ABSL_GUARDED_BY(mutex_) = 0;
  int renewals_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<std::string> requests_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Server> public_server_;
  std::unique_ptr<grpc::Server> device_server_;
};

}  // namespace peerwatt::testing
