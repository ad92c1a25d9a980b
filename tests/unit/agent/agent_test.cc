#include "agent/agent.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/csv_profile.h"
#include "agent/generator.h"
#include "gtest/gtest.h"
#include "libs/base/error.h"
#include "tests/unit/agent/fake_metering.h"
#include "tests/unit/agent/scratch.h"
#include "tests/unit/agent/signed_chain.h"

namespace peerwatt::agent {
namespace {

using ::peerwatt::testing::ExpectOneChain;
using ::peerwatt::testing::FakeMetering;
using ::peerwatt::testing::NewIdentity;
using ::peerwatt::testing::Scratch;

constexpr absl::Duration kQuarterHour = absl::Minutes(15);
const absl::Time kStart = absl::FromUnixSeconds(1613343600);

// A household with a load and a plant, 192 intervals long.
AgentOptions House(const std::string& folder) {
  const Interval span{kStart, kStart + 192 * kQuarterHour};
  AgentOptions options;
  options.device = "devices/d-h01";
  options.interval = kQuarterHour;
  options.points = {{"meteringPoints/h01-load", Direction::kImport,
                     *HouseholdSource::New(1, "h01", 3500), span},
                    {"meteringPoints/h01-pv", Direction::kExport,
                     *PvSource::New(1, "h01", 5000), span}};
  options.buffer = {.folder = folder, .sync = false};
  options.stream.answer_timeout = absl::InfiniteDuration();
  return options;
}

class Driver {
 public:
  explicit Driver(AgentOptions options) {
    auto agent = Agent::New(std::move(options), [this] {
      absl::MutexLock lock(&mutex_);
      progressed_ = true;
    });
    EXPECT_TRUE(agent.ok()) << agent.status();
    agent_ = *std::move(agent);
  }
  void Tick(absl::Time clock) { agent_->Tick(clock, now_ += absl::Seconds(1)); }
  bool TickUntilAcknowledged(absl::Time clock) {
    const absl::Time end = absl::Now() + absl::Seconds(20);
    while (agent_->status().acknowledged_through < clock) {
      if (absl::Now() > end) return false;
      Tick(clock);
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(&progressed_), absl::Milliseconds(2));
      progressed_ = false;
    }
    return true;
  }
  Agent& operator*() { return *agent_; }
  Agent* operator->() { return agent_.get(); }

 private:
  absl::Mutex mutex_;
  bool progressed_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time now_ = absl::UnixEpoch();
  std::unique_ptr<Agent> agent_;
};

void ExpectTotals(const FakeMetering& server, const AgentOptions& options) {
  for (const PointSpec& point : options.points) {
    int64_t sum = 0;
    for (const auto& [key, wh] : server.stored()) sum += key.first == point.metering_point ? wh : 0;
    EXPECT_EQ(sum, TotalEnergyWh(*point.source, point.span, options.interval)->wh());
  }
}

TEST(AgentTest, ReadsEachIntervalWhenItIsOver) {
  const Scratch scratch;
  FakeMetering server({});
  Driver agent(House(scratch / "a"));
  agent->Connect(server.NewChannel());
  agent.Tick(kStart + kQuarterHour - absl::Microseconds(1));
  EXPECT_EQ(agent->status().acknowledged_through, kStart);
  for (int i = 1; i <= 192; ++i) {
    ASSERT_TRUE(agent.TickUntilAcknowledged(kStart + i * kQuarterHour));
    EXPECT_EQ(server.stored().size(), static_cast<size_t>(2 * i));
  }
  EXPECT_EQ(server.batches_received(), 192);
  EXPECT_TRUE(agent->status().finished);
  agent.Tick(kStart + absl::Hours(1000));
  EXPECT_EQ(server.stored().size(), 384u);
  ExpectTotals(server, House(scratch / "a"));
}

TEST(AgentTest, CatchesUpAfterAJumpInLongSeries) {
  const Scratch scratch;
  FakeMetering server({});
  Driver agent(House(scratch / "a"));
  agent->Connect(server.NewChannel());
  ASSERT_TRUE(agent.TickUntilAcknowledged(kStart + 192 * kQuarterHour));
  EXPECT_EQ(server.batches_received(), 2);  // 96 intervals each
  ExpectTotals(server, House(scratch / "a"));
  EXPECT_EQ(agent->status().readings_acknowledged, 384);
}

TEST(AgentTest, ARestartedAgentGoesOnExactly) {
  const Scratch scratch;
  FakeMetering server({.seed = 9, .break_before_percent = 5, .break_after_percent = 10,
                       .defer_percent = 5});
  for (int i = 1; i <= 24; ++i) {
    Driver agent(House(scratch / "a"));
    const absl::Time clock = kStart + 8 * i * kQuarterHour;
    if (i % 3 == 0) {
      agent.Tick(clock);  // dies before it was ever connected
      continue;
    }
    agent->Connect(server.NewChannel());
    ASSERT_TRUE(agent.TickUntilAcknowledged(clock - 4 * kQuarterHour));
  }
  Driver agent(House(scratch / "a"));
  agent->Connect(server.NewChannel());
  ASSERT_TRUE(agent.TickUntilAcknowledged(kStart + 192 * kQuarterHour));
  EXPECT_FALSE(server.conflicts());
  const AgentOptions options = House(scratch / "a");
  ExpectTotals(server, options);
  for (const PointSpec& point : options.points) {
    EXPECT_EQ(agent->status().acknowledged[point.metering_point],
              *TotalEnergyWh(*point.source, point.span, kQuarterHour));
  }
}

TEST(AgentTest, SignsOneChainOverRestartsBrokenStreamsAndRenewals) {
  const Scratch scratch;
  FakeMetering server({.seed = 9, .break_before_percent = 5, .break_after_percent = 10,
                       .defer_percent = 5});
  AgentOptions options = House(scratch / "a");
  options.sign_batches = true;
  std::vector<Identity> identities;
  for (int i = 1; i <= 24; ++i) {
    Driver agent(options);
    const absl::Time clock = kStart + 8 * i * kQuarterHour;
    if (i % 3 == 0) {
      agent.Tick(clock);  // dies before it was ever connected
      continue;
    }
    if (i % 4 == 1) identities.push_back(NewIdentity());
    ASSERT_TRUE(agent->Connect(server.NewChannel(), identities.back()).ok());
    ASSERT_TRUE(agent.TickUntilAcknowledged(i == 23 ? clock : clock - 4 * kQuarterHour));
  }
  Driver agent(options);
  ASSERT_TRUE(agent->Connect(server.NewChannel(), identities.back()).ok());
  ASSERT_TRUE(agent.TickUntilAcknowledged(kStart + 192 * kQuarterHour));
  EXPECT_GE(ExpectOneChain(server, "devices/d-h01", identities), 24);
  ExpectTotals(server, options);
}

TEST(AgentTest, WhatIsToBeSignedIsNotSentWithoutAKey) {
  const Scratch scratch;
  FakeMetering server({});
  AgentOptions options = House(scratch / "a");
  options.sign_batches = true;
  Driver agent(options);
  agent->Connect(server.NewChannel());
  for (int i = 0; i < 50; ++i) agent.Tick(kStart + 4 * kQuarterHour);
  EXPECT_EQ(server.batches_received(), 0);
  EXPECT_FALSE(agent->Connect(server.NewChannel(), Identity()).ok()) << "no key";
  const Identity identity = NewIdentity();
  ASSERT_TRUE(agent->Connect(server.NewChannel(), identity).ok());
  ASSERT_TRUE(agent.TickUntilAcknowledged(kStart + 4 * kQuarterHour));
  EXPECT_EQ(ExpectOneChain(server, "devices/d-h01", {identity}), 1);
}

TEST(AgentTest, LosesNothingWhenTheFolderIsLost) {
  const Scratch scratch;
  FakeMetering server({});
  for (const char* folder : {"first", "second"}) {
    Driver agent(House(scratch / folder));
    agent->Connect(server.NewChannel());
    ASSERT_TRUE(agent.TickUntilAcknowledged(kStart + 150 * kQuarterHour));
  }
  EXPECT_FALSE(server.conflicts());
  EXPECT_EQ(server.stored().size(), 300u);
}

TEST(AgentTest, ASeriesEndsWhereTheSourceHasAGap) {
  const Scratch scratch;
  FakeMetering server({});
  std::string csv = "timestamp,electricity\n";
  const int64_t start = absl::ToUnixSeconds(kStart);
  for (const int i : {0, 1, 2, 5, 6, 9}) absl::StrAppend(&csv, start + 900 * i, ",4000\n");
  auto profile = std::make_shared<const CsvProfile>(*CsvProfile::Parse(csv, "p.csv"));
  AgentOptions options = House(scratch / "a");
  options.points = {{"meteringPoints/h01-load", Direction::kImport, *CsvSource::Watts(profile),
                     {kStart, kStart + 12 * kQuarterHour}}};
  Driver agent(options);
  agent->Connect(server.NewChannel());
  ASSERT_TRUE(agent.TickUntilAcknowledged(kStart + 12 * kQuarterHour));
  std::map<FakeMetering::Key, int64_t> expected;
  for (const int i : {0, 1, 2, 5, 6, 9}) {
    expected[{"meteringPoints/h01-load", start + 900 * i}] = 1000;
  }
  EXPECT_EQ(server.stored(), expected);
}

TEST(AgentTest, StopsReadingWhileTheBufferIsFullAndThenGoesOn) {
  const Scratch scratch;
  FakeMetering server({});
  AgentOptions options = House(scratch / "a");
  options.buffer.bytes_max = 2000;
  options.buffer.segment_bytes = 400;
  options.intervals_per_series_max = 4;
  Driver agent(options);
  const absl::Time end = kStart + 192 * kQuarterHour;
  agent.Tick(end);  // no server: a part of it fits
  EXPECT_FALSE(agent->status().finished);
  agent->Connect(server.NewChannel());
  ASSERT_TRUE(agent.TickUntilAcknowledged(end));
  EXPECT_TRUE(server.in_order());
  ExpectTotals(server, options);
}

TEST(AgentTest, TotalsLeaveOutWhatWasRefused) {
  const Scratch scratch;
  const int64_t refused = absl::ToUnixSeconds(kStart + 3 * kQuarterHour);
  FakeMetering server({.refused_starts = {refused}});
  const absl::Time clock = kStart + 6 * kQuarterHour;
  std::map<std::string, Energy> before;
  {
    Driver agent(House(scratch / "a"));
    agent->Connect(server.NewChannel());
    for (int i = 1; i <= 6; ++i) {
      ASSERT_TRUE(agent.TickUntilAcknowledged(kStart + i * kQuarterHour));
    }
    before = agent->status().acknowledged;
    EXPECT_EQ(agent->status().readings_refused, 2);
    int64_t stored = 0;
    for (const auto& [key, wh] : server.stored()) stored += wh;
    EXPECT_EQ(before["meteringPoints/h01-load"].wh() + before["meteringPoints/h01-pv"].wh(),
              stored);
  }
  Driver agent(House(scratch / "a"));
  EXPECT_EQ(agent->status().acknowledged, before);
  EXPECT_EQ(agent->status().acknowledged_through, clock);
}

TEST(AgentTest, RefusesSettingsThatContradictThemselves) {
  const Scratch scratch;
  const auto reason = [&](auto change) {
    AgentOptions options = House(scratch / "a");
    change(options);
    return ReasonOf(Agent::New(options, [] {}).status());
  };
  EXPECT_EQ(reason([](AgentOptions&) {}), "");
  EXPECT_EQ(reason([](AgentOptions& o) { o.points.clear(); }), "SETTINGS_INVALID");
  EXPECT_EQ(reason([](AgentOptions& o) { o.interval = absl::Minutes(7); }), "SETTINGS_INVALID");
  EXPECT_EQ(reason([](AgentOptions& o) { o.points[0].span.start += absl::Seconds(1); }),
            "SETTINGS_INVALID");
  EXPECT_EQ(reason([](AgentOptions& o) { o.points[0].span.end = o.points[0].span.start; }),
            "SETTINGS_INVALID");
  EXPECT_EQ(reason([](AgentOptions& o) { o.points[0].source = nullptr; }), "SETTINGS_INVALID");
  EXPECT_EQ(
      reason([](AgentOptions& o) { o.points[1].metering_point = o.points[0].metering_point; }),
      "SETTINGS_INVALID");
}

}  // namespace
}  // namespace peerwatt::agent
