#include "services/market/core/contracts/price.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/market/core/contracts/mutant.h"

namespace peerwatt::market {
namespace {

constexpr int64_t kMillion = 1'000'000;

Price Scaled(const PriceFormula& formula, Price index) {
  const Price base = PW_CONTRACT_MUTANT(kOffsetIsScaled, index + formula.offset, index);
  const Price offset = PW_CONTRACT_MUTANT(kOffsetIsScaled, Price(), formula.offset);
  const Price scaled = Price::MicrosPerKwh(
      MulDiv(base.micros_per_kwh(), formula.factor_ppm, kMillion,
             PW_CONTRACT_MUTANT(kPriceIsRoundedDown, Rounding::kDown, Rounding::kHalfEven)));
  return scaled + offset;
}

Price Within(PriceBounds bounds, Price price) {
  price = PW_CONTRACT_MUTANT(kFloorIsForgotten, price, std::max(price, bounds.floor));
  return PW_CONTRACT_MUTANT(kCapIsForgotten, price, std::min(price, bounds.cap));
}

}  // namespace

PriceBounds BoundsOf(const PriceFormula& formula, PriceBounds community) {
  const Price floor = formula.is_indexed ? formula.floor.value_or(community.floor) : formula.fixed;
  const Price cap = formula.is_indexed ? formula.cap.value_or(community.cap) : formula.fixed;
  return {std::max(floor, community.floor), std::min(cap, community.cap)};
}

std::optional<Price> PriceBy(const PriceFormula& formula, PriceBounds bounds,
                             std::optional<Price> index) {
  if (!formula.is_indexed) {
    return bounds.cap;
  }
  if (index.has_value()) {
    return Within(bounds, Scaled(formula, *index));
  }
  if (!formula.fallback.has_value()) {
    return std::nullopt;
  }
  return PW_CONTRACT_MUTANT(kFallbackIsForgotten, Within(bounds, Scaled(formula, Price())),
                            Within(bounds, *formula.fallback));
}

std::string FormatPriceRule(const PriceFormula& formula) {
  if (!formula.is_indexed) {
    return "fixed";
  }
  return absl::StrCat(
      "index ", formula.index == Party::kBuyer ? "buyer" : "seller", " ", formula.factor_ppm, " ",
      formula.offset.micros_per_kwh(), " else ",
      formula.fallback.has_value() ? absl::StrCat(formula.fallback->micros_per_kwh()) : "none");
}

absl::StatusOr<PriceFormula> ParsePriceRule(absl::string_view text) {
  PriceFormula formula;
  if (text == "fixed") {
    return formula;
  }
  const std::vector<absl::string_view> words = absl::StrSplit(text, ' ');
  int64_t offset = 0;
  int64_t fallback = 0;
  const bool is_rule =
      words.size() == 6 && words[0] == "index" && (words[1] == "buyer" || words[1] == "seller") &&
      absl::SimpleAtoi(words[2], &formula.factor_ppm) && absl::SimpleAtoi(words[3], &offset) &&
      words[4] == "else" && (words[5] == "none" || absl::SimpleAtoi(words[5], &fallback));
  if (!is_rule) {
    return absl::InternalError("the price of a contract's order cannot be read");
  }
  formula.is_indexed = true;
  formula.index = words[1] == "buyer" ? Party::kBuyer : Party::kSeller;
  formula.offset = Price::MicrosPerKwh(offset);
  if (words[5] != "none") {
    formula.fallback = Price::MicrosPerKwh(fallback);
  }
  return formula;
}

}  // namespace peerwatt::market
