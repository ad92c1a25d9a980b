#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "libs/crypto/digest.h"
#include "services/settlement/storage/postgres_deposit_store.h"
#include "services/settlement/storage/postgres_hold_store.h"
#include "services/settlement/storage/postgres_run_store.h"
#include "services/settlement/storage/postgres_transfer_store.h"
#include "services/settlement/storage/queries.h"
#include "tests/support/cutting_proxy.h"
#include "tests/support/database_text.h"
#include "tests/support/postgres_fixture.h"

namespace peerwatt::settlement {

/// A settlement process whose calls to the database go through a proxy that cuts at one of them.
struct Doomed {
  Doomed(const std::string& dsn, const Clock& clock, int cut_at, bool after_effect)
      : proxy(dsn, {.call = cut_at, .after_effect = after_effect}),
        pool(proxy.dsn(), AllQueries(), 2),
        transfers(pool, cache, clock),
        holds(pool, cache),
        runs(pool, cache),
        deposits(pool, cache) {}

  peerwatt::testing::CuttingProxy proxy;
  postgres::Pool pool;
  LedgerCache cache{crypto::Sha256, 2};
  PostgresTransferStore transfers;
  PostgresHoldStore holds;
  PostgresRunStore runs;
  PostgresDepositStore deposits;
};

/// All that a ledger has, in one text.
inline std::string StoryOf(const peerwatt::testing::TestDatabase& database) {
  return peerwatt::testing::TextOf(
      database.owner_dsn(),
      {"SELECT account_id, debits_posted_micros, credits_posted_micros, debits_pending_micros, "
       "credits_pending_micros FROM account_states ORDER BY account_id",
       "SELECT entry_no, kind, idempotency_key, account_nos, amounts_micros, closing_micros "
       "FROM journal_entries ORDER BY entry_no",
       "SELECT order_name, amount_micros, state FROM holds ORDER BY order_name",
       "SELECT idempotency_key, refusal FROM transfer_keys ORDER BY idempotency_key",
       "SELECT deposit_id, state FROM deposits ORDER BY deposit_id",
       "SELECT period_start_at, run_count FROM settlement_periods ORDER BY period_start_at",
       "SELECT account_id, debit_limit_micros, credit_limit_micros FROM accounts "
       "ORDER BY account_id"});
}

}  // namespace peerwatt::settlement
