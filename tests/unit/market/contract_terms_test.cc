// Prices, versions and cancellation of contracts: a table per rule.

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "libs/base/error.h"
#include "services/market/core/contracts/agreement.h"
#include "services/market/core/contracts/price.h"
#include "services/market/core/contracts/terms.h"

namespace peerwatt::market {
namespace {

Price P(int64_t micros) { return Price::MicrosPerKwh(micros); }

absl::Time Utc(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime("%Y-%m-%d %H:%M", text, &time, &error)) << text << error;
  return time;
}

std::string Text(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M", time, absl::UTCTimeZone());
}

CommunityRules Rules() {
  CommunityRules rules;
  rules.id = CommunityId("c1");
  rules.interval = absl::Minutes(15);
  rules.gate_closure_lead = absl::Hours(1);
  rules.price_min = P(-100'000);
  rules.price_max = P(400'000);
  return rules;
}

ContractTerms Terms(const std::string& from, const std::string& to) {
  ContractTerms terms;
  terms.valid_from = Utc(from);
  terms.end = Utc(to);
  terms.profile.time_zone = "Europe/Berlin";
  ContractWindow window;
  window.weekdays = 0x7f;
  window.energy = Energy::WattHours(100);
  terms.profile.windows = {window};
  terms.price.fixed = P(200'000);
  terms.cancellation = {CancellationRight::kEither, 14, CancellationEffect::kEndOfMonth};
  return terms;
}

// A contract of 2026, offered by the seller p3 and accepted by the buyer p1.
Contract Active() {
  Contract contract;
  contract.community = CommunityId("c1");
  contract.id = ContractId("k");
  contract.buyer = ParticipantId("p1");
  contract.seller = ParticipantId("p3");
  contract.buyer_point = MeteringPointId("m1");
  contract.seller_point = MeteringPointId("m4");
  contract.proposer = contract.seller;
  ContractVersion offer;
  offer.terms = Terms("2026-01-01 00:00", "2027-01-01 00:00");
  offer.proposer = contract.seller;
  offer.create_time = Utc("2025-12-01 00:00");
  offer.state = VersionState::kAccepted;
  offer.decide_time = Utc("2025-12-02 00:00");
  contract.versions = {offer};
  return contract;
}

Contract Offered() {
  Contract contract = Active();
  contract.buyer_point = MeteringPointId();
  contract.versions[0].state = VersionState::kOffered;
  contract.versions[0].decide_time = absl::InfiniteFuture();
  return contract;
}

StepFacts By(const std::string& party, const std::string& now, const CommunityRules& rules) {
  return {ParticipantId(party), Utc(now), rules};
}

TEST(ContractPriceTest, FormulaThenFloorAndCap) {
  const struct {
    const char* what;
    int64_t factor_ppm;
    int64_t offset;
    std::optional<int64_t> floor, cap, fallback, index, price;
  } kTable[] = {
      {"the clearing price", 1'000'000, 0, {}, {}, {}, 210'000, 210'000},
      {"95 % of it", 950'000, 0, {}, {}, {}, 210'000, 199'500},
      {"2 ct below it", 1'000'000, -20'000, {}, {}, {}, 210'000, 190'000},
      {"factor first, then offset", 500'000, 10'000, {}, {}, {}, 200'000, 110'000},
      {"below the floor", 1'000'000, 0, 150'000, 250'000, {}, 120'000, 150'000},
      {"at the floor", 1'000'000, 0, 150'000, 250'000, {}, 150'000, 150'000},
      {"above the cap", 1'000'000, 0, 150'000, 250'000, {}, 300'000, 250'000},
      {"within", 1'000'000, 0, 150'000, 250'000, {}, 180'000, 180'000},
      {"a negative clearing price", 1'000'000, 0, {}, {}, {}, -50'000, -50'000},
      {"half of an odd negative one", 500'000, 0, {}, {}, {}, -3, -2},
      {"a half goes to the even neighbour below", 500'000, 0, {}, {}, {}, 5, 2},
      {"a half goes to the even neighbour above", 500'000, 0, {}, {}, {}, 7, 4},
      {"a factor of nothing", 0, 90'000, {}, {}, {}, 210'000, 90'000},
      {"the community's highest price without a cap", 2'000'000, 0, {}, {}, {}, 300'000, 400'000},
      {"the community's lowest price without a floor", 2'000'000, 0, {}, {}, {}, -90'000, -100'000},
      {"nothing was cleared: the fallback", 1'000'000, 0, {}, {}, 180'000, {}, 180'000},
      {"a fallback above the cap", 1'000'000, 0, {}, 150'000, 180'000, {}, 150'000},
      {"nothing was cleared and no fallback", 1'000'000, 0, 100'000, {}, {}, {}, {}},
  };
  const auto price = [](const std::optional<int64_t>& micros) {
    return micros.has_value() ? std::optional(P(*micros)) : std::nullopt;
  };
  for (const auto& row : kTable) {
    PriceFormula formula;
    formula.is_indexed = true;
    formula.factor_ppm = row.factor_ppm;
    formula.offset = P(row.offset);
    formula.floor = price(row.floor);
    formula.cap = price(row.cap);
    formula.fallback = price(row.fallback);
    const PriceBounds bounds = BoundsOf(formula, BoundsOf(Rules()));
    ASSERT_FALSE(bounds.empty()) << row.what;
    EXPECT_EQ(PriceBy(formula, bounds, price(row.index)), price(row.price)) << row.what;
    // What an order carries says the same.
    const auto carried = ParsePriceRule(FormatPriceRule(formula));
    ASSERT_TRUE(carried.ok()) << row.what;
    EXPECT_EQ(PriceBy(*carried, bounds, price(row.index)), price(row.price)) << row.what;
  }
}

TEST(ContractPriceTest, AFixedPriceAsksForNoClearing) {
  PriceFormula formula;
  formula.fixed = P(200'000);
  const PriceBounds bounds = BoundsOf(formula, BoundsOf(Rules()));
  EXPECT_EQ(PriceBy(formula, bounds, std::nullopt), P(200'000));
  EXPECT_EQ(PriceBy(formula, bounds, P(1)), P(200'000));
  EXPECT_EQ(FormatPriceRule(formula), "fixed");
  formula.fixed = P(400'001);
  EXPECT_TRUE(BoundsOf(formula, BoundsOf(Rules())).empty()) << "beyond the community's bounds";
  EXPECT_FALSE(ParsePriceRule("index owner 1 0 else none").ok());
  EXPECT_FALSE(ParsePriceRule("").ok());
}

TEST(ContractVersionTest, TheNewestAcceptedThatIsValidCounts) {
  Contract contract = Active();
  const auto add = [&](const std::string& from, const std::string& to, VersionState state,
                       const std::string& decided) {
    ContractVersion version = contract.offer();
    version.version = static_cast<int32_t>(contract.versions.size()) + 1;
    version.terms = Terms(from, to);
    version.state = state;
    version.decide_time = Utc(decided);
    contract.versions.push_back(version);
  };
  add("2026-03-01 00:00", "2027-01-01 00:00", VersionState::kAccepted, "2026-02-01 00:00");
  add("2026-04-01 00:00", "2027-01-01 00:00", VersionState::kDeclined, "2026-02-02 00:00");
  add("2026-05-01 00:00", "2026-09-01 00:00", VersionState::kAccepted, "2026-05-01 00:00");
  const struct {
    const char* what;
    const char* delivery;
    int32_t version;
  } kTable[] = {
      {"before the start", "2025-12-31 23:45", 0},
      {"at the start", "2026-01-01 00:00", 1},
      {"the last interval of the offer", "2026-02-28 23:45", 1},
      {"the first of the amendment", "2026-03-01 00:00", 2},
      {"what was declined never counts", "2026-04-15 00:00", 2},
      {"accepted after its gate closure, an hour before", "2026-05-01 00:00", 2},
      {"accepted at its gate closure: too late", "2026-05-01 01:00", 2},
      {"accepted before its gate closure", "2026-05-01 01:15", 4},
      {"the last interval before the new end", "2026-08-31 23:45", 4},
      {"at the new end", "2026-09-01 00:00", 0},
  };
  for (const auto& row : kTable) {
    const absl::Time delivery = Utc(row.delivery);
    const ContractVersion* version = VersionInForce(contract, delivery, delivery - absl::Hours(1));
    EXPECT_EQ(version == nullptr ? 0 : version->version, row.version) << row.what;
  }
  contract.cancellation =
      ContractCancellation{contract.buyer, "", Utc("2026-01-15 00:00"), Utc("2026-02-01 00:00")};
  const auto counts = [&](const std::string& delivery) {
    return VersionInForce(contract, Utc(delivery), Utc(delivery) - absl::Hours(1)) != nullptr;
  };
  EXPECT_TRUE(counts("2026-01-31 23:45"));
  EXPECT_FALSE(counts("2026-02-01 00:00")) << "the notice has taken effect";
  EXPECT_EQ(OverAt(contract), Utc("2026-02-01 00:00"));
}

TEST(ContractVersionTest, AnOfferThatNobodyAcceptedNeverCounts) {
  for (const VersionState state :
       {VersionState::kOffered, VersionState::kDeclined, VersionState::kWithdrawn}) {
    Contract contract = Offered();
    contract.versions[0].state = state;
    EXPECT_EQ(VersionInForce(contract, Utc("2026-06-01 00:00"), Utc("2026-05-31 23:00")), nullptr);
  }
}

TEST(ContractCancellationTest, NoticeRunsByTheCalendar) {
  using Effect = CancellationEffect;
  const struct {
    const char* what;
    int32_t days;
    Effect effect;
    const char* noticed;
    const char* effective;
  } kTable[] = {
      {"at once", 0, Effect::kAfterNotice, "2026-06-10 12:34", "2026-06-10 12:34"},
      {"a week later", 7, Effect::kAfterNotice, "2026-06-10 12:34", "2026-06-17 12:34"},
      {"a day over the start of summer time has 23 hours", 1, Effect::kAfterNotice,
       "2026-03-28 12:00", "2026-03-29 11:00"},
      {"a day over its end has 25", 1, Effect::kAfterNotice, "2026-10-24 12:00",
       "2026-10-25 13:00"},
      {"the end of the day in Berlin", 0, Effect::kEndOfDay, "2026-06-10 12:34",
       "2026-06-10 22:00"},
      {"of the day in Berlin, which has begun already", 0, Effect::kEndOfDay, "2026-06-10 22:30",
       "2026-06-11 22:00"},
      {"at midnight there", 0, Effect::kEndOfDay, "2026-06-10 22:00", "2026-06-10 22:00"},
      {"the end of the month", 14, Effect::kEndOfMonth, "2026-06-10 12:00", "2026-06-30 22:00"},
      {"of the month in which the notice has run out", 14, Effect::kEndOfMonth, "2026-06-20 12:00",
       "2026-07-31 22:00"},
      {"of a month in winter", 0, Effect::kEndOfMonth, "2026-01-10 12:00", "2026-01-31 23:00"},
      {"of December", 0, Effect::kEndOfMonth, "2026-12-10 12:00", "2026-12-31 23:00"},
      {"at the first", 0, Effect::kEndOfMonth, "2026-06-30 22:00", "2026-06-30 22:00"},
      {"from the 31st on", 30, Effect::kAfterNotice, "2026-01-31 11:00", "2026-03-02 11:00"},
  };
  for (const auto& row : kTable) {
    ContractTerms terms = Terms("2026-01-01 00:00", "2028-01-01 00:00");
    terms.cancellation.notice_days = row.days;
    terms.cancellation.effect = row.effect;
    EXPECT_EQ(Text(EffectOf(terms, Utc(row.noticed))), row.effective) << row.what;
  }
}

TEST(ContractCancellationTest, WhoMayAndNeverForClosedGates) {
  using Right = CancellationRight;
  const CommunityRules rules = Rules();
  const struct {
    Right right;
    bool buyer;
    bool seller;
  } kTable[] = {{Right::kNobody, false, false},
                {Right::kBuyer, true, false},
                {Right::kSeller, false, true},
                {Right::kEither, true, true}};
  for (const auto& row : kTable) {
    Contract contract = Active();
    contract.versions[0].terms.cancellation = {row.right, 0, CancellationEffect::kAfterNotice};
    for (const auto& [party, may] : {std::pair("p1", row.buyer), std::pair("p3", row.seller)}) {
      const auto step = Cancel(contract, "moving", By(party, "2026-06-10 12:05", rules));
      EXPECT_EQ(ReasonOf(step.status()), may ? "" : "CANCELLATION_REFUSED") << party;
      if (may) {
        // The gates of deliveries up to 13:00 are closed: the one at 13:05 at the latest.
        EXPECT_EQ(Text(step->cancellation->effective), "2026-06-10 13:15");
        const Contract after = After(contract, *step);
        const auto again = Cancel(after, "again", By("p1", "2026-06-11 00:00", rules));
        EXPECT_FALSE(again->cancellation.has_value()) << "the first notice stands";
      }
    }
  }
  Contract contract = Active();
  contract.versions[0].terms.cancellation = {Right::kEither, 0, CancellationEffect::kAfterNotice};
  StepFacts facts = By("p1", "2026-06-10 12:05", rules);
  facts.frozen = Utc("2026-06-10 14:00");
  EXPECT_EQ(Text(Cancel(contract, "", facts)->cancellation->effective), "2026-06-10 14:15")
      << "nor for books that are frozen already";
  EXPECT_EQ(ReasonOf(Cancel(Offered(), "", facts).status()), "CONTRACT_NOT_ACTIVE");
  EXPECT_EQ(ReasonOf(Cancel(contract, "", By("p1", "2027-01-01 00:00", rules)).status()),
            "CONTRACT_NOT_ACTIVE");
}

TEST(ContractAgreementTest, OnlyTheOtherPartyAnswersAndOnlyOnce) {
  const CommunityRules rules = Rules();
  const MeteringPointId m1("m1");
  const StepFacts buyer = By("p1", "2025-12-02 00:00", rules);
  const StepFacts seller = By("p3", "2025-12-02 00:00", rules);
  const Contract offered = Offered();
  EXPECT_EQ(ReasonOf(Accept(offered, 1, m1, seller).status()), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Decline(offered, 1, seller).status()), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Withdraw(offered, 1, buyer).status()), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Accept(offered, 2, m1, buyer).status()), "NOT_FOUND");
  EXPECT_EQ(ReasonOf(Accept(offered, 1, m1, By("p1", "2027-01-01 00:00", rules)).status()),
            "CONTRACT_NOT_ACTIVE")
      << "at its end";

  const Contract accepted = After(offered, *Accept(offered, 1, m1, buyer));
  EXPECT_EQ(accepted.offer().state, VersionState::kAccepted);
  EXPECT_EQ(accepted.buyer_point, m1);
  EXPECT_FALSE(Accept(accepted, 1, m1, buyer)->decision.has_value()) << "again";
  EXPECT_EQ(ReasonOf(Accept(accepted, 1, MeteringPointId("m9"), buyer).status()),
            "VERSION_DECIDED");
  EXPECT_EQ(ReasonOf(Decline(accepted, 1, buyer).status()), "VERSION_DECIDED");
  EXPECT_EQ(ReasonOf(Withdraw(accepted, 1, seller).status()), "VERSION_DECIDED");

  const Contract declined = After(offered, *Decline(offered, 1, buyer));
  EXPECT_EQ(ReasonOf(Accept(declined, 1, m1, buyer).status()), "VERSION_DECIDED");
  const Contract withdrawn = After(offered, *Withdraw(offered, 1, seller));
  EXPECT_EQ(ReasonOf(Accept(withdrawn, 1, m1, buyer).status()), "VERSION_DECIDED");
  EXPECT_FALSE(Withdraw(withdrawn, 1, seller)->decision.has_value()) << "again";
}

TEST(ContractAgreementTest, AmendmentsAreVersionsForOpenGatesOnly) {
  const CommunityRules rules = Rules();
  const Contract active = Active();
  const StepFacts buyer = By("p1", "2026-06-10 12:05", rules);
  const StepFacts seller = By("p3", "2026-06-10 12:10", rules);
  const ContractTerms next = Terms("2026-06-10 13:15", "2027-01-01 00:00");
  EXPECT_EQ(ReasonOf(Amend(active, 3, next, buyer).status()), "CONTRACT_VERSION_STALE");
  EXPECT_EQ(ReasonOf(Amend(Offered(), 2, next, buyer).status()), "CONTRACT_NOT_ACTIVE");
  EXPECT_EQ(
      ReasonOf(Amend(active, 2, Terms("2026-06-10 13:00", "2027-01-01 00:00"), buyer).status()),
      "GATE_CLOSED");
  EXPECT_EQ(
      ReasonOf(Amend(active, 2, Terms("2025-06-10 13:00", "2027-01-01 00:00"), buyer).status()),
      "FIELD_INVALID")
      << "before the start";

  const Contract proposed = After(active, *Amend(active, 2, next, buyer));
  EXPECT_FALSE(Amend(proposed, 2, next, buyer)->version.has_value()) << "again";
  EXPECT_EQ(ReasonOf(Amend(proposed, 2, next, seller).status()), "CONTENT_DIFFERS");
  EXPECT_EQ(ReasonOf(Amend(proposed, 3, next, seller).status()), "PROPOSAL_OPEN");
  EXPECT_EQ(ReasonOf(Accept(proposed, 2, MeteringPointId(), buyer).status()), "PERMISSION_DENIED");
  EXPECT_EQ(VersionInForce(proposed, Utc("2026-07-01 00:00"), Utc("2026-06-30 23:00"))->version, 1)
      << "nothing changes before it is accepted";
  const Contract amended = After(proposed, *Accept(proposed, 2, MeteringPointId(), seller));
  EXPECT_EQ(VersionInForce(amended, Utc("2026-07-01 00:00"), Utc("2026-06-30 23:00"))->version, 2);
  EXPECT_EQ(amended.versions[0].terms, active.versions[0].terms) << "nothing is edited";
  EXPECT_EQ(
      ReasonOf(
          Accept(proposed, 2, MeteringPointId(), By("p3", "2026-06-10 12:15", rules)).status()),
      "GATE_CLOSED")
      << "the gate of 13:15 has closed";
}

TEST(ContractTermsTest, NamesTheFieldThatIsWrong) {
  const struct {
    const char* field;
    std::function<void(ContractTerms&)> apply;
  } kTable[] = {
      {"t.end_time", [](auto& t) { t.end = t.valid_from; }},
      {"t.profile.time_zone", [](auto& t) { t.profile.time_zone = "Berlin"; }},
      {"t.profile.time_zone", [](auto& t) { t.profile.time_zone = "/etc/localtime"; }},
      {"t.profile.time_zone", [](auto& t) { t.profile.time_zone = ""; }},
      {"t.profile.windows", [](auto& t) { t.profile.windows.clear(); }},
      {"t.profile.windows[0].days", [](auto& t) { t.profile.windows[0].weekdays = 0; }},
      {"t.profile.windows[0].end_minute", [](auto& t) { t.profile.windows[0].start_minute = -1; }},
      {"t.profile.windows[0].end_minute",
       [](auto& t) { t.profile.windows[0].start_minute = 1440; }},
      {"t.profile.windows[0].end_minute", [](auto& t) { t.profile.windows[0].end_minute = 1441; }},
      {"t.profile.windows[0].energy_wh", [](auto& t) { t.profile.windows[0].energy = Energy(); }},
      {"t.profile.windows[0].energy_wh",
       [](auto& t) { t.profile.windows[0].energy = Energy::WattHours(-1); }},
      {"t.profile.windows[0].energy_wh",
       [](auto& t) { t.profile.windows[0].output_share_ppm = 1; }},
      {"t.profile.windows[0].output_share_ppm",
       [](auto& t) {
         t.profile.windows[0].energy = Energy();
         t.profile.windows[0].output_share_ppm = 1'000'001;
       }},
      {"t.cancellation.notice_days", [](auto& t) { t.cancellation.notice_days = -1; }},
      {"t.price", [](auto& t) { t.price.fixed = P(400'001); }},
      {"t.price.index.factor_ppm",
       [](auto& t) {
         t.price.is_indexed = true;
         t.price.factor_ppm = -1;
       }},
      {"t.price.index.floor_per_kwh",
       [](auto& t) {
         t.price.is_indexed = true;
         t.price.floor = P(2);
         t.price.cap = P(1);
       }},
  };
  EXPECT_TRUE(CheckTerms(Terms("2026-01-01 00:00", "2026-01-02 00:00"), Rules(), "t").ok());
  for (const auto& row : kTable) {
    ContractTerms terms = Terms("2026-01-01 00:00", "2027-01-01 00:00");
    row.apply(terms);
    const absl::Status status = CheckTerms(terms, Rules(), "t");
    ASSERT_FALSE(status.ok()) << row.field;
    EXPECT_EQ(DetailOf(status).violations.at(0).field, row.field);
  }
}

}  // namespace
}  // namespace peerwatt::market
