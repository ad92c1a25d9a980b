#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/postgres/pool.h"
#include "services/settlement/core/ledger/transfers.h"
#include "services/settlement/storage/ledger_cache.h"

namespace peerwatt::settlement {

/// Posts calls by one statement, a transaction by itself, when what the process knows of the ledger
/// says that each transfer is an entry of two postings that stands, as nearly always, and the
/// ledger is still so. Returns nothing when it posted nothing: then the ledger needs a look.
/// now: the clock; the ledger's own never goes back.
/// Errors: kAlreadyExists when a key is known: then keys must be asked for; DATABASE_UNAVAILABLE;
/// OUTCOME_UNKNOWN.
absl::StatusOr<std::optional<std::vector<ledger::TransferResult>>> PostPlain(
    postgres::Pool& pool, LedgerCache& cache, const CommunityId& community, absl::Time now,
    const ledger::TransferStore::Calls& calls);

}  // namespace peerwatt::settlement
