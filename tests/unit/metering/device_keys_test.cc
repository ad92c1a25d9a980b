#include "services/metering/clients/device_keys.h"

#include <map>

#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "libs/base/error.h"
#include "libs/crypto/certificates.h"
#include "libs/crypto/digest.h"

namespace peerwatt::metering {
namespace {

/// A registry that has issued some certificates and counts how often it is asked.
class FakeRegistry final : public registry::v1::RegistryInternal::Service {
 public:
  grpc::Status ListDeviceCertificates(
      grpc::ServerContext*, const registry::v1::ListDeviceCertificatesRequest* request,
      registry::v1::ListDeviceCertificatesResponse* response) override {
    ++calls;
    if (!failure.ok()) {
      return failure;
    }
    if (!certificates.contains(request->name())) {
      return {grpc::StatusCode::NOT_FOUND, "unknown"};
    }
    for (const std::string& pem : certificates.at(request->name())) {
      response->add_certificate_pems(pem);
    }
    return grpc::Status::OK;
  }

  std::map<std::string, std::vector<std::string>> certificates;
  int calls = 0;
  grpc::Status failure;
};

/// A key with a certificate.
struct Key {
  std::string key_pem = *crypto::NewPrivateKey();
  std::string certificate_pem =
      crypto::NewAuthority(key_pem, "d", absl::Now(), absl::Hours(1))->pem;

  std::string Sign(const std::string& text) const {
    return (*crypto::Signer::FromPem(key_pem))->Sign(text);
  }
};

class DeviceKeysTest : public ::testing::Test {
 protected:
  DeviceKeysTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&registry_);
    server_ = builder.BuildAndStart();
    channel_ = server_->InProcessChannel({});
    registry_.certificates["devices/d"] = {first_.certificate_pem};
    registry_.certificates["devices/e"] = {other_.certificate_pem};
  }
  std::string Check(RegistryDeviceKeys& keys, const std::string& device,
                    const std::string& signature) {
    const auto checked = keys.Check(DeviceId(device), "text", signature);
    if (checked.ok()) {
      EXPECT_EQ(checked->digest, crypto::Sha256("text"));
      return "OK";
    }
    return ReasonOf(checked.status());
  }

  Key first_, renewed_, other_;
  FakeRegistry registry_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(DeviceKeysTest, AsksOnceForKeysThatServe) {
  RegistryDeviceKeys keys(channel_);
  EXPECT_EQ(Check(keys, "d", first_.Sign("text")), "OK");
  EXPECT_EQ(Check(keys, "d", first_.Sign("text")), "OK");
  EXPECT_EQ(registry_.calls, 1);
}

TEST_F(DeviceKeysTest, TellsWhichKeyItWas) {
  RegistryDeviceKeys keys(channel_);
  registry_.certificates["devices/d"] = {renewed_.certificate_pem, first_.certificate_pem};
  const auto checked = keys.Check(DeviceId("d"), "text", first_.Sign("text"));
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->public_key_der,
            crypto::VerificationKey::FromCertificate(first_.certificate_pem)->der());
}

TEST_F(DeviceKeysTest, AnotherDevicesKeyDoesNotCount) {
  RegistryDeviceKeys keys(channel_);
  EXPECT_EQ(Check(keys, "e", other_.Sign("text")), "OK");
  EXPECT_EQ(Check(keys, "d", other_.Sign("text")), "SIGNATURE_INVALID");
  EXPECT_EQ(Check(keys, "d", first_.Sign("other text")), "SIGNATURE_INVALID");
  EXPECT_EQ(Check(keys, "d", ""), "SIGNATURE_INVALID");
  EXPECT_EQ(Check(keys, "unknown", first_.Sign("text")), "SIGNATURE_INVALID");
}

TEST_F(DeviceKeysTest, ARenewedKeyCountsAtOnce) {
  RegistryDeviceKeys keys(channel_);
  EXPECT_EQ(Check(keys, "d", first_.Sign("text")), "OK");
  registry_.certificates["devices/d"].push_back(renewed_.certificate_pem);
  EXPECT_EQ(Check(keys, "d", renewed_.Sign("text")), "OK");
  EXPECT_EQ(Check(keys, "d", first_.Sign("text")), "OK") << "of before the renewal";
  EXPECT_EQ(registry_.calls, 2);
}

TEST_F(DeviceKeysTest, KeysAreForgottenAfterTheirLife) {
  RegistryDeviceKeys keys(channel_, absl::ZeroDuration());
  EXPECT_EQ(Check(keys, "d", first_.Sign("text")), "OK");
  registry_.certificates["devices/d"].clear();  // revoked
  EXPECT_EQ(Check(keys, "d", first_.Sign("text")), "SIGNATURE_INVALID");
}

TEST_F(DeviceKeysTest, WhileTheRegistryIsDownNothingIsRefused) {
  RegistryDeviceKeys keys(channel_);
  EXPECT_EQ(Check(keys, "d", first_.Sign("text")), "OK");
  registry_.failure = {grpc::StatusCode::UNAVAILABLE, "down"};
  EXPECT_EQ(Check(keys, "d", first_.Sign("text")), "OK");
  EXPECT_EQ(Check(keys, "d", other_.Sign("text")), "PEER_UNAVAILABLE");
  EXPECT_EQ(Check(keys, "e", other_.Sign("text")), "PEER_UNAVAILABLE");
}

}  // namespace
}  // namespace peerwatt::metering
