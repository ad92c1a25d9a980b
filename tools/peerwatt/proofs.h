#pragma once

#include <cstdint>

#include "libs/domain/quantities.h"
#include "tools/peerwatt/figures.h"

namespace peerwatt::tool {

/// Energy of the whole run, each pair from two independent sources.
struct EnergyProof {
  Energy imported;       ///< by the meters
  Energy exported;       ///< by the meters
  Energy drawn;          ///< by the periods
  Energy fed_in;         ///< by the periods
  Energy self_consumed;  ///< by the periods
  Energy delivered;      ///< by the periods
  Energy retail;         ///< by the periods
  Energy surplus;        ///< by the periods
  Energy bought;         ///< by the bills
  Energy sold;           ///< by the bills
  Energy retail_billed;
  Energy surplus_billed;
  Energy self_consumed_billed;
  int64_t period_count = 0;
  int64_t period_count_expected = 0;
  int64_t periods_unbalanced = 0;  ///< drawn ≠ delivered + retail or fed in ≠ delivered + surplus
  int64_t households_unbalanced = 0;  ///< the bill's energy is not the meters'
  int64_t substituted_count = 0;
  bool holds = false;
};
/// Energy in = energy accounted for: meters, periods and bills agree to the watt hour.
EnergyProof ProveEnergy(const DemoFigures& figures, int64_t period_count_expected);

/// The books sum to zero: by the service's trial balance and by the journal as listed.
bool LedgerSumsToZero(const LedgerFigures& ledger);

/// Readings against input.
struct ReadingsProof {
  int64_t point_count = 0;
  int64_t points_differing = 0;
  int64_t reading_count = 0;
  int64_t reading_count_expected = 0;
  Energy stored;
  Energy input;
  bool holds = false;
};
/// Each point's readings sum to its input's exact total, with one reading per interval.
ReadingsProof ProveReadings(const DemoFigures& figures, int64_t interval_count);

/// The community as a whole. Shares in millionths; 0 when there is nothing to share.
struct CommunityShares {
  Energy consumed;                   ///< all that was used, wherever from
  Energy produced;                   ///< all that was generated
  Energy local;                      ///< delivered between neighbours
  Energy own;                        ///< self-consumed behind the meter
  int64_t self_sufficiency_ppm = 0;  ///< (own + local) / consumed
  int64_t self_consumption_ppm = 0;  ///< (own + local) / produced
  int64_t local_share_ppm = 0;       ///< local / drawn from the grid
};
CommunityShares SharesOf(const DemoFigures& figures);

/// Prices of the auctions in which energy was traded.
struct PriceRange {
  int64_t auction_count = 0;
  Price min;
  Price mean;  ///< over the auctions, half to even
  Price max;
};
PriceRange RangeOf(const std::vector<AuctionFigures>& auctions);

}  // namespace peerwatt::tool
