#include "services/registry/core/devices.h"

#include <string>

#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "services/registry/clients/system_secrets.h"

namespace peerwatt::registry {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

DeviceRecord Enrolling() {
  DeviceRecord record;
  record.device.id = DeviceId("d1");
  record.enrolment = {"token", kNow + kEnrolmentTokenLife, ""};
  return record;
}

DeviceRecord Active() {
  DeviceRecord record = Enrolling();
  record.device.state = DeviceState::kActive;
  record.enrolment.csr_sha256 = "csr";
  record.newest = IssuedCertificate{"abc", "pem", "csr", kNow, kNow + absl::Hours(720)};
  return record;
}

std::string Outcome(const absl::StatusOr<CertificateDecision>& decision) {
  if (!decision.ok()) return ReasonOf(decision.status());
  return decision->again ? "again " + decision->again->serial : "issue";
}

TEST(DecideEnrolmentTest, TheTokenWorksOnceForOneRequest) {
  const SystemSecrets secrets;
  DeviceRecord revoked = Active();
  revoked.device.state = DeviceState::kRevoked;
  DeviceRecord renewed = Active();
  renewed.newest->csr_sha256 = "later";
  const DeviceRecord enrolling = Enrolling();
  const DeviceRecord active = Active();
  const absl::Time end = kNow + kEnrolmentTokenLife;
  const char* kInvalid = "ENROLMENT_TOKEN_INVALID";
  const struct {
    const char* name;
    const DeviceRecord* record;
    const char* token;
    const char* csr;
    absl::Time now;
    std::string outcome;
  } kCases[] = {
      {"first use", &enrolling, "token", "csr", kNow, "issue"},
      {"last moment", &enrolling, "token", "csr", end - absl::Microseconds(1), "issue"},
      {"expired", &enrolling, "token", "csr", end, kInvalid},
      {"unknown device", nullptr, "token", "csr", kNow, kInvalid},
      {"wrong token", &enrolling, "tokem", "csr", kNow, kInvalid},
      {"no token", &enrolling, "", "csr", kNow, kInvalid},
      {"revoked", &revoked, "token", "csr", kNow, kInvalid},
      {"retry", &active, "token", "csr", kNow, "again abc"},
      {"late retry", &active, "token", "csr", end, "again abc"},
      {"second use", &active, "token", "other", kNow, kInvalid},
      {"retry with a wrong token", &active, "tokem", "csr", kNow, kInvalid},
      {"retry after a renewal", &renewed, "token", "csr", kNow, kInvalid},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(Outcome(DecideEnrolment(c.record, c.token, c.csr, secrets, c.now)), c.outcome)
        << c.name;
  }
}

TEST(DecideRenewalTest, OnlyActiveDevicesRenew) {
  const DeviceRecord enrolling = Enrolling();
  DeviceRecord revoked = Active();
  revoked.device.state = DeviceState::kRevoked;
  EXPECT_EQ(Outcome(DecideRenewal(nullptr, "csr", kNow)), "NOT_FOUND");
  EXPECT_EQ(Outcome(DecideRenewal(&enrolling, "csr", kNow)), "DEVICE_STATE_FORBIDS");
  EXPECT_EQ(Outcome(DecideRenewal(&revoked, "csr", kNow)), "DEVICE_STATE_FORBIDS");
}

TEST(DecideRenewalTest, ARetryGetsTheSameCertificateUntilItIsTimeToRenew) {
  const DeviceRecord active = Active();
  const absl::Time renew_time = RenewTimeOf(*active.newest);
  EXPECT_EQ(renew_time, kNow + absl::Hours(480));
  EXPECT_EQ(Outcome(DecideRenewal(&active, "csr", renew_time - absl::Seconds(1))), "again abc");
  EXPECT_EQ(Outcome(DecideRenewal(&active, "csr", renew_time)), "issue");
  EXPECT_EQ(Outcome(DecideRenewal(&active, "other", kNow)), "issue");
}

TEST(CheckNewDeviceTest, SortsAndBoundsTheMeteringPoints) {
  Device device;
  device.id = DeviceId("d1");
  const auto field = [&] {
    const auto checked = CheckNewDevice(device);
    return checked.ok() ? std::string("OK") : DetailOf(checked.status()).violations.at(0).field;
  };
  EXPECT_EQ(field(), "device.metering_points");
  device.metering_points = {MeteringPointId("m2"), MeteringPointId("m1")};
  EXPECT_EQ(field(), "OK");
  EXPECT_EQ(CheckNewDevice(device)->metering_points[0].value(), "m1");
  device.metering_points.emplace_back("m2");
  EXPECT_EQ(field(), "device.metering_points");
  device.metering_points.clear();
  for (int i = 0; i < 10'000; ++i) device.metering_points.emplace_back("m" + std::to_string(i));
  EXPECT_EQ(field(), "OK");
  device.metering_points.emplace_back("one-more");
  EXPECT_EQ(field(), "device.metering_points");
  device.id = DeviceId("-");
  EXPECT_EQ(field(), "device_id");
}

}  // namespace
}  // namespace peerwatt::registry
