#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "tests/postgres/registry/registry_fixture.h"

namespace peerwatt::registry {
namespace {

using ::testing::ElementsAre;

class DevicesTest : public RegistryFixture {
 protected:
  DevicesTest() {
    FillHamlet();
    csr_ = NewCsr();
  }

  std::optional<ResolvedDevice> Resolve(const char* device, const std::string& serial) {
    return device_store_.Resolve({{DeviceId(device), serial}}).value().at(0);
  }
  static std::string NewCsr() {
    return crypto::NewSigningRequest(crypto::NewPrivateKey().value(), "d1").value();
  }
  std::string MustCreate() {
    const auto created = devices_.Create(DeviceOf("d1", {"m1", "m2"}), kNow);
    EXPECT_TRUE(created.ok()) << created.status();
    return created->enrolment_token;
  }
  std::string EnrolReason(const std::string& token, const std::string& csr,
                          absl::Time now = kNow) {
    return ReasonOf(devices_.Enrol(DeviceId("d1"), token, csr, now).status());
  }

  std::string csr_;
};

TEST_F(DevicesTest, EnrolsWithTokenAndRequest) {
  const std::string token = MustCreate();
  const auto certificate = devices_.Enrol(DeviceId("d1"), token, csr_, kNow);
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  const Device device = device_store_.Get(DeviceId("d1")).value();
  EXPECT_EQ(device.state, DeviceState::kActive);
  EXPECT_EQ(device.certificate_serial, certificate->serial);
  EXPECT_EQ(device.certificate_expires_at, kNow + absl::Hours(720));
  const auto resolved = Resolve("d1", certificate->serial).value();
  EXPECT_EQ(resolved.state, DeviceState::kActive);
  EXPECT_TRUE(resolved.certificate_known);
  EXPECT_THAT(resolved.metering_points,
              ElementsAre(MeteringPointId("m1"), MeteringPointId("m2")));
}

TEST_F(DevicesTest, ARepeatedEnrolmentGetsTheSameCertificate) {
  const std::string token = MustCreate();
  const auto first = devices_.Enrol(DeviceId("d1"), token, csr_, kNow).value();
  const auto again = devices_.Enrol(DeviceId("d1"), token, csr_, kNow + absl::Hours(1)).value();
  EXPECT_EQ(again.pem, first.pem);
  EXPECT_EQ(EnrolReason(token, NewCsr()), "ENROLMENT_TOKEN_INVALID");
}

TEST_F(DevicesTest, RefusesBadTokensAndRequests) {
  const std::string token = MustCreate();
  EXPECT_EQ(EnrolReason("wrong", csr_), "ENROLMENT_TOKEN_INVALID");
  EXPECT_EQ(EnrolReason(token, csr_, kNow + kEnrolmentTokenLife), "ENROLMENT_TOKEN_INVALID");
  EXPECT_EQ(EnrolReason(token, "no request"), "CSR_INVALID");
  EXPECT_EQ(ReasonOf(devices_.Enrol(DeviceId("d2"), token, csr_, kNow).status()),
            "ENROLMENT_TOKEN_INVALID");
  EXPECT_EQ(EnrolReason(token, csr_), "") << "refusals did not use the token up";
}

TEST_F(DevicesTest, OfConcurrentEnrolmentsOneRequestWins) {
  const std::string token = MustCreate();
  std::atomic<int> won{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back(
        [&] { won += devices_.Enrol(DeviceId("d1"), token, NewCsr(), kNow).ok(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won, 1);
}

TEST_F(DevicesTest, ANewTokenReplacesTheOldOneUntilEnrolment) {
  const std::string old_token = MustCreate();
  const std::string new_token = MustCreate();
  EXPECT_EQ(EnrolReason(old_token, csr_), "ENROLMENT_TOKEN_INVALID");
  EXPECT_EQ(EnrolReason(new_token, csr_), "");
  EXPECT_EQ(ReasonOf(devices_.Create(DeviceOf("d1", {"m1", "m2"}), kNow).status()),
            "DEVICE_STATE_FORBIDS");
}

TEST_F(DevicesTest, ReportsOnlyKnownPointsAndNeverOthers) {
  const auto unknown = devices_.Create(DeviceOf("d1", {"m1", "nowhere"}), kNow).status();
  EXPECT_EQ(ReasonOf(unknown), "METERING_POINT_UNKNOWN");
  EXPECT_EQ(DetailOf(unknown).metadata["metering_point"], "nowhere");
  MustCreate();
  EXPECT_EQ(ReasonOf(devices_.Create(DeviceOf("d1", {"m1"}), kNow).status()), "CONTENT_DIFFERS");
}

TEST_F(DevicesTest, RenewsWhileActiveAndKnowsBothCertificates) {
  const std::string token = MustCreate();
  EXPECT_EQ(ReasonOf(devices_.Renew(DeviceId("d1"), csr_, kNow).status()), "DEVICE_STATE_FORBIDS");
  const auto first = devices_.Enrol(DeviceId("d1"), token, csr_, kNow).value();
  const std::string csr = NewCsr();
  const auto renewed = devices_.Renew(DeviceId("d1"), csr, kNow + absl::Hours(480));
  ASSERT_TRUE(renewed.ok()) << renewed.status();
  EXPECT_EQ(devices_.Renew(DeviceId("d1"), csr, kNow + absl::Hours(481))->pem, renewed->pem);
  for (const std::string& serial : {first.serial, renewed->serial}) {
    EXPECT_TRUE(Resolve("d1", serial)->certificate_known);
  }
  EXPECT_FALSE(Resolve("d1", "abcdef")->certificate_known);
  EXPECT_FALSE(Resolve("d2", "abcdef").has_value());
  EXPECT_EQ(device_store_.Get(DeviceId("d1"))->certificate_serial, renewed->serial);
}

TEST_F(DevicesTest, ManyAreResolvedInTheOrderAsked) {
  const auto certificate = devices_.Enrol(DeviceId("d1"), MustCreate(), csr_, kNow).value();
  ASSERT_TRUE(devices_.Create(DeviceOf("d3", {"m1"}), kNow).ok());
  const auto resolved = device_store_
                            .Resolve({{DeviceId("d3"), "abcdef"},
                                      {DeviceId("d2"), "abcdef"},
                                      {DeviceId("d1"), certificate.serial},
                                      {DeviceId("d3"), "abcdef"}})
                            .value();
  ASSERT_EQ(resolved.size(), 4U);
  EXPECT_EQ(resolved[0]->state, DeviceState::kEnrolling);
  EXPECT_FALSE(resolved[0]->certificate_known);
  EXPECT_FALSE(resolved[1].has_value());
  EXPECT_TRUE(resolved[2]->certificate_known);
  EXPECT_EQ(resolved[2]->metering_points.size(), 2U);
  EXPECT_TRUE(resolved[3].has_value());
  EXPECT_TRUE(device_store_.Resolve({})->empty());
}

TEST_F(DevicesTest, RevocationIsFinalAndAuditedOnce) {
  const std::string token = MustCreate();
  const auto certificate = devices_.Enrol(DeviceId("d1"), token, csr_, kNow).value();
  for (int i = 0; i < 2; ++i) {
    const auto revoked = device_store_.Revoke(DeviceId("d1"), kActor);
    ASSERT_TRUE(revoked.ok()) << revoked.status();
    EXPECT_EQ(revoked->state, DeviceState::kRevoked);
  }
  EXPECT_THAT(AuditOf("devices/d1"), ElementsAre("DEVICE_REVOKED users/admin"));
  EXPECT_EQ(Resolve("d1", certificate.serial)->state, DeviceState::kRevoked);
  EXPECT_EQ(ReasonOf(devices_.Renew(DeviceId("d1"), NewCsr(), kNow).status()),
            "DEVICE_STATE_FORBIDS");
  EXPECT_EQ(EnrolReason(token, csr_), "ENROLMENT_TOKEN_INVALID");
  EXPECT_EQ(ReasonOf(device_store_.Revoke(DeviceId("d9"), kActor).status()), "NOT_FOUND");
}

TEST_F(DevicesTest, AreListedById) {
  for (const char* id : {"d3", "d1", "d2"}) {
    ASSERT_TRUE(devices_.Create(DeviceOf(id, {"m1"}), kNow).ok());
  }
  const auto page = device_store_.List(DeviceId("d1"), 2).value();
  ASSERT_EQ(page.size(), 2U);
  EXPECT_EQ(page[0].id.value(), "d2");
  EXPECT_EQ(page[1].id.value(), "d3");
  EXPECT_THAT(page[1].metering_points, ElementsAre(MeteringPointId("m1")));
}

}  // namespace
}  // namespace peerwatt::registry
