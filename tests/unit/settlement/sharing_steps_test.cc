// The steps from a pool to somebody's part of it, for every key: they come to what the key gives,
// and follow from what they say alone.

#include "services/settlement/core/explain/sharing_steps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace peerwatt::settlement {
namespace {

constexpr uint32_t kSeed = 20260703;
constexpr SharingKey kKeys[] = {SharingKey::kStatic,   SharingKey::kProportional,
                                SharingKey::kEqual,    SharingKey::kCascading,
                                SharingKey::kRelative, SharingKey::kOptimal};

/// The parts that the key gives, as settlement asks for them: with coefficients a member for those
/// that are not there, else only who drew.
std::vector<int64_t> PartsOf(const SharedPool& pool, SharingKey key) {
  std::vector<SharingMember> asked;
  std::vector<size_t> places;
  SharingMember absent;
  absent.coefficient = kCoefficientsWhole;
  for (size_t i = 0; i < pool.members.size(); ++i) {
    if (!UsesCoefficients(key) && pool.members[i].need == Energy()) continue;
    asked.push_back(pool.members[i]);
    places.push_back(i);
    absent.coefficient -= pool.members[i].coefficient;
  }
  if (UsesCoefficients(key)) asked.push_back(absent);
  const auto shares = Share(Energy::WattHours(pool.fed_in_wh), asked, key);
  EXPECT_TRUE(shares.ok()) << shares.status();
  std::vector<int64_t> parts(pool.members.size());
  for (size_t i = 0; i < places.size(); ++i) parts[places[i]] = shares->parts[i].wh();
  return parts;
}

/// The steps to one member's part, beginning with the pool and what it drew.
std::vector<Step> StepsTo(const SharedPool& pool, SharingKey key) {
  std::vector<Step> steps;
  StepList list(steps);
  const size_t all = list.Given("pool", pool.fed_in_wh, StepUnit::kWattHours);
  const size_t need = list.Given("drawn", pool.members[pool.own].need.wh(), StepUnit::kWattHours);
  const size_t part = StepsOfShare(list, pool, key, all, need);
  list.Sum("part", {list.From(part)}, StepUnit::kWattHours);
  return steps;
}

SharingMember MemberOf(const std::string& name, int64_t need_wh, int64_t coefficient,
                       int32_t rank) {
  return {ParticipantId(name), GridConnectionId("c"), Energy::WattHours(need_wh), coefficient,
          rank};
}

TEST(StepsOfShareTest, ComeToWhatTheKeyGives) {
  std::mt19937 random(kSeed);
  const auto draw = [&](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  int64_t computed = 0;
  for (int round = 0; round < 5'000; ++round) {
    SharedPool pool;
    pool.fed_in_wh = draw(0, 120);
    int64_t left = kCoefficientsWhole;
    for (int64_t i = draw(1, 7); i > 0; --i) {
      const int64_t coefficient = draw(0, 2) == 0 ? 0 : draw(0, left);
      left -= coefficient;
      pool.members.push_back(MemberOf("m" + std::to_string(9 - i),
                                      draw(0, 3) == 0 ? 0 : draw(0, 50), coefficient,
                                      static_cast<int32_t>(draw(0, 2))));
    }
    for (const SharingKey key : kKeys) {
      const std::vector<int64_t> parts = PartsOf(pool, key);
      for (pool.own = 0; pool.own < pool.members.size(); ++pool.own) {
        const std::vector<Step> steps = StepsTo(pool, key);
        ASSERT_EQ(Recompute(steps), std::optional(parts[pool.own]))
            << "key " << static_cast<int>(key) << " round " << round << " member " << pool.own;
        computed += std::count_if(steps.begin(), steps.end(), [](const Step& step) {
          return step.operation == Operation::kShare;
        });
      }
    }
  }
  EXPECT_GT(computed, 50'000) << "parts are computed, not told";
}

TEST(StepsOfShareTest, NameWhatWasLeftRoundByRound) {
  SharedPool pool{1'000,
                  {MemberOf("a", 100, 500'000, 1), MemberOf("b", 900, 300'000, 2),
                   MemberOf("c", 900, 200'000, 2)},
                  1};
  std::vector<std::string> told;
  for (const Step& step : StepsTo(pool, SharingKey::kRelative)) {
    told.push_back(step.description + " " + std::to_string(step.result));
  }
  EXPECT_EQ(told, (std::vector<std::string>{
                      "pool 1000", "drawn 900",
                      "offered by coefficient among those who need more 300", "taken of it 300",
                      "left by all 400", "offered by coefficient among those who need more 240",
                      "still needed 600", "taken of it 240", "taken in all 540", "part 540"}));
}

}  // namespace
}  // namespace peerwatt::settlement
