#include "services/settlement/core/welfare.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "libs/base/check.h"

namespace peerwatt::settlement {

Welfare WelfareOf(Money optimum, const std::vector<Trade>& trades, const std::vector<Line>& lines) {
  PW_CHECK(optimum >= Money(), "welfare is not negative");
  absl::flat_hash_map<absl::string_view, Energy> delivered;
  for (const Line& line : lines) {
    if (line.key.kind == LineKind::kPurchase) delivered[line.key.trade.value()] += line.energy;
  }
  Money lost;
  for (const Trade& trade : trades) {
    const auto found = delivered.find(trade.id.value());
    const Energy missing = trade.energy - (found == delivered.end() ? Energy() : found->second);
    lost += AmountOf(missing, trade.gain, Rounding::kUp);
  }
  return {optimum, std::max(optimum - lost, Money())};
}

}  // namespace peerwatt::settlement
