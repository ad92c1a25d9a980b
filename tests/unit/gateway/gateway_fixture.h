#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "libs/base/clock.h"
#include "libs/telemetry/metrics.h"
#include "services/gateway/doors.h"
#include "tests/unit/gateway/fake_services.h"

namespace peerwatt::gateway::testing {

/// What an HTTP server answered.
struct HttpAnswer {
  int code = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

/// The gateway with its three doors before fake services, all over real TLS on loopback.
class GatewayFixture : public ::testing::Test {
 protected:
  /// window: of device streams.
  explicit GatewayFixture(DeviceWindow window = {});
  ~GatewayFixture() override;

  /// One request on a connection of its own. headers: `Name: value` lines.
  HttpAnswer Send(const std::string& method, const std::string& target,
                  const std::string& body = "", const std::vector<std::string>& headers = {});
  /// Sends bytes as they are and reads until the server closes or `until` has arrived.
  std::string SendRaw(const std::string& bytes, const std::string& until = "");
  /// `Authorization: Bearer …` of a token with these roles.
  std::string Bearer(const std::vector<std::string>& roles,
                     absl::Duration life = absl::Hours(1)) const;
  std::string Token(const std::vector<std::string>& roles, absl::Duration life) const;
  std::shared_ptr<grpc::Channel> PublicChannel() const;
  /// A channel of a device with a fresh certificate, whose serial the registry knows.
  std::shared_ptr<grpc::Channel> DeviceChannel(const std::string& uri);
  void StopServices();

  std::string authority_pem_;
  std::string authority_key_;
  std::unique_ptr<crypto::TokenSigner> signer_;
  FakeRegistry registry_;
  FakeRegistryInternal registry_internal_;
  FakeMarket market_;
  FakeMetering metering_;
  FakeExchange exchange_;
  std::unique_ptr<grpc::Server> services_;
  ManualClock clock_{absl::Now()};  ///< stands still: rates and tokens do not depend on the machine
  telemetry::Metrics metrics_;
  std::unique_ptr<Doors> doors_;
};

}  // namespace peerwatt::gateway::testing
