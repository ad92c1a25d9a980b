#include <map>
#include <thread>

#include "libs/base/error.h"
#include "tests/postgres/metering/service_fixture.h"

namespace peerwatt::metering {
namespace {

using testing::Quarters;
using testing::ServiceTest;

/// A client's stream of new readings.
class Watch {
 public:
  Watch(std::unique_ptr<v1::Metering::Stub> stub, std::unique_ptr<grpc::ClientContext> context,
        const std::string& point, const std::string& from)
      : stub_(std::move(stub)), context_(std::move(context)) {
    v1::StreamNewReadingsRequest request;
    request.set_parent(point);
    request.set_cursor(from);
    reader_ = stub_->StreamNewReadings(context_.get(), request);
  }
  /// The next message; fails the test when the stream ends instead.
  v1::StreamNewReadingsResponse Read() {
    v1::StreamNewReadingsResponse response;
    EXPECT_TRUE(reader_->Read(&response)) << "the stream ended";
    return response;
  }
  /// Reads until `count` intervals are known; returns their energy by start.
  std::map<int64_t, int64_t> ReadEnergies(size_t count) {
    std::map<int64_t, int64_t> energies;
    while (energies.size() < count && !::testing::Test::HasFailure()) {
      const v1::StreamNewReadingsResponse response = Read();
      EXPECT_LE(response.readings_size(), 1000);
      for (const v1::Reading& reading : response.readings()) {
        energies[reading.start_time().seconds()] = reading.import_energy_wh();
      }
      cursor = response.cursor();
    }
    return energies;
  }
  /// How the stream ends after what is still on its way.
  grpc::Status End() {
    v1::StreamNewReadingsResponse response;
    while (reader_->Read(&response)) {
    }
    return reader_->Finish();
  }
  void Cancel() { context_->TryCancel(); }

  std::string cursor;

 private:
  std::unique_ptr<v1::Metering::Stub> stub_;
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientReader<v1::StreamNewReadingsResponse>> reader_;
};

class WatchTest : public ServiceTest {
 protected:
  std::unique_ptr<Watch> Open(const std::string& point, const std::string& cursor = "",
                              access::v1::Role role = access::v1::OPERATOR,
                              const std::string& participant = "") {
    auto context = std::make_unique<grpc::ClientContext>();
    ActAs(*context, "users/u1", role, participant);
    return std::make_unique<Watch>(Public(), std::move(context), point, cursor);
  }
  /// Stores what the service does not hear of, as another process would.
  void StoreQuarters(const std::string& point, int first, size_t count, int64_t wh) {
    Store(BatchOf({Quarters(point, Quarter(first), count, wh)}));
  }
};

TEST_F(WatchTest, SendsWhatIsStoredFromNowOnOfItsPointAlone) {
  StoreQuarters("m1", 0, 1, 5);
  const auto watch = Open("meteringPoints/m1", "", access::v1::CONSUMER, "participants/p-m1");
  const v1::StreamNewReadingsResponse first = watch->Read();
  EXPECT_EQ(first.readings_size(), 0);
  EXPECT_FALSE(first.cursor().empty());
  StoreQuarters("m2", 1, 1, 70);
  StoreQuarters("m1", 1, 2, 10);
  const v1::StreamNewReadingsResponse second = watch->Read();
  ASSERT_EQ(second.readings_size(), 2);
  EXPECT_EQ(second.readings(0).name(), "meteringPoints/m1/readings/20260701t001500z");
  EXPECT_EQ(second.readings(0).import_energy_wh(), 10);
  EXPECT_EQ(second.readings(1).import_energy_wh(), 11);
  EXPECT_NE(second.cursor(), first.cursor());
  StoreQuarters("m1", 1, 1, 12);
  const v1::StreamNewReadingsResponse third = watch->Read();
  ASSERT_EQ(third.readings_size(), 1);
  EXPECT_EQ(third.readings(0).revision(), 2);
}

TEST_F(WatchTest, ResumesWithoutAGap) {
  auto watch = Open("meteringPoints/m1");
  watch->cursor = watch->Read().cursor();
  StoreQuarters("m1", 0, 1, 10);
  EXPECT_EQ(watch->ReadEnergies(1).size(), 1u);
  const std::string cursor = watch->cursor;
  watch->Cancel();
  EXPECT_EQ(watch->End().error_code(), grpc::StatusCode::CANCELLED);
  for (int i = 1; i < 40; ++i) {
    StoreQuarters("m1", i, 1, 100 + i);
    StoreQuarters("m2", i, 1, 7);
  }
  watch = Open("meteringPoints/m1", cursor);
  const auto energies = watch->ReadEnergies(39);
  ASSERT_EQ(energies.size(), 39u);
  for (int i = 1; i < 40; ++i) {
    EXPECT_EQ(energies.at(absl::ToUnixSeconds(Quarter(i))), 100 + i);
  }
}

TEST_F(WatchTest, CatchesUpOverManyPagesWhileOthersAreLive) {
  StoreQuarters("m1", 0, 2500, 1);
  for (int page = 0; page < 3; ++page) {
    std::vector<Series> others;
    for (int i = 0; i < 900; ++i) {
      others.push_back(Quarters("other" + std::to_string(i), Quarter(page), 1, 1));
    }
    Store(BatchOf(std::move(others)));
  }
  StoreQuarters("m1", 3000, 1, 9);
  const auto live = Open("meteringPoints/m2");
  live->Read();
  const auto late = Open("meteringPoints/m1", "0");
  StoreQuarters("m2", 0, 1, 3);
  EXPECT_EQ(live->ReadEnergies(1).size(), 1u);
  EXPECT_EQ(late->ReadEnergies(2501).size(), 2501u);
}

TEST_F(WatchTest, IsRefusedWithAReason) {
  EXPECT_EQ(
      ReasonOf(Open("meteringPoints/m2", "", access::v1::CONSUMER, "participants/p-m1")->End()),
      "PERMISSION_DENIED");
  EXPECT_EQ(
      ReasonOf(
          Open("meteringPoints/unknown", "", access::v1::CONSUMER, "participants/p-m1")->End()),
      "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Open("meteringPoints/unknown")->End()), "METERING_POINT_UNKNOWN");
  EXPECT_EQ(ReasonOf(Open("m1")->End()), "FIELD_INVALID");
  for (const std::string cursor : {"x", "-1", "1.5", "9223372036854775807"}) {
    EXPECT_EQ(ReasonOf(Open("meteringPoints/m1", cursor)->End()), "FIELD_INVALID") << cursor;
  }
}

TEST_F(WatchTest, RefusesMoreStreamsThanMayBeOpenUntilOneEnds) {
  Start({.new_readings = {.streams_max = 1, .idle_poll = absl::Milliseconds(5)}});
  const auto first = Open("meteringPoints/m1");
  first->Read();
  const grpc::Status refused = Open("meteringPoints/m1")->End();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(refused), "TOO_MANY_STREAMS");
  first->Cancel();
  first->End();
  v1::StreamNewReadingsResponse response;
  while (true) {
    auto context = std::make_unique<grpc::ClientContext>();
    ActAs(*context, "users/u1", access::v1::OPERATOR);
    v1::StreamNewReadingsRequest request;
    request.set_parent("meteringPoints/m1");
    const auto stub = Public();
    const auto reader = stub->StreamNewReadings(context.get(), request);
    if (reader->Read(&response)) {
      context->TryCancel();
      break;
    }
    ASSERT_EQ(ReasonOf(reader->Finish()), "TOO_MANY_STREAMS");
  }
  EXPECT_FALSE(response.cursor().empty());
}

/// A client whose reading the test controls.
class HeldSink final : public NewReadingsSink {
 public:
  bool IsOpen() override { return !Ended(); }
  bool HasRoom() override {
    const std::lock_guard lock(mutex_);
    return messages_.size() < room_;
  }
  void Send(v1::StreamNewReadingsResponse response) override {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(response));
  }
  void End(const absl::Status& status) override {
    const std::lock_guard lock(mutex_);
    end_ = status;
  }
  bool Ended() {
    const std::lock_guard lock(mutex_);
    return !end_.ok();
  }
  absl::Status end() {
    const std::lock_guard lock(mutex_);
    return end_;
  }
  std::vector<v1::StreamNewReadingsResponse> messages() {
    const std::lock_guard lock(mutex_);
    return messages_;
  }

 private:
  std::mutex mutex_;
  size_t room_ = 1;
  std::vector<v1::StreamNewReadingsResponse> messages_;
  absl::Status end_;
};

TEST_F(WatchTest, EndsAClientThatDoesNotReadAndLetsItResume) {
  Start({.new_readings = {.waiting_changes_max = 3, .idle_poll = absl::Milliseconds(1)}});
  const auto sink = std::make_shared<HeldSink>();
  rpc::Principal caller;
  caller.add_roles(access::v1::OPERATOR);
  const auto number = feed_->Join({caller, MeteringPointId("m1"), std::nullopt}, sink);
  ASSERT_TRUE(number.ok());
  while (sink->messages().empty()) std::this_thread::yield();
  size_t stored = 0;
  for (; !sink->Ended(); ++stored) {
    StoreQuarters("m1", static_cast<int>(stored) * 2, 1, 10);
  }
  EXPECT_GT(stored, 3u);
  EXPECT_EQ(peerwatt::ReasonOf(sink->end()), "READER_TOO_SLOW");
  EXPECT_EQ(sink->end().code(), absl::StatusCode::kResourceExhausted);
  ASSERT_EQ(sink->messages().size(), 1u);
  feed_->Leave(*number);
  const auto watch = Open("meteringPoints/m1", sink->messages()[0].cursor());
  EXPECT_EQ(watch->ReadEnergies(stored).size(), stored);
}

TEST_F(WatchTest, EndsWhenItMayNotBeSeenAnyMore) {
  Start({.new_readings = {.idle_poll = absl::Milliseconds(5),
                          .permission_interval = absl::Milliseconds(20)}});
  const auto owner =
      Open("meteringPoints/m1", "", access::v1::CONSUMER, "participants/p-m1");
  const auto staff = Open("meteringPoints/m1");
  owner->Read();
  staff->Read();
  // Without an answer of the registry nothing is decided.
  directory_.SetDown(Error(kPeerUnavailable, "down"), {"m1"});
  StoreQuarters("m1", 0, 1, 10);
  EXPECT_EQ(owner->ReadEnergies(1).size(), 1u);
  directory_.SetDown(absl::OkStatus(), {});
  directory_.MoveTo("m1", "another");
  const grpc::Status end = owner->End();
  EXPECT_EQ(end.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(ReasonOf(end), "PERMISSION_DENIED");
  StoreQuarters("m1", 1, 1, 20);
  EXPECT_EQ(staff->ReadEnergies(2).size(), 2u) << "staff still may";
  EXPECT_EQ(
      ReasonOf(Open("meteringPoints/m1", "", access::v1::CONSUMER, "participants/p-m1")->End()),
      "PERMISSION_DENIED");
}

TEST_F(WatchTest, EndsWithDrainingWhenTheServiceStops) {
  const auto watch = Open("meteringPoints/m1");
  watch->Read();
  feed_->Stop();
  const grpc::Status end = watch->End();
  EXPECT_EQ(end.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(end), "DRAINING");
  EXPECT_EQ(ReasonOf(Open("meteringPoints/m1")->End()), "DRAINING");
}

}  // namespace
}  // namespace peerwatt::metering
