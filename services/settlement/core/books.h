#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/domain/interval.h"
#include "services/settlement/core/accounts.h"
#include "services/settlement/core/grid_loss.h"
#include "services/settlement/core/journal_entry.h"
#include "services/settlement/core/line.h"
#include "services/settlement/core/settlement.h"

namespace peerwatt::settlement {

/// An entry as it stands in the journal.
struct PostedEntry {
  int64_t number = 0;  ///< counts up per ledger from 1
  JournalEntry entry;
  absl::Time created_at;
};

/// Sums of a ledger at one instant.
struct TrialBalance {
  Money postings_sum;
  Money balances_sum;
  int64_t mismatched_account_count = 0;
  int64_t entry_count = 0;
  Money held_sum;
};

/// A settled period and what its newest run made of it.
struct SettledPeriod {
  Interval period;
  int32_t run_count = 0;
  PeriodTotals totals;
  int32_t substituted_count = 0;
  int32_t price_missing_count = 0;  ///< lines of bills without a price
  SchemeId scheme;  ///< the scheme in force; empty when there was none
  std::optional<GridLoss> grid_loss{};  ///< none without a boundary
};

/// A line as it was posted.
struct PostedBillLine {
  absl::Time period_start;
  int32_t run = 0;
  int32_t number = 0;  ///< counts up per period and run from 1
  Line line;
  std::optional<int64_t> entry_number;
};

/// Sum of one kind of line.
struct BillItem {
  LineKind kind = LineKind::kRetail;
  Energy energy;
  Money amount;
  Energy price_missing{};  ///< of the energy, what has no price, and so no part in the amount
};

/// A span that may be open at either end.
struct OptionalSpan {
  std::optional<absl::Time> start;
  std::optional<absl::Time> end;
};

/// A ledger as its readers need it.
struct LedgerHead {
  std::string currency;
  absl::Time settled_through;
  int32_t dirty_period_count = 0;
};

/// Where a page of lines starts: after this one.
struct LinePosition {
  absl::Time period_start;
  int32_t run = 0;
  int32_t number = 0;
};

/// Answers questions about the books. Nothing here writes.
class BooksReader {
 public:
  virtual ~BooksReader() = default;
  /// Errors: NOT_FOUND when the community has no ledger.
  virtual absl::StatusOr<LedgerHead> GetHead(const CommunityId& community) = 0;
  /// Nothing when no posting or hold ever touched the account.
  virtual absl::StatusOr<std::optional<Account>> FindAccount(const CommunityId& community,
                                                             const AccountId& account) = 0;
  virtual absl::StatusOr<std::vector<Account>> ListAccounts(const CommunityId& community,
                                                            const AccountId& after,
                                                            int32_t limit) = 0;
  /// account: only entries with a posting to it, unless empty.
  virtual absl::StatusOr<std::vector<PostedEntry>> ListEntries(const CommunityId& community,
                                                               const AccountId& account,
                                                               int64_t after, int32_t limit) = 0;
  virtual absl::StatusOr<TrialBalance> GetTrialBalance(const CommunityId& community) = 0;
  /// What the balances of each ledger sum to, without sign, over all ledgers: 0.
  virtual absl::StatusOr<Money> ImbalanceOfAll() = 0;
  /// Settled periods in which a line has no price, over all communities.
  virtual absl::StatusOr<int64_t> CountPriceMissing() = 0;
  /// Nothing when the period is not settled.
  virtual absl::StatusOr<std::optional<SettledPeriod>> FindPeriod(const CommunityId& community,
                                                                  absl::Time period_start) = 0;
  /// after: start of the last period of the page before.
  virtual absl::StatusOr<std::vector<SettledPeriod>> ListPeriods(
      const CommunityId& community, const OptionalSpan& span, std::optional<absl::Time> after,
      int32_t limit) = 0;
  /// Lines of a bill; reference lines are left out.
  virtual absl::StatusOr<std::vector<PostedBillLine>> ListLines(
      const CommunityId& community, const ParticipantId& participant, const OptionalSpan& span,
      const std::optional<LinePosition>& after, int32_t limit) = 0;
  /// Sums per kind, in the order of the kinds, reference kinds included.
  virtual absl::StatusOr<std::vector<BillItem>> SumLines(const CommunityId& community,
                                                         const ParticipantId& participant,
                                                         const OptionalSpan& span) = 0;
};

}  // namespace peerwatt::settlement
