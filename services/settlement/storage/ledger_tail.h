#pragma once

#include <cstdint>
#include <pqxx/pqxx>
#include <vector>

#include "absl/status/status.h"
#include "libs/postgres/pool.h"
#include "services/settlement/storage/ledger_cache.h"

namespace peerwatt::settlement {

/// Entries that a transaction reads at most to learn what others posted; who is further behind
/// learns it before, by `LearnTail`.
inline constexpr int64_t kTailRowsMax = 20'000;

/// Lets a process know what is not folded of a ledger that it does not know, or not any more: in
/// parts, each in a transaction of its own that locks nothing, until `kTailRowsMax` entries or
/// fewer are missing. Nothing happens to a ledger that does not exist. Errors: those of the pool.
absl::Status LearnTail(postgres::Pool& pool, LedgerCache& cache, const CommunityId& community);

/// Closing sums of the entries after `after`, up to `through`.
std::vector<ClosingRow> ReadTail(pqxx::transaction_base& tx, const CommunityId& community,
                                 int64_t after, int64_t through);
/// Reads the row of a ledger.
LedgerPosition PositionFrom(const pqxx::row& row);
/// Reads a row of the journal with its closing sums, as text.
ClosingRow ClosingFrom(const pqxx::row& row);

}  // namespace peerwatt::settlement
