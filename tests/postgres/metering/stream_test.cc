#include <algorithm>
#include <deque>
#include <map>
#include <thread>

#include "libs/base/error.h"
#include "tests/postgres/metering/service_fixture.h"

namespace peerwatt::metering {
namespace {

using testing::Quarters;
using testing::ServiceTest;
using Acknowledgement = v1::StreamReadingsResponse::Acknowledgement;

/// A gateway with one relay call. Everything is sent at once, a message per `Flush`.
class Gateway {
 public:
  explicit Gateway(std::unique_ptr<v1::RelayInternal::Stub> stub) : stub_(std::move(stub)) {
    rpc::SetDeadline(context, absl::Seconds(30));
    call_ = stub_->Relay(&context);
  }

  Gateway& Open(int64_t stream, const std::string& device = "devices/d1") {
    auto& open = *Add(stream).mutable_open();
    open.set_device(device);
    open.set_batches_in_flight_max(17);
    return *this;
  }
  Gateway& Send(int64_t stream, int64_t sequence, const v1::Series& series) {
    v1::Batch batch;
    batch.set_sequence(sequence);
    *batch.add_series() = series;
    return SendBytes(stream, batch.SerializeAsString());
  }
  Gateway& SendBytes(int64_t stream, const std::string& bytes) {
    Add(stream).set_batch(bytes);
    return *this;
  }
  Gateway& SendAnswer(int64_t stream, const std::string& bytes) {
    Add(stream).set_answer(bytes);
    return *this;
  }
  Gateway& Close(int64_t stream) {
    Add(stream).set_close(true);
    return *this;
  }
  bool Flush() {
    const bool sent = call_->Write(request_);
    request_.Clear();
    return sent;
  }

  /// The next frame of a stream; those of others are kept.
  v1::RelayResponse::Frame Read(int64_t stream) {
    auto& waiting = frames_[stream];
    while (waiting.empty()) {
      v1::RelayResponse response;
      if (!call_->Read(&response)) {
        ADD_FAILURE() << "the call ended";
        return {};
      }
      for (const auto& frame : response.frames()) frames_[frame.stream()].push_back(frame);
    }
    v1::RelayResponse::Frame frame = waiting.front();
    waiting.pop_front();
    return frame;
  }
  v1::StreamReadingsResponse ReadResponse(int64_t stream) {
    v1::StreamReadingsResponse response;
    EXPECT_TRUE(response.ParseFromString(Read(stream).response()));
    return response;
  }
  Acknowledgement ReadAcknowledgement(int64_t stream) {
    return ReadResponse(stream).acknowledgement();
  }
  /// Reads until so many frames of a stream are answered; checks that sequences grow.
  std::vector<Acknowledgement> ReadAnswers(int64_t stream, int32_t frame_count) {
    std::vector<Acknowledgement> answers;
    while (frame_count > 0) {
      const auto frame = Read(stream);
      if (frame.frame_count() < 1) return answers;
      frame_count -= frame.frame_count();
      v1::StreamReadingsResponse response;
      EXPECT_TRUE(response.ParseFromString(frame.response()));
      answers.push_back(response.acknowledgement());
    }
    EXPECT_EQ(frame_count, 0);
    return answers;
  }
  /// How the call ends when nothing more is sent.
  grpc::Status End() {
    call_->WritesDone();
    v1::RelayResponse response;
    EXPECT_FALSE(call_->Read(&response));
    return call_->Finish();
  }
  /// How it ended.
  grpc::Status Finish() { return call_->Finish(); }

  grpc::ClientContext context;

 private:
  v1::RelayRequest::Frame& Add(int64_t stream) {
    auto& frame = *request_.add_frames();
    frame.set_stream(stream);
    return frame;
  }

  std::unique_ptr<v1::RelayInternal::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::RelayRequest, v1::RelayResponse>> call_;
  v1::RelayRequest request_;
  std::map<int64_t, std::deque<v1::RelayResponse::Frame>> frames_;
};

class StreamTest : public ServiceTest {
 protected:
  std::unique_ptr<Gateway> Connect(const std::string& peer = "gateway") {
    return std::make_unique<Gateway>(v1::RelayInternal::NewStub(ChannelOf(peer)));
  }
  /// A call with one stream that is open and idle.
  std::unique_ptr<Gateway> Opened() {
    auto gateway = Connect();
    gateway->Open(1).Flush();
    gateway->Read(1);
    WaitUntilIdle();
    return gateway;
  }
  v1::Series One(int quarter, int64_t wh = 10, const std::string& point = "m1") {
    return ToProto(Quarters(point, Quarter(quarter), 1, wh));
  }
  /// Waits until the queue has nothing more to do with what was answered.
  void WaitUntilIdle() {
    while (queue_->item_count() > 0) std::this_thread::yield();
  }
  /// Waits until so many batches are in the queue.
  void WaitForItems(size_t count) {
    while (queue_->item_count() < count) std::this_thread::yield();
  }
};

TEST_F(StreamTest, AcknowledgesInOrderWhatIsDurable) {
  const auto gateway = Connect();
  ASSERT_TRUE(gateway->Open(1).Flush());
  const auto opened = gateway->ReadResponse(1).opened();
  EXPECT_EQ(opened.acknowledged_sequence(), 0);
  EXPECT_EQ(opened.batches_in_flight_max(), 17);
  for (int i = 1; i <= 20; ++i) {
    ASSERT_TRUE(gateway->Send(1, i, One(i)).Flush());
    const auto acknowledgement = gateway->ReadAcknowledgement(1);
    EXPECT_EQ(acknowledgement.sequence(), i);
    EXPECT_EQ(acknowledgement.status().code(), 0) << acknowledgement.status().message();
    EXPECT_EQ(acknowledgement.stored_count(), 1);
    // Another connection sees it at once: it was committed before it was acknowledged.
    EXPECT_EQ(Revisions("m1").size(), static_cast<size_t>(i));
    EXPECT_EQ(*store_.AcknowledgedSequence(DeviceId("d1")), i);
  }
  EXPECT_TRUE(gateway->End().ok());
}

TEST_F(StreamTest, OneAcknowledgementSpeaksForBatchesStoredTogether) {
  const auto gateway = Opened();
  gated_.Close();
  gateway->Send(1, 1, One(1)).Flush();
  WaitForItems(1);
  for (int i = 2; i <= 9; ++i) gateway->Send(1, i, i == 7 ? One(1) : One(i));
  gateway->Flush();
  WaitForItems(9);
  gated_.Open();
  EXPECT_EQ(gateway->Read(1).frame_count(), 1);
  const auto answers = gateway->ReadAnswers(1, 8);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].sequence(), 9);
  EXPECT_EQ(answers[0].stored_count(), 7);
  EXPECT_EQ(answers[0].unchanged_count(), 1);
}

TEST_F(StreamTest, ResumesWhereItWasAndTakesAReplayForWhatItIs) {
  const auto gateway = Opened();
  gateway->Send(1, 1, One(1)).Send(1, 2, One(2)).Flush();
  gateway->ReadAnswers(1, 2);
  gateway->Close(1).Open(2).Flush();
  EXPECT_EQ(gateway->ReadResponse(2).opened().acknowledged_sequence(), 2);
  gateway->Send(2, 2, One(2)).Flush();
  const auto acknowledgement = gateway->ReadAcknowledgement(2);
  EXPECT_EQ(acknowledgement.status().code(), 0);
  EXPECT_EQ(acknowledgement.stored_count(), 0);
  EXPECT_EQ(acknowledgement.unchanged_count(), 1);
}

TEST_F(StreamTest, RefusedBatchIsAnsweredInItsTurnAndTheStreamGoesOn) {
  const auto gateway = Opened();
  v1::Series unreadable = One(4);
  unreadable.set_metering_point("nonsense");
  v1::StreamReadingsResponse ours;
  ours.mutable_acknowledgement()->set_sequence(77);
  ours.mutable_acknowledgement()->mutable_status()->set_message("kept back");
  ours.mutable_acknowledgement()->mutable_status()->set_code(7);
  gateway->Send(1, 1, One(1)).Send(1, 2, One(2, -1));
  gateway->Send(1, 3, ToProto(Quarters("unknown", Quarter(3), 1))).Send(1, 4, unreadable);
  gateway->SendAnswer(1, ours.SerializeAsString()).Send(1, 0, One(5));
  gateway->SendBytes(1, "\x12\x7f").Send(1, 6, One(6)).Flush();
  std::vector<std::string> reasons;
  for (const Acknowledgement& answer : gateway->ReadAnswers(1, 8)) {
    reasons.push_back(answer.sequence() == 77
                          ? answer.status().message()
                          : peerwatt::ReasonOf(rpc::FromRpcStatus(answer.status())));
  }
  EXPECT_EQ(reasons, std::vector<std::string>(
                         {"", "ENERGY_NEGATIVE", "METERING_POINT_UNKNOWN", "FIELD_INVALID",
                          "kept back", "FIELD_INVALID", "FIELD_INVALID", ""}));
  EXPECT_EQ(Revisions("m1").size(), 2u);
  EXPECT_NE(metrics_.Serialize().find("peerwatt_metering_batches_total{result=\"refused\"} 5"),
            std::string::npos);
  EXPECT_NE(metrics_.Serialize().find("peerwatt_metering_readings_total{result=\"stored\"} 2"),
            std::string::npos);
}

TEST_F(StreamTest, OnlyGatewaysRelay) {
  const auto other = Connect("market");
  other->Open(1).Flush();
  EXPECT_EQ(ReasonOf(other->End()), "CALLER_UNKNOWN");
}

TEST_F(StreamTest, StreamOpensOnceForADevice) {
  const auto twice = Opened();
  twice->Open(1).Flush();
  EXPECT_EQ(ReasonOf(twice->End()), "STREAM_OUT_OF_ORDER");
  const auto nobody = Connect();
  nobody->Open(1, "users/u1").Flush();
  EXPECT_EQ(ReasonOf(nobody->End()), "STREAM_OUT_OF_ORDER");
}

TEST_F(StreamTest, StreamsDoNotWaitForEachOther) {
  directory_.Add("m2");
  directory_.SetDown(Error(kPeerUnavailable, "away"), {"m2"});
  const auto gateway = Opened();
  gateway->Open(2, "devices/d2").Flush();
  gateway->Read(2);
  gateway->Send(2, 1, One(1, 10, "m2")).Send(1, 1, One(1)).Flush();
  EXPECT_EQ(gateway->ReadAcknowledgement(1).sequence(), 1);
  gateway->Send(1, 2, One(2)).Flush();
  EXPECT_EQ(gateway->ReadAcknowledgement(1).sequence(), 2);
  EXPECT_EQ(Revisions("m2").size(), 0u);
  directory_.SetDown(absl::OkStatus(), {});
  EXPECT_EQ(gateway->ReadAcknowledgement(2).status().code(), 0);
}

TEST_F(StreamTest, FullQueueStopsReadingUntilThereIsRoom) {
  Start({.queue_readings_max = 3});
  const auto gateway = Opened();
  gated_.Close();
  for (int i = 1; i <= 30; ++i) ASSERT_TRUE(gateway->Send(1, i, One(i)).Flush());
  WaitForItems(3);
  gated_.Open();
  EXPECT_EQ(gateway->ReadAnswers(1, 30).back().sequence(), 30);
  for (const size_t group : gated_.groups()) EXPECT_LE(group, 3u);
}

TEST_F(StreamTest, WithRoomItReadsFurther) {
  // Negative control of the test above: the queue is what holds the reader back.
  const auto gateway = Opened();
  gated_.Close();
  for (int i = 1; i <= 30; ++i) ASSERT_TRUE(gateway->Send(1, i, One(i)).Flush());
  WaitForItems(30);
  gated_.Open();
  EXPECT_EQ(gateway->ReadAnswers(1, 30).back().sequence(), 30);
  const std::vector<size_t> groups = gated_.groups();
  EXPECT_GT(*std::max_element(groups.begin(), groups.end()), 3u);
}

TEST_F(StreamTest, BatchesWaitWhileTheDatabaseIsDownAndKeepTheirOrder) {
  const auto gateway = Opened();
  gated_.FailNext(2, Error(kDatabaseUnavailable, "down"));
  for (int i = 1; i <= 5; ++i) gateway->Send(1, i, One(i)).Flush();
  const auto answers = gateway->ReadAnswers(1, 5);
  EXPECT_EQ(answers.back().sequence(), 5);
  for (const Acknowledgement& answer : answers) EXPECT_EQ(answer.status().code(), 0);
  EXPECT_EQ(gated_.failures_left(), 0);
}

TEST_F(StreamTest, DrainAnswersWhatWasReadAndEndsTheCall) {
  const auto gateway = Opened();
  gated_.Close();
  gateway->Send(1, 1, One(1)).Flush();
  WaitForItems(1);
  calls_->Drain();
  gated_.Open();
  EXPECT_EQ(gateway->ReadAcknowledgement(1).sequence(), 1);
  const grpc::Status status = gateway->End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "DRAINING");
}

TEST_F(StreamTest, ClosedStreamIsForgottenAndDoesNotHoldUpTheEnd) {
  const auto gateway = Opened();
  gated_.Close();
  gateway->Send(1, 1, One(1)).Flush();
  WaitForItems(1);
  gateway->Send(1, 2, One(2)).Send(1, 3, One(3)).Flush();
  WaitForItems(3);
  gateway->Close(1).Flush();
  // What no worker has is dropped; what one has is stored and not answered.
  while (queue_->item_count() > 1) std::this_thread::yield();
  calls_->Drain();
  EXPECT_EQ(ReasonOf(gateway->End()), "DRAINING");
  gated_.Open();
  WaitUntilIdle();
  EXPECT_EQ(Revisions("m1").size(), 1u);
}

TEST_F(StreamTest, GatewayThatGoesAwayLeavesNothingBehind) {
  {
    const auto gateway = Opened();
    gated_.Close();
    for (int i = 1; i <= 3; ++i) gateway->Send(1, i, One(i)).Flush();
    WaitForItems(3);
    gateway->context.TryCancel();
    EXPECT_EQ(gateway->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  gated_.Open();
  WaitUntilIdle();
  const auto gateway = Connect();
  gateway->Open(1).Flush();
  const int64_t acknowledged = gateway->ReadResponse(1).opened().acknowledged_sequence();
  EXPECT_EQ(std::ssize(Revisions("m1")), acknowledged) << "the position tells what is stored";
}

}  // namespace
}  // namespace peerwatt::metering
