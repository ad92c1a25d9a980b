#include "services/settlement/core/period_input.h"

#include <string>

#include <gtest/gtest.h>

namespace peerwatt::settlement {
namespace {

PointReading Read(int64_t import_wh, int64_t export_wh) {
  return {Energy::WattHours(import_wh), Energy::WattHours(export_wh), true};
}

Member MakeMember(const std::string& point, const std::string& participant,
                  const std::string& connection) {
  return {MeteringPointId(point), ParticipantId(participant), GridConnectionId(connection)};
}

TEST(Substitute, TakesTheDayBeforeElseZero) {
  const Substitution result = Substitute({Read(1, 2), PointReading{}, PointReading{}},
                                         {Read(7, 7), Read(3, 4), PointReading{}});
  EXPECT_EQ(result.substituted_count, 2);
  EXPECT_EQ(result.substituted, (std::vector<bool>{false, true, true}));
  EXPECT_EQ(result.readings[0].import_energy, Energy::WattHours(1));
  EXPECT_EQ(result.readings[1].export_energy, Energy::WattHours(4));
  EXPECT_EQ(result.readings[2].import_energy, Energy());
}

TEST(Substitute, NeedsNoDayBeforeWhenComplete) {
  EXPECT_EQ(Substitute({Read(1, 2)}, {}).substituted_count, 0);
  EXPECT_TRUE(IsComplete({Read(0, 0)}));
  EXPECT_FALSE(IsComplete({Read(0, 0), PointReading{}}));
}

TEST(ComposeInput, PutsPointsOfOneConnectionTogether) {
  CommunitySnapshot snapshot;
  snapshot.members = {MakeMember("m1", "p", "c"), MakeMember("m2", "p", "c"),
                      MakeMember("m3", "q", "c")};
  const SettlementInput input = ComposeInput(
      snapshot, {}, Scheme(),
      Substitute({Read(10, 0), PointReading{}, Read(1, 0)}, {Read(0, 0), Read(0, 5)}), {});
  // Another participant's connection of the same name is another connection.
  ASSERT_EQ(input.connections.size(), 2);
  EXPECT_EQ(input.connections[0].import_energy, Energy::WattHours(10));
  EXPECT_EQ(input.connections[0].export_energy, Energy::WattHours(5));
  EXPECT_TRUE(input.connections[0].substituted);
  EXPECT_FALSE(input.connections[1].substituted);
}

TEST(ComposeInput, GivesAConnectionWhatItsPointsHaveInTheKey) {
  CommunitySnapshot snapshot;
  snapshot.members = {MakeMember("m1", "p", "c"), MakeMember("m2", "p", "c"),
                      MakeMember("m3", "q", "c"), MakeMember("m4", "r", "c")};
  Scheme scheme;
  scheme.mechanism = Mechanism::kSharing;
  scheme.shares = {{MeteringPointId("m2"), 300'000, 4},
                   {MeteringPointId("m1"), 200'000, 2},
                   {MeteringPointId("m3"), 400'000, 1},
                   {MeteringPointId("gone"), 100'000, 9}};
  const PeriodReadings readings(4, Read(1, 0));
  const SettlementInput input = ComposeInput(snapshot, {}, scheme, Substitute(readings, {}), {});
  ASSERT_EQ(input.connections.size(), 3);
  EXPECT_EQ(input.connections[0].coefficient, 500'000);
  EXPECT_EQ(input.connections[0].rank, 2);
  EXPECT_EQ(input.connections[1].coefficient, 400'000);
  EXPECT_EQ(input.connections[2].coefficient, 0);
  EXPECT_EQ(input.connections[2].rank, kUnranked);
}

TEST(ComposeInput, TakesTheSchemesPricesWhereItHasThem) {
  CommunitySnapshot snapshot;
  snapshot.fees = {100'000, Price::MicrosPerKwh(7)};
  const GridTariff tariff = {Price::MicrosPerKwh(300'000), {}};
  Scheme scheme;
  SettlementInput input = ComposeInput(snapshot, tariff, scheme, {}, {});
  EXPECT_EQ(input.fees.operator_share_ppm, 100'000);
  EXPECT_EQ(input.fees.network_fee, Price::MicrosPerKwh(7));
  EXPECT_EQ(input.terms.imbalance_purchase, tariff.retail);
  EXPECT_EQ(input.terms.imbalance_sale, EnergyPrice());
  EXPECT_EQ(input.fees.operator_share_rule, "");
  scheme.id = SchemeId("s1");
  scheme.operator_share_ppm = 0;
  scheme.imbalance_purchase = Price::MicrosPerKwh(500'000);
  scheme.imbalance_sale = Price::MicrosPerKwh(-1);
  input = ComposeInput(snapshot, tariff, scheme, {}, {});
  EXPECT_EQ(input.fees.operator_share_ppm, 0);
  EXPECT_EQ(input.fees.operator_share_rule, "schemes/s1");
  EXPECT_EQ(input.terms.rule, "schemes/s1");
  EXPECT_EQ(input.terms.imbalance_purchase,
            EnergyPrice(Price::MicrosPerKwh(500'000), true, "schemes/s1"));
  EXPECT_EQ(input.terms.imbalance_sale,
            EnergyPrice(Price::MicrosPerKwh(-1), true, "schemes/s1"));
}

TEST(ComposeInput, LetsATradeOfAnUnknownPointDeliverNothing) {
  CommunitySnapshot snapshot;
  snapshot.members = {MakeMember("m1", "p", "c")};
  const Trade trade{TradeId("t1"),
                    Energy::WattHours(10),
                    Price::MicrosPerKwh(200'000),
                    Price(),
                    MeteringPointId("m1"),
                    MeteringPointId("gone"),
                    ParticipantId("p"),
                    ParticipantId("s")};
  const SettlementResult result =
      Settle(ComposeInput(snapshot, {}, Scheme(), Substitute({Read(10, 0)}, {}), {trade}));
  EXPECT_EQ(result.totals.delivered, Energy());
  EXPECT_EQ(result.totals.retail, Energy::WattHours(10));
}

}  // namespace
}  // namespace peerwatt::settlement
