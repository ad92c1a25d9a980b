// What a bill comes to: worked figures, corrections, and that documents always add up.

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "libs/domain/arithmetic.h"
#include "libs/domain/tariff_rules.h"
#include "services/settlement/core/billing/amounts.h"
#include "services/settlement/formats/document_text.h"

namespace peerwatt::settlement {
namespace {

constexpr char kEur[] = "EUR";
const TaxClass kTenPercent = {"S", 100'000, ""};
const TaxClass kTwentyPercent = {"S", 200'000, ""};

Charge ByEnergy(const std::string& key, int64_t wh, int64_t price_micros, const TaxClass& tax) {
  return {key, key, Energy::WattHours(wh),
          AmountOf(Energy::WattHours(wh), Price::MicrosPerKwh(price_micros), Rounding::kHalfEven),
          tax};
}

std::string Cents(Money amount) { return FormatMinor(amount, kEur); }

TEST(AmountsOfTest, WorkedInvoice) {
  // Two points of one household at 7.77 and 9.66 ct per kWh, 10 % VAT.
  const DocumentAmounts amounts = AmountsOf({ByEnergy("a", 3'355'330, 77'700, kTenPercent),
                                             ByEnergy("b", 4'477'450, 96'600, kTenPercent)},
                                            {}, kEur);
  ASSERT_EQ(amounts.lines.size(), 2u);
  EXPECT_EQ(Cents(amounts.lines[0].net), "260.71");
  EXPECT_EQ(Cents(amounts.lines[1].net), "432.52");
  EXPECT_EQ(Cents(amounts.net), "693.23");
  EXPECT_EQ(Cents(amounts.tax), "69.32");
  EXPECT_EQ(Cents(amounts.gross), "762.55");
  // 260.709141 and 432.521670 were booked.
  EXPECT_EQ(amounts.rounding.micros(), 693'230'000 - 260'709'141 - 432'521'670);
}

TEST(AmountsOfTest, TaxesAreLinear) {
  const std::vector<Charge> charges = {
      {"plus", "", Energy(), Money::Micros(40'000'000), kTwentyPercent},
      {"minus", "", Energy(), Money::Micros(-10'000'000), kTwentyPercent}};
  EXPECT_EQ(Cents(AmountsOf(charges, {}, kEur).gross), "36.00");
  EXPECT_EQ(Cents(AmountsOf({charges[0]}, {}, kEur).gross), "48.00");
  EXPECT_EQ(Cents(AmountsOf({charges[1]}, {}, kEur).gross), "-12.00");
}

TEST(AmountsOfTest, HalvesGoAwayFromZero) {
  const struct {
    int64_t micros;
    const char* cents;
  } kCases[] = {{4'999, "0.00"},  {5'000, "0.01"},   {14'999, "0.01"},   {15'000, "0.02"},
                {-4'999, "0.00"}, {-5'000, "-0.01"}, {-15'000, "-0.02"}, {0, "0.00"}};
  for (const auto& rounded : kCases) {
    EXPECT_EQ(Cents(RoundToMinor(Money::Micros(rounded.micros), kEur)), rounded.cents);
  }
  EXPECT_EQ(FormatMinor(RoundToMinor(Money::Micros(1'500'000), "JPY"), "JPY"), "2");
}

TEST(DayPriceTest, SixDecimals) {
  const Money day = DayPrice(Money::Micros(908'602), 3);
  EXPECT_EQ(day.micros(), 302'867);
  EXPECT_EQ((day + day).micros(), 605'734);
}

TEST(AmountsOfTest, CorrectionSaysTheDifference) {
  Billed billed;
  const std::vector<Charge> first = {ByEnergy("retail", 10'000, 300'000, kTwentyPercent),
                                     ByEnergy("purchase", 5'000, 200'001, kTwentyPercent)};
  AddTo(billed, AmountsOf(first, billed, kEur));
  // A meter was corrected by one kilowatt hour; purchases are what they were.
  const std::vector<Charge> second = {ByEnergy("retail", 9'000, 300'000, kTwentyPercent), first[1]};
  const DocumentAmounts correction = AmountsOf(second, billed, kEur);
  ASSERT_EQ(correction.lines.size(), 1u);
  EXPECT_EQ(correction.lines[0].energy.wh(), -1'000);
  EXPECT_EQ(Cents(correction.net), "-0.30");
  EXPECT_EQ(Cents(correction.tax), "-0.06");
  // Nothing changed since: nothing to bill.
  AddTo(billed, correction);
  const DocumentAmounts none = AmountsOf(second, billed, kEur);
  EXPECT_TRUE(none.lines.empty());
  EXPECT_EQ(none.gross, Money());
  // A charge that is gone is billed back.
  const DocumentAmounts back = AmountsOf({second[0]}, billed, kEur);
  ASSERT_EQ(back.lines.size(), 1u);
  EXPECT_EQ(Cents(back.net), "-1.00");
}

// Corrected however often, all documents of a month add up to the one from scratch, to the cent.
TEST(AmountsOfTest, DocumentsAddUp) {
  std::mt19937 random(7);
  const std::vector<TaxClass> taxes = {
      kTenPercent, kTwentyPercent, {"Z", 0, ""}, {"S", 55'000, ""}};
  int rounded_by_parts = 0;
  for (int month = 0; month < 2'000; ++month) {
    Billed billed;
    Money net, tax, gross, rounding;
    std::vector<Charge> charges;
    Money naive;
    Money last_exact;
    for (int run = 0; run < 5; ++run) {
      charges.clear();
      for (int i = 0; i < 4; ++i) {
        if (random() % 5 == 0) {
          continue;
        }
        const auto wh = static_cast<int64_t>(random() % 4'000'000) - 1'000'000;
        const auto price = static_cast<int64_t>(random() % 700'000) - 200'000;
        charges.push_back(ByEnergy(std::string(1, static_cast<char>('a' + i)), wh, price,
                                   taxes[random() % taxes.size()]));
      }
      const DocumentAmounts document = AmountsOf(charges, billed, kEur);
      AddTo(billed, document);
      net += document.net;
      tax += document.tax;
      gross += document.gross;
      rounding += document.rounding;
      EXPECT_EQ(document.gross, document.net + document.tax);
      Money exact;
      for (const Charge& charge : charges) {
        exact += charge.exact;
      }
      naive += RoundToMinor(exact - last_exact, kEur);
      last_exact = exact;
    }
    const DocumentAmounts scratch = AmountsOf(charges, {}, kEur);
    EXPECT_EQ(net, scratch.net);
    EXPECT_EQ(tax, scratch.tax);
    EXPECT_EQ(gross, scratch.gross);
    EXPECT_EQ(rounding, scratch.rounding);
    rounded_by_parts += naive == scratch.net ? 0 : 1;
  }
  // The control: rounding each difference on its own does not add up.
  EXPECT_GT(rounded_by_parts, 100);
}

TEST(DocumentTextTest, UnitPriceLeadsBackToTheAmount) {
  std::mt19937 random(11);
  for (int i = 0; i < 100'000; ++i) {
    DocumentLine line;
    line.energy = Energy::WattHours(static_cast<int64_t>(random() % 100'000'000) + 1);
    line.net = Money::Micros((static_cast<int64_t>(random() % 5'000'000) - 1'000'000) * 10'000);
    const std::string price = UnitPrice(line);
    // Ten decimals by a hundred thousand kilowatt hours: exact to far less than a cent.
    const long double product = std::stold(price) * static_cast<long double>(line.energy.wh());
    const long double net = static_cast<long double>(line.net.micros()) / 1000;
    EXPECT_LT(product - net < 0 ? net - product : product - net, 0.5L) << price;
  }
  EXPECT_EQ(UnitPrice({"", "", Energy::WattHours(2'000), {}, Money::Micros(500'000), {}}), "0.25");
  EXPECT_EQ(UnitPrice({"", "", Energy::WattHours(-2'000), {}, Money::Micros(500'000), {}}),
            "-0.25");
  EXPECT_EQ(UnitPrice({"", "", Energy(), {}, Money::Micros(500'000), {}}), "0");
}

TEST(DocumentTextTest, Figures) {
  EXPECT_EQ(KilowattHours(Energy::WattHours(-7)), "-0.007");
  EXPECT_EQ(KilowattHours(Energy::WattHours(12'345)), "12.345");
  EXPECT_EQ(Percent(195'000), "19.5");
  EXPECT_EQ(Percent(200'000), "20");
  EXPECT_EQ(DocumentNumber("R", 2026, 42), "R2026-000042");
}

}  // namespace
}  // namespace peerwatt::settlement
