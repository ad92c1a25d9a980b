// Corruptions of the books, one at a time, made past all grants and constraints: reconciliation
// finds each by the check that is there for it. docs/reconciliation.md lists them.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/postgres/settlement/reconciliation_fixture.h"

namespace peerwatt::settlement {
namespace {

struct Corruption {
  const char* name;
  std::vector<std::string> statements;
  const char* check;    ///< that finds it
  const char* subject;  ///< that it names, or how that begins
};

/// The trade of the first quarter is entry 2; its restatement is the last trade's entry.
const std::vector<Corruption>& Corruptions() {
  static const auto& corruptions = *new std::vector<Corruption>{
      {"AnAmountPairIsAltered",
       {"UPDATE journal_entries SET amounts_micros = ARRAY[amounts_micros[1] - 7, "
        "amounts_micros[2] + 7] WHERE idempotency_key = 'x5'"},
       "closing_sum",
       "journalEntries/"},
      {"AClosingSumIsAltered",
       {"UPDATE journal_entries SET closing_micros[2] = closing_micros[2] + 1 "
        "WHERE idempotency_key = 'x119'"},
       "closing_sum",
       "journalEntries/"},
      {"AnEntryIsDeleted",
       {"DELETE FROM journal_entries WHERE idempotency_key = 'x100'"},
       "entry_gap",
       "journalEntries/"},
      {"AnEntryDoesNotBalance",
       {"ALTER TABLE journal_entries DROP CONSTRAINT IF EXISTS journal_entries_sum_to_zero",
        "UPDATE journal_entries SET amounts_micros[1] = amounts_micros[1] + 1 "
        "WHERE idempotency_key = 'x5'"},
       "entry_balance",
       "journalEntries/"},
      {"ATradesTransferIsThereTwice",
       {"INSERT INTO journal_entries SELECT community_id, l.entry_count + 1, e.kind, "
        "e.idempotency_key || '1', e.content_hash, e.currency_code, e.account_nos, "
        "e.amounts_micros, e.closing_micros, e.period_start_at, e.created_at "
        "FROM journal_entries AS e JOIN ledgers AS l USING (community_id) "
        "WHERE e.kind = 'trade' ORDER BY e.entry_no LIMIT 1",
        "UPDATE ledgers SET entry_count = entry_count + 1"},
       "trade_transfer",
       "auctions/20260701t000000z/trades/t1"},
      {"ATradeIsRoundedOtherwise",
       {// Lines, posting and closing sums agree with each other: a micro-unit too much.
        "UPDATE settlement_lines SET amount_micros = amount_micros - 1 WHERE kind = 1 AND run = 1",
        "UPDATE settlement_lines SET amount_micros = amount_micros + 1 WHERE kind = 2 AND run = 1",
        "UPDATE journal_entries AS e SET amounts_micros = ARRAY(SELECT u.amount + CASE "
        "a.account_id WHEN 'participant-buyer' THEN -1 WHEN 'participant-seller' THEN 1 ELSE 0 "
        "END FROM unnest(e.account_nos, e.amounts_micros) WITH ORDINALITY AS u(no, amount, n) "
        "JOIN accounts AS a ON a.account_no = u.no ORDER BY u.n) "
        "WHERE kind = 'trade' AND idempotency_key LIKE '%:1'"},
       "trade_transfer",
       "auctions/20260701t000000z/trades/t1"},
      {"ABalanceRowIsWrong",
       {"UPDATE accounts SET credits_posted_micros = credits_posted_micros + 1 "
        "WHERE account_id = 'participant-seller'"},
       "account_balance",
       "accounts/participant-seller"},
      {"AHoldIsOpenForNothing",
       {"INSERT INTO holds (community_id, order_name, period_start_at, debit_account_no, "
        "initial_micros, amount_micros, state) SELECT community_id, 'orphan', "
        "'2026-07-01T00:00:00Z', account_no, 5, 5, 'OPEN' FROM accounts "
        "WHERE account_id = 'participant-buyer'"},
       "hold_orphan",
       "holds/orphan"},
      {"AHoldIsOpenBeyondItsTime",
       {"UPDATE holds SET expires_at = '2026-07-01T00:00:00Z' WHERE order_name = 'h1'"},
       "hold_expired",
       "holds/h1"},
      {"APendingCounterIsOff",
       {"UPDATE accounts SET debits_pending_micros = debits_pending_micros + 3 "
        "WHERE account_id = 'participant-buyer'"},
       "pending_sum",
       "accounts/participant-buyer"},
      {"ALineIsChanged",
       {"UPDATE settlement_lines SET amount_micros = amount_micros - 10 WHERE kind = 5"},
       "line_posting",
       "journalEntries/"},
      {"EnergiesOfAPeriodAreChanged",
       {"UPDATE settlement_periods SET drawn_wh = drawn_wh + 1, retail_wh = retail_wh + 1"},
       "period_energy",
       "settlementPeriods/20260701t000000z"},
      {"APageMissesAnEntry",
       {"UPDATE account_pages SET entry_nos = entry_nos[2:] WHERE cardinality(entry_nos) > 1"},
       "account_page",
       "accounts/"},
      {"ARefusedKeyIsTurned",
       {"UPDATE transfer_keys SET refusal = '' WHERE idempotency_key = 'h3'"},
       "transfer_key",
       "transfers/h3"},
      {"ARunLeavesMoneyInTransit",
       {"UPDATE journal_entries AS e SET account_nos = array_replace(account_nos, "
        "(SELECT account_no FROM accounts WHERE account_id = 'main-grid'), "
        "(SELECT account_no FROM accounts WHERE account_id = 'payments-in-transit')) "
        "WHERE kind = 'feed-in'"},
       "clearing_account",
       "journalEntries/"},
  };
  return corruptions;
}

class CorruptionTest : public ReconciliationTest,
                       public ::testing::WithParamInterface<Corruption> {};

TEST_P(CorruptionTest, IsFoundByItsCheck) {
  const Corruption& corruption = GetParam();
  // The books were sound, and known to be.
  ASSERT_EQ(TextOf(LookAtAll()), "");
  for (const std::string& statement : corruption.statements) Corrupt(statement);
  const reconciliation::Report report = LookAtAll();
  const bool is_found = std::any_of(report.changes.found.begin(), report.changes.found.end(),
                                    [&](const reconciliation::Finding& finding) {
                                      return NameOf(finding.check) == corruption.check &&
                                             finding.subject.rfind(corruption.subject, 0) == 0;
                                    });
  EXPECT_TRUE(is_found) << corruption.check << " did not find it; found was:\n" << TextOf(report);
}

INSTANTIATE_TEST_SUITE_P(Each, CorruptionTest, ::testing::ValuesIn(Corruptions()),
                         [](const auto& test) { return std::string(test.param.name); });

/// The same of a row that a corruption can hit and one that it cannot.
TEST_F(ReconciliationTest, ChangesThatChangeNothingAreNotFound) {
  Corrupt("UPDATE journal_entries SET closing_micros[2] = closing_micros[2] + 0");
  Corrupt("UPDATE settlement_lines SET amount_micros = amount_micros + 0");
  EXPECT_EQ(TextOf(LookAtAll()), "");
}

}  // namespace
}  // namespace peerwatt::settlement
