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
      snapshot, Substitute({Read(10, 0), PointReading{}, Read(1, 0)}, {Read(0, 0), Read(0, 5)}),
      {});
  // Another participant's connection of the same name is another connection.
  ASSERT_EQ(input.connections.size(), 2);
  EXPECT_EQ(input.connections[0].import_energy, Energy::WattHours(10));
  EXPECT_EQ(input.connections[0].export_energy, Energy::WattHours(5));
  EXPECT_TRUE(input.connections[0].substituted);
  EXPECT_FALSE(input.connections[1].substituted);
}

TEST(ComposeInput, LetsATradeOfAnUnknownPointDeliverNothing) {
  CommunitySnapshot snapshot;
  snapshot.members = {MakeMember("m1", "p", "c")};
  snapshot.has_tariff = true;
  snapshot.tariff = {Price::MicrosPerKwh(300'000), Price::MicrosPerKwh(80'000)};
  const Trade trade{TradeId("t1"),
                    Energy::WattHours(10),
                    Price::MicrosPerKwh(200'000),
                    Price(),
                    MeteringPointId("m1"),
                    MeteringPointId("gone"),
                    ParticipantId("p"),
                    ParticipantId("s")};
  const SettlementResult result =
      Settle(ComposeInput(snapshot, Substitute({Read(10, 0)}, {}), {trade}));
  EXPECT_EQ(result.totals.delivered, Energy());
  EXPECT_EQ(result.totals.retail, Energy::WattHours(10));
}

}  // namespace
}  // namespace peerwatt::settlement
