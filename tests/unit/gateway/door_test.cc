#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "libs/crypto/certificates.h"
#include "services/gateway/h2/door.h"
#include "services/gateway/h2/grpc_wire.h"
#include "tests/unit/gateway/http2_client.h"
#include "tests/unit/gateway/tls_client.h"

namespace peerwatt::gateway::testing {
namespace {

constexpr std::chrono::milliseconds kSoon{50};
constexpr std::chrono::milliseconds kNever{600'000};

/// Answers the first message with who asks; `/much` with a million bytes as often as they go.
class WhoCall final : public CallHandler {
 public:
  void OnStart(ServerCall& call) override {
    call_ = &call;
    call.Read();
  }
  void OnMessage(absl::string_view) override { Answer(); }
  void OnHalfClose() override { call_->Finish({}); }
  void OnWritten() override {
    if (call_->head().path == "/much") {
      Answer();
    } else {
      call_->Read();
    }
  }
  void OnDone() override {}

 private:
  void Answer() {
    if (call_->head().path == "/much") {
      call_->Write(std::string(1'000'000, 'x'));
    } else {
      call_->Write(call_->peer().uri + " " + call_->peer().serial);
    }
  }
  ServerCall* call_ = nullptr;
};

class WhoRouter final : public CallRouter {
 public:
  absl::Status Route(const CallHead&, std::shared_ptr<CallHandler>& handler) override {
    handler = std::make_shared<WhoCall>();
    return absl::OkStatus();
  }
  CallEnd EndOf(const absl::Status& error) override {
    return {static_cast<int>(error.code()), "", ""};
  }
  void Started(const std::string&) override {
    const absl::MutexLock lock(&mutex);
    ++started;
  }
  void Ended(const std::string&, int, absl::Duration) override {
    const absl::MutexLock lock(&mutex);
    ++ended;
  }
  absl::Mutex mutex;
  int started = 0;
  int ended = 0;
};

class DoorTest : public ::testing::Test {
 protected:
  DoorTest() {
    settings_.address = "127.0.0.1:0";
    settings_.tls = {Leaf("localhost", "spiffe://peerwatt/service/gateway", true).cert_pem,
                     key_pem_, authority_pem_};
  }
  TlsClientOptions Leaf(const std::string& name, const std::string& uri, bool server = false,
                        absl::Duration age = absl::Minutes(1)) const {
    crypto::LeafSpec spec;
    spec.common_name = name;
    spec.uri_san = uri;
    spec.server = server;
    spec.client = !server;
    const absl::Time begin = absl::Now() - age;
    TlsClientOptions out;
    out.cert_pem =
        crypto::IssueLeaf(authority_pem_, authority_key_, key_pem_, spec, begin, absl::Hours(1))
            .value()
            .pem;
    out.key_pem = key_pem_;
    return out;
  }
  TlsClientOptions Device() const { return Leaf("device", "spiffe://peerwatt/device/d1"); }
  void Open() {
    // Clients of this test write to connections that the door has closed.
    std::signal(SIGPIPE, SIG_IGN);
    door_ = GrpcDoor::Open(settings_, router_, metrics_.AddGauge("connections", ""),
                           metrics_.AddCounter("failures", ""))
                .value();
  }
  /// The answer to one message on a connection that has shaken hands; empty when there is none.
  static std::string Ask(TlsClient& connection) {
    Http2Client client;
    const int32_t call = client.Begin(Http2Client::Grpc("/who"));
    client.Send(call, FrameMessage("?"), /*last=*/true);
    connection.Write(client.Take());
    while (!client.heard(call).closed) {
      const std::string heard = connection.Read();
      if (heard.empty() || !client.Hear(heard)) return "";
      connection.Write(client.Take());
    }
    return client.heard(call).body.substr(5);
  }
  std::string AskAs(const TlsClientOptions& options) {
    TlsClient connection(door_->port());
    return connection.Handshake(options) ? Ask(connection) : "";
  }

  const std::string key_pem_ = crypto::NewPrivateKey().value();
  const std::string authority_key_ = crypto::NewPrivateKey().value();
  const std::string authority_pem_ =
      crypto::NewAuthority(authority_key_, "Test CA", absl::Now() - absl::Hours(48),
                           absl::Hours(96))
          .value()
          .pem;
  DoorSettings settings_;
  WhoRouter router_;
  telemetry::Metrics metrics_;
  std::unique_ptr<GrpcDoor> door_;
};

TEST_F(DoorTest, KnowsItsClientsByTheirCertificates) {
  Open();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClientOptions device = Device();
    device.version_max = version;
    EXPECT_EQ(AskAs(device), "spiffe://peerwatt/device/d1 " +
                                 crypto::ParseCertificate(device.cert_pem).value().serial);
  }
}

TEST_F(DoorTest, RefusesWhoeverShowsNoGoodCertificate) {
  Open();
  EXPECT_EQ(AskAs({}), "");
  EXPECT_EQ(AskAs(Leaf("late", "spiffe://peerwatt/device/d1", false, absl::Hours(2))), "");
  // A server's certificate is none for clients.
  EXPECT_EQ(AskAs(Leaf("server", "spiffe://peerwatt/device/d1", true)), "");
  const std::string other_key = crypto::NewPrivateKey().value();
  crypto::LeafSpec spec;
  spec.common_name = "device";
  spec.uri_san = "spiffe://peerwatt/device/d1";
  spec.client = true;
  const std::string other_ca =
      crypto::NewAuthority(other_key, "Test CA", absl::Now() - absl::Hours(1), absl::Hours(2))
          .value()
          .pem;
  TlsClientOptions foreign;
  foreign.key_pem = key_pem_;
  foreign.cert_pem = crypto::IssueLeaf(other_ca, other_key, key_pem_, spec,
                                       absl::Now() - absl::Minutes(1), absl::Hours(1))
                         .value()
                         .pem;
  EXPECT_EQ(AskAs(foreign), "");
  // A client may know of its end before it is counted.
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (!absl::StrContains(metrics_.Serialize(), "failures 4") && absl::Now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_THAT(metrics_.Serialize(), ::testing::HasSubstr("failures 4"));
  EXPECT_NE(AskAs(Device()), "");
}

TEST_F(DoorTest, RefusesWhoeverSpeaksNoHttp2) {
  Open();
  for (const char* protocol : {"", "http/1.1"}) {
    TlsClientOptions device = Device();
    device.protocol = protocol;
    EXPECT_EQ(AskAs(device), "") << protocol;
  }
}

TEST_F(DoorTest, OffersNoSessionToResume) {
  Open();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClientOptions device = Device();
    device.version_max = version;
    TlsClient connection(door_->port());
    ASSERT_TRUE(connection.Handshake(device));
    EXPECT_NE(Ask(connection), "");
    EXPECT_FALSE(connection.has_ticket());
  }
}

TEST_F(DoorTest, DropsWhoeverSaysNothing) {
  settings_.times.silence = kSoon;
  Open();
  TlsClient silent(door_->port());
  EXPECT_TRUE(silent.IsClosedUnheard());
}

TEST_F(DoorTest, DropsAHandshakeThatDoesNotEnd) {
  settings_.times.silence = kNever;
  settings_.times.handshake = settings_.times.handshake_when_crowded = kSoon;
  Open();
  TlsClient slow(door_->port());
  slow.SendRaw(absl::string_view("\x16\x03\x01", 3));
  EXPECT_TRUE(slow.IsClosedUnheard());
}

TEST_F(DoorTest, ASlowHandshakeGivesWayWhenOthersWait) {
  settings_.threads = 1;
  settings_.handshakes_max = 1;
  settings_.times.handshake_when_crowded = kSoon;
  settings_.times.handshake = kNever;
  Open();
  TlsClient slow(door_->port());
  slow.SendRaw(absl::string_view("\x16\x03\x01", 3));
  EXPECT_NE(AskAs(Device()), "");
  EXPECT_TRUE(slow.IsClosedUnheard());
}

TEST_F(DoorTest, AFullHouseOfHandshakesLetsNobodyElseBegin) {
  // Negative control of the test above: there is one place, and the slow one keeps it.
  settings_.threads = 1;
  settings_.handshakes_max = 1;
  settings_.times.handshake_when_crowded = settings_.times.handshake = kNever;
  settings_.times.queue = kSoon;
  settings_.times.silence = kSoon;
  Open();
  TlsClient slow(door_->port());
  slow.SendRaw(absl::string_view("\x16\x03\x01", 3));
  EXPECT_EQ(AskAs(Device()), "");
}

TEST_F(DoorTest, ClosesConnectionsWithoutACall) {
  settings_.times.idle = kSoon;
  Open();
  TlsClient connection(door_->port());
  ASSERT_TRUE(connection.Handshake(Device()));
  Http2Client client;
  connection.Write(client.Take());
  for (std::string heard = connection.Read(); !heard.empty(); heard = connection.Read()) {
    ASSERT_TRUE(client.Hear(heard));
  }
  EXPECT_TRUE(client.told_to_go());
}

TEST_F(DoorTest, AConnectionEndsAtItsAge) {
  settings_.times.age = kSoon;
  settings_.times.age_grace = kSoon;
  Open();
  TlsClient connection(door_->port());
  ASSERT_TRUE(connection.Handshake(Device()));
  Http2Client client;
  client.Begin(Http2Client::Grpc("/who"));
  connection.Write(client.Take());
  for (std::string heard = connection.Read(); !heard.empty(); heard = connection.Read()) {
    ASSERT_TRUE(client.Hear(heard));
  }
  EXPECT_TRUE(client.told_to_go());
}

TEST_F(DoorTest, AClientThatDoesNotReadIsNotRead) {
  settings_.threads = 1;
  Open();
  TlsClient deaf(door_->port());
  ASSERT_TRUE(deaf.Handshake(Device()));
  Http2Client client(/*window_bytes=*/1 << 30);
  const int32_t call = client.Begin(Http2Client::Grpc("/much"));
  client.OpenWindow(0, 1 << 30);
  client.Send(call, FrameMessage("?"));
  deaf.Write(client.Take());
  // What it does not read fills the socket; another one of the same thread is served meanwhile.
  for (int i = 0; i < 3; ++i) EXPECT_NE(AskAs(Device()), "");
  for (size_t heard = 0; heard < 20'000'000;) {
    const std::string part = deaf.Read();
    ASSERT_FALSE(part.empty());
    heard += part.size();
  }
}

TEST_F(DoorTest, DrainingEndsCallsAfterTheGrace) {
  Open();
  TlsClient idle(door_->port());
  ASSERT_TRUE(idle.Handshake(Device()));
  TlsClient busy(door_->port());
  ASSERT_TRUE(busy.Handshake(Device()));
  Http2Client client;
  client.Begin(Http2Client::Grpc("/who"));
  busy.Write(client.Take());
  {
    const absl::MutexLock lock(&router_.mutex);
    router_.mutex.Await(absl::Condition(
        +[](int* started) { return *started == 1; }, &router_.started));
  }
  door_->Drain(absl::Milliseconds(200));
  std::string heard = busy.Read();
  for (; !heard.empty(); heard = busy.Read()) ASSERT_TRUE(client.Hear(heard));
  EXPECT_TRUE(client.told_to_go());
  const absl::MutexLock lock(&router_.mutex);
  EXPECT_EQ(router_.ended, 1);
}

TEST_F(DoorTest, RefusesASecondDoorAtItsPort) {
  Open();
  settings_.address = "127.0.0.1:" + std::to_string(door_->port());
  EXPECT_FALSE(GrpcDoor::Open(settings_, router_, metrics_.AddGauge("connections", ""),
                              metrics_.AddCounter("failures", ""))
                   .ok());
  settings_.address = "127.0.0.1:0";
  settings_.tls.key_pem = crypto::NewPrivateKey().value();
  EXPECT_EQ(GrpcDoor::Open(settings_, router_, metrics_.AddGauge("connections", ""),
                           metrics_.AddCounter("failures", ""))
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace peerwatt::gateway::testing
