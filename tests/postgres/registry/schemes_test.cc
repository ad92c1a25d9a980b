#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/postgres/registry/service_fixture.h"

namespace peerwatt::registry {
namespace {

using ::testing::ElementsAre;

class SchemesTest : public RegistryFixture {
 protected:
  SchemesTest() { FillHamlet(); }

  static Scheme SchemeOf(const std::string& id, absl::Time starts_at, Mechanism mechanism) {
    Scheme scheme;
    scheme.community = CommunityId("hamlet");
    scheme.id = SchemeId(id);
    scheme.starts_at = starts_at;
    scheme.mechanism = mechanism;
    scheme.created_at = kNow;
    if (mechanism == Mechanism::kFixedPricePool) scheme.pool_price = Price::MicrosPerKwh(-5);
    return WithDefaults(scheme);
  }
  std::string Reason(const Scheme& scheme) {
    return ReasonOf(schemes_.Create(scheme, kNow, kActor).status());
  }
  /// Keeps a scheme and reads it back.
  void ExpectKept(const Scheme& scheme) {
    ASSERT_EQ(Reason(scheme), "");
    const auto stored = schemes_.Get(scheme.community, scheme.id);
    ASSERT_TRUE(stored.ok()) << stored.status();
    EXPECT_TRUE(SameContent(*stored, scheme));
    EXPECT_EQ(stored->created_at, kNow);
  }
  std::vector<std::string> InForce(absl::Duration start, absl::Duration end) {
    const auto schemes = schemes_.ListInForce(CommunityId("hamlet"), {kNow + start, kNow + end});
    std::vector<std::string> ids;
    for (const Scheme& scheme : *schemes) ids.push_back(scheme.id.value());
    return ids;
  }
};

TEST_F(SchemesTest, VersionsOfEachMechanismAreKeptAsTheyWere) {
  Scheme firm = SchemeOf("firm", kNow + absl::Hours(1), Mechanism::kTrading);
  firm.policy = SettlementPolicy::kFirm;
  firm.imbalance_purchase = Price::MicrosPerKwh(500'000);
  ExpectKept(firm);
  Scheme shared = SchemeOf("shared", kNow + absl::Hours(2), Mechanism::kSharing);
  shared.key = SharingKey::kRelative;
  shared.shares = {{MeteringPointId("m1"), 0}, {MeteringPointId("m2"), 1'000'000}};
  shared.operator_share_ppm = 0;
  ExpectKept(shared);
  Scheme cascade = SchemeOf("cascade", kNow + absl::Hours(3), Mechanism::kSharing);
  cascade.key = SharingKey::kCascading;
  cascade.shares = {{MeteringPointId("m2"), std::nullopt, 7}};
  ExpectKept(cascade);
  Scheme pool = SchemeOf("pool", kNow + absl::Hours(4), Mechanism::kFixedPricePool);
  pool.payment_rules = {Energy::WattHours(1000), Money::Micros(25'000'000), std::nullopt};
  ExpectKept(pool);
  // Once, with who made it; a retry finds it, even when it would be too late for it now.
  EXPECT_TRUE(schemes_.Create(firm, kNow + absl::Hours(9), kActor).ok());
  EXPECT_THAT(AuditOf("communities/hamlet/schemes/firm"),
              ElementsAre("SCHEME_CREATED users/admin"));
  EXPECT_EQ(ReasonOf(schemes_.Get(CommunityId("hamlet"), SchemeId("s9")).status()), "NOT_FOUND");
}

TEST_F(SchemesTest, RefusesByRuleInOrder) {
  Scheme scheme = SchemeOf("s1", kNow + absl::Minutes(15), Mechanism::kSharing);
  ASSERT_EQ(Reason(scheme), "");
  scheme.internal_price = Price::MicrosPerKwh(1);
  EXPECT_EQ(Reason(scheme), "CONTENT_DIFFERS");
  scheme.id = SchemeId("s2");
  scheme.key = SharingKey::kCascading;
  scheme.shares = {{MeteringPointId("m1"), std::nullopt, 1},
                   {MeteringPointId("stranger"), std::nullopt, 1}};
  scheme.starts_at = kNow;
  EXPECT_EQ(Reason(scheme), "SCHEME_START_TOO_SOON") << "the auction at this instant may be open";
  scheme.starts_at = kNow + absl::Minutes(15);
  EXPECT_EQ(Reason(scheme), "METERING_POINT_UNKNOWN");
  scheme.shares.pop_back();
  EXPECT_EQ(Reason(scheme), "SCHEME_START_TAKEN");
  scheme.starts_at += absl::Minutes(15);
  EXPECT_EQ(Reason(scheme), "");
}

TEST_F(SchemesTest, APointOfAnotherCommunityIsAStranger) {
  ASSERT_TRUE(communities_.Create(CommunityOf("village")).ok());
  Scheme scheme = SchemeOf("s1", kNow + absl::Hours(1), Mechanism::kSharing);
  scheme.community = CommunityId("village");
  scheme.key = SharingKey::kStatic;
  scheme.shares = {{MeteringPointId("m1"), 1'000'000}};
  EXPECT_EQ(Reason(scheme), "METERING_POINT_UNKNOWN");
}

TEST_F(SchemesTest, TheVersionWithTheLatestStartIsInForce) {
  for (const int hour : {1, 2, 4}) {
    ASSERT_EQ(
        Reason(SchemeOf("s" + std::to_string(hour), kNow + absl::Hours(hour), Mechanism::kSharing)),
        "");
  }
  EXPECT_THAT(InForce(absl::Hours(0), absl::Hours(1)), ElementsAre());
  EXPECT_THAT(InForce(absl::Hours(0), absl::Hours(2)), ElementsAre("s1"));
  EXPECT_THAT(InForce(absl::Hours(2), absl::Hours(5)), ElementsAre("s2", "s4"));
  EXPECT_THAT(InForce(absl::Hours(9), absl::Hours(10)), ElementsAre("s4"));
  const auto newest = schemes_.List(CommunityId("hamlet"), kNow + absl::Hours(4), 5).value();
  ASSERT_EQ(newest.size(), 2u);
  EXPECT_EQ(newest[0].id.value(), "s2");
}

TEST_F(SchemesTest, TheDatabaseRefusesWhatTheMechanismDoesNotUse) {
  for (const char* set :
       {"policy = 'FIRM'", "pool_price_micros_per_kwh = 1", "sharing_key = NULL",
        "billing_unit_wh = 1", "share_points = '{m1}'", "collection_quantum_micros = 1",
        "imbalance_sale_micros_per_kwh = 1", "internal_price_micros_per_kwh = NULL"}) {
    pqxx::connection connection(database_->owner_dsn());
    pqxx::work tx(connection);
    tx.exec(
        "INSERT INTO schemes (community_id, scheme_id, starts_at, mechanism, sharing_key, "
        "share_points, share_coefficients_ppm, share_ranks, internal_price_micros_per_kwh, "
        "created_at) VALUES ('hamlet', 's1', now(), 'SHARING', 'EQUAL', '{}', '{}', '{}', 0, "
        "now())");
    EXPECT_THROW(tx.exec(std::string("UPDATE schemes SET ") + set), pqxx::check_violation) << set;
  }
  pqxx::connection connection(database_->dsn());
  pqxx::work tx(connection);
  EXPECT_THROW(tx.exec("UPDATE schemes SET share_ranks = share_ranks"),
               pqxx::insufficient_privilege);
}

class SchemesServiceTest : public ServiceTest {
 protected:
  SchemesServiceTest() {
    FillHamlet();
    request_.set_parent("communities/hamlet");
    request_.set_scheme_id("s1");
    v1::Scheme& scheme = *request_.mutable_scheme();
    // Auctions open a day ahead.
    *scheme.mutable_start_time() = rpc::ToProto(kNow + absl::Minutes(24 * 60 + 30));
    scheme.set_mechanism(v1::Scheme::SHARING);
    scheme.set_sharing_key(v1::Scheme::STATIC);
    AddShare("m1", "0.250000");
    AddShare("m2", "0.750000");
  }
  void AddShare(const std::string& point, const std::string& coefficient) {
    v1::Scheme::Share& share = *request_.mutable_scheme()->add_shares();
    share.set_metering_point("meteringPoints/" + point);
    share.set_coefficient(coefficient);
  }
  std::string Create(const rpc::Principal& caller) {
    return CallOn(*gateway_schemes_, &caller, &v1::Schemes::Stub::CreateScheme, request_, &answer_);
  }
  v1::CreateSchemeRequest request_;
  v1::Scheme answer_;
};

TEST_F(SchemesServiceTest, OperatorsSetTheScheme) {
  EXPECT_EQ(Create(Household("1")), "PERMISSION_DENIED");
  ASSERT_EQ(Create(Operator()), "OK");
  EXPECT_EQ(answer_.name(), "communities/hamlet/schemes/s1");
  EXPECT_EQ(answer_.shares(1).coefficient(), "0.750000");
  EXPECT_TRUE(answer_.has_internal_price_per_kwh()) << "0 was meant";
  EXPECT_FALSE(answer_.has_operator_share_ppm());
  clock_.Advance(absl::Hours(48));
  EXPECT_EQ(Create(Operator()), "OK") << "a retry";
  request_.set_scheme_id("s2");
  EXPECT_EQ(Create(Operator()), "SCHEME_START_TOO_SOON");
  request_.mutable_scheme()->mutable_shares(0)->set_coefficient("0.25");
  EXPECT_EQ(Create(Operator()), "FIELD_INVALID");
  request_.mutable_scheme()->mutable_shares(0)->set_coefficient("0.249999");
  EXPECT_EQ(Create(Operator()), "FIELD_INVALID");
  request_.set_parent("communities/nowhere");
  EXPECT_EQ(Create(Operator()), "NOT_FOUND");
}

TEST_F(SchemesServiceTest, AStartLiesBeyondWhatMayBeOpenAndAnInterval) {
  *request_.mutable_scheme()->mutable_start_time() =
      rpc::ToProto(kNow + absl::Minutes(24 * 60 + 15));
  EXPECT_EQ(Create(Operator()), "SCHEME_START_TOO_SOON");
}

TEST_F(SchemesServiceTest, MembersReadAndPeersListWhatIsInForce) {
  ASSERT_EQ(Create(Operator()), "OK");
  const auto one = Household("1");
  v1::GetSchemeRequest get;
  get.set_name("communities/hamlet/schemes/s1");
  const auto read = [&](const v1::GetSchemeRequest& request) {
    return CallOn(*gateway_schemes_, &one, &v1::Schemes::Stub::GetScheme, request, &answer_);
  };
  EXPECT_EQ(read(get), "OK");
  get.set_name("communities/hamlet/schemes/s9");
  EXPECT_EQ(read(get), "NOT_FOUND");
  v1::ListSchemesRequest list;
  list.set_parent("communities/hamlet");
  v1::ListSchemesResponse listed;
  ASSERT_EQ(CallOn(*gateway_schemes_, &one, &v1::Schemes::Stub::ListSchemes, list, &listed), "OK");
  EXPECT_EQ(listed.schemes_size(), 1);

  v1::ListSchemesInForceRequest ask;
  ask.set_community("communities/hamlet");
  *ask.mutable_start_time() = rpc::ToProto(kNow + absl::Hours(24));
  *ask.mutable_end_time() = rpc::ToProto(kNow + absl::Hours(26));
  for (const auto& [peer, expected] : std::vector<std::pair<std::string, std::string>>{
           {"market", "OK"}, {"settlement", "OK"}, {"gateway", "CALLER_UNKNOWN"}}) {
    const auto stub = v1::SchemesInternal::NewStub(ChannelOf(peer));
    v1::ListSchemesInForceResponse answer;
    EXPECT_EQ(CallOn(*stub, nullptr, &v1::SchemesInternal::Stub::ListSchemesInForce, ask, &answer),
              expected);
    EXPECT_EQ(answer.schemes_size(), expected == "OK" ? 1 : 0);
  }
}

}  // namespace
}  // namespace peerwatt::registry
