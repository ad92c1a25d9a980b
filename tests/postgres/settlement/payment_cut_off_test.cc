// Settlement is killed at every call that payments make to the database, before and after the
// call's effect. What it wrote is whole or not there, and the same call again finishes it, once.

#include <functional>
#include <memory>

#include <gtest/gtest.h>

#include "tests/postgres/settlement/payments_fixture.h"
#include "tests/support/cutting_proxy.h"
#include "tests/support/database_text.h"

namespace peerwatt::settlement {
namespace {

using peerwatt::testing::CuttingProxy;

class PaymentCutOffTest : public PaymentsTest {
 protected:
  /// A process whose calls to the database go through a proxy that cuts at one of them.
  struct Doomed {
    Doomed(PaymentCutOffTest& test, int cut_at, bool after_effect)
        : proxy(test.database_->dsn(), {.call = cut_at, .after_effect = after_effect}),
          pool(proxy.dsn(), AllQueries(), 2),
          process(pool, cache, test.registry_, test.runs_, test.provider_, test.clock_) {}

    CuttingProxy proxy;
    postgres::Pool pool;
    LedgerCache cache{crypto::Sha256, 2};
    PayingProcess process;
  };
  /// A writing call. Returns whether it was answered with success.
  using Call = std::function<bool(PayingProcess&)>;

  /// All that payments and the ledger have, in one text.
  std::string Story() const {
    return peerwatt::testing::TextOf(
        database_->owner_dsn(),
        {"SELECT account_id, debits_posted_micros, credits_posted_micros, debits_pending_micros, "
         "credits_pending_micros FROM account_states ORDER BY account_id",
         "SELECT entry_no, kind, idempotency_key, account_nos, amounts_micros, closing_micros "
         "FROM journal_entries ORDER BY entry_no",
         "SELECT order_name, amount_micros, state FROM holds ORDER BY order_name",
         "SELECT idempotency_key, refusal FROM transfer_keys ORDER BY idempotency_key",
         "SELECT kind, participant_id, payment_id, state, file_id, failure FROM payments "
         "ORDER BY 1, 2, 3",
         "SELECT file_id, md5(content) FROM payment_files ORDER BY 1",
         "SELECT statement_id, duplicate_count, finding_count FROM bank_statements ORDER BY 1",
         "SELECT entry_id, kind FROM bank_entries ORDER BY 1",
         "SELECT participant_id, amount_micros FROM fund_moves ORDER BY 1",
         "SELECT distribution_no, parts_micros FROM pool_distributions ORDER BY 1"});
  }

  void Reset(const std::function<void()>& prepare) {
    SetUp();
    ASSERT_FALSE(HasFatalFailure());
    prepare();
  }
  /// A bank, and two members with money and accounts.
  void Prepare() {
    UseBank();
    for (const char* name : {"p1", "p2"}) {
      Fund(name, 50'000'000);
      PutDetails(name);
    }
  }

  void CutEverywhere(const char* name, const std::function<void()>& prepare, const Call& call,
                     int calls_least) {
    Reset(prepare);
    const std::string before = Story();
    int calls = 0;
    {
      Doomed whole(*this, -1, false);
      ASSERT_TRUE(call(whole.process));
      calls = whole.proxy.calls();
    }
    ASSERT_GE(calls, calls_least);
    const std::string after = Story();
    ASSERT_NE(before, after);
    int64_t half_written = 0;
    int64_t duplicated = 0;
    for (int cut_at = 0; cut_at < calls; ++cut_at) {
      for (const bool after_effect : {false, true}) {
        Reset(prepare);
        {
          Doomed doomed(*this, cut_at, after_effect);
          EXPECT_FALSE(call(doomed.process)) << "acknowledged without the database's answer";
        }
        const std::string found = Story();
        half_written += found != before && found != after;
        Doomed next(*this, -1, false);
        EXPECT_TRUE(call(next.process)) << "call " << cut_at << ", " << after_effect;
        duplicated += Story() != after;
      }
    }
    EXPECT_EQ(half_written, 0);
    EXPECT_EQ(duplicated, 0);
    printf("%s calls %d half_written %ld duplicated %ld\n", name, calls, half_written, duplicated);
  }

  bool PayOut(PayingProcess& process, const std::string& id) {
    return process.desk.CreatePayout(Owner("p1"), id, Money::Micros(4'000'000)).ok();
  }
};

TEST_F(PaymentCutOffTest, AtEveryCallOfAPayout) {
  CutEverywhere("payout", [&] { Prepare(); },
                [&](PayingProcess& process) { return PayOut(process, "out"); }, 9);
}

TEST_F(PaymentCutOffTest, AtEveryCallOfAPaymentFile) {
  CutEverywhere(
      "file",
      [&] {
        Prepare();
        ASSERT_TRUE(CreatePayout("p1", "a", 1'000'000).ok());
        ASSERT_TRUE(CreatePayout("p2", "b", 2'000'000).ok());
      },
      [&](PayingProcess& process) {
        PaymentFile wanted;
        wanted.community = community_;
        wanted.id = "f1";
        wanted.due_on = absl::CivilDay(2026, 8, 5);
        return process.bank_desk.CreateFile(wanted).ok();
      },
      7);
}

TEST_F(PaymentCutOffTest, AtEveryCallOfAStatement) {
  const auto prepare = [&] {
    Prepare();
    ASSERT_TRUE(CreatePayout("p1", "a", 1'000'000).ok());
    ASSERT_TRUE(CreatePayout("p2", "b", 2'000'000).ok());
    ASSERT_TRUE(CreateFile("f1").ok());
  };
  Reset(prepare);
  const std::string a = PaymentOf(NameOf("p1", "a")).end_to_end_id;
  const std::string b = PaymentOf(NameOf("p2", "b")).end_to_end_id;
  const std::string file = StatementFile(
      "S1", 10'000,
      {{-100, StatementEntry(-100, "B1", a)},
       {-200, StatementEntry(-200, "B2", b)},
       {200, StatementEntry(200, "B3", b, "", "AC04")},
       {700, StatementEntry(700, "B4", "", DepositReference(ParticipantId("p2")))},
       {300, StatementEntry(300, "B5", "")}});
  CutEverywhere("statement", prepare,
                [&](PayingProcess& process) { return process.Import(community_, file).ok(); },
                12);
}

/// The control: two transactions for one call are seen as half written.
TEST_F(PaymentCutOffTest, TwoTransactionsForOneCallAreSeenHalfWritten) {
  const Call call = [&](PayingProcess& process) {
    return PayOut(process, "one") && PayOut(process, "two");
  };
  Reset([&] { Prepare(); });
  const std::string before = Story();
  int calls = 0;
  {
    Doomed whole(*this, -1, false);
    ASSERT_TRUE(call(whole.process));
    calls = whole.proxy.calls();
  }
  const std::string after = Story();
  int64_t half_written = 0;
  for (int cut_at = 0; cut_at < calls; ++cut_at) {
    Reset([&] { Prepare(); });
    Doomed doomed(*this, cut_at, false);
    EXPECT_FALSE(call(doomed.process));
    const std::string found = Story();
    half_written += found != before && found != after;
  }
  EXPECT_GT(half_written, 0);
  printf("control half_written %ld\n", half_written);
}

}  // namespace
}  // namespace peerwatt::settlement
