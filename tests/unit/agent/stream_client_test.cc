#include "agent/stream_client.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/unit/agent/fake_metering.h"
#include "tests/unit/agent/scratch.h"

namespace peerwatt::agent {
namespace {

using ::peerwatt::testing::FakeMetering;
using ::peerwatt::testing::Faults;
using ::peerwatt::testing::Scratch;
using Readings = std::map<FakeMetering::Key, int64_t>;

constexpr char kPoint[] = "meteringPoints/a1";
int64_t StartOf(int64_t i) { return 1613343600 + 900 * i; }

metering::v1::Batch BatchOf(int64_t i) {
  metering::v1::Batch batch;
  auto* series = batch.add_series();
  series->set_metering_point(kPoint);
  series->mutable_start_time()->set_seconds(StartOf(i));
  series->mutable_resolution()->set_seconds(900);
  series->add_import_energy_wh(1000 + i);
  return batch;
}

// A buffer, a client and the loop that drives it. Time goes as fast as the loop turns.
class Rig final : public DeliveryObserver {
 public:
  explicit Rig(const std::string& folder, absl::Duration answer_timeout = absl::InfiniteDuration())
      : Rig(folder, {.device = "devices/d1", .answer_timeout = answer_timeout}) {}
  Rig(const std::string& folder, const StreamOptions& options)
      : buffer_(*Buffer::Open({.folder = folder, .sync = false})) {
    client_ = std::make_unique<StreamClient>(options, *buffer_, *this);
  }
  ~Rig() override { client_.reset(); }

  void Append(int64_t first, int64_t last) {
    for (int64_t i = first; i <= last; ++i) {
      ASSERT_TRUE(buffer_->Append(BatchOf(i).SerializeAsString(),
                                  absl::FromUnixSeconds(StartOf(i + 1)))
                      .ok());
    }
  }
  void Poll() { client_->Poll(now_ += absl::Seconds(1)); }
  // Drives the client until `done`; false after twenty seconds of real time.
  template <typename Done>
  bool DriveUntil(Done done) {
    const absl::Time end = absl::Now() + absl::Seconds(20);
    while (!done()) {
      if (absl::Now() > end) return false;
      Poll();
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(&progressed_), absl::Milliseconds(2));
      progressed_ = false;
    }
    return true;
  }
  bool Drain() {
    return DriveUntil([this] {
      const BufferState state = buffer_->state();
      return state.acknowledged_index == state.last_index && client_->state().connected;
    });
  }
  void OnHandled(const metering::v1::Batch& batch, bool refused) override {
    absl::MutexLock lock(&mutex_);
    handled_.push_back(batch.series(0).start_time().seconds());
    refused_ += refused ? 1 : 0;
  }
  void OnProgress() override {
    absl::MutexLock lock(&mutex_);
    progressed_ = true;
  }
  std::vector<int64_t> handled() const {
    absl::MutexLock lock(&mutex_);
    return handled_;
  }
  Buffer& buffer() { return *buffer_; }
  StreamClient& client() { return *client_; }

 private:
  std::unique_ptr<Buffer> buffer_;
  absl::Time now_ = absl::UnixEpoch();
  mutable absl::Mutex mutex_;
  bool progressed_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<int64_t> handled_ ABSL_GUARDED_BY(mutex_);
  int refused_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<StreamClient> client_;
};

Readings Expected(int64_t first, int64_t last, const std::set<int64_t>& without = {}) {
  Readings readings;
  for (int64_t i = first; i <= last; ++i) {
    if (!without.contains(StartOf(i))) readings[{kPoint, StartOf(i)}] = 1000 + i;
  }
  return readings;
}

TEST(StreamClientTest, DeliversEverythingInOrder) {
  const Scratch scratch;
  FakeMetering server({});
  Rig rig(scratch / "b");
  rig.Append(1, 200);
  rig.client().Connect(server.NewChannel());
  ASSERT_TRUE(rig.Drain());
  EXPECT_EQ(server.stored(), Expected(1, 200));
  EXPECT_TRUE(server.in_order());
  EXPECT_EQ(server.batches_received(), 200);
  EXPECT_EQ(rig.buffer().state().readings_acknowledged, 200);
  // What is added later goes over the same stream.
  rig.Append(201, 300);
  ASSERT_TRUE(rig.Drain());
  EXPECT_EQ(server.stored(), Expected(1, 300));
  EXPECT_EQ(server.streams(), 1);
}

TEST(StreamClientTest, OneAcknowledgementMaySpeakForSeveralBatches) {
  const Scratch scratch;
  FakeMetering server({.batches_per_acknowledgement = 4, .refused_starts = {StartOf(41)}});
  Rig rig(scratch / "b");
  rig.Append(1, 201);
  rig.client().Connect(server.NewChannel());
  ASSERT_TRUE(rig.Drain());
  EXPECT_EQ(server.stored(), Expected(1, 201, {StartOf(41)}));
  EXPECT_EQ(server.batches_received(), 201);
  EXPECT_EQ(rig.handled().size(), 201U);
  const std::vector<int64_t> handled = rig.handled();
  EXPECT_TRUE(std::is_sorted(handled.begin(), handled.end()));
  EXPECT_EQ(rig.buffer().state().readings_acknowledged, 200);
  EXPECT_EQ(rig.buffer().state().readings_refused, 1);
}

// Whatever breaks, at the end everything is there once, and handled once and in order.
void RunWithFaults(Faults faults, bool ordered) {
  SCOPED_TRACE(absl::StrCat("seed ", faults.seed));
  const Scratch scratch;
  FakeMetering server(faults);
  Rig rig(scratch / "b");
  rig.client().Connect(server.NewChannel());
  for (int64_t i = 0; i < 10; ++i) {
    rig.Append(30 * i + 1, 30 * i + 30);
    ASSERT_TRUE(rig.Drain());
  }
  EXPECT_EQ(server.stored(), Expected(1, 300, faults.refused_starts));
  EXPECT_FALSE(server.conflicts());
  EXPECT_GT(server.streams() + server.batches_received(), 301);  // faults did happen
  EXPECT_TRUE(server.in_order() || !ordered);
  std::vector<int64_t> expected;
  for (int64_t i = 1; i <= 300; ++i) expected.push_back(StartOf(i));
  EXPECT_EQ(rig.handled(), expected);
  EXPECT_EQ(rig.buffer().state().readings_refused,
            static_cast<int64_t>(faults.refused_starts.size()));
  EXPECT_EQ(rig.buffer().RefusedPayloads()->size(), faults.refused_starts.size());
}

TEST(StreamClientTest, LosesNothingWhateverBreaks) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    Faults faults{.seed = seed, .break_before_percent = 4, .break_after_percent = 4,
                  .defer_percent = 5, .window = static_cast<int>(seed % 9) + 1};
    faults.refused_starts = {StartOf(7), StartOf(8), StartOf(150), StartOf(300)};
    RunWithFaults(faults, true);
  }
}

// A server may take batches after one that it refused for the moment, so that its position lies
// above a batch that it does not have. A client that trusted the position would lose that batch.
TEST(StreamClientTest, LosesNothingWhenTheServersPositionHasHoles) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    RunWithFaults({.seed = seed, .break_before_percent = 3, .break_after_percent = 6,
                   .defer_percent = 15, .keeps_order = false},
                  false);
  }
}

// The control of the two above: what they look at does show a batch that is lost.
TEST(StreamClientTest, ALostBatchWouldBeSeen) {
  const Scratch scratch;
  FakeMetering server({.lost_starts = {StartOf(50)}});
  Rig rig(scratch / "b");
  rig.Append(1, 100);
  rig.client().Connect(server.NewChannel());
  ASSERT_TRUE(rig.Drain());
  EXPECT_EQ(server.stored(), Expected(1, 100, {StartOf(50)}));
  EXPECT_NE(server.stored(), Expected(1, 100));
}

TEST(StreamClientTest, SendsNoMoreThanTheWindow) {
  for (const int window : {1, 3, 8}) {
    const Scratch scratch;
    FakeMetering server({.silent_after = 0, .window = window});
    Rig rig(scratch / "b");
    rig.Append(1, 50);
    rig.client().Connect(server.NewChannel());
    ASSERT_TRUE(rig.DriveUntil([&] { return server.batches_received() >= window; }));
    for (int i = 0; i < 1000; ++i) rig.Poll();
    rig.client().Connect(nullptr);  // ends the stream: what was sent has arrived by then
    ASSERT_TRUE(rig.DriveUntil([&] { return !rig.client().state().connected; }));
    EXPECT_EQ(server.batches_received(), window);
  }
}

TEST(StreamClientTest, GivesUpAStreamThatNoLongerAnswers) {
  const Scratch scratch;
  FakeMetering server({.silent_after = 5});
  Rig rig(scratch / "b", absl::Seconds(30));
  rig.Append(1, 20);
  rig.client().Connect(server.NewChannel());
  EXPECT_TRUE(rig.DriveUntil([&] { return server.streams() >= 3; }));
}

TEST(StreamClientTest, GoesOnAfterARestartOfTheDevice) {
  const Scratch scratch;
  FakeMetering server({.seed = 3, .break_after_percent = 20});
  for (int64_t round = 0; round < 10; ++round) {
    Rig rig(scratch / "b");
    rig.Append(20 * round + 1, 20 * round + 20);
    rig.client().Connect(server.NewChannel());
    // The device dies with batches on their way.
    ASSERT_TRUE(rig.DriveUntil(
        [&] { return rig.buffer().state().acknowledged_index >= 20 * round + 5; }));
  }
  Rig rig(scratch / "b");
  rig.client().Connect(server.NewChannel());
  ASSERT_TRUE(rig.Drain());
  EXPECT_EQ(server.stored(), Expected(1, 200));
  EXPECT_TRUE(server.in_order());
  EXPECT_EQ(server.position(), 200);
}

TEST(StreamClientTest, ANewBufferCountsOnFromTheServer) {
  const Scratch scratch;
  FakeMetering server({});
  server.SetPosition(41);
  Rig rig(scratch / "b");
  rig.Append(1, 60);  // more than the server knows: none of it may be taken for known
  rig.client().Connect(server.NewChannel());
  ASSERT_TRUE(rig.Drain());
  EXPECT_EQ(server.stored(), Expected(1, 60));
  EXPECT_EQ(server.position(), 101);
}

TEST(StreamClientTest, RenumbersWhenTheServerIsAhead) {
  const Scratch scratch;
  FakeMetering server({});
  Rig rig(scratch / "b");
  rig.Append(1, 10);
  rig.client().Connect(server.NewChannel());
  ASSERT_TRUE(rig.Drain());
  rig.client().Connect(nullptr);
  server.SetPosition(500);
  rig.Append(11, 20);
  rig.client().Connect(server.NewChannel());
  ASSERT_TRUE(rig.Drain());
  EXPECT_EQ(server.stored(), Expected(1, 20));
  EXPECT_EQ(server.position(), 510);
}

TEST(StreamClientTest, SendsAgainWhatTheServerForgot) {
  const Scratch scratch;
  FakeMetering server({.refused_starts = {StartOf(5)}});
  Rig rig(scratch / "b");
  rig.Append(1, 30);
  rig.client().Connect(server.NewChannel());
  ASSERT_TRUE(rig.Drain());
  server.Forget();
  rig.client().Connect(server.NewChannel());
  ASSERT_TRUE(rig.DriveUntil([&] { return server.position() == 30; }));
  EXPECT_EQ(server.stored(), Expected(1, 30, {StartOf(5)}));
  // Each batch was handled, counted and put aside once.
  EXPECT_EQ(rig.handled().size(), 30u);
  EXPECT_EQ(rig.buffer().state().readings_acknowledged, 29);
  EXPECT_EQ(rig.buffer().RefusedPayloads()->size(), 1u);
}

TEST(StreamClientTest, FindsAServerThatComesLate) {
  const Scratch scratch;
  Rig rig(scratch / "b");
  rig.Append(1, 5);
  FakeMetering server({});
  auto channel = grpc::CreateChannel("127.0.0.1:1", grpc::InsecureChannelCredentials());
  rig.client().Connect(channel);
  ASSERT_TRUE(rig.DriveUntil([&] { return rig.client().state().failures >= 3; }));
  EXPECT_FALSE(rig.client().state().connected);
  rig.client().Connect(server.NewChannel());
  ASSERT_TRUE(rig.Drain());
  EXPECT_EQ(server.stored(), Expected(1, 5));
}

TEST(StreamClientTest, MakesTheFirstConnectionAtItsMomentOfTheSpread) {
  const Scratch scratch;
  FakeMetering metering({});
  std::set<int64_t> moments;
  for (uint64_t key = 0; key < 4; ++key) {
    Rig rig(scratch / absl::StrCat("b", key), {.device = "devices/d1",
                                               .connect_spread = absl::Seconds(200),
                                               .jitter_key = 1000 * key * key});
    rig.client().Connect(metering.NewChannel());
    // Each poll moves the time on by a second, however long it really takes.
    int64_t seconds = 0;
    for (; rig.client().state().attempts == 0 && seconds <= 201; ++seconds) rig.Poll();
    EXPECT_LE(seconds, 201);
    moments.insert(seconds);
    EXPECT_TRUE(rig.Drain());
  }
  EXPECT_EQ(moments.size(), 4u) << "every device has its own moment";
  EXPECT_GT(*moments.rbegin() - *moments.begin(), 50);
}

TEST(StreamClientTest, SendsABacklogAtItsRateAndTheRestAtOnce) {
  const Scratch scratch;
  FakeMetering metering({});
  // Ten batches in a thousand seconds: each poll moves the time on by one.
  Rig rig(scratch / "b", {.device = "devices/d1", .backlog_batches_per_second = 0.01,
                          .backlog_burst = 2});
  rig.Append(0, 4);
  rig.client().Connect(metering.NewChannel());
  int64_t polls = 0;
  ASSERT_TRUE(rig.DriveUntil([&] {
    ++polls;
    return metering.batches_received() == 5;
  }));
  EXPECT_GE(polls, 300) << "three of five waited for their turn";
  polls = 0;
  rig.Append(5, 30);
  ASSERT_TRUE(rig.DriveUntil([&] {
    ++polls;
    return metering.batches_received() == 31;
  }));
  EXPECT_LT(polls, 1200) << "what came later does not wait: 26 turns are 2,600 s";
  ASSERT_TRUE(rig.Drain());
  EXPECT_EQ(metering.stored(), Expected(0, 30));
}

}  // namespace
}  // namespace peerwatt::agent
