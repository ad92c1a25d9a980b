#include "tools/peerwatt/proofs.h"

#include <algorithm>

#include "libs/domain/arithmetic.h"

namespace peerwatt::tool {
namespace {

int64_t Share(Energy part, Energy whole) {
  return whole.wh() <= 0 ? 0 : MulDiv(part.wh(), 1'000'000, whole.wh(), Rounding::kHalfEven);
}

/// Whether the bill of a household accounts for exactly what its meters saw.
bool IsBalanced(const HouseholdFigures& household) {
  const Energy own = household.Item("SELF_CONSUMPTION").energy;
  return household.Imported() ==
             household.Item("PURCHASE").energy + household.Item("RETAIL").energy + own &&
         household.Exported() ==
             household.Item("SALE").energy + household.Item("FEED_IN").energy + own;
}

}  // namespace

BillItem HouseholdFigures::Item(const std::string& kind) const {
  const auto it = items.find(kind);
  return it == items.end() ? BillItem{} : it->second;
}

Energy HouseholdFigures::Imported() const {
  Energy sum;
  for (const PointFigures& point : points) sum += point.imported;
  return sum;
}

Energy HouseholdFigures::Exported() const {
  Energy sum;
  for (const PointFigures& point : points) sum += point.exported;
  return sum;
}

EnergyProof ProveEnergy(const DemoFigures& figures, int64_t period_count_expected) {
  EnergyProof proof;
  proof.period_count = static_cast<int64_t>(figures.periods.size());
  proof.period_count_expected = period_count_expected;
  for (const PeriodFigures& period : figures.periods) {
    proof.drawn += period.drawn;
    proof.fed_in += period.fed_in;
    proof.self_consumed += period.self_consumed;
    proof.delivered += period.delivered;
    proof.retail += period.retail;
    proof.surplus += period.surplus;
    proof.substituted_count += period.substituted_count;
    if (period.drawn != period.delivered + period.retail ||
        period.fed_in != period.delivered + period.surplus) {
      ++proof.periods_unbalanced;
    }
  }
  for (const HouseholdFigures& household : figures.households) {
    proof.imported += household.Imported();
    proof.exported += household.Exported();
    proof.bought += household.Item("PURCHASE").energy;
    proof.sold += household.Item("SALE").energy;
    proof.retail_billed += household.Item("RETAIL").energy;
    proof.surplus_billed += household.Item("FEED_IN").energy;
    proof.self_consumed_billed += household.Item("SELF_CONSUMPTION").energy;
    if (!IsBalanced(household)) ++proof.households_unbalanced;
  }
  proof.holds = proof.period_count == period_count_expected && proof.periods_unbalanced == 0 &&
                proof.households_unbalanced == 0 && proof.substituted_count == 0 &&
                proof.imported == proof.drawn + proof.self_consumed &&
                proof.exported == proof.fed_in + proof.self_consumed &&
                proof.bought == proof.delivered && proof.sold == proof.delivered &&
                proof.retail_billed == proof.retail && proof.surplus_billed == proof.surplus &&
                proof.self_consumed_billed == proof.self_consumed;
  return proof;
}

bool LedgerSumsToZero(const LedgerFigures& ledger) {
  return ledger.postings_sum == Money() && ledger.balances_sum == Money() &&
         ledger.mismatched_account_count == 0 && ledger.unbalanced_entry_count == 0 &&
         ledger.entry_count > 0 && ledger.entry_count == ledger.balance_entry_count;
}

ReadingsProof ProveReadings(const DemoFigures& figures, int64_t interval_count) {
  ReadingsProof proof;
  for (const HouseholdFigures& household : figures.households) {
    for (const PointFigures& point : household.points) {
      const Energy stored = point.generation ? point.exported : point.imported;
      const Energy other = point.generation ? point.imported : point.exported;
      ++proof.point_count;
      proof.reading_count += point.reading_count;
      proof.reading_count_expected += interval_count;
      proof.stored += stored;
      proof.input += point.input;
      if (stored != point.input || other != Energy() || point.reading_count != interval_count) {
        ++proof.points_differing;
      }
    }
  }
  proof.holds = proof.point_count > 0 && proof.points_differing == 0;
  return proof;
}

CommunityShares SharesOf(const DemoFigures& figures) {
  CommunityShares shares;
  Energy drawn;
  for (const HouseholdFigures& household : figures.households) {
    shares.consumed += household.Imported();
    shares.produced += household.Exported();
  }
  for (const PeriodFigures& period : figures.periods) {
    shares.local += period.delivered;
    shares.own += period.self_consumed;
    drawn += period.drawn;
  }
  shares.self_sufficiency_ppm = Share(shares.own + shares.local, shares.consumed);
  shares.self_consumption_ppm = Share(shares.own + shares.local, shares.produced);
  shares.local_share_ppm = Share(shares.local, drawn);
  return shares;
}

PriceRange RangeOf(const std::vector<AuctionFigures>& auctions) {
  PriceRange range;
  int64_t sum = 0;
  for (const AuctionFigures& auction : auctions) {
    if (!auction.price.has_value()) continue;
    range.min = range.auction_count == 0 ? *auction.price : std::min(range.min, *auction.price);
    range.max = range.auction_count == 0 ? *auction.price : std::max(range.max, *auction.price);
    sum = AddOrDie(sum, auction.price->micros_per_kwh());
    ++range.auction_count;
  }
  if (range.auction_count > 0) {
    range.mean = Price::MicrosPerKwh(MulDiv(sum, 1, range.auction_count, Rounding::kHalfEven));
  }
  return range;
}

}  // namespace peerwatt::tool
