// Figures against a naive reckoning that looks at each line by itself.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "tests/postgres/settlement/kpis_fixture.h"

namespace peerwatt::settlement {
namespace {

constexpr uint32_t kSeed = 20261105;
constexpr int kQuarters = 40;

/// Sums by start of the period and participant.
using NaiveSums = std::map<std::pair<absl::Time, std::string>, KpiFigures>;

/// Ten hours of a hamlet whose members consume, produce and trade at random; every ninth reading
/// comes again, corrected, after it was settled. The first hours are traded as delivered, then
/// firmly, then pooled.
class RandomKpisTest : public KpisTest {
 protected:
  void SetUp() override {
    KpisTest::SetUp();
    for (const char* name : {"prosumer", "plant"}) {
      registry_.snapshot.members.push_back(
          {MeteringPointId(name), ParticipantId(name), GridConnectionId("connection")});
    }
    // One with two connections.
    registry_.snapshot.members.push_back(
        {MeteringPointId("barn"), ParticipantId("prosumer"), GridConnectionId("barn")});
    Scheme firm;
    firm.id = SchemeId("firm");
    firm.starts_at = Quarter(16);
    firm.policy = DeliveryPolicy::kFirm;
    Scheme pool;
    pool.id = SchemeId("pool");
    pool.starts_at = Quarter(28);
    pool.mechanism = Mechanism::kFixedPricePool;
    pool.local_price = Price::MicrosPerKwh(150'000);
    registry_.schemes = {firm, pool};
    market_.trades.clear();
    for (int quarter = 0; quarter < kQuarters; ++quarter) {
      StoreReadings(quarter);
      AddTrades(quarter);
    }
    clock_.Set(Quarter(kQuarters));
    Replica replica(*this);
    replica.CatchUp();
    for (int quarter = 0; quarter < kQuarters; quarter += 9) StoreReadings(quarter);
    replica.CatchUp();
    ASSERT_EQ(PeriodAt(9).run_count, 2) << "seed " << kSeed;
  }

  int64_t Below(int64_t bound) {
    return static_cast<int64_t>(random_() % static_cast<uint64_t>(bound));
  }
  void StoreReadings(int quarter) {
    for (const Member& member : registry_.snapshot.members) {
      metering_.Store(member.point.value(), Quarter(quarter), Below(1500), Below(1500));
    }
  }
  void AddTrades(int quarter) {
    const std::vector<Member>& members = registry_.snapshot.members;
    std::vector<Trade>& trades = market_.trades[Quarter(quarter)];
    for (int i = 0; i < 6; ++i) {
      const size_t buyer = static_cast<size_t>(Below(3));
      const size_t seller = 3 + static_cast<size_t>(Below(3));
      trades.push_back({TradeId(absl::StrCat("t", i)), Energy::WattHours(1 + Below(700)),
                        Price::MicrosPerKwh(Below(400'000) - 50'000),
                        Price::MicrosPerKwh(Below(40'000) - 10'000), members[buyer].point,
                        members[seller].point, members[buyer].participant,
                        members[seller].participant, Price::MicrosPerKwh(Below(200'000))});
    }
  }

  /// Reads every line, and adds it up by the words of the protocol.
  NaiveSums ReckonNaively() {
    using Cell = std::tuple<absl::Time, std::string, std::string>;
    struct Moved {
      Energy drawn, fed_in, own, bought, sold;
      Money with, without;
    };
    std::map<Cell, Moved> cells;
    pqxx::connection connection(database_->owner_dsn());
    pqxx::work tx(connection);
    for (const auto& row : tx.exec(
             "SELECT extract(epoch FROM period_start_at)::bigint, participant_id, connection_id, "
             "kind, energy_wh, amount_micros FROM settlement_lines")) {
      Moved& moved = cells[{absl::FromUnixSeconds(row[0].as<int64_t>()), row[1].as<std::string>(),
                            row[2].as<std::string>()}];
      const Energy energy = Energy::WattHours(row[4].as<int64_t>());
      const Money amount = Money::Micros(row[5].as<int64_t>());
      switch (static_cast<LineKind>(row[3].as<int32_t>())) {
        case LineKind::kReferenceDraw:
          moved.drawn += energy;
          moved.without += amount;
          continue;
        case LineKind::kReferenceFeedIn:
          moved.fed_in += energy;
          moved.without += amount;
          continue;
        case LineKind::kSelfConsumption:
          moved.own += energy;
          break;
        case LineKind::kPurchase:
        case LineKind::kPoolPurchase:
          moved.bought += energy;
          break;
        case LineKind::kSale:
        case LineKind::kPoolSale:
          moved.sold += energy;
          break;
        default:
          break;
      }
      moved.with += amount;
    }
    NaiveSums sums;
    for (const auto& [cell, moved] : cells) {
      KpiFigures& sum = sums[{std::get<0>(cell), std::get<1>(cell)}];
      sum.energy.drawn += moved.drawn;
      sum.energy.fed_in += moved.fed_in;
      sum.energy.self_consumed += moved.own;
      sum.energy.from_neighbours += std::min(moved.bought, moved.drawn);
      sum.energy.to_neighbours += std::min(moved.sold, moved.fed_in);
      sum.money.with_neighbours += moved.with;
      sum.money.without_neighbours += moved.without;
    }
    return sums;
  }

  /// Compares what the service says with naive sums over a span; `participant` empty: of all.
  void ExpectAsReckoned(const NaiveSums& sums, absl::Time start, absl::Time end,
                        const std::string& participant, const v1::KpiFigures& said) {
    Energy consumed, produced, own, from, to;
    Money with, without;
    for (const auto& [key, sum] : sums) {
      if (key.first < start || key.first >= end) continue;
      if (!participant.empty() && key.second != participant) continue;
      consumed += sum.energy.drawn + sum.energy.self_consumed;
      produced += sum.energy.fed_in + sum.energy.self_consumed;
      own += sum.energy.self_consumed;
      from += sum.energy.from_neighbours;
      to += sum.energy.to_neighbours;
      with += sum.money.with_neighbours;
      without += sum.money.without_neighbours;
    }
    EXPECT_EQ(said.consumed_energy_wh(), consumed.wh());
    EXPECT_EQ(said.produced_energy_wh(), produced.wh());
    EXPECT_EQ(said.self_consumed_energy_wh(), own.wh());
    EXPECT_EQ(said.from_neighbours_energy_wh(), from.wh());
    EXPECT_EQ(said.to_neighbours_energy_wh(), to.wh());
    EXPECT_EQ(rpc::MoneyFrom(said.total(), "EUR", "total").value(), with);
    EXPECT_EQ(rpc::MoneyFrom(said.savings(), "EUR", "savings").value(), with - without);
    EXPECT_EQ(said.has_local_share_ppm(), consumed != Energy());
    if (consumed == Energy()) return;
    EXPECT_EQ(said.local_share_ppm(), (own + from).wh() * 1'000'000 / consumed.wh());
    EXPECT_EQ(said.avoided_co2_g(), (own + from).wh() * 400 / 1000);
  }

  std::mt19937 random_{kSeed};
};

TEST_F(RandomKpisTest, AgreeWithEveryLineReckonedByItself) {
  const NaiveSums sums = ReckonNaively();
  ASSERT_GT(sums.size(), 100U);
  const auto hamlet = Community(Quarter(0), Quarter(kQuarters), v1::HouseholdKpis::PERIOD);
  ASSERT_TRUE(hamlet.ok()) << hamlet.status();
  ExpectAsReckoned(sums, Quarter(0), Quarter(kQuarters), "", hamlet->whole().figures());
  ASSERT_EQ(hamlet->parts_size(), kQuarters);
  for (int i = 0; i < kQuarters; ++i) {
    SCOPED_TRACE(::testing::Message() << "quarter " << i << ", seed " << kSeed);
    ExpectAsReckoned(sums, Quarter(i), Quarter(i + 1), "", hamlet->parts(i).figures());
    EXPECT_EQ(hamlet->parts(i).settled_period_count(), 1);
  }
  for (const Member& member : registry_.snapshot.members) {
    const std::string name = member.participant.value();
    SCOPED_TRACE(::testing::Message() << name << ", seed " << kSeed);
    const auto household =
        Household(name, name, Quarter(3), Quarter(31), v1::HouseholdKpis::PERIOD);
    ASSERT_TRUE(household.ok()) << household.status();
    ExpectAsReckoned(sums, Quarter(3), Quarter(31), name, household->whole().figures());
    ASSERT_EQ(household->parts_size(), 28);
    ExpectAsReckoned(sums, Quarter(20), Quarter(21), name, household->parts(17).figures());
  }
}

TEST_F(RandomKpisTest, TheListIsThatOfTheHouseholdsPageByPage) {
  std::map<std::string, std::string> listed;
  v1::ListHouseholdKpisRequest request;
  request.set_parent("communities/hamlet");
  SetSpan(Quarter(2), Quarter(30), request);
  request.set_page_size(2);
  int pages = 0;
  do {
    const auto page = Call(&v1::Kpis::Stub::ListHouseholdKpis, request, kStaff);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->households_size(), 2);
    for (const v1::ListedHouseholdKpis& one : page->households()) {
      EXPECT_TRUE(listed.emplace(one.participant(), one.figures().ShortDebugString()).second);
    }
    request.set_page_token(page->next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(pages, 3);
  ASSERT_EQ(listed.size(), 5U) << "the prosumer's two connections are one household";
  for (const auto& [participant, figures] : listed) {
    const std::string name = participant.substr(std::string("participants/").size());
    EXPECT_EQ(
        figures,
        Household(name, kStaff, Quarter(2), Quarter(30))->whole().figures().ShortDebugString());
  }
}

TEST_F(RandomKpisTest, WelfareIsThatOfTheLines) {
  // By hand: the gain of each trade less that of what its purchase lines lack.
  int64_t optimum = 0;
  int64_t delivered = 0;
  pqxx::connection connection(database_->owner_dsn());
  pqxx::work tx(connection);
  for (int quarter = 0; quarter < 16; ++quarter) {
    int64_t of_all = 0;
    int64_t lost = 0;
    for (const Trade& trade : market_.trades[Quarter(quarter)]) {
      const auto moved = tx.exec1(
                               "SELECT coalesce(sum(energy_wh), 0)::bigint FROM settlement_lines "
                               "WHERE kind = 1 AND trade_id = " +
                               tx.quote(trade.id.value()) + " AND period_start_at = to_timestamp(" +
                               std::to_string(absl::ToUnixSeconds(Quarter(quarter))) + ")")[0]
                             .as<int64_t>();
      const int64_t gain = trade.gain.micros_per_kwh();
      of_all += trade.energy.wh() * gain / 1000;
      lost += ((trade.energy.wh() - moved) * gain + 999) / 1000;
    }
    optimum += of_all;
    delivered += std::max<int64_t>(of_all - lost, 0);
  }
  ASSERT_LT(delivered, optimum);
  const auto hamlet = Community(Quarter(0), Quarter(kQuarters));
  EXPECT_EQ(rpc::MoneyFrom(hamlet->whole().welfare_optimum(), "EUR", "")->micros(), optimum);
  EXPECT_EQ(rpc::MoneyFrom(hamlet->whole().welfare_delivered(), "EUR", "")->micros(), delivered);
}

}  // namespace
}  // namespace peerwatt::settlement
