#include "services/market/core/community_turns.h"

#include <gtest/gtest.h>

#include <string>

#include "libs/base/error.h"

namespace peerwatt::market {
namespace {

constexpr ErrorReason kBroken = {"BROKEN", absl::StatusCode::kInternal, false};
constexpr ErrorReason kLost = {kLeaseLostReason, absl::StatusCode::kAborted, true};

class Leases final : public CommunityLeases {
 public:
  std::optional<int64_t> Enter(const CommunityId& community) override {
    const auto found = tokens.find(community.value());
    return found == tokens.end() ? std::nullopt : std::optional(found->second);
  }
  std::map<std::string, int64_t> tokens;
};

// Communities a, b and c, all held; notes whose turn it was.
class CommunityTurnsTest : public testing::Test {
 protected:
  CommunityTurnsTest() {
    for (const char* id : {"a", "b", "c"}) {
      CommunityRules rules;
      rules.id = CommunityId(id);
      communities_.push_back(rules);
      leases_.tokens[id] = 1;
    }
  }
  absl::Status Run(absl::Time now) {
    seen_.clear();
    return turns_.RunOnce(
        communities_, now, [&] { return seen_.size() == stop_after_; },
        [&](const CommunityRules& rules) -> absl::StatusOr<absl::Time> {
          seen_ += rules.id.value();
          if (failures_.contains(rules.id.value())) {
            return Error(failures_.at(rules.id.value()), "it went wrong");
          }
          return now + absl::Minutes(1);
        },
        [](const absl::Status& ended) { return !IsLeaseLost(ended); });
  }

  const absl::Time start_ = absl::FromUnixSeconds(1'800'000'000);
  std::vector<CommunityRules> communities_;
  Leases leases_;
  std::map<std::string, ErrorReason> failures_;
  size_t stop_after_ = 100;
  std::string seen_;
  CommunityTurns turns_{leases_};
};

TEST_F(CommunityTurnsTest, TakesATurnWhenOneIsDue) {
  EXPECT_EQ(Run(start_), absl::OkStatus());
  EXPECT_EQ(seen_, "abc");
  EXPECT_EQ(Run(start_ + absl::Seconds(59)), absl::OkStatus());
  EXPECT_EQ(seen_, "");
  EXPECT_EQ(Run(start_ + absl::Seconds(60)), absl::OkStatus());
  EXPECT_EQ(seen_, "abc");
}

TEST_F(CommunityTurnsTest, LeavesCommunitiesOfOtherReplicas) {
  leases_.tokens.erase("b");
  EXPECT_EQ(Run(start_), absl::OkStatus());
  EXPECT_EQ(seen_, "ac");
}

TEST_F(CommunityTurnsTest, LooksAgainUnderANewLease) {
  EXPECT_EQ(Run(start_), absl::OkStatus());
  leases_.tokens["b"] = 2;
  EXPECT_EQ(Run(start_ + absl::Seconds(1)), absl::OkStatus());
  EXPECT_EQ(seen_, "b");
}

TEST_F(CommunityTurnsTest, TriesAgainWhatFailedAndGoesOnWithTheOthers) {
  failures_ = {{"a", kBroken}};
  EXPECT_EQ(ReasonOf(Run(start_)), "BROKEN");
  EXPECT_EQ(seen_, "abc");
  failures_.clear();
  EXPECT_EQ(Run(start_ + absl::Seconds(1)), absl::OkStatus());
  EXPECT_EQ(seen_, "a");
}

TEST_F(CommunityTurnsTest, CountsNoFailureThatIsNone) {
  failures_ = {{"a", kLost}};
  EXPECT_EQ(Run(start_), absl::OkStatus());
  EXPECT_EQ(Run(start_ + absl::Seconds(1)), absl::OkStatus());
  EXPECT_EQ(seen_, "a") << "it is tried again all the same";
}

TEST_F(CommunityTurnsTest, StopsBetweenTurns) {
  stop_after_ = 1;
  EXPECT_EQ(Run(start_), absl::OkStatus());
  EXPECT_EQ(seen_, "a");
  stop_after_ = 100;
  EXPECT_EQ(Run(start_), absl::OkStatus());
  EXPECT_EQ(seen_, "bc");
}

}  // namespace
}  // namespace peerwatt::market
