#include "services/settlement/core/billing/kpis.h"

#include <algorithm>

#include "absl/numeric/int128.h"
#include "libs/base/check.h"
#include "libs/domain/arithmetic.h"

namespace peerwatt::settlement {
namespace {

constexpr int64_t kMillion = 1'000'000;
constexpr int64_t kWhPerKwh = 1000;

std::optional<int64_t> PartOf(Energy part, Energy whole) {
  if (whole == Energy()) {
    return std::nullopt;
  }
  return MulDiv(part.wh(), kMillion, whole.wh(), Rounding::kDown);
}

}  // namespace

Kpis KpisOf(const EnergyBalance& energy, const MoneyBalance& money,
            std::optional<int32_t> co2_g_per_kwh) {
  PW_CHECK(energy.from_neighbours <= energy.drawn && energy.to_neighbours <= energy.fed_in &&
               energy.from_neighbours >= Energy() && energy.to_neighbours >= Energy() &&
               energy.self_consumed >= Energy(),
           "parts of a balance are no more than their whole");
  const Energy consumed = energy.drawn + energy.self_consumed;
  const Energy produced = energy.fed_in + energy.self_consumed;
  Kpis kpis;
  kpis.self_sufficiency_ppm = PartOf(energy.self_consumed, consumed);
  kpis.local_share_ppm = PartOf(energy.self_consumed + energy.from_neighbours, consumed);
  kpis.self_consumption_ppm = PartOf(energy.self_consumed, produced);
  kpis.local_use_ppm = PartOf(energy.self_consumed + energy.to_neighbours, produced);
  if (!money.is_price_missing) kpis.savings = money.with_neighbours - money.without_neighbours;
  if (co2_g_per_kwh.has_value()) {
    kpis.avoided_co2_g = MulDiv((energy.self_consumed + energy.from_neighbours).wh(),
                                *co2_g_per_kwh, kWhPerKwh, Rounding::kDown);
  }
  return kpis;
}

std::optional<int64_t> GiniPpm(std::vector<Money> values) {
  for (Money& value : values) {
    value = std::max(value, Money());
  }
  std::sort(values.begin(), values.end());
  // Sum over ranks: Σ (2i − n − 1) · value(i) ÷ (n · Σ value), i from 1.
  absl::int128 weighted = 0;
  absl::int128 sum = 0;
  const auto count = static_cast<int64_t>(values.size());
  for (int64_t i = 0; i < count; ++i) {
    const absl::int128 value = values[static_cast<size_t>(i)].micros();
    weighted += value * (2 * (i + 1) - count - 1);
    sum += value;
  }
  if (sum == 0) {
    return std::nullopt;
  }
  return static_cast<int64_t>(weighted * kMillion / (sum * count));
}

std::optional<int64_t> SharePpm(Money reached, Money optimum) {
  if (optimum <= Money()) {
    return std::nullopt;
  }
  return MulDiv(reached.micros(), kMillion, optimum.micros(), Rounding::kDown);
}

}  // namespace peerwatt::settlement
