#include "services/registry/core/communities.h"

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "libs/base/error.h"

namespace peerwatt::registry {
namespace {

Community Good() {
  Community c;
  c.id = CommunityId("hamlet");
  c.display_name = "Hamlet";
  c.time_zone = "Europe/Berlin";
  c.currency_code = "EUR";
  c.trading_starts_at = absl::FromUnixSeconds(1'782'864'000);
  c.price_max = Price::MicrosPerKwh(400'000);
  return c;
}

// The field that is refused, or "OK".
std::string FieldOf(const absl::Status& status) {
  if (status.ok()) return "OK";
  EXPECT_EQ(ReasonOf(status), "FIELD_INVALID");
  return DetailOf(status).violations.at(0).field;
}

struct CommunityCase {
  const char* name;
  std::function<void(Community&)> change;
  const char* field;
};
// Each wrong case also breaks the rule of the next one: the first broken rule wins.
const CommunityCase kCommunityCases[] = {
    {"good", [](Community&) {}, "OK"},
    {"id",
     [](Community& c) {
       c.id = CommunityId("1x");
       c.display_name = "";
     },
     "community_id"},
    {"no name",
     [](Community& c) {
       c.display_name = "";
       c.time_zone = "";
     },
     "community.display_name"},
    {"63 characters", [](Community& c) { c.display_name = std::string(63, 'x'); }, "OK"},
    {"63 wide characters",
     [](Community& c) {
       c.display_name.clear();
       for (int i = 0; i < 63; ++i) c.display_name += "ü";
     },
     "OK"},
    {"64 characters", [](Community& c) { c.display_name = std::string(64, 'x'); },
     "community.display_name"},
    {"control character", [](Community& c) { c.display_name = "a\nb"; }, "community.display_name"},
    {"no zone",
     [](Community& c) {
       c.time_zone = "Europe/Nowhere";
       c.currency_code = "";
     },
     "community.time_zone"},
    {"path as zone", [](Community& c) { c.time_zone = "/etc/localtime"; }, "community.time_zone"},
    {"dots in zone", [](Community& c) { c.time_zone = "Europe/../UTC"; }, "community.time_zone"},
    {"fixed zone", [](Community& c) { c.time_zone = "Fixed/UTC+01:00:00"; }, "community.time_zone"},
    {"UTC", [](Community& c) { c.time_zone = "UTC"; }, "OK"},
    {"currency",
     [](Community& c) {
       c.currency_code = "eur";
       c.interval = absl::Minutes(1);
     },
     "community.currency_code"},
    {"interval 1 min",
     [](Community& c) {
       c.interval = absl::Minutes(1);
       c.trading_starts_at += absl::Seconds(1);
     },
     "community.interval"},
    {"interval 0", [](Community& c) { c.interval = absl::ZeroDuration(); }, "community.interval"},
    {"interval 5 min", [](Community& c) { c.interval = absl::Minutes(5); }, "OK"},
    {"interval 60 min", [](Community& c) { c.interval = absl::Minutes(60); }, "OK"},
    {"start off the grid",
     [](Community& c) {
       c.trading_starts_at += absl::Minutes(5);
       c.opening_lead = -absl::Hours(1);
     },
     "community.trading_start_time"},
    {"opening negative",
     [](Community& c) {
       c.opening_lead = -absl::Hours(1);
       c.gate_closure_lead = -absl::Hours(2);
     },
     "community.opening_lead"},
    {"opening off the grid", [](Community& c) { c.opening_lead = absl::Minutes(1441); },
     "community.opening_lead"},
    {"opening too long", [](Community& c) { c.opening_lead = absl::Hours(24 * 366 + 1); },
     "community.opening_lead"},
    {"gate closure negative", [](Community& c) { c.gate_closure_lead = -absl::Minutes(15); },
     "community.gate_closure_lead"},
    {"gate closure off the grid", [](Community& c) { c.gate_closure_lead = absl::Minutes(7); },
     "community.gate_closure_lead"},
    {"gate closure at delivery", [](Community& c) { c.gate_closure_lead = absl::ZeroDuration(); },
     "OK"},
    {"opens at gate closure",
     [](Community& c) {
       c.opening_lead = c.gate_closure_lead;
       c.settlement_grace = -absl::Hours(1);
     },
     "community.opening_lead"},
    {"grace negative", [](Community& c) { c.settlement_grace = -absl::Seconds(1); },
     "community.settlement_grace"},
    {"grace in fractions", [](Community& c) { c.settlement_grace = absl::Milliseconds(1500); },
     "community.settlement_grace"},
    {"grace 0", [](Community& c) { c.settlement_grace = absl::ZeroDuration(); }, "OK"},
    {"fee negative",
     [](Community& c) {
       c.network_fee = Price::MicrosPerKwh(-1);
       c.operator_share_ppm = -1;
     },
     "community.network_fee_per_kwh"},
    {"share negative",
     [](Community& c) {
       c.operator_share_ppm = -1;
       c.price_min = Price::MicrosPerKwh(400'001);
     },
     "community.operator_share_ppm"},
    {"share all", [](Community& c) { c.operator_share_ppm = 1'000'000; }, "OK"},
    {"share above all", [](Community& c) { c.operator_share_ppm = 1'000'001; },
     "community.operator_share_ppm"},
    {"lowest above highest", [](Community& c) { c.price_min = Price::MicrosPerKwh(400'001); },
     "community.price_max_per_kwh"},
    {"lowest is highest", [](Community& c) { c.price_min = c.price_max; }, "OK"},
    {"negative prices",
     [](Community& c) {
       c.price_min = Price::MicrosPerKwh(-500'000);
       c.price_max = Price::MicrosPerKwh(-100'000);
     },
     "OK"},
    {"emissions of 0",
     [](Community& c) {
       c.emission_factor = {0, "all from water"};
     },
     "OK"},
    {"emissions at most",
     [](Community& c) {
       c.emission_factor = {2000, "s"};
     },
     "OK"},
    {"emissions above",
     [](Community& c) {
       c.emission_factor = {2001, ""};
     },
     "community.emission_factor.co2_g_per_kwh"},
    {"emissions below 0",
     [](Community& c) {
       c.emission_factor = {-1, "s"};
     },
     "community.emission_factor.co2_g_per_kwh"},
    {"emissions without a source",
     [](Community& c) {
       c.emission_factor = {400, ""};
     },
     "community.emission_factor.source"},
    {"emissions with a long source",
     [](Community& c) {
       c.emission_factor = {400, std::string(201, 'x')};
     },
     "community.emission_factor.source"},
};

TEST(CheckCommunityTest, AcceptsAndRefusesInOrderOfThePrecedence) {
  for (const CommunityCase& c : kCommunityCases) {
    Community community = Good();
    c.change(community);
    EXPECT_EQ(FieldOf(CheckCommunity(community)), c.field) << c.name;
  }
}

TEST(CheckCommunityTest, DefaultsAreThoseOfTheApi) {
  const Community c;
  EXPECT_EQ(c.interval, absl::Minutes(15));
  EXPECT_EQ(c.opening_lead, absl::Hours(24));
  EXPECT_EQ(c.gate_closure_lead, absl::Hours(1));
  EXPECT_EQ(c.settlement_grace, absl::Hours(24));
  EXPECT_EQ(c.network_fee, Price());
  EXPECT_EQ(c.price_min, Price());
}

TEST(SameContentTest, IgnoresOnlyTheTimeOfCreation) {
  Community other = Good();
  other.created_at += absl::Hours(1);
  EXPECT_TRUE(SameContent(Good(), other));
  other.price_min = Price::MicrosPerKwh(1);
  EXPECT_FALSE(SameContent(Good(), other));
  other = Good();
  other.emission_factor = {400, "s"};
  EXPECT_FALSE(SameContent(Good(), other));
}

TEST(CheckTariffTest, StartsWithAnInterval) {
  const Community community = Good();
  Tariff tariff{community.id, TariffId("t1"), Price::MicrosPerKwh(-80'000),
                Price::MicrosPerKwh(300'000), community.trading_starts_at};
  EXPECT_EQ(FieldOf(CheckTariff(tariff, community)), "OK");
  tariff.starts_at += absl::Minutes(5);
  EXPECT_EQ(FieldOf(CheckTariff(tariff, community)), "tariff.start_time");
  tariff.id = TariffId("T");
  EXPECT_EQ(FieldOf(CheckTariff(tariff, community)), "tariff_id");
}

}  // namespace
}  // namespace peerwatt::registry
