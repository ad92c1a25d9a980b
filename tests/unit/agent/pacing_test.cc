#include "agent/pacing.h"

#include <map>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"

namespace peerwatt::agent {
namespace {

constexpr int kDevices = 10'000;
const absl::Time kStart = absl::FromUnixSeconds(1767225600);

TEST(BackoffTest, PausesStayBelowABoundThatDoubles) {
  Backoff backoff(absl::Seconds(1), absl::Seconds(30), 7);
  absl::Duration bound = absl::Seconds(1);
  for (int i = 0; i < 40; ++i) {
    const absl::Duration pause = backoff.Next();
    EXPECT_GE(pause, absl::ZeroDuration());
    EXPECT_LE(pause, bound) << i;
    bound = std::min(2 * bound, absl::Seconds(30));
  }
  backoff.Reset();
  EXPECT_LE(backoff.Next(), absl::Seconds(1));
  EXPECT_EQ(Backoff(absl::Seconds(1), absl::Seconds(30), 9).Next(),
            Backoff(absl::Seconds(1), absl::Seconds(30), 9).Next());
}

// A gateway is away for ten minutes and comes back: the fleet's attempts are spread over the
// longest pause, and every device is back within two of them.
TEST(BackoffTest, AFleetComesBackSpreadOut) {
  const absl::Duration longest = absl::Seconds(30);
  const absl::Time back = kStart + absl::Minutes(10);
  std::map<int64_t, int> per_second;
  absl::Time last = back;
  for (int device = 0; device < kDevices; ++device) {
    Backoff backoff(absl::Seconds(1), longest, Mix(1, static_cast<uint64_t>(device)));
    absl::Time at = kStart;
    while (at < back) at += backoff.Next();
    ++per_second[absl::ToInt64Seconds(at - back)];
    last = std::max(last, at);
  }
  int most = 0;
  for (const auto& [second, count] : per_second) most = std::max(most, count);
  // The time until the next attempt has its density highest at the start, twice the mean.
  EXPECT_LT(most, 2 * 1.2 * kDevices / 30);
  EXPECT_LE(last - back, longest);
  EXPECT_GT(per_second.size(), 25u);
}

// Each of the fleet has 96 batches to send again: the server sees at most the sum of the rates,
// not everything at once.
TEST(RateLimitTest, AFleetSendsItsBacklogAtABoundedRate) {
  constexpr int kFleet = 1000;
  constexpr double kRate = 2;
  constexpr int kBurst = 8;
  std::map<int64_t, int> per_second;
  for (int device = 0; device < kFleet; ++device) {
    RateLimit limit(kRate, kBurst);
    absl::Time now = kStart + absl::Seconds(30) * UnitOf(3, static_cast<uint64_t>(device));
    for (int sent = 0; sent < 96;) {
      if (limit.Take(now)) {
        ++sent;
        ++per_second[absl::ToInt64Seconds(now - kStart)];
      } else {
        now += absl::Milliseconds(200);
      }
    }
  }
  int most = 0;
  int64_t total = 0;
  for (const auto& [second, count] : per_second) {
    most = std::max(most, count);
    total += count;
  }
  EXPECT_EQ(total, 96 * kFleet);
  EXPECT_LT(most, kFleet * kRate * 1.2 + kFleet * kBurst / 30.0 * 1.5);
  EXPECT_LT(per_second.rbegin()->first, 30 + 96 / kRate + 2);
}

TEST(RateLimitTest, LetsEverythingThroughWithoutARateAndABurstWithOne) {
  RateLimit open(0, 1);
  RateLimit limit(10, 3);
  int passed = 0;
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(open.Take(kStart));
    passed += limit.Take(kStart) ? 1 : 0;
  }
  EXPECT_EQ(passed, 3);
  EXPECT_FALSE(limit.Take(kStart + absl::Milliseconds(90)));
  EXPECT_TRUE(limit.Take(kStart + absl::Milliseconds(101)));
  EXPECT_FALSE(limit.Take(kStart)) << "time that stands still fills nothing";
}

TEST(RetryDelayTest, ReadsWhatTheServerAsksFor) {
  google::rpc::Status status;
  EXPECT_EQ(RetryDelayOf(status), absl::ZeroDuration());
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(7);
  retry.mutable_retry_delay()->set_nanos(500'000'000);
  status.add_details()->PackFrom(google::rpc::BadRequest());
  status.add_details()->PackFrom(retry);
  EXPECT_EQ(RetryDelayOf(status), absl::Milliseconds(7500));
  EXPECT_EQ(RetryDelayOf(status.SerializeAsString()), absl::Milliseconds(7500));
  EXPECT_EQ(RetryDelayOf(std::string("\xff no status")), absl::ZeroDuration());
  retry.mutable_retry_delay()->set_seconds(1'000'000);
  status.mutable_details(1)->PackFrom(retry);
  EXPECT_EQ(RetryDelayOf(status), absl::Hours(1)) << "nobody waits for ever";
  retry.mutable_retry_delay()->set_seconds(-5);
  status.mutable_details(1)->PackFrom(retry);
  EXPECT_EQ(RetryDelayOf(status), absl::ZeroDuration());
}

}  // namespace
}  // namespace peerwatt::agent
