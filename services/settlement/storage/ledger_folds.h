#pragma once

#include <cstdint>
#include <vector>

#include <pqxx/pqxx>

#include "services/settlement/storage/ledger_cache.h"

namespace peerwatt::settlement {

/// Writes accounts back: their rows, and pages with the numbers of their entries.
/// folds: in the order of the accounts. others_entry_no: as `CachedLedger` has it; pages that end
/// with it or before may be there already.
void WriteFolds(pqxx::work& tx, const CommunityId& community,
                const std::vector<CachedLedger::Fold>& folds, int64_t others_entry_no);

}  // namespace peerwatt::settlement
