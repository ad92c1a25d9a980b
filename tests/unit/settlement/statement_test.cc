// Who may issue, what a month is, what a document's content is, and steps that are recomputed.

#include "services/settlement/core/billing/statement.h"

#include <gtest/gtest.h>

#include <random>

#include "libs/base/error.h"
#include "libs/domain/allocation.h"
#include "services/settlement/core/billing/charges.h"
#include "services/settlement/core/explain/steps.h"

namespace peerwatt::settlement {
namespace {

constexpr uint32_t kSeed = 3892026;

absl::TimeZone Berlin() {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone("Europe/Berlin", &zone));
  return zone;
}

Issuer ValidIssuer() {
  Issuer issuer;
  issuer.id = "first";
  issuer.starts_on = absl::CivilDay(2026, 1, 1);
  issuer.party = {"hamlet", "Hamlet Energy", "", "", "", "DE", "DE123456789", ""};
  issuer.invoice_series = "R";
  issuer.self_billing_series = "G2";
  issuer.tax = {"S", 190'000, ""};
  issuer.untaxed = UntaxedOf(issuer.tax);
  return issuer;
}

TEST(MonthIn, HasAsManyHoursAsItsDays) {
  const LocalMonth march = MonthIn(absl::CivilMonth(2026, 3), Berlin());
  ASSERT_EQ(march.day_starts.size(), 32U);
  EXPECT_EQ(march.end() - march.start(), absl::Hours(31 * 24 - 1));
  EXPECT_EQ(march.day_starts[29] - march.day_starts[28], absl::Hours(23)) << "the 29th";
  EXPECT_EQ(MonthIn(absl::CivilMonth(2026, 10), Berlin()).end() -
                MonthIn(absl::CivilMonth(2026, 10), Berlin()).start(),
            absl::Hours(31 * 24 + 1));
}

TEST(ParseMonth, TakesOneFormOnly) {
  EXPECT_EQ(*ParseMonth("2026-07", "month"), absl::CivilMonth(2026, 7));
  for (const char* text :
       {"", "2026-7", "2026-13", "2026-07-01", "07-2026", "1969-12", "2026-07 "}) {
    EXPECT_EQ(ReasonOf(ParseMonth(text, "month").status()), "FIELD_INVALID") << text;
  }
  EXPECT_EQ(*ParseDay("2028-02-29", "day"), absl::CivilDay(2028, 2, 29));
  for (const char* text : {"2026-02-29", "2026-07", "2026-7-1", "today"}) {
    EXPECT_EQ(ReasonOf(ParseDay(text, "day").status()), "FIELD_INVALID") << text;
  }
}

TEST(CheckIssuer, RefusesWhatNoDocumentCouldSay) {
  ASSERT_TRUE(CheckIssuer(ValidIssuer()).ok());
  const struct {
    const char* field;
    void (*spoil)(Issuer&);
  } kCases[] = {
      {"issuer.party.display_name", [](Issuer& i) { i.party.name = ""; }},
      {"issuer.party.country_code", [](Issuer& i) { i.party.country = "de"; }},
      {"issuer.party.city", [](Issuer& i) { i.party.city = std::string(101, 'x'); }},
      {"issuer.party.street", [](Issuer& i) { i.party.street = "a\nb"; }},
      {"issuer.invoice_series", [](Issuer& i) { i.invoice_series = "r"; }},
      {"issuer.self_billing_series", [](Issuer& i) { i.self_billing_series = "ABCDEFGHIJK"; }},
      {"issuer.payment_days", [](Issuer& i) { i.payment_days = 366; }},
      {"issuer.tax.category", [](Issuer& i) { i.tax.category = "X"; }},
      {"issuer.tax.rate_ppm", [](Issuer& i) { i.tax.rate_ppm = 0; }},
      {"issuer.untaxed.exemption_reason",
       [](Issuer& i) {
         i.untaxed = {"E", 0, ""};
       }},
      {"issuer.kind_taxes[0].kind",
       [](Issuer& i) {
         i.kind_taxes = {{LineKind::kSelfConsumption, {"Z", 0, ""}}};
       }},
      {"issuer.kind_taxes[1].kind",
       [](Issuer& i) {
         i.kind_taxes = {{LineKind::kSale, {"Z", 0, ""}}, {LineKind::kSale, {"Z", 0, ""}}};
       }},
      {"issuer.kind_taxes",
       [](Issuer& i) {
         i.kind_taxes = {{LineKind::kRetail, {"O", 0, "outside"}}};
       }},
      {"issuer.kind_taxes",
       [](Issuer& i) {
         i.kind_taxes = {{LineKind::kRetail, {"E", 0, "another reason"}}};
       }},
  };
  for (const auto& wrong : kCases) {
    Issuer issuer = ValidIssuer();
    wrong.spoil(issuer);
    const absl::Status status = CheckIssuer(issuer);
    EXPECT_EQ(ReasonOf(status), "FIELD_INVALID") << wrong.field;
    ASSERT_FALSE(DetailOf(status).violations.empty()) << wrong.field;
    EXPECT_EQ(DetailOf(status).violations.front().field, wrong.field);
  }
  Issuer without_tax = ValidIssuer();
  without_tax.tax = {"O", 0, "Private community"};
  without_tax.untaxed = UntaxedOf(without_tax.tax);
  EXPECT_TRUE(CheckIssuer(without_tax).ok());
}

TEST(IssuerOn, IsTheLatestThatHasBegun) {
  std::vector<Issuer> versions{ValidIssuer(), ValidIssuer()};
  versions[1].id = "second";
  versions[1].starts_on = absl::CivilDay(2026, 7, 15);
  EXPECT_EQ(IssuerOn(versions, absl::CivilDay(2025, 12, 31)), nullptr);
  EXPECT_EQ(IssuerOn(versions, absl::CivilDay(2026, 7, 14))->id, "first");
  EXPECT_EQ(IssuerOn(versions, absl::CivilDay(2026, 7, 15))->id, "second");
}

TEST(Charges, EveryKindOnABillStandsOnOneDocument) {
  int count = 0;
  for (int32_t number = 1; number < 100; ++number) {
    const auto kind = static_cast<LineKind>(number);
    if (!DocumentOf(kind).has_value()) continue;
    ++count;
    EXPECT_EQ(KindOfCharge(ChargeKey(kind)), kind);
    EXPECT_FALSE(ChargeDescription(kind).empty());
  }
  EXPECT_EQ(count, 12);
  EXPECT_FALSE(DocumentOf(LineKind::kSelfConsumption).has_value());
  EXPECT_FALSE(DocumentOf(LineKind::kReferenceDraw).has_value());
  EXPECT_EQ(KindOfCharge(""), std::nullopt);
}

// What is hashed has one form for ever: documents that were issued keep their hash.
TEST(ContentOfStatement, HasAFixedForm) {
  Document document;
  document.number = "R2026-000001";
  document.issued_on = absl::CivilDay(2026, 8, 1);
  document.due_on = absl::CivilDay(2026, 8, 15);
  document.month = absl::CivilMonth(2026, 7);
  document.currency = "EUR";
  document.seller = {"c", "C", "", "", "", "DE", "DE1", ""};
  document.buyer = {"p", "Müller", "", "", "", "DE", "", ""};
  const TaxClass tax{"S", 190'000, ""};
  document.amounts.lines = {{"retail", "Energy", Energy::WattHours(1000), Money::Micros(300'003),
                             Money::Micros(300'000), tax}};
  document.amounts.taxes = {{tax, Money::Micros(300'000), Money::Micros(60'000)}};
  document.amounts.net = Money::Micros(300'000);
  document.amounts.tax = Money::Micros(60'000);
  document.amounts.gross = Money::Micros(360'000);
  document.amounts.rounding = Money::Micros(-3);
  document.days = {{Energy(), Energy::WattHours(1000), Energy(), Energy()}};
  EXPECT_EQ(ContentOfStatement(document),
            "20:peerwatt-statement-11:112:R2026-00000110:2026-08-0110:2026-08-157:2026-073:EUR"
            "1:c1:C0:0:0:2:DE3:DE10:1:p7:Müller0:0:0:2:DE0:0:0:0:0:0:0:1:1"
            "6:retail6:Energy4:10006:3000036:3000001:S6:1900000:1:11:S6:1900000:6:3000005:60000"
            "6:3000005:600006:3600002:-31:11:04:10001:01:0");
}

TEST(EntryOfStatement, PostsRoundingAndTaxToWhomTheyBelong) {
  Document document;
  document.number = "R2026-000001";
  document.amounts.rounding = Money::Micros(-8);
  document.amounts.tax = Money::Micros(200'000);
  const auto invoice = EntryOfStatement(document, ParticipantId("p"));
  ASSERT_TRUE(invoice.has_value());
  ASSERT_EQ(invoice->postings.size(), 3U);
  EXPECT_EQ(invoice->postings[0], (Posting{AccountId("participant-p"), Money::Micros(-199'992)}));
  EXPECT_EQ(invoice->postings[1], (Posting{AccountId("rounding"), Money::Micros(-8)}));
  EXPECT_EQ(invoice->postings[2], (Posting{AccountId("tax"), Money::Micros(200'000)}));
  document.kind = DocumentKind::kSelfBilling;
  EXPECT_EQ(EntryOfStatement(document, ParticipantId("p"))->postings[0].amount.micros(), 199'992);
  document.amounts.rounding = document.amounts.tax = Money();
  EXPECT_FALSE(EntryOfStatement(document, ParticipantId("p")).has_value());
}

TEST(StepList, SharesAsTheAllocationDoes) {
  std::mt19937 random(kSeed);
  for (int round = 0; round < 2'000; ++round) {
    std::vector<int64_t> weights(1 + random() % 6);
    int64_t sum = 0;
    for (int64_t& weight : weights) sum += weight = static_cast<int64_t>(random() % 5);
    const int64_t total = sum == 0 ? 0 : static_cast<int64_t>(random() % 1'000);
    const std::vector<int64_t> parts = AllocateByLargestRemainder(total, weights);
    for (size_t i = 0; i < weights.size(); ++i) {
      std::vector<Step> steps;
      StepList list(steps);
      const size_t whole = list.Given("whole", total, StepUnit::kWattHours);
      list.Share("part", list.From(whole), weights, i, StepUnit::kWattHours);
      EXPECT_EQ(steps.back().result, parts[i]);
      EXPECT_EQ(Recompute(steps), parts[i]);
    }
  }
}

TEST(Recompute, NoticesWhatDoesNotFollow) {
  std::vector<Step> steps;
  StepList list(steps);
  const size_t energy =
      list.Sum("energy", {StepList::Of("in", 1500), StepList::Minus(StepList::Of("out", 250))},
               StepUnit::kWattHours);
  const size_t product = list.Product("amount", list.From(energy), StepList::Of("price", 300'003),
                                      1000, StepUnit::kMicros);
  list.Sum("paid", {StepList::Minus(list.From(product))}, StepUnit::kMicros);
  EXPECT_EQ(Recompute(steps), -375'004) << "375003.75 to the nearest";
  for (size_t i = 0; i < steps.size(); ++i) {
    std::vector<Step> wrong = steps;
    ++wrong[i].result;
    EXPECT_EQ(Recompute(wrong), std::nullopt) << i;
    wrong = steps;
    ++wrong[i].operands[0].value;
    EXPECT_EQ(Recompute(wrong), std::nullopt) << i;
  }
  EXPECT_EQ(Recompute({}), std::nullopt);
}

}  // namespace
}  // namespace peerwatt::settlement
