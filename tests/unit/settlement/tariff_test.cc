#include "services/settlement/core/tariff.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/settlement/core/settlement.h"

namespace peerwatt::settlement {
namespace {

constexpr uint32_t kWeekend = 0x60;

absl::TimeZone Berlin() {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone("Europe/Berlin", &zone));
  return zone;
}

absl::Time Utc(int month, int day, int hour, int minute) {
  return absl::FromCivil(absl::CivilMinute(2026, month, day, hour, minute), absl::UTCTimeZone());
}

LocalWindow Hours(int start, int end, uint32_t weekdays = kAllWeekdays) {
  return {weekdays, start * 60, end * 60, std::nullopt};
}

// From March: night 0.18, else 0.30; fed in 0.08. From July, at weekends between 11:00 and 14:00
// retail is -0.05; feed-in has a price at night only.
std::vector<Tariff> Versions() {
  Tariff march{TariffId("march"), Utc(2, 28, 23, 0), {}, 1};
  march.rules.retail.default_price = Price::MicrosPerKwh(300'000);
  march.rules.retail.prices = {
      {"night", Price::MicrosPerKwh(180'000), {Hours(0, 6), Hours(22, 24)}}};
  march.rules.feed_in.default_price = Price::MicrosPerKwh(80'000);
  march.rules.feed_in.default_is_taxable = false;
  Tariff july = march;
  july.id = TariffId("july");
  july.starts_at = Utc(6, 30, 22, 0);
  july.number = 2;
  july.rules.retail.prices.push_back(
      {"noon", Price::MicrosPerKwh(-50'000), {Hours(11, 14, kWeekend)}});
  july.rules.feed_in = {};
  july.rules.feed_in.prices = {{"night", Price::MicrosPerKwh(40'000), {Hours(0, 6)}}};
  return {march, july};
}

std::string Told(const EnergyPrice& price) {
  if (!price.price.has_value()) return "missing";
  return absl::StrCat(price.price->micros_per_kwh(), price.is_taxable ? " " : " free ", price.rule);
}

GridTariff GridTariffAt(const std::vector<Tariff>& versions, absl::Time start) {
  return PricesOf(TariffAt(versions, start), start, Berlin());
}

TEST(GridTariff, IsThatOfTheLocalTimeAtThePeriodsStart) {
  struct Case {
    const char* what;
    absl::Time start;
    const char* retail;
    const char* feed_in;
  };
  const Case cases[] = {
      {"before the first version", Utc(2, 28, 22, 45), "missing", "missing"},
      {"its first quarter, midnight", Utc(2, 28, 23, 0), "180000 tariffVersions/march/retail/night",
       "80000 free tariffVersions/march/feed-in"},
      {"winter, 05:45", Utc(3, 1, 4, 45), "180000 tariffVersions/march/retail/night",
       "80000 free tariffVersions/march/feed-in"},
      {"winter, 06:00", Utc(3, 1, 5, 0), "300000 tariffVersions/march/retail",
       "80000 free tariffVersions/march/feed-in"},
      {"29 March, 01:45, before the gap", Utc(3, 29, 0, 45),
       "180000 tariffVersions/march/retail/night", "80000 free tariffVersions/march/feed-in"},
      {"29 March, 03:00, after it", Utc(3, 29, 1, 0), "180000 tariffVersions/march/retail/night",
       "80000 free tariffVersions/march/feed-in"},
      {"29 March, 06:00, an hour sooner", Utc(3, 29, 4, 0), "300000 tariffVersions/march/retail",
       "80000 free tariffVersions/march/feed-in"},
      {"30 June, 23:45", Utc(6, 30, 21, 45), "180000 tariffVersions/march/retail/night",
       "80000 free tariffVersions/march/feed-in"},
      {"1 July, 00:00, the next version", Utc(6, 30, 22, 0),
       "180000 tariffVersions/july/retail/night", "40000 tariffVersions/july/feed-in/night"},
      {"Saturday, 11:00", Utc(7, 4, 9, 0), "-50000 tariffVersions/july/retail/noon", "missing"},
      {"Monday, 11:00", Utc(7, 6, 9, 0), "300000 tariffVersions/july/retail", "missing"},
      {"25 October, 02:00", Utc(10, 25, 0, 0), "180000 tariffVersions/july/retail/night",
       "40000 tariffVersions/july/feed-in/night"},
      {"25 October, 02:00 again", Utc(10, 25, 1, 0), "180000 tariffVersions/july/retail/night",
       "40000 tariffVersions/july/feed-in/night"},
      {"25 October, 06:00, an hour later", Utc(10, 25, 5, 0), "300000 tariffVersions/july/retail",
       "missing"},
      {"25 October, Sunday, 11:00", Utc(10, 25, 10, 0), "-50000 tariffVersions/july/retail/noon",
       "missing"},
  };
  for (const Case& c : cases) {
    const GridTariff found = GridTariffAt(Versions(), c.start);
    EXPECT_EQ(Told(found.retail), c.retail) << c.what;
    EXPECT_EQ(Told(found.feed_in), c.feed_in) << c.what;
  }
}

TEST(GridTariff, ANightHasOneHourLessInMarchAndOneMoreInOctober) {
  const auto night_quarters = [](absl::Time noon_before) {
    int count = 0;
    for (absl::Time at = noon_before; at < noon_before + absl::Hours(24); at += absl::Minutes(15)) {
      if (Told(GridTariffAt(Versions(), at).retail).find("night") != std::string::npos) {
        ++count;
      }
    }
    return count;
  };
  EXPECT_EQ(night_quarters(Utc(3, 27, 11, 0)), 32);
  EXPECT_EQ(night_quarters(Utc(3, 28, 11, 0)), 28);
  EXPECT_EQ(night_quarters(Utc(10, 23, 10, 0)), 32);
  EXPECT_EQ(night_quarters(Utc(10, 24, 10, 0)), 36);
}

TEST(SpansOfNewVersions, AreThoseInWhichTheyHold) {
  const std::vector<Tariff> versions = Versions();
  EXPECT_TRUE(SpansOfNewVersions(versions, 2).empty());
  const std::vector<Interval> last = SpansOfNewVersions(versions, 1);
  ASSERT_EQ(last.size(), 1U);
  EXPECT_EQ(last[0].start, versions[1].starts_at);
  EXPECT_EQ(last[0].end, absl::InfiniteFuture());
  std::vector<Tariff> reaching_back = versions;
  std::swap(reaching_back[0].number, reaching_back[1].number);
  const std::vector<Interval> first = SpansOfNewVersions(reaching_back, 1);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].start, versions[0].starts_at);
  EXPECT_EQ(first[0].end, versions[1].starts_at);
  EXPECT_EQ(SpansOfNewVersions(versions, 0).size(), 2U);
}

/// A buyer who draws 1.5 kWh and a seller who feeds in 2 kWh, of which they traded 1 kWh at 0.20.
SettlementInput OneTrade() {
  SettlementInput input;
  input.tariff = {Price::MicrosPerKwh(300'000), Price::MicrosPerKwh(80'000)};
  input.terms.imbalance_purchase = input.tariff.retail;
  input.terms.imbalance_sale = input.tariff.feed_in;
  input.connections = {
      {ParticipantId("b"), GridConnectionId("c"), Energy::WattHours(1500), Energy()},
      {ParticipantId("s"), GridConnectionId("c"), Energy(), Energy::WattHours(2000)}};
  input.trades = {
      {TradeId("t"), Energy::WattHours(1000), Price::MicrosPerKwh(200'000), Price(), 0, 1}};
  return input;
}

std::vector<std::string> LinesOf(const SettlementInput& input) {
  std::vector<std::string> told;
  for (const Line& line : Settle(input).lines) {
    if (IsReference(line.key.kind)) continue;
    told.push_back(absl::StrCat(
        line.key.participant.value(), " ", static_cast<int>(line.key.kind), " ", line.energy.wh(),
        " Wh ", line.key.is_price_missing ? "no price" : absl::StrCat(line.amount.micros()),
        line.key.is_taxable ? "" : " free"));
  }
  return told;
}

using Strings = std::vector<std::string>;

TEST(MissingPrice, LeavesTheAmountOutAndTheOthersAlone) {
  SettlementInput input = OneTrade();
  EXPECT_EQ(LinesOf(input), (Strings{"b 1 1000 Wh -200000", "b 5 500 Wh -150000",
                                     "s 2 1000 Wh 200000", "s 6 1000 Wh 80000"}));
  input.tariff.retail = {};
  EXPECT_EQ(LinesOf(input), (Strings{"b 1 1000 Wh -200000", "b 5 500 Wh no price",
                                     "s 2 1000 Wh 200000", "s 6 1000 Wh 80000"}));
  input.tariff.feed_in = {};
  EXPECT_EQ(LinesOf(input), (Strings{"b 1 1000 Wh -200000", "b 5 500 Wh no price",
                                     "s 2 1000 Wh 200000", "s 6 1000 Wh no price"}));
  EXPECT_EQ(Settle(input).totals, Settle(OneTrade()).totals) << "energy is accounted for as ever";
}

TEST(MissingPrice, IsNotAPriceOfZero) {
  SettlementInput input = OneTrade();
  input.tariff.retail = Price();
  EXPECT_EQ(LinesOf(input)[1], "b 5 500 Wh 0");
}

TEST(MissingPrice, LeavesImbalanceOpenUnlessTheSchemeHasAPrice) {
  SettlementInput input = OneTrade();
  input.terms.policy = DeliveryPolicy::kFirm;
  input.terms.imbalance_purchase = {};
  EXPECT_EQ(LinesOf(input), (Strings{"b 1 1000 Wh -200000", "b 8 500 Wh no price",
                                     "s 2 1000 Wh 200000", "s 9 1000 Wh 80000"}));
}

TEST(Prices, NegativeOnesTurnTheAmountAndKeepTheirTaxFlag) {
  SettlementInput input = OneTrade();
  input.tariff.retail = {Price::MicrosPerKwh(-50'000), false, "tariffVersions/july/retail/noon"};
  input.tariff.feed_in = {Price::MicrosPerKwh(-10'000), true, "tariffVersions/july/feed-in"};
  EXPECT_EQ(LinesOf(input), (Strings{"b 1 1000 Wh -200000", "b 5 500 Wh 25000 free",
                                     "s 2 1000 Wh 200000", "s 6 1000 Wh -10000"}));
  for (const Line& line : Settle(input).lines) {
    if (line.key.kind == LineKind::kRetail) {
      EXPECT_EQ(line.rule_id, "tariffVersions/july/retail/noon");
    }
    if (IsReference(line.key.kind)) {
      EXPECT_TRUE(line.rule_id.empty() && line.key.is_taxable);
    }
  }
}

}  // namespace
}  // namespace peerwatt::settlement
