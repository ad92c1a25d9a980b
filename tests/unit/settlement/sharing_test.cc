#include "services/settlement/core/sharing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "libs/base/error.h"

namespace peerwatt::settlement {
namespace {

using Row = std::vector<int64_t>;

struct Scenario {
  const char* name;
  SharingKey key;
  int64_t pool_wh;
  Row needs_wh;
  Row coefficients;  // Millionths.
  std::vector<int32_t> ranks;
  Row parts_wh;
  int64_t residual_wh;
};

std::vector<SharingMember> MembersOf(const Scenario& scenario) {
  std::vector<SharingMember> members;
  for (size_t i = 0; i < scenario.needs_wh.size(); ++i) {
    SharingMember member;
    member.participant = ParticipantId("m" + std::to_string(i));
    member.need = Energy::WattHours(scenario.needs_wh[i]);
    member.coefficient = scenario.coefficients.empty() ? 0 : scenario.coefficients[i];
    member.rank = scenario.ranks.empty() ? 0 : scenario.ranks[i];
    members.push_back(member);
  }
  return members;
}

TEST(ShareTest, FollowsEachKey) {
  const std::vector<Scenario> scenarios = {
      {"static: nobody gets more than its part",
       SharingKey::kStatic,
       1'000,
       {900, 100, 400},
       {500'000, 300'000, 200'000},
       {},
       {500, 100, 200},
       200},
      {"static: a third, to the last watt hour",
       SharingKey::kStatic,
       100,
       {100, 100, 100},
       {333'334, 333'333, 333'333},
       {},
       {34, 33, 33},
       0},
      {"proportional: all have the same share of their need",
       SharingKey::kProportional,
       600,
       {800, 400, 0},
       {},
       {},
       {400, 200, 0},
       0},
      {"proportional: enough for all",
       SharingKey::kProportional,
       2'000,
       {800, 400, 0},
       {},
       {},
       {800, 400, 0},
       800},
      {"equal: what one does not need stays in the pool",
       SharingKey::kEqual,
       900,
       {500, 100, 900},
       {},
       {},
       {300, 100, 300},
       200},
      {"cascading: the first rank is served first",
       SharingKey::kCascading,
       1'000,
       {600, 800, 800},
       {},
       {1, 2, 2},
       {600, 200, 200},
       0},
      {"relative: what one does not need goes on by coefficient",
       SharingKey::kRelative,
       1'000,
       {100, 900, 900},
       {500'000, 300'000, 200'000},
       {},
       {100, 540, 360},
       0},
      {"relative: a coefficient of 0 never takes part",
       SharingKey::kRelative,
       1'000,
       {100, 900},
       {1'000'000, 0},
       {},
       {100, 0},
       900},
      {"optimal: what one does not need goes on by need",
       SharingKey::kOptimal,
       1'000,
       {100, 500, 600},
       {500'000, 300'000, 200'000},
       {},
       {100, 433, 467},
       0},
      {"an empty pool", SharingKey::kProportional, 0, {5, 5}, {}, {}, {0, 0}, 0},
      {"nobody there", SharingKey::kEqual, 70, {}, {}, {}, {}, 70},
  };
  for (const Scenario& scenario : scenarios) {
    SCOPED_TRACE(scenario.name);
    const auto shares =
        Share(Energy::WattHours(scenario.pool_wh), MembersOf(scenario), scenario.key);
    ASSERT_TRUE(shares.ok());
    Row parts;
    for (const Energy part : shares->parts) {
      parts.push_back(part.wh());
    }
    EXPECT_EQ(parts, scenario.parts_wh);
    EXPECT_EQ(shares->residual.wh(), scenario.residual_wh);
  }
}

TEST(ShareTest, CascadesFirstInFirstOut) {
  const absl::StatusOr<Shares> shares =
      Share(Energy::WattHours(8), MembersOf({"", {}, 8, {5, 4}, {}, {1, 2}, {}, 0}),
            SharingKey::kCascading);
  ASSERT_TRUE(shares.ok()) << shares.status();
  EXPECT_EQ(shares->parts, (std::vector<Energy>{Energy::WattHours(5), Energy::WattHours(3)}));
}

// A published example: three feed in 70, 10 and 20; who feeds in at one connection and draws at
// another is shared what the others fed in. In hundredths.
TEST(ShareTest, LeavesOutWhatOneFedInOneself) {
  const Row fed_in = {7'000, 1'000, 2'000, 0, 0, 0};
  Scenario scenario = {"fixed", SharingKey::kStatic, 0, {0, 3'000, 2'200, 3'000, 1'800, 2'000},
                       {0, 100'000, 225'000, 225'000, 225'000, 225'000}, {}, {}, 0};
  const Row parts = {0, 900, 1'800, 2'250, 1'800, 2'000};
  for (size_t i = 0; i < parts.size(); ++i) {
    const absl::StatusOr<Shares> shares =
        Share(Energy::WattHours(10'000 - fed_in[i]), MembersOf(scenario), scenario.key);
    ASSERT_TRUE(shares.ok()) << shares.status();
    EXPECT_EQ(shares->parts[i].wh(), parts[i]) << i;
  }
}

TEST(ShareTest, RefusesWhatCannotBeShared) {
  const auto reason = [](int64_t pool, Row needs, Row coefficients, SharingKey key) {
    return ReasonOf(Share(Energy::WattHours(pool),
                          MembersOf({"", key, pool, needs, coefficients, {}, {}, 0}), key)
                        .status());
  };
  EXPECT_EQ(reason(1, {1, 1}, {500'000, 499'999}, SharingKey::kStatic), "SHARING_INVALID");
  EXPECT_EQ(reason(1, {1, 1}, {500'000, 500'001}, SharingKey::kRelative), "SHARING_INVALID");
  EXPECT_EQ(reason(1, {1, 1}, {1'000'001, -1}, SharingKey::kOptimal), "SHARING_INVALID");
  EXPECT_EQ(reason(-1, {1}, {}, SharingKey::kEqual), "SHARING_INVALID");
  EXPECT_EQ(reason(1, {-1}, {}, SharingKey::kProportional), "SHARING_INVALID");
  EXPECT_EQ(reason(1, {1, 1}, {500'000, 500'000}, SharingKey::kStatic), "");
  EXPECT_EQ(reason(1, {1, 1}, {-7, 3}, SharingKey::kEqual), "");
}

TEST(ShareTest, AddsUpAndDoesNotDependOnTheOrderOfMembers) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto draw = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  for (int round = 0; round < 20'000; ++round) {
    const SharingKey key = static_cast<SharingKey>(draw(0, 5));
    const int64_t size = draw(1, 7);
    std::vector<SharingMember> members;
    int64_t left = kCoefficientsWhole;
    for (int64_t i = 0; i < size; ++i) {
      SharingMember member;
      member.participant = ParticipantId("m" + std::to_string(i));
      member.need = Energy::WattHours(draw(0, 3) == 0 ? 0 : draw(0, 50));
      member.coefficient = i + 1 == size ? left : draw(0, left);
      member.rank = static_cast<int32_t>(draw(0, 2));
      left -= member.coefficient;
      members.push_back(member);
    }
    const Energy pool = Energy::WattHours(draw(0, 120));
    const auto shares = Share(pool, members, key);
    ASSERT_TRUE(shares.ok());
    Energy sum = shares->residual;
    Energy need;
    for (size_t i = 0; i < members.size(); ++i) {
      ASSERT_GE(shares->parts[i], Energy());
      ASSERT_LE(shares->parts[i], members[i].need);
      sum += shares->parts[i];
      need += members[i].need;
    }
    ASSERT_EQ(sum, pool);
    ASSERT_GE(shares->residual, Energy());
    if (key == SharingKey::kProportional || key == SharingKey::kCascading ||
        key == SharingKey::kOptimal) {
      ASSERT_EQ(shares->residual, std::max(Energy(), pool - need)) << "more could be used";
    }
    std::vector<size_t> order(members.size());
    for (size_t i = 0; i < order.size(); ++i) {
      order[i] = i;
    }
    std::shuffle(order.begin(), order.end(), random);
    std::vector<SharingMember> shuffled;
    for (const size_t i : order) {
      shuffled.push_back(members[i]);
    }
    const auto again = Share(pool, shuffled, key);
    for (size_t i = 0; i < order.size(); ++i) {
      ASSERT_EQ(again->parts[i], shares->parts[order[i]]);
    }
  }
}

}  // namespace
}  // namespace peerwatt::settlement
