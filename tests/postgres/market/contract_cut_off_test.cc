// Parties and the market are cut off at every call to the database, before and after its effect.
// Whoever goes on finds each agreement once and executes each contract once.

#include <gtest/gtest.h>

#include <string>

#include "tests/postgres/market/contract_world.h"
#include "tests/postgres/market/doomed.h"

namespace peerwatt::market {
namespace {

TEST(ContractCutOffTest, AtEveryDatabaseCallOfExecutingContracts) {
  const auto prepare = [](World& world) {
    world.settlement.balances[ParticipantId("p2")] = 10;
    world.RunUntilDone(world.start - absl::Hours(3));
    world.AddStandingOrders();
    Agreements(world).AgreeOnMany();
  };
  World undisturbed;
  prepare(undisturbed);
  undisturbed.RunUntilDone(undisturbed.start - absl::Hours(1));
  const std::string expected = ContractStory(undisturbed, 2);
  ASSERT_NE(expected.find("2 ct-fixed-b 100 at 200000"), std::string::npos) << expected;
  ASSERT_NE(expected.find("FUNDS_INSUFFICIENT"), std::string::npos) << expected;
  int calls = 0;
  for (int cut_at = -1; cut_at < calls; ++cut_at) {
    for (const bool after_effect : {false, true}) {
      World world;
      prepare(world);
      {
        Doomed doomed(world, cut_at, after_effect);
        const absl::Status ended =
            doomed.runner.RunOnce(world.start - absl::Hours(1), [] { return false; });
        EXPECT_EQ(ended.ok(), cut_at < 0) << ended;
        if (cut_at < 0) {
          calls = doomed.proxy.calls();
          ASSERT_GE(calls, 25);
        }
      }
      world.RunUntilDone(world.start - absl::Hours(1));
      EXPECT_EQ(ContractStory(world, 2), expected) << "call " << cut_at << ", " << after_effect;
    }
  }
}

TEST(ContractCutOffTest, AtEveryDatabaseCallOfAnAgreement) {
  // Offer, answer, amendment and notice, by parties who try again what got no answer.
  const auto talk = [](Agreements& agreements) {
    const World& world = agreements.world;
    const absl::Time now = world.start - absl::Hours(48);
    ContractTerms other = EveryInterval(world, 50, 100'000);
    other.valid_from += absl::Hours(1);
    bool all = agreements.Offer("k1", "p1", EveryInterval(world, 100, 200'000), now).ok();
    all = agreements.Accept("k1", "p1", now).ok() && all;
    all = agreements.desk.Amend(agreements.By("p1", "k1", now), 2, other).ok() && all;
    all = agreements.desk.Accept(agreements.By("p3", "k1", now), 2, {}).ok() && all;
    return agreements.desk.Cancel(agreements.By("p1", "k1", now), "moving").ok() && all;
  };
  int calls = 0;
  for (int cut_at = -1; cut_at < calls; ++cut_at) {
    for (const bool after_effect : {false, true}) {
      World world;
      {
        Doomed doomed(world, cut_at, after_effect);
        Agreements agreements(world, doomed.pool);
        EXPECT_EQ(talk(agreements), cut_at < 0);
        if (cut_at < 0) {
          calls = doomed.proxy.calls();
          ASSERT_GE(calls, 30);
        }
      }
      Agreements agreements(world);
      EXPECT_TRUE(talk(agreements)) << "call " << cut_at << ", " << after_effect;
      const Contract kept = *agreements.store.Get(world.community, ContractId("k1"));
      ASSERT_EQ(kept.versions.size(), 2u);
      EXPECT_EQ(kept.versions[0].state, VersionState::kAccepted);
      EXPECT_EQ(kept.versions[1].state, VersionState::kAccepted);
      EXPECT_TRUE(kept.cancellation.has_value());
    }
  }
}

}  // namespace
}  // namespace peerwatt::market
