#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "libs/domain/quantities.h"
#include "tools/peerwatt/kpi_table.h"
#include "tools/peerwatt/scenario.h"

namespace peerwatt::tool {

/// One kind of a bill's lines, summed.
struct BillItem {
  Energy energy;
  Money amount;
};

/// What metering says of a point, and what its input holds.
struct PointFigures {
  std::string name;
  Energy imported;
  Energy exported;
  int64_t reading_count = 0;
  Energy input;  ///< of the one register that the point has
  bool generation = false;
};

/// A household by its meters and by its bill.
struct HouseholdFigures {
  std::string id;
  int64_t pv_peak_w = 0;
  Price bid_price;
  Price offer_price;
  std::vector<PointFigures> points;
  std::map<std::string, BillItem> items;  ///< by kind, such as `PURCHASE`
  Money total;                            ///< negative: paid
  Money total_without_trading;            ///< negative: paid

  BillItem Item(const std::string& kind) const;
  Energy Imported() const;
  Energy Exported() const;
};

/// What settlement says of a period.
struct PeriodFigures {
  absl::Time start;
  Energy drawn;
  Energy fed_in;
  Energy self_consumed;
  Energy delivered;
  Energy retail;
  Energy surplus;
  int64_t run_count = 0;
  int64_t substituted_count = 0;
};

/// The outcome of an auction.
struct AuctionFigures {
  absl::Time start;
  std::optional<Price> price;
  Energy cleared;
};

/// What the books say of themselves.
struct LedgerFigures {
  Money postings_sum;
  Money balances_sum;
  int64_t mismatched_account_count = 0;
  int64_t balance_entry_count = 0;  ///< entries by the trial balance
  int64_t entry_count = 0;          ///< entries by the journal
  int64_t unbalanced_entry_count = 0;
  std::string digest_sha256;
};

/// How the run went.
struct RunFigures {
  absl::Duration duration;
  int64_t readings_acknowledged = 0;
  int64_t readings_refused = 0;
  int64_t reconnects = 0;
  int64_t outages = 0;
  std::map<std::string, int> restarts;
  std::map<std::string, absl::Duration> waited;  ///< by the part that was behind
};

/// Everything that the report is made of, from independent sources.
struct DemoFigures {
  std::vector<HouseholdFigures> households;
  std::vector<PeriodFigures> periods;
  std::vector<AuctionFigures> auctions;
  LedgerFigures ledger;
  KpiTable kpis;
  RunFigures run;
};

}  // namespace peerwatt::tool
