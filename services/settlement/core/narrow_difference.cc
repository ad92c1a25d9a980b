#include "services/settlement/core/narrow_difference.h"

#include <algorithm>
#include <iterator>

#include "absl/container/flat_hash_map.h"
#include "services/settlement/core/mutant.h"

namespace peerwatt::settlement {
namespace {

/// What lines change the totals of their period by.
PeriodTotals ChangeOf(const std::vector<Line>& lines) {
  PeriodTotals change;
  for (const Line& line : lines) {
    switch (line.key.kind) {
      case LineKind::kReferenceDraw:
        change.drawn += line.energy;
        break;
      case LineKind::kReferenceFeedIn:
        change.fed_in += line.energy;
        break;
      case LineKind::kSelfConsumption:
        change.self_consumed += line.energy;
        break;
      case LineKind::kPurchase:
        change.delivered += line.energy;
        break;
      case LineKind::kRetail:
        change.retail += line.energy;
        break;
      case LineKind::kFeedIn:
        change.surplus += line.energy;
        break;
      case LineKind::kImbalancePurchase:
        change.imbalance_bought += line.energy;
        break;
      case LineKind::kImbalanceSale:
        change.imbalance_sold += line.energy;
        break;
      default:
        break;
    }
  }
  return change;
}

/// Lines of a bill whose price is missing and that hold now.
template <typename Lines>
int32_t CountWithoutPrice(const Lines& lines) {
  return static_cast<int32_t>(
      std::count_if(lines.begin(), lines.end(), [](const auto& line) {
        return line.key.is_price_missing && line.energy != Energy() && !IsReference(line.key.kind);
      }));
}

/// Whether both sides of each trade change by the same.
bool IsBalanced(const std::vector<Line>& lines) {
  absl::flat_hash_map<TradeId, Money> sums;
  for (const Line& line : lines) {
    const bool is_side = line.key.kind == LineKind::kPurchase || line.key.kind == LineKind::kSale;
    if (is_side) sums[line.key.trade] += line.amount;
  }
  return std::all_of(sums.begin(), sums.end(),
                     [](const auto& sum) { return sum.second == Money(); });
}

/// The welfare of the period after what its trades deliver changed.
/// Returns nothing when what was kept does not say what was lost: it is never below zero.
std::optional<Welfare> WelfareAfter(const Welfare& before, const std::vector<Trade>& trades,
                                    const std::vector<Line>& changes,
                                    const std::vector<PostedLine>& posted) {
  if (before.delivered == Money()) return std::nullopt;
  if (PW_MUTANT(kWelfareOfAPartStays, true, false)) return before;
  absl::flat_hash_map<TradeId, Energy> change;
  for (const Line& line : changes) {
    if (line.key.kind == LineKind::kPurchase) change[line.key.trade] += line.energy;
  }
  absl::flat_hash_map<TradeId, Energy> delivered;
  for (const PostedLine& line : posted) {
    if (line.key.kind == LineKind::kPurchase) delivered[line.key.trade] += line.energy;
  }
  Money lost = before.optimum - before.delivered;
  for (const Trade& trade : trades) {
    const auto changed = change.find(trade.id);
    if (changed == change.end()) continue;
    const Energy missing = trade.energy - delivered[trade.id];
    lost += AmountOf(missing - changed->second, trade.gain, Rounding::kUp);
    lost -= AmountOf(missing, trade.gain, Rounding::kUp);
  }
  return Welfare{before.optimum, std::max(before.optimum - lost, Money())};
}

}  // namespace

std::optional<NarrowDifference> DifferenceOfPart(const Neighbourhood& part,
                                                 const std::vector<Line>& computed,
                                                 const std::vector<PostedLine>& posted,
                                                 const std::optional<Welfare>& welfare_posted) {
  const auto is_affected = [&](const auto& line) {
    return part.affected.contains({line.key.participant, line.key.connection});
  };
  std::vector<Line> now;
  std::copy_if(computed.begin(), computed.end(), std::back_inserter(now), is_affected);
  std::vector<PostedLine> before;
  std::copy_if(posted.begin(), posted.end(), std::back_inserter(before), is_affected);
  NarrowDifference difference;
  difference.lines = DifferenceOf(now, before);
  if (!IsBalanced(difference.lines)) return std::nullopt;
  if (PW_MUTANT(kTotalsOfAPartStay, false, true)) difference.totals = ChangeOf(difference.lines);
  difference.price_missing_count = CountWithoutPrice(now) - CountWithoutPrice(before);
  if (welfare_posted.has_value()) {
    difference.welfare = WelfareAfter(*welfare_posted, part.trades, difference.lines, before);
    if (!difference.welfare.has_value()) return std::nullopt;
  }
  return difference;
}

}  // namespace peerwatt::settlement
