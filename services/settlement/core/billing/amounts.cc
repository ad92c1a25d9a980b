#include "services/settlement/core/billing/amounts.h"

#include <utility>

#include "libs/base/check.h"
#include "libs/domain/arithmetic.h"
#include "services/settlement/core/payments/bank_account.h"

namespace peerwatt::settlement {
namespace {

constexpr int64_t kMillion = 1'000'000;

// A charge from scratch beside what was billed of it.
struct Both {
  std::string description;
  Energy energy;
  Money exact;
  Money net;
  Billed::Line billed;
};

// taxable: whole in coins, so that the product is rounded once.
Money TaxOn(Money taxable, const TaxClass& tax, absl::string_view currency) {
  const int64_t coin = MinorUnit(currency).micros();
  return Money::Micros(
      MulDiv(taxable.micros() / coin, tax.rate_ppm, kMillion, Rounding::kHalfAway) * coin);
}

}  // namespace

Money RoundToMinor(Money amount, absl::string_view currency) {
  const int64_t coin = MinorUnit(currency).micros();
  return Money::Micros(MulDiv(amount.micros(), 1, coin, Rounding::kHalfAway) * coin);
}

DocumentAmounts AmountsOf(const std::vector<Charge>& charges, const Billed& billed,
                          absl::string_view currency) {
  std::map<std::pair<std::string, TaxClass>, Both> all;
  for (const auto& [name, line] : billed.lines) {
    all[name].billed = line;
    all[name].description = name.first;
  }
  for (const Charge& charge : charges) {
    Both& both = all[{charge.key, charge.tax}];
    PW_CHECK(both.net == Money() && both.exact == Money() && both.energy == Energy(),
             "a charge occurs once in a month");
    both.description = charge.description;
    both.energy = charge.energy;
    both.exact = charge.exact;
    both.net = RoundToMinor(charge.exact, currency);
  }
  DocumentAmounts amounts;
  std::map<TaxClass, std::pair<Money, Money>> taxable;  // From scratch, and billed.
  for (auto& [name, both] : all) {
    taxable[name.second].first += both.net;
    taxable[name.second].second += both.billed.net;
    DocumentLine line{name.first,
                      std::move(both.description),
                      both.energy - both.billed.energy,
                      both.exact - both.billed.exact,
                      both.net - both.billed.net,
                      name.second};
    if (line.energy == Energy() && line.exact == Money() && line.net == Money()) {
      continue;
    }
    amounts.net += line.net;
    amounts.rounding += line.net - line.exact;
    amounts.lines.push_back(std::move(line));
  }
  for (const auto& [tax, sums] : taxable) {
    const auto billed_tax = billed.taxes.find(tax);
    const Money before = billed_tax == billed.taxes.end() ? Money() : billed_tax->second;
    const TaxLine line{tax, sums.first - sums.second, TaxOn(sums.first, tax, currency) - before};
    amounts.tax += line.amount;
    amounts.taxes.push_back(line);
  }
  amounts.gross = amounts.net + amounts.tax;
  return amounts;
}

void AddTo(Billed& billed, const DocumentAmounts& amounts) {
  for (const DocumentLine& line : amounts.lines) {
    Billed::Line& kept = billed.lines[{line.key, line.tax}];
    kept.energy += line.energy;
    kept.exact += line.exact;
    kept.net += line.net;
  }
  for (const TaxLine& line : amounts.taxes) {
    billed.taxes[line.tax] += line.amount;
  }
}

}  // namespace peerwatt::settlement
