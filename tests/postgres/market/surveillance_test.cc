// Surveys of days in a real database: catching up, failing, replicas, and what is read of them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <memory>
#include <thread>

#include "tests/postgres/market/surveillance_fixture.h"

namespace peerwatt::market {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const auto kGoOn = [] { return false; };

/// The store, with calls that fail.
class FailingStore final : public SurveyStore {
 public:
  FailingStore(SurveyStore& store, Weather& weather) : store_(store), weather_(weather) {}
  absl::StatusOr<std::optional<NextSurvey>> FindNext(const CommunityId& community) override {
    return Under<std::optional<NextSurvey>>([&] { return store_.FindNext(community); });
  }
  absl::StatusOr<SurveyInput> Load(const CommunityId& community, Interval day) override {
    return Under<SurveyInput>([&] { return store_.Load(community, day); });
  }
  absl::StatusOr<bool> Keep(const CommunityId& community, const SurveyRecord& record) override {
    return Under<bool>([&] { return store_.Keep(community, record); });
  }

 private:
  template <typename Value>
  absl::StatusOr<Value> Under(const std::function<absl::StatusOr<Value>()>& call) {
    absl::StatusOr<Value> value = absl::UnknownError("not called");
    const absl::Status status = weather_.Call([&] { value = call(); });
    if (!status.ok()) {
      return status;
    }
    return value;
  }

  SurveyStore& store_;
  Weather& weather_;
};

std::vector<KeptFinding> AllFindings(WatchedWorld& world) {
  return *world.survey_view.ListFindings({.community = world.community,
                                          .span = {absl::UnixEpoch(), world.Day(1'000)},
                                          .rule = std::nullopt,
                                          .after = {},
                                          .limit = 1'000});
}

TEST(SurveillanceSchemaTest, WhatWasFoundCannotBeChanged) {
  WatchedWorld world;
  for (const char* table : {"surveys", "surveillance_findings", "beneficial_owners"}) {
    EXPECT_THROW(world.Run(absl::StrCat("DELETE FROM ", table)), pqxx::sql_error);
    EXPECT_THROW(world.Run(absl::StrCat("UPDATE ", table, " SET community_id = 'c2'")),
                 pqxx::sql_error);
  }
}

TEST(SurveyorTest, SurveysWhatTheMarketDid) {
  WatchedWorld world;
  world.AddStandingOrders();
  CountingProbe probe;
  Surveyor surveyor(world.rules, world.surveys, probe,
                    {.concentration_owners_min = 1, .references_max = 2});
  const absl::Time last_gate_closure = world.Day(1) - absl::Minutes(75);
  world.RunUntilDone(last_gate_closure - absl::Seconds(1));
  ASSERT_TRUE(surveyor.RunOnce(last_gate_closure - absl::Seconds(1), kGoOn).ok());
  EXPECT_EQ(probe.days, 0) << "the last auction is open";
  world.RunUntilDone(last_gate_closure);
  ASSERT_TRUE(surveyor.RunOnce(last_gate_closure, kGoOn).ok());
  EXPECT_EQ(probe.days, 1);
  const std::vector<KeptFinding> kept = AllFindings(world);
  ASSERT_THAT(kept, SizeIs(2)) << "p3 sells all, and p1 buys four fifths";
  const Finding& seller = kept[0].finding;
  EXPECT_EQ(kept[0].place.day_start, world.day);
  EXPECT_EQ(kept[0].place.number, 1);
  EXPECT_EQ(seller.rule, SurveillanceRule::kConcentration);
  EXPECT_EQ(seller.side, Side::kOffer);
  EXPECT_THAT(seller.owners, ElementsAre(ParticipantId("p3")));
  EXPECT_EQ(seller.measure, 1'000'000);
  EXPECT_EQ(seller.energy, Energy::WattHours(96 * 500));
  EXPECT_EQ(seller.deliveries, (Interval{world.day, world.Day(1)}));
}

TEST(SurveyorTest, CatchesUpDayByDayThroughEveryFailure) {
  for (const bool after_effect : {false, true}) {
    int failures = 0;
    for (bool done = false; !done;) {
      WatchedWorld world;
      world.AddDays(0, 3);
      world.AddReturn(0);
      world.AddReturn(2);
      FailingStore store(world.surveys, world.weather);
      CountingProbe probe;
      auto surveyor = std::make_unique<Surveyor>(world.rules, store, probe);
      world.weather.FailAt(failures, after_effect);
      const absl::Status first = surveyor->RunOnce(world.Day(3), kGoOn);
      done = first.ok();
      if (!done) {
        ++failures;
        // As after a restart: nothing is known but what is stored.
        surveyor = std::make_unique<Surveyor>(world.rules, store, probe);
        ASSERT_TRUE(surveyor->RunOnce(world.Day(3), kGoOn).ok());
      }
      EXPECT_EQ(world.Count("surveys WHERE complete AND trade_count IN (0, 2)"), 3);
      EXPECT_THAT(AllFindings(world), SizeIs(2));
    }
    EXPECT_EQ(failures, 3 * 3 + 1) << "each call of three days, and the last look";
  }
}

TEST(SurveyorTest, ReplicasSurveyADayOnce) {
  WatchedWorld world;
  constexpr int kDays = 5;
  constexpr int kReplicas = 4;
  world.AddDays(0, kDays);
  for (int i = 0; i < kDays; ++i) {
    world.AddReturn(i);
  }
  std::vector<CountingProbe> probes(kReplicas);
  std::vector<absl::Status> ends(kReplicas);
  {
    std::latch start(kReplicas);
    std::vector<std::jthread> replicas;
    for (size_t i = 0; i < kReplicas; ++i) {
      replicas.emplace_back([&, i] {
        Surveyor surveyor(world.rules, world.surveys, probes[i]);
        start.arrive_and_wait();
        ends[i] = surveyor.RunOnce(world.Day(kDays), kGoOn);
      });
    }
  }
  int days = 0;
  for (size_t i = 0; i < kReplicas; ++i) {
    EXPECT_TRUE(ends[i].ok()) << ends[i];
    days += probes[i].days;
  }
  EXPECT_EQ(days, kDays);
  EXPECT_EQ(world.Count("surveys"), kDays);
  EXPECT_THAT(AllFindings(world), SizeIs(kDays));
}

TEST(SurveyorTest, ADayWaitsForAllOfItsAuctions) {
  WatchedWorld world;
  world.AddDays(0, 2);
  world.Run("UPDATE auctions SET holds_reduced = false WHERE delivery_start_at = " +
            WatchedWorld::Sql(world.Day(1) + absl::Hours(3)));
  CountingProbe probe;
  Surveyor surveyor(world.rules, world.surveys, probe);
  ASSERT_TRUE(surveyor.RunOnce(world.Day(5), kGoOn).ok());
  EXPECT_EQ(probe.days, 1);
  world.Run("UPDATE auctions SET holds_reduced = true");
  ASSERT_TRUE(surveyor.RunOnce(world.Day(5), kGoOn).ok());
  EXPECT_EQ(probe.days, 2);
  ASSERT_TRUE(surveyor.RunOnce(world.Day(5), kGoOn).ok());
  EXPECT_EQ(probe.days, 2) << "the third day has not opened";
}

TEST(SurveyorTest, StopsBetweenDays) {
  WatchedWorld world;
  world.AddDays(0, 3);
  CountingProbe probe;
  Surveyor surveyor(world.rules, world.surveys, probe);
  ASSERT_TRUE(surveyor.RunOnce(world.Day(3), [&] { return probe.days == 2; }).ok());
  EXPECT_EQ(world.Count("surveys"), 2);
}

TEST(SurveyStoreTest, LoadsADayWithOwnersAndWithoutRefusedOrders) {
  WatchedWorld world;
  world.AddDays(0, 2);
  world.AddTrade(world.Day(0), 1, "p1", "p2", 5);
  world.AddTrade(world.Day(1), 1, "p1", "p2", 5);
  world.AddOrders(world.Day(1) - absl::Minutes(15), 1, 2, "p1", "CANCELLED");
  world.AddOrders(world.Day(0), 3, 1, "p1", "REJECTED");
  world.AddOrders(world.Day(0), 4, 1, "p1", "EXPIRED");
  const auto record = [&](const char* participant, const char* owner, int second) {
    return world.survey_view.RecordOwner(
        world.community,
        {ParticipantId(participant), ParticipantId(owner), world.day + absl::Seconds(second)});
  };
  ASSERT_TRUE(record("p2", "p9", 1).ok());
  ASSERT_TRUE(record("p2", "p8", 2).ok());
  ASSERT_TRUE(record("p2", "p1", 3).ok());
  ASSERT_TRUE(record("p3", "firm", 1).ok());
  const SurveyInput input = *world.surveys.Load(world.community, {world.Day(0), world.Day(1)});
  ASSERT_THAT(input.trades, SizeIs(1));
  EXPECT_EQ(input.trades[0].delivery.end, world.Day(0) + absl::Minutes(15));
  EXPECT_THAT(input.orders, SizeIs(3));
  EXPECT_EQ(std::count_if(input.orders.begin(), input.orders.end(),
                          [](const SurveyedOrder& order) { return order.withdrawn; }),
            2);
  EXPECT_EQ(input.owners.size(), 2u);
  EXPECT_EQ(input.owners.at(ParticipantId("p2")), ParticipantId("p1"));
  const auto owners = *world.survey_view.ListOwners(world.community, ParticipantId("p2"), 10);
  ASSERT_THAT(owners, SizeIs(1));
  EXPECT_EQ(owners[0].owner, ParticipantId("firm"));
}

TEST(SurveyViewTest, TheLastRecordOfAnOwnerCountsWhateverTheClockSays) {
  WatchedWorld world;
  const auto record = [&](const char* owner, int second) {
    return *world.survey_view.RecordOwner(
        world.community,
        {ParticipantId("p1"), ParticipantId(owner), world.day + absl::Seconds(second)});
  };
  EXPECT_EQ(record("a", 5).record_time, world.day + absl::Seconds(5));
  EXPECT_EQ(record("b", 5).record_time, world.day + absl::Seconds(5) + absl::Microseconds(1));
  EXPECT_EQ(record("b", 9).record_time, world.day + absl::Seconds(5) + absl::Microseconds(1));
  EXPECT_EQ(record("a", 1).record_time, world.day + absl::Seconds(5) + absl::Microseconds(2));
  EXPECT_EQ(world.Count("beneficial_owners"), 3);
  EXPECT_EQ(world.survey_view.ListOwners(world.community, {}, 9)->front().owner,
            ParticipantId("a"));
}

TEST(SurveyViewTest, NoRecordOfAnOwnerIsLostAmongOthers) {
  WatchedWorld world;
  constexpr int kRecorders = 4;
  std::vector<absl::StatusOr<BeneficialOwner>> kept(kRecorders, absl::UnknownError("not called"));
  {
    std::latch start(kRecorders);
    std::vector<std::jthread> recorders;
    for (size_t i = 0; i < kRecorders; ++i) {
      recorders.emplace_back([&, i] {
        const BeneficialOwner owner = {ParticipantId("p1"), ParticipantId(absl::StrCat("o", i)),
                                       world.day};
        start.arrive_and_wait();
        do {
          kept[i] = world.survey_view.RecordOwner(world.community, owner);
        } while (ReasonOf(kept[i].status()) == "RECORD_RACED");
      });
    }
  }
  for (size_t i = 0; i < kRecorders; ++i) {
    ASSERT_TRUE(kept[i].ok()) << kept[i].status();
    EXPECT_EQ(kept[i]->owner, ParticipantId(absl::StrCat("o", i)));
  }
  EXPECT_EQ(world.Count("beneficial_owners"), kRecorders);
}

TEST(SurveyStoreTest, AFindingComesBackAsItWas) {
  WatchedWorld world;
  SurveyRecord record;
  record.day = {world.Day(0), world.Day(1)};
  record.thresholds = Describe({});
  record.survey_time = world.Day(1);
  Finding ring;
  ring.rule = SurveillanceRule::kRing;
  ring.deliveries = {world.Day(0), world.Day(0) + absl::Hours(1)};
  ring.owners = {ParticipantId("a"), ParticipantId("c"), ParticipantId("b")};
  ring.participants = {ParticipantId("a"), ParticipantId("b"), ParticipantId("c")};
  ring.energy = Energy::WattHours(7);
  ring.measure = 350'000;
  ring.references = {"auctions/20270115t000000z/trades/t1"};
  ring.reference_count = 12;
  Finding share = ring;
  share.rule = SurveillanceRule::kConcentration;
  share.side = Side::kBid;
  share.references.clear();
  record.result.findings = {ring, share};
  record.result.complete = false;
  EXPECT_TRUE(*world.surveys.Keep(world.community, record));
  EXPECT_FALSE(*world.surveys.Keep(world.community, record)) << "the day has its survey";
  const std::vector<KeptFinding> kept = AllFindings(world);
  ASSERT_THAT(kept, SizeIs(2));
  EXPECT_EQ(kept[0].finding, ring);
  EXPECT_EQ(kept[1].finding, share);
  const SurveyProgress progress =
      *world.survey_view.GetProgress(world.community, {world.Day(0), world.Day(9)}, 10);
  EXPECT_EQ(progress.surveyed_through, world.Day(1));
  EXPECT_THAT(progress.incomplete_days, ElementsAre(world.Day(0)));
}

TEST(SurveyViewTest, ListsBySpanRuleAndPage) {
  WatchedWorld world;
  world.AddDays(0, 4);
  for (int i = 0; i < 4; ++i) {
    world.AddReturn(i);
  }
  CountingProbe probe;
  Surveyor surveyor(world.rules, world.surveys, probe);
  ASSERT_TRUE(surveyor.RunOnce(world.Day(4), kGoOn).ok());
  FindingQuery query = {.community = world.community,
                        .span = {world.Day(1) + absl::Hours(10), world.Day(3) + absl::Hours(10)},
                        .rule = std::nullopt,
                        .after = {},
                        .limit = 1};
  std::vector<absl::Time> days;
  for (auto page = world.survey_view.ListFindings(query); !page->empty();
       page = world.survey_view.ListFindings(query)) {
    ASSERT_THAT(*page, SizeIs(1));
    query.after = page->front().place;
    days.push_back(query.after.day_start);
  }
  EXPECT_THAT(days, ElementsAre(world.Day(1), world.Day(2)));
  query.after = {};
  query.rule = SurveillanceRule::kRing;
  EXPECT_THAT(*world.survey_view.ListFindings(query), IsEmpty());
  query.rule = SurveillanceRule::kReturnTrade;
  EXPECT_THAT(*world.survey_view.ListFindings(query), SizeIs(1));
  query.community = CommunityId("c2");
  EXPECT_THAT(*world.survey_view.ListFindings(query), IsEmpty());
}

TEST(ExportSourceTest, PagesHoldEveryRowOnce) {
  WatchedWorld world;
  world.AddDays(0, 1);
  constexpr int kDeliveries = 5;
  for (int i = 0; i < kDeliveries; ++i) {
    const absl::Time delivery = world.Day(0) + absl::Minutes(15) * i;
    world.AddOrders(delivery, 1, 11, "p1", "EXPIRED");
    for (int trade = 1; trade <= 11; ++trade) {
      world.AddTrade(delivery, trade, "p1", "p2", 100 + trade);
    }
  }
  // From the second delivery to the fourth.
  const absl::Time end = world.Day(0) + absl::Hours(1);
  AuctionKey at = {world.community, world.Day(0) + absl::Minutes(15)};
  OrderId order;
  std::vector<std::pair<absl::Time, std::string>> orders;
  for (auto page = world.source.ListOrders(at, order, end, 4); !page->empty();
       page = world.source.ListOrders(at, order, end, 4)) {
    EXPECT_LE(page->size(), 4u);
    for (const ExportedOrder& row : *page) {
      orders.emplace_back(row.order.auction.delivery_start, row.order.id.value());
      EXPECT_EQ(row.delivery_end, row.order.auction.delivery_start + absl::Minutes(15));
    }
    at = page->back().order.auction;
    order = page->back().order.id;
  }
  EXPECT_THAT(orders, SizeIs(33));
  EXPECT_TRUE(std::is_sorted(orders.begin(), orders.end()));
  EXPECT_EQ(std::unique(orders.begin(), orders.end()), orders.end());

  at.delivery_start = world.Day(0) + absl::Minutes(15);
  int32_t number = 0;
  int64_t energy = 0;
  for (auto page = world.source.ListTrades(at, number, end, 4); !page->empty();
       page = world.source.ListTrades(at, number, end, 4)) {
    for (const ExportedTrade& row : *page) {
      energy += row.trade.energy.wh();
      EXPECT_EQ(row.trade_time, row.delivery.start - absl::Hours(1));
      EXPECT_EQ(row.trade.price, Price::MicrosPerKwh(123'450));
      EXPECT_EQ(row.trade.seller_metering_point, MeteringPointId("m-p1"));
    }
    at.delivery_start = page->back().delivery.start;
    number = page->back().trade.number;
  }
  EXPECT_EQ(energy, 3 * (11 * 100 + 66));
}

}  // namespace
}  // namespace peerwatt::market
