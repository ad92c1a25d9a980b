// Figures of households and the community, by hand.

#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "tests/postgres/settlement/kpis_fixture.h"

namespace peerwatt::settlement {
namespace {

TEST_F(KpisTest, AHouseholdsFiguresByHand) {
  Replica replica(*this);
  replica.CatchUp();
  const auto buyer = Household("buyer", "buyer", Quarter(0), Quarter(4));
  ASSERT_TRUE(buyer.ok()) << buyer.status();
  EXPECT_EQ(buyer->name(), "participants/buyer/kpis");
  EXPECT_EQ(buyer->whole().settled_period_count(), 1);
  const v1::KpiFigures& bought = buyer->whole().figures();
  EXPECT_EQ(bought.consumed_energy_wh(), 1000);
  EXPECT_EQ(bought.from_neighbours_energy_wh(), 1000);
  EXPECT_EQ(bought.local_share_ppm(), 1'000'000);
  EXPECT_EQ(bought.self_sufficiency_ppm(), 0);
  EXPECT_FALSE(bought.has_self_consumption_ppm()) << "it produces nothing";
  EXPECT_EQ(bought.total().nanos(), -220'000'000) << "0.20 and 0.02 for the network";
  EXPECT_EQ(bought.total_without_trading().nanos(), -300'000'000);
  EXPECT_EQ(bought.savings().nanos(), 80'000'000);
  EXPECT_EQ(bought.avoided_co2_g(), 400);
  EXPECT_EQ(buyer->emission_factor().source(), "grid operator, 2025");
  const auto seller = Household("seller", kStaff, Quarter(0), Quarter(4));
  ASSERT_TRUE(seller.ok()) << seller.status();
  EXPECT_EQ(seller->whole().figures().local_use_ppm(), 666'666) << "1 of 1.5 kWh";
  EXPECT_EQ(seller->whole().figures().savings().nanos(), 100'000'000) << "0.22 against 0.12";
}

TEST_F(KpisTest, TheCommunitysFiguresByHand) {
  Replica replica(*this);
  replica.CatchUp();
  const auto hamlet = Community(Quarter(0), Quarter(4));
  ASSERT_TRUE(hamlet.ok()) << hamlet.status();
  const v1::CommunityKpiPart& whole = hamlet->whole();
  EXPECT_EQ(whole.household_count(), 3);
  EXPECT_EQ(whole.figures().consumed_energy_wh(), 1400);
  EXPECT_EQ(whole.figures().local_share_ppm(), 714'285) << "1 of 1.4 kWh";
  EXPECT_EQ(whole.figures().savings().nanos(), 180'000'000);
  EXPECT_EQ(whole.savings_gini_ppm(), 370'370) << "of 0, 0.08 and 0.10";
  EXPECT_EQ(whole.welfare_optimum().nanos(), 150'000'000);
  EXPECT_EQ(whole.welfare_share_ppm(), 1'000'000);
  EXPECT_EQ(hamlet->parts_size(), 0);
}

TEST_F(KpisTest, WelfareIsThatOfWhatWasDeliveredAndFollowsCorrections) {
  metering_.Store("seller", Quarter(0), 0, 600);
  Replica replica(*this);
  replica.CatchUp();
  EXPECT_EQ(Community(Quarter(0), Quarter(4))->whole().welfare_delivered().nanos(), 90'000'000);
  EXPECT_EQ(Community(Quarter(0), Quarter(4))->whole().welfare_share_ppm(), 600'000);
  metering_.Store("seller", Quarter(0), 0, 800);
  replica.CatchUp();
  EXPECT_EQ(PeriodAt(0).run_count, 2);
  EXPECT_EQ(Community(Quarter(0), Quarter(4))->whole().welfare_share_ppm(), 800'000);
}

TEST_F(KpisTest, FirmTradesHaveNoWelfareAndCountWhatMoved) {
  Scheme firm;
  firm.id = SchemeId("firm");
  firm.starts_at = Quarter(0);
  firm.policy = DeliveryPolicy::kFirm;
  registry_.schemes = {firm};
  metering_.Store("buyer", Quarter(0), 600, 0);
  metering_.Store("seller", Quarter(0), 0, 700);
  Replica replica(*this);
  replica.CatchUp();
  const auto buyer = Household("buyer", "buyer", Quarter(0), Quarter(1));
  EXPECT_EQ(buyer->whole().figures().from_neighbours_energy_wh(), 600) << "1 kWh was traded";
  const auto hamlet = Community(Quarter(0), Quarter(1));
  EXPECT_EQ(hamlet->whole().figures().to_neighbours_energy_wh(), 700);
  EXPECT_FALSE(hamlet->whole().has_welfare_share_ppm());
}

TEST_F(KpisTest, WithoutAFactorNothingIsSaidOfCo2) {
  registry_.rules.front().emission_factor.reset();
  Replica replica(*this);
  replica.CatchUp();
  const auto buyer = Household("buyer", "buyer", Quarter(0), Quarter(4));
  EXPECT_FALSE(buyer->whole().figures().has_avoided_co2_g());
  EXPECT_FALSE(buyer->has_emission_factor());
}

TEST_F(KpisTest, AnUnsettledSpanIsEmpty) {
  const auto hamlet = Community(Quarter(0), Quarter(2), v1::HouseholdKpis::PERIOD);
  ASSERT_TRUE(hamlet.ok()) << hamlet.status();
  EXPECT_EQ(hamlet->parts_size(), 2);
  EXPECT_EQ(hamlet->whole().settled_period_count(), 0);
  EXPECT_EQ(hamlet->whole().household_count(), 0);
  EXPECT_FALSE(hamlet->whole().has_savings_gini_ppm());
  EXPECT_FALSE(hamlet->whole().figures().has_local_share_ppm());
}

TEST_F(KpisTest, AHouseholdIsSeenByItselfAndByStaff) {
  EXPECT_TRUE(Household("buyer", "buyer", Quarter(0), Quarter(1)).ok());
  EXPECT_TRUE(Household("buyer", kStaff, Quarter(0), Quarter(1)).ok());
  EXPECT_EQ(ReasonOf(Household("buyer", "seller", Quarter(0), Quarter(1)).status()),
            "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Household("nobody", "seller", Quarter(0), Quarter(1)).status()),
            "PERMISSION_DENIED");
  v1::GetCommunityKpisRequest get;
  get.set_name("communities/hamlet/kpis");
  get.set_day("2026-07-01");
  EXPECT_EQ(ReasonOf(Call(&v1::Kpis::Stub::GetCommunityKpis, get, "buyer").status()),
            "PERMISSION_DENIED");
  EXPECT_TRUE(Call(&v1::Kpis::Stub::GetCommunityKpis, get, kStaff).ok());
  get.set_name("communities/elsewhere/kpis");
  EXPECT_EQ(ReasonOf(Call(&v1::Kpis::Stub::GetCommunityKpis, get, "buyer").status()),
            "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Call(&v1::Kpis::Stub::GetCommunityKpis, get, kStaff).status()), "NOT_FOUND");
  v1::ListHouseholdKpisRequest list;
  list.set_parent("communities/hamlet");
  list.set_month("2026-07");
  EXPECT_EQ(ReasonOf(Call(&v1::Kpis::Stub::ListHouseholdKpis, list, "buyer").status()),
            "PERMISSION_DENIED");
  EXPECT_TRUE(Call(&v1::Kpis::Stub::ListHouseholdKpis, list, kStaff).ok());
}

TEST_F(KpisTest, RefusesWhatIsNoSpan) {
  v1::GetHouseholdKpisRequest get;
  get.set_name("participants/buyer/kpis");
  EXPECT_EQ(ReasonOf(Call(&v1::Kpis::Stub::GetHouseholdKpis, get, "buyer").status()),
            "FIELD_INVALID");
  get.set_month("2026-07");
  EXPECT_TRUE(Call(&v1::Kpis::Stub::GetHouseholdKpis, get, "buyer").ok());
  get.set_step(static_cast<v1::HouseholdKpis::Step>(99));
  EXPECT_EQ(ReasonOf(Call(&v1::Kpis::Stub::GetHouseholdKpis, get, "buyer").status()),
            "FIELD_INVALID");
  EXPECT_EQ(ReasonOf(Community(Quarter(0), Quarter(0) + absl::Hours(24 * 33)).status()),
            "FIELD_INVALID");
  EXPECT_TRUE(Household("buyer", "buyer", Quarter(0), Quarter(0) + absl::Hours(24 * 366)).ok());
}

}  // namespace
}  // namespace peerwatt::settlement
