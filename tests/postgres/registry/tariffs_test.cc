#include <string>
#include <vector>

#include "services/registry/storage/tariff_version_store.h"
#include "tests/postgres/registry/registry_fixture.h"

namespace peerwatt::registry {
namespace {

class TariffsTest : public RegistryFixture {
 protected:
  static TariffVersion FlatOf(const std::string& id, absl::Time starts_at) {
    TariffVersion version;
    version.community = CommunityId("hamlet");
    version.id = TariffId(id);
    version.starts_at = starts_at;
    version.created_at = kNow;
    version.rules.retail.default_price = Price::MicrosPerKwh(300'000);
    version.rules.feed_in.default_price = Price::MicrosPerKwh(80'000);
    return version;
  }
  static TariffVersion FullOf(const std::string& id, absl::Time starts_at) {
    TariffVersion version = FlatOf(id, starts_at);
    version.rules.retail.default_is_taxable = false;
    version.rules.retail.prices = {
        {"night",
         Price::MicrosPerKwh(-200'000),
         {{kAllWeekdays, 0, 360, std::nullopt},
          {0x60, 1320, kMinutesOfDay, Season{{10, 1}, {3, 31}}}}},
        {"noon", Price::MicrosPerKwh(100'000), {{0x1F, 720, 780, std::nullopt}}, false}};
    version.rules.feed_in.default_price.reset();
    version.rules.feed_in.prices = {
        {"noon", Price::MicrosPerKwh(40'000), {{0x1F, 720, 780, std::nullopt}}}};
    version.rules.subscriptions = {
        {SubscriptionBasis::kParticipant, Money::Micros(3'000'000), false},
        {SubscriptionBasis::kGridConnection, Money::Micros(1'000'000)}};
    version.rules.piece_fees = {{PieceFeeBasis::kSale, Money::Micros(-5), false},
                                {PieceFeeBasis::kGridConnectionMonth, Money::Micros(7)}};
    return version;
  }
  absl::StatusOr<TariffVersion> Create(const TariffVersion& version, bool keep = true) {
    return tariffs_.Create(version, keep, kActor);
  }
  void SetUp() override { FillHamlet(); }

  PostgresTariffVersionStore tariffs_{pool_};
  const CommunityId hamlet_{"hamlet"};
};

TEST_F(TariffsTest, AVersionReadsAsItWasWritten) {
  const TariffVersion full = FullOf("full", kNow);
  const auto created = Create(full);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_TRUE(SameContent(*created, full));
  EXPECT_EQ(created->number, 1);
  EXPECT_EQ(created->created_at, kNow);
  EXPECT_TRUE(SameContent(tariffs_.Get(hamlet_, TariffId("full")).value(), full));
  EXPECT_EQ(ReasonOf(tariffs_.Get(hamlet_, TariffId("none")).status()), "NOT_FOUND");
  EXPECT_EQ(AuditOf("communities/hamlet/tariffVersions/full"),
            std::vector<std::string>{"TARIFF_VERSION_CREATED users/admin"});
}

TEST_F(TariffsTest, VersionsNeverChangeAndShareNoStart) {
  ASSERT_TRUE(Create(FullOf("ta", kNow)).ok());
  EXPECT_EQ(Create(FullOf("ta", kNow))->number, 1) << "the same again is the same";
  TariffVersion other = FullOf("ta", kNow);
  other.rules.retail.prices[0].windows[1].season->last.day = 30;
  EXPECT_EQ(ReasonOf(Create(other).status()), "CONTENT_DIFFERS");
  EXPECT_EQ(ReasonOf(Create(FlatOf("tb", kNow)).status()), "TARIFF_START_TAKEN");
  EXPECT_EQ(Create(FlatOf("tb", kNow + absl::Hours(1)))->number, 2);
  TariffVersion stranger = FlatOf("tc", kNow);
  stranger.community = CommunityId("nowhere");
  EXPECT_EQ(ReasonOf(Create(stranger).status()), "NOT_FOUND");
}

TEST_F(TariffsTest, WhatIsOnlyCheckedIsNotKept) {
  const auto checked = Create(FullOf("ta", kNow), false);
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_TRUE(SameContent(*checked, FullOf("ta", kNow)));
  EXPECT_EQ(ReasonOf(tariffs_.Get(hamlet_, TariffId("ta")).status()), "NOT_FOUND");
  EXPECT_TRUE(AuditOf("communities/hamlet/tariffVersions/ta").empty());
  ASSERT_TRUE(Create(FullOf("ta", kNow)).ok());
  EXPECT_EQ(ReasonOf(Create(FlatOf("tb", kNow), false).status()), "TARIFF_START_TAKEN");
  EXPECT_EQ(tariffs_.Counts()->front().second, 1);
}

TEST_F(TariffsTest, ATariffOfTwoPricesIsAVersionAndTheOtherWayRound) {
  ASSERT_TRUE(communities_
                  .CreateTariff({hamlet_, TariffId("old"), Price::MicrosPerKwh(80'000),
                                 Price::MicrosPerKwh(300'000), kNow})
                  .ok());
  EXPECT_TRUE(SameContent(tariffs_.Get(hamlet_, TariffId("old")).value(), FlatOf("old", kNow)));
  ASSERT_TRUE(Create(FlatOf("flat", kNow + absl::Hours(1))).ok());
  ASSERT_TRUE(Create(FullOf("full", kNow + absl::Hours(2))).ok());
  const auto listed = communities_.ListTariffs(hamlet_, absl::InfiniteFuture(), 10);
  ASSERT_EQ(listed->size(), 2U) << "one with rules is no tariff of two prices";
  EXPECT_EQ((*listed)[0].id.value(), "flat");
  EXPECT_EQ((*listed)[1].id.value(), "old");
  EXPECT_EQ(ReasonOf(communities_
                         .CreateTariff(
                             {hamlet_, TariffId("full"), Price(), Price(), kNow + absl::Hours(2)})
                         .status()),
            "CONTENT_DIFFERS");
  EXPECT_EQ(tariffs_.Counts()->front(), std::pair(hamlet_, int64_t{3}));
}

TEST_F(TariffsTest, ASpanHasTheVersionInForceAtItsStartAndThoseThatStartWithin) {
  for (int day = 0; day < 4; ++day) {
    ASSERT_TRUE(Create(FlatOf("v" + std::to_string(day), kNow + absl::Hours(24 * day))).ok());
  }
  const auto ids = [&](absl::Time start, absl::Time end) {
    std::string text;
    const auto found = tariffs_.ListInForce(hamlet_, {start, end});
    EXPECT_EQ(found->version_count, 4);
    for (const TariffVersion& version : found->versions) text += version.id.value() + " ";
    return text;
  };
  EXPECT_EQ(ids(kNow - absl::Hours(2), kNow), "");
  EXPECT_EQ(ids(kNow - absl::Hours(2), kNow + absl::Hours(1)), "v0 ");
  EXPECT_EQ(ids(kNow + absl::Hours(25), kNow + absl::Hours(26)), "v1 ");
  EXPECT_EQ(ids(kNow + absl::Hours(25), kNow + absl::Hours(72)), "v1 v2 ");
  EXPECT_EQ(ids(absl::InfinitePast(), absl::InfiniteFuture()), "v0 v1 v2 v3 ");
}

TEST_F(TariffsTest, TheSnapshotHasThePricesOfTheMoment) {
  ASSERT_TRUE(Create(FullOf("full", kNow)).ok());
  EXPECT_FALSE(communities_.Snapshot(hamlet_, kNow)->tariff.has_value()) << "feed-in is missing";
  TariffVersion version = FullOf("later", kNow + absl::Hours(24));
  version.rules.feed_in.default_price = Price::MicrosPerKwh(80'000);
  ASSERT_TRUE(Create(version).ok());
  // 1800000000 is 15 January 2027, 09:00 in Berlin, a Friday.
  const auto at = [&](absl::Duration since) {
    return communities_.Snapshot(hamlet_, kNow + since)->tariff.value().retail_price;
  };
  EXPECT_EQ(at(absl::Hours(24)), Price::MicrosPerKwh(300'000));
  EXPECT_EQ(at(absl::Hours(24 + 13)), Price::MicrosPerKwh(-200'000)) << "Saturday, 22:00, winter";
  EXPECT_EQ(at(absl::Hours(24 * 3 + 3)), Price::MicrosPerKwh(100'000)) << "Monday, noon";
}

// Tariffs that an older version of the service has kept get their numbers by start.
TEST(TariffMigrationTest, NumbersWhatIsThere) {
  std::vector<postgres::Migration> older = Migrations();
  older.resize(4);
  const auto database = peerwatt::testing::TestDatabase::Create("registry", older);
  {
    pqxx::connection connection(database->owner_dsn());
    pqxx::work tx(connection);
    for (const std::string id : {"c1", "c2"}) {
      tx.exec(
          "INSERT INTO communities (community_id, display_name, time_zone, currency_code, "
          "interval_s, trading_starts_at, opening_lead_s, gate_closure_lead_s, "
          "settlement_grace_s, network_fee_micros_per_kwh, operator_share_ppm, "
          "price_min_micros_per_kwh, price_max_micros_per_kwh, created_at) VALUES ('" +
          id + "', 'C', 'UTC', 'EUR', 900, now(), 86400, 3600, 0, 0, 0, 0, 1, now())");
      tx.exec(
          "INSERT INTO tariffs (community_id, tariff_id, feed_in_price_micros_per_kwh, "
          "retail_price_micros_per_kwh, starts_at) VALUES ('" +
          id + "', 'later', 1, 2, '2026-02-01Z'), ('" + id + "', 'sooner', 3, 4, '2026-01-01Z')");
    }
    tx.commit();
  }
  const absl::Status migrated = postgres::Migrate(database->owner_dsn(), Migrations());
  ASSERT_TRUE(migrated.ok()) << migrated;
  postgres::Pool pool(database->dsn(), Queries(), 1);
  PostgresTariffVersionStore tariffs(pool);
  for (const char* id : {"c1", "c2"}) {
    const auto sooner = tariffs.Get(CommunityId(id), TariffId("sooner"));
    ASSERT_TRUE(sooner.ok()) << sooner.status();
    EXPECT_EQ(sooner->number, 1);
    EXPECT_EQ(sooner->rules.retail.default_price, Price::MicrosPerKwh(4));
    EXPECT_EQ(sooner->created_at, std::nullopt);
    EXPECT_EQ(tariffs.Get(CommunityId(id), TariffId("later"))->number, 2);
  }
}

}  // namespace
}  // namespace peerwatt::registry
