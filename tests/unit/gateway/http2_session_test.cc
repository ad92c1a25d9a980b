#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "libs/base/error.h"
#include "services/gateway/core/errors.h"
#include "services/gateway/h2/frame_memory.h"
#include "services/gateway/h2/grpc_wire.h"
#include "services/gateway/h2/http2_session.h"
#include "tests/unit/gateway/http2_client.h"

namespace peerwatt::gateway::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Sends back each message as it is read; reads as long as it may.
class EchoCall final : public CallHandler {
 public:
  void OnStart(ServerCall& call) override {
    call_ = &call;
    ReadOn();
  }
  void OnMessage(absl::string_view bytes) override {
    reading = false;
    messages.emplace_back(bytes);
    ++writes;
    call_->Write(bytes);
  }
  void OnHalfClose() override {
    reading = false;
    call_->AddTrailer("x-count", std::to_string(messages.size()));
    call_->Finish({0, "", ""});
  }
  void OnWritten() override {
    ++written;
    ReadOn();
  }
  void OnDone() override {
    ++done;
    call_ = nullptr;
  }
  void ReadOn() {
    if (reading || !may_read || call_ == nullptr) return;
    reading = true;
    call_->Read();
  }
  ServerCall& call() { return *call_; }

  std::vector<std::string> messages;
  int writes = 0;
  int written = 0;
  int done = 0;
  bool may_read = true;
  bool reading = false;

 private:
  ServerCall* call_ = nullptr;
};

class EchoRouter final : public CallRouter {
 public:
  absl::Status Route(const CallHead& head, std::shared_ptr<CallHandler>& handler) override {
    if (head.path == "/none") return Error(kMethodUnknown, "no such method");
    heads.push_back(head);
    calls.push_back(std::make_shared<EchoCall>());
    calls.back()->may_read = head.path != "/unread";
    handler = calls.back();
    return absl::OkStatus();
  }
  CallEnd EndOf(const absl::Status& error) override {
    return {static_cast<int>(error.code()), ReasonOf(error), "détails"};
  }
  void Started(const std::string&) override { ++started; }
  void Ended(const std::string&, int code, absl::Duration) override { codes.push_back(code); }

  std::vector<CallHead> heads;
  std::vector<std::shared_ptr<EchoCall>> calls;
  int started = 0;
  std::vector<int> codes;
};

class Http2SessionTest : public ::testing::Test, public Http2Host {
 protected:
  void OnOutput() override {}
  void OnDeadline(absl::Time when) override { deadline_ = when; }

  /// Carries bytes between both ends until neither has any, `piece` at a time.
  bool Carry(Http2Client& client, size_t piece = 1 << 20) {
    while (true) {
      std::string to_client;
      if (!session_->Send(to_client, 1 << 20)) return false;
      if (!client.Hear(to_client)) return false;
      const std::string to_server = client.Take();
      for (size_t at = 0; at < to_server.size(); at += piece) {
        if (!session_->Receive(absl::string_view(to_server).substr(at, piece))) return false;
      }
      if (to_client.empty() && to_server.empty()) return true;
    }
  }
  bool Carry() { return Carry(client_); }
  std::string Status(int32_t call) { return client_.heard(call).headers.at("grpc-status"); }
  std::string Message(int32_t call) { return client_.heard(call).headers.at("grpc-message"); }

  Http2Limits limits_{.message_bytes_max = 300'000, .window_bytes = 100'000, .calls_burst = 20,
                      .control_burst = 50};
  EchoRouter router_;
  FrameMemory memory_;
  Http2Setting setting_{limits_, router_, std::make_shared<LoopQueue>(), memory_};
  PeerCertificate peer_{"spiffe://peerwatt/device/d1", "77", absl::InfiniteFuture()};
  std::unique_ptr<Http2Session> session_ =
      std::make_unique<Http2Session>(setting_, peer_, *this);
  Http2Client client_;
  absl::Time deadline_ = absl::InfinitePast();
};

TEST_F(Http2SessionTest, CarriesACallHoweverItsBytesAreCut) {
  int number = 0;
  for (const size_t piece : {size_t{1}, size_t{3}, size_t{1000}, size_t{1} << 20}) {
    const int32_t call = client_.Begin(Http2Client::Grpc("/echo"));
    const std::string large(20'000, 'x');
    client_.Send(call, FrameMessage("one") + FrameMessage(large) + FrameMessage(""));
    ASSERT_TRUE(Carry(client_, piece));
    EXPECT_FALSE(client_.heard(call).closed);
    client_.Send(call, FrameMessage("last"), /*last=*/true);
    ASSERT_TRUE(Carry(client_, piece));
    const auto& heard = client_.heard(call);
    EXPECT_EQ(heard.body, FrameMessage("one") + FrameMessage(large) + FrameMessage("") +
                              FrameMessage("last"));
    EXPECT_TRUE(heard.closed);
    EXPECT_EQ(heard.headers.at(":status"), "200");
    EXPECT_EQ(heard.headers.at("content-type"), "application/grpc");
    EXPECT_EQ(heard.headers.at("grpc-status"), "0");
    EXPECT_EQ(heard.headers.at("x-count"), "4");
    // The client's window of the connection is its own affair.
    client_.OpenWindow(0, 60'000);
    ++number;
  }
  EXPECT_EQ(session_->call_count(), 0U);
  EXPECT_EQ(router_.started, number);
  EXPECT_THAT(router_.codes, ElementsAre(0, 0, 0, 0));
  for (const auto& call : router_.calls) EXPECT_EQ(call->done, 1);
}

TEST_F(Http2SessionTest, TellsTheHandlerWhatTheClientSaid) {
  Http2Client::Headers headers = Http2Client::Grpc("/echo");
  headers.emplace_back("x-request-id", "r-1");
  headers.emplace_back("traceparent", "00-a-b-01");
  headers.emplace_back("grpc-timeout", "5S");
  client_.Begin(headers);
  ASSERT_TRUE(Carry());
  ASSERT_EQ(router_.heads.size(), 1U);
  EXPECT_EQ(router_.heads[0].request_id, "r-1");
  EXPECT_EQ(router_.heads[0].trace_parent, "00-a-b-01");
  EXPECT_EQ(router_.heads[0].deadline, deadline_);
  EXPECT_EQ(router_.calls[0]->call().peer().uri, peer_.uri);
  EXPECT_EQ(router_.calls[0]->call().peer().serial, "77");
}

TEST_F(Http2SessionTest, RefusesCallsWithAReason) {
  struct Case {
    const char* name;
    const char* value;
    std::string body;
    std::string reason;
  };
  std::string compressed = FrameMessage("x");
  compressed[0] = 1;
  const std::string whole = FrameMessage("message");
  for (const Case& each : {
           Case{":path", "/none", whole, "METHOD_UNKNOWN"},
           Case{"grpc-encoding", "gzip", whole, "COMPRESSION_UNSUPPORTED"},
           Case{"grpc-timeout", "soon", whole, "MALFORMED_REQUEST"},
           Case{"", "", compressed, "COMPRESSION_UNSUPPORTED"},
           Case{"", "", whole.substr(0, 6), "MALFORMED_REQUEST"},
           Case{"", "", std::string("\0\0\x7f\0\0", 5), "MESSAGE_TOO_LARGE"},
       }) {
    Http2Client::Headers headers = Http2Client::Grpc("/echo");
    if (each.name[0] == ':') {
      headers[2].second = each.value;
    } else if (each.name[0] != 0) {
      headers.emplace_back(each.name, each.value);
    }
    const int32_t call = client_.Begin(headers);
    client_.Send(call, each.body, /*last=*/true);
    ASSERT_TRUE(Carry()) << each.reason;
    EXPECT_EQ(Message(call), each.reason);
    EXPECT_NE(Status(call), "0");
    EXPECT_EQ(client_.heard(call).headers.at("grpc-status-details-bin"), "ZMOpdGFpbHM");
    EXPECT_TRUE(client_.heard(call).closed);
  }
  EXPECT_EQ(router_.started, static_cast<int>(router_.codes.size()));
  for (const auto& call : router_.calls) EXPECT_EQ(call->done, 1);
}

TEST_F(Http2SessionTest, RefusesHeadersThatAreTooLarge) {
  Http2Client::Headers headers = Http2Client::Grpc("/echo");
  for (int i = 0; i < 40; ++i) headers.emplace_back("x-filler", std::string(400, 'x'));
  const int32_t call = client_.Begin(headers);
  ASSERT_TRUE(Carry());
  EXPECT_EQ(Message(call), "HEADERS_TOO_LARGE");
  EXPECT_THAT(router_.calls, IsEmpty());
}

TEST_F(Http2SessionTest, AnswersWhatIsNoGrpcAsHttp) {
  Http2Client::Headers get = Http2Client::Grpc("/echo");
  get[0].second = "GET";
  Http2Client::Headers json = Http2Client::Grpc("/echo");
  json[4].second = "application/grpcish";
  const int32_t first = client_.Begin(get);
  const int32_t second = client_.Begin(json);
  ASSERT_TRUE(Carry());
  EXPECT_EQ(client_.heard(first).headers.at(":status"), "405");
  EXPECT_EQ(client_.heard(second).headers.at(":status"), "415");
  EXPECT_TRUE(client_.heard(second).closed);
  EXPECT_THAT(router_.calls, IsEmpty());
}

TEST_F(Http2SessionTest, ACallThatIsNotReadHoldsUpItselfAlone) {
  const int32_t unread = client_.Begin(Http2Client::Grpc("/unread"));
  std::string much;
  for (int i = 0; i < 20; ++i) much += FrameMessage(std::string(50'000, 'x'));
  client_.Send(unread, much, /*last=*/true);
  ASSERT_TRUE(Carry());
  EXPECT_EQ(client_.held_back(unread), much.size() - limits_.window_bytes);
  const int32_t other = client_.Begin(Http2Client::Grpc("/echo"));
  client_.Send(other, FrameMessage("other"), /*last=*/true);
  ASSERT_TRUE(Carry());
  EXPECT_EQ(client_.heard(other).body, FrameMessage("other"));
  // Each message that is read makes room for what comes next, and the end comes through.
  EchoCall& handler = *router_.calls[0];
  handler.may_read = true;
  handler.ReadOn();
  client_.OpenWindow(0, 2'000'000);
  client_.OpenWindow(unread, 2'000'000);
  ASSERT_TRUE(Carry());
  EXPECT_EQ(handler.messages.size(), 20U);
  EXPECT_EQ(client_.held_back(unread), 0U);
  EXPECT_EQ(Status(unread), "0");
}

TEST_F(Http2SessionTest, AMessageLargerThanTheWindowComesThrough) {
  const int32_t call = client_.Begin(Http2Client::Grpc("/echo"));
  const std::string message(limits_.message_bytes_max, 'x');
  client_.Send(call, FrameMessage(message));
  ASSERT_TRUE(Carry());
  ASSERT_EQ(router_.calls[0]->messages.size(), 1U);
  EXPECT_EQ(router_.calls[0]->messages[0], message);
}

TEST_F(Http2SessionTest, WaitsForAClientThatDoesNotReadItsAnswers) {
  Http2Client slow(/*window_bytes=*/10);
  const int32_t call = slow.Begin(Http2Client::Grpc("/echo"));
  for (int i = 0; i < 8; ++i) slow.Send(call, FrameMessage("123"));
  ASSERT_TRUE(Carry(slow));
  const EchoCall& handler = *router_.calls[0];
  // The first message has eight bytes; two of the second's went.
  EXPECT_EQ(slow.heard(call).body.size(), 10U);
  EXPECT_EQ(handler.written, 1);
  EXPECT_EQ(handler.messages.size(), 2U) << "it reads on only when an answer has gone";
  slow.OpenWindow(call, 6);
  ASSERT_TRUE(Carry(slow));
  EXPECT_EQ(handler.written, 2);
  slow.OpenWindow(call, 1000);
  ASSERT_TRUE(Carry(slow));
  EXPECT_EQ(handler.messages.size(), 8U);
  EXPECT_EQ(slow.heard(call).body.size(), 64U);
}

TEST_F(Http2SessionTest, StopsAClientThatBeginsAndResetsWithoutEnd) {
  for (int i = 0; i < 500; ++i) {
    const int32_t call = client_.Begin(Http2Client::Grpc("/echo"));
    const std::string begin = client_.Take();
    client_.Reset(call);
    session_->Receive(begin);
    session_->Receive(client_.Take());
  }
  Carry();
  EXPECT_TRUE(client_.told_to_go());
  EXPECT_EQ(client_.go_away_code(), static_cast<uint32_t>(NGHTTP2_ENHANCE_YOUR_CALM));
  EXPECT_TRUE(session_->Finished());
  EXPECT_LE(router_.calls.size(), static_cast<size_t>(limits_.calls_burst));
  session_.reset();
  for (const auto& call : router_.calls) EXPECT_EQ(call->done, 1);
}

TEST_F(Http2SessionTest, StopsAClientThatPingsWithoutEnd) {
  for (int i = 0; i < 20; ++i) client_.Ping();
  ASSERT_TRUE(Carry());
  EXPECT_EQ(client_.pings_answered(), 20);
  EXPECT_FALSE(client_.told_to_go());
  for (int i = 0; i < limits_.control_burst; ++i) client_.Ping();
  Carry();
  EXPECT_EQ(client_.go_away_code(), static_cast<uint32_t>(NGHTTP2_ENHANCE_YOUR_CALM));
  EXPECT_TRUE(session_->Finished());
}

TEST_F(Http2SessionTest, GoesOnAfterARest) {
  const int32_t call = client_.Begin(Http2Client::Grpc("/echo"));
  for (const char* message : {"one", "two", "three"}) {
    session_->Rest();
    client_.Send(call, FrameMessage(message));
    ASSERT_TRUE(Carry());
  }
  session_->Rest();
  EXPECT_EQ(client_.heard(call).body,
            FrameMessage("one") + FrameMessage("two") + FrameMessage("three"));
}

TEST_F(Http2SessionTest, CutsACallAtItsDeadline) {
  Http2Client::Headers headers = Http2Client::Grpc("/unread");
  headers.emplace_back("grpc-timeout", "1H");
  const int32_t call = client_.Begin(headers);
  ASSERT_TRUE(Carry());
  session_->CutOverdue(deadline_ - absl::Seconds(1));
  ASSERT_TRUE(Carry());
  EXPECT_FALSE(client_.heard(call).closed);
  session_->CutOverdue(deadline_);
  EXPECT_EQ(router_.calls[0]->done, 1);
  ASSERT_TRUE(Carry());
  EXPECT_TRUE(client_.heard(call).closed);
  EXPECT_EQ(client_.heard(call).error_code, static_cast<uint32_t>(NGHTTP2_CANCEL));
  EXPECT_EQ(router_.calls[0]->done, 1);
}

TEST_F(Http2SessionTest, LetsCallsEndWhenItAsksTheClientToGo) {
  const int32_t call = client_.Begin(Http2Client::Grpc("/echo"));
  ASSERT_TRUE(Carry());
  session_->GoAway();
  ASSERT_TRUE(Carry());
  EXPECT_TRUE(client_.told_to_go());
  EXPECT_EQ(client_.go_away_code(), 0U);
  EXPECT_FALSE(session_->Finished());
  client_.Send(call, FrameMessage("last"), /*last=*/true);
  ASSERT_TRUE(Carry());
  EXPECT_EQ(client_.heard(call).body, FrameMessage("last"));
  EXPECT_EQ(Status(call), "0");
  EXPECT_TRUE(session_->Finished());
}

TEST_F(Http2SessionTest, EndsACallBeforeItsClientHasSaidAll) {
  const int32_t call = client_.Begin(Http2Client::Grpc("/unread"));
  client_.Send(call, std::string(50'000, 'x'));
  ASSERT_TRUE(Carry());
  router_.calls[0]->call().Finish({7, "no\nmore", ""});
  ASSERT_TRUE(Carry());
  EXPECT_EQ(Status(call), "7");
  EXPECT_EQ(Message(call), "no%0Amore");
  EXPECT_TRUE(client_.heard(call).closed);
  EXPECT_EQ(client_.heard(call).error_code, 0U);
  EXPECT_EQ(session_->call_count(), 0U);
}

TEST_F(Http2SessionTest, EndsItsCallsWithTheConnection) {
  client_.Begin(Http2Client::Grpc("/echo"));
  const int32_t reset = client_.Begin(Http2Client::Grpc("/echo"));
  ASSERT_TRUE(Carry());
  client_.Reset(reset);
  ASSERT_TRUE(Carry());
  EXPECT_EQ(router_.calls[1]->done, 1);
  EXPECT_EQ(router_.calls[0]->done, 0);
  session_.reset();
  EXPECT_EQ(router_.calls[0]->done, 1);
  EXPECT_THAT(router_.codes, ElementsAre(1, 1));
}

TEST_F(Http2SessionTest, EndsAConnectionThatSpeaksSomethingElse) {
  EXPECT_FALSE(session_->Receive("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
}

}  // namespace
}  // namespace peerwatt::gateway::testing
