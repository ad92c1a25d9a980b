#include "services/gateway/device/device_gate.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "libs/base/error.h"
#include "libs/base/ids.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "services/gateway/core/errors.h"

namespace peerwatt::gateway {
namespace {

using peerwatt::registry::v1::BatchResolveDevicesRequest;
using peerwatt::registry::v1::BatchResolveDevicesResponse;
using peerwatt::registry::v1::Device;
using peerwatt::registry::v1::ResolveDeviceResponse;

constexpr absl::Duration kCheckTimeout = absl::Seconds(5);
constexpr int kCallsMax = 2;
constexpr size_t kQuestionsPerCall = 500;

absl::Status CertificateUnknown() {
  return Error(kCertificateUnknown, "the certificate is none that the registry issued to a device");
}

}  // namespace

absl::StatusOr<DeviceIdentity> DeviceIdentityOf(const PeerCertificate& peer) {
  absl::string_view id = peer.uri;
  if (!absl::ConsumePrefix(&id, rpc::kDeviceIdentityPrefix) || !IsResourceId(id) ||
      peer.serial.empty()) {
    return CertificateUnknown();
  }
  return DeviceIdentity{absl::StrCat("devices/", id), peer.serial};
}

absl::StatusOr<DevicePoints> Judge(const ResolveDeviceResponse& answer) {
  if (answer.state() == Device::REVOKED) return Error(kDeviceRevoked, "the device is revoked");
  if (answer.state() != Device::ACTIVE || !answer.certificate_known()) {
    return CertificateUnknown();
  }
  return std::make_shared<const absl::flat_hash_set<std::string>>(
      answer.metering_points().begin(), answer.metering_points().end());
}

struct DeviceGate::Call {
  std::vector<Question> questions;
  std::optional<grpc::ClientContext> context;
  BatchResolveDevicesRequest request;
  BatchResolveDevicesResponse response;
};

DeviceGate::DeviceGate(const std::shared_ptr<grpc::Channel>& registry, absl::Duration known_for)
    : known_for_(known_for),
      registry_(peerwatt::registry::v1::RegistryInternal::NewStub(registry)) {}

DeviceGate::~DeviceGate() {
  const absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(+[](int* calls) { return *calls == 0; }, &calls_));
}

void DeviceGate::Check(const DeviceIdentity& identity, Done done) {
  DevicePoints points;
  {
    const absl::MutexLock lock(&mutex_);
    const Known* known = Find(identity);
    if (known != nullptr && absl::Now() - known->asked_at < known_for_) {
      points = known->points;
    } else {
      openings_.push_back({identity, std::move(done)});
      AskNext();
    }
  }
  if (points != nullptr) done(std::move(points));
}

void DeviceGate::Recheck(const DeviceIdentity& identity, Done done) {
  const absl::MutexLock lock(&mutex_);
  rechecks_.push_back({identity, std::move(done)});
  AskNext();
}

const DeviceGate::Known* DeviceGate::Find(const DeviceIdentity& identity) const {
  const auto key = std::make_pair(identity.device, identity.certificate_serial);
  for (const KnownDevices* devices : {&known_, &known_before_}) {
    if (const auto found = devices->find(key); found != devices->end()) return &found->second;
  }
  return nullptr;
}

void DeviceGate::Remember(const DeviceIdentity& identity, DevicePoints& points) {
  const Known* known = Find(identity);
  if (known != nullptr && *known->points == *points) points = known->points;
  const absl::Time now = absl::Now();
  if (now - generation_at_ > 2 * known_for_) {
    known_before_ = std::exchange(known_, {});
    generation_at_ = now;
  }
  known_[{identity.device, identity.certificate_serial}] = {points, now};
}

void DeviceGate::AskNext() {
  if (calls_ >= kCallsMax || (openings_.empty() && rechecks_.empty())) return;
  ++calls_;
  auto call = std::make_shared<Call>();
  while (call->questions.size() < kQuestionsPerCall && !(openings_.empty() && rechecks_.empty())) {
    std::deque<Question>& from = openings_.empty() ? rechecks_ : openings_;
    auto& asked = *call->request.add_requests();
    asked.set_name(from.front().identity.device);
    asked.set_certificate_serial(from.front().identity.certificate_serial);
    call->questions.push_back(std::move(from.front()));
    from.pop_front();
  }
  call->context.emplace();
  rpc::SetDeadline(*call->context, kCheckTimeout);
  registry_->async()->BatchResolveDevices(
      &*call->context, &call->request, &call->response,
      [this, call](const grpc::Status& status) { Answered(*call, status); });
}

void DeviceGate::Answered(Call& call, const grpc::Status& status) {
  const bool complete =
      call.response.devices_size() == static_cast<int>(call.questions.size());
  const absl::Status failure =
      status.ok() ? (complete ? absl::OkStatus() : absl::InternalError("devices are missing"))
      : status.error_code() == grpc::StatusCode::UNAVAILABLE
          ? Error(kPeerUnavailable, "the registry is not available; try again")
          : rpc::FromGrpcStatus(status);
  std::vector<absl::StatusOr<DevicePoints>> answers;
  for (size_t i = 0; i < call.questions.size(); ++i) {
    if (failure.ok()) {
      answers.push_back(Judge(call.response.devices(static_cast<int>(i))));
    } else {
      answers.emplace_back(failure);
    }
  }
  std::vector<Question> others;
  {
    const absl::MutexLock lock(&mutex_);
    for (size_t i = 0; i < answers.size(); ++i) {
      const DeviceIdentity& identity = call.questions[i].identity;
      if (answers[i].ok()) {
        Remember(identity, *answers[i]);
      } else if (absl::IsPermissionDenied(answers[i].status())) {
        // Who was just refused is not let in on an older answer.
        for (KnownDevices* devices : {&known_, &known_before_}) {
          devices->erase({identity.device, identity.certificate_serial});
        }
      }
    }
    if (!failure.ok()) {
      // Whoever waits would wait for the same.
      for (std::deque<Question>* waiting : {&openings_, &rechecks_}) {
        std::move(waiting->begin(), waiting->end(), std::back_inserter(others));
        waiting->clear();
      }
    }
  }
  for (size_t i = 0; i < answers.size(); ++i) call.questions[i].done(std::move(answers[i]));
  for (const Question& question : others) question.done(failure);
  call.questions.clear();
  // It holds the channel, whose last owner may not be a thread of gRPC's.
  call.context.reset();
  const absl::MutexLock lock(&mutex_);
  --calls_;
  AskNext();
}

}  // namespace peerwatt::gateway
