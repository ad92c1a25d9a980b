// Settlement is killed at every call to the database of the mutual fund's waterfall, of rounds of
// payment rules, and of the small calls about payments. What it wrote is whole or not there, and
// the same call again finishes it, once.

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "services/settlement/storage/ledger_session.h"
#include "tests/postgres/settlement/cut_everywhere.h"
#include "tests/postgres/settlement/payments_fixture.h"
#include "tests/support/database_text.h"

namespace peerwatt::settlement {
namespace {

using peerwatt::testing::CuttingProxy;
using peerwatt::testing::Interruption;

class RoundCutOffTest : public PaymentsTest {
 protected:
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
         "SELECT kind, participant_id, payment_id, amount_micros, state, method, file_id, failure "
         "FROM payments ORDER BY 1, 2, 3",
         "SELECT file_id, md5(content) FROM payment_files ORDER BY 1",
         "SELECT settled_through_at FROM waterfall_runs ORDER BY 1",
         "SELECT participant_id, amount_micros, entry_no FROM fund_moves ORDER BY 1",
         "SELECT scheme_id, distribution_no, kept_micros, participant_ids, parts_micros "
         "FROM pool_distributions ORDER BY 1, 2",
         "SELECT participant_id, revision, iban, mandate_id FROM payout_details ORDER BY 1, 2",
         "SELECT revision, iban, fund_limit_micros FROM payment_settings ORDER BY 1"});
  }

  CutCounts Cut(const char* name, const std::function<void()>& prepare, const Call& call,
                std::vector<std::function<void()>> stages = {}) {
    const CutCounts counts =
        CutEverywhere({name,
                       [&] {
                         registry_.snapshot = CommunitySnapshot();
                         registry_.schemes.clear();
                         market_.answers = true;
                         provider_.files = false;
                         SetUp();
                         ASSERT_FALSE(HasFatalFailure());
                         prepare();
                       },
                       [&](const Interruption& interruption, int* calls) {
                         CuttingProxy proxy(database_->dsn(), interruption);
                         postgres::Pool pool(proxy.dsn(), AllQueries(), 2);
                         LedgerCache cache{crypto::Sha256, 2};
                         PayingProcess process(pool, cache, registry_, runs_, provider_, clock_);
                         const bool answered = call(process);
                         *calls = proxy.calls();
                         return answered;
                       },
                       [&] { return Story(); }, std::move(stages)});
    return counts;
  }
  /// Nothing half, nothing twice.
  void ExpectWhole(const char* name, const std::function<void()>& prepare, const Call& call,
                   std::vector<std::function<void()>> stages = {}) {
    const CutCounts counts = Cut(name, prepare, call, std::move(stages));
    EXPECT_GE(counts.cuts, 8) << name;
    EXPECT_EQ(counts.half_written, 0) << name;
    EXPECT_EQ(counts.duplicated, 0) << name;
  }

  /// The first quarter is settled, two owe, and the fund has something to lend.
  void PrepareFund() {
    clock_.Set(Quarter(1));
    Replica replica(*this);
    replica.CatchUp();
    PaymentSettings settings;
    settings.community = community_;
    settings.fund_limit = Money::Micros(150'000);
    Put(settings);
    const auto entry =
        MakeEntry("transfer", "seed", std::nullopt,
                  {{SystemAccount(AccountKind::kOperatorShare), Money::Micros(-200'000)},
                   {AccountId(kMutualFundAccount), Money::Micros(200'000)}});
    ASSERT_TRUE(WriteLedger(pool_, cache_, community_, clock_.Now(),
                            [&](pqxx::work&, LedgerSession& ledger) {
                              ledger.Post({*entry});
                              return absl::OkStatus();
                            })
                    .ok());
  }
  /// A pool of the classic pilot: the buyer used 10 kWh and has 25 of the 50, two producers.
  void PreparePool() {
    UseBank();
    market_.trades.clear();
    market_.answers = false;
    registry_.schemes = {Pilot()};
    for (const char* name : {"buyer", "seller", "consumer"}) PutDetails(name, "M-1");
    Fund("buyer", 25'000'000);
    metering_.Store("buyer", Quarter(0), 10'000, 0);
    metering_.Store("seller", Quarter(0), 0, 7'500);
    metering_.Store("consumer", Quarter(0), 0, 2'500);
    clock_.Set(Quarter(1));
    Replica replica(*this);
    replica.CatchUp();
  }
  static Scheme Pilot() {
    Scheme pool;
    pool.id = SchemeId("pilot");
    pool.starts_at = Quarter(0);
    pool.mechanism = Mechanism::kFixedPricePool;
    pool.local_price = Price::MicrosPerKwh(5'000'000);
    pool.operator_share_ppm = 200'000;
    pool.portions =
        PoolPortions{Energy::WattHours(1000), Money::Micros(25'000'000), Money::Micros(10'000'000)};
    return pool;
  }
  RuleTerms PilotTerms() const {
    RuleTerms terms;
    terms.community = community_;
    terms.scheme = SchemeId("pilot");
    terms.pools = PoolsOf({Pilot()});
    terms.validity = terms.pools.front().validity;
    terms.rules = {Price::MicrosPerKwh(5'000'000), Energy::WattHours(1000),
                   Money::Micros(25'000'000), Money::Micros(10'000'000), 200'000};
    terms.uses_files = true;
    return terms;
  }
  bool RunRules(PayingProcess& process) {
    return process.rounds.RunRules(PilotTerms(), clock_.Now()).ok();
  }
  /// A payout and a collection are in files at the bank.
  void PrepareFiles() {
    PreparePool();
    ASSERT_TRUE(process_->rounds.RunRules(PilotTerms(), clock_.Now()).ok());
    ASSERT_TRUE(CreateFile("payouts").ok());
    ASSERT_TRUE(CreateFile("collections", PaymentKind::kCollection).ok());
  }
  PaymentName Collected() const { return NameOf("buyer", "pilot.2", PaymentKind::kCollection); }
};

TEST_F(RoundCutOffTest, AtEveryCallOfTheWaterfall) {
  ExpectWhole(
      "waterfall", [&] { PrepareFund(); },
      [&](PayingProcess& process) {
        return process.rounds.RunWaterfall(community_, clock_.Now()).ok();
      });
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM fund_moves"), 2);
}

TEST_F(RoundCutOffTest, AtEveryCallOfARoundOfPaymentRules) {
  ExpectWhole(
      "rule_round", [&] { PreparePool(); },
      [&](PayingProcess& process) { return RunRules(process); });
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM payments WHERE kind = 2"), 2);
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM payments WHERE kind = 1"), 2);
  EXPECT_EQ(NumberFrom("SELECT sum(distributed_micros) FROM pool_distributions"), 20'000'000);
}

TEST_F(RoundCutOffTest, AtEveryCallOfAFileOfCollections) {
  ExpectWhole(
      "collections_file",
      [&] {
        PreparePool();
        ASSERT_TRUE(process_->rounds.RunRules(PilotTerms(), clock_.Now()).ok());
      },
      [&](PayingProcess& process) {
        PaymentFile wanted;
        wanted.community = community_;
        wanted.id = "f1";
        wanted.kind = PaymentKind::kCollection;
        wanted.due_on = absl::CivilDay(2026, 8, 5);
        return process.bank_desk.CreateFile(wanted).ok();
      });
}

TEST_F(RoundCutOffTest, AtEveryCallOfAPayoutThroughAProvider) {
  // It is kept and its money held before the provider is asked.
  const auto ask = [&](PayingProcess& process) {
    return process.desk.CreatePayout(Owner("p1"), "out", Money::Micros(4'000'000)).ok();
  };
  ExpectWhole("provider_payout", [&] { Fund("p1", 50'000'000); }, ask, {[&] {
                provider_.answers = false;
                EXPECT_FALSE(ask(*process_));
                provider_.answers = true;
              }});
  EXPECT_EQ(provider_.charged.size(), 1U) << "under one key, however often";
}

TEST_F(RoundCutOffTest, AtEveryCallOfFinishingWhatAProviderLeftOpen) {
  ExpectWhole(
      "finishing",
      [&] {
        Fund("p1", 50'000'000);
        provider_.answers = false;
        EXPECT_FALSE(CreatePayout("p1", "out", 4'000'000).ok());
        provider_.answers = true;
      },
      [](PayingProcess& process) { return process.desk.FinishPending().ok(); });
}

TEST_F(RoundCutOffTest, AtEveryCallOfAnEndThatOperatorsSay) {
  ExpectWhole(
      "cancel_payout",
      [&] {
        UseBank();
        Fund("p1", 50'000'000);
        PutDetails("p1");
        ASSERT_TRUE(CreatePayout("p1", "out", 4'000'000).ok());
      },
      [&](PayingProcess& process) {
        return process.payments.Cancel(NameOf("p1", "out"), clock_.Now()).ok();
      });
  ExpectWhole(
      "fail_payout", [&] { PrepareFiles(); },
      [&](PayingProcess& process) {
        return process.payments.Fail(NameOf("seller", "pilot.1"), "AC04", clock_.Now()).ok();
      });
  ExpectWhole(
      "fail_collection", [&] { PrepareFiles(); },
      [&](PayingProcess& process) {
        return process.payments.Fail(Collected(), "MD01", clock_.Now()).ok();
      });
}

TEST_F(RoundCutOffTest, AtEveryCallOfDetailsAndSettings) {
  ExpectWhole(
      "payout_details", [] {},
      [&](PayingProcess& process) {
        PayoutDetails details;
        details.community = community_;
        details.participant = ParticipantId("p1");
        details.account = {"Ada", kMemberIban, ""};
        return process.payments.PutDetails(details, clock_.Now()).ok();
      });
  // The first limit opens the fund's account in the same transaction.
  ExpectWhole(
      "payment_settings", [] {},
      [&](PayingProcess& process) {
        PaymentSettings settings;
        settings.community = community_;
        settings.account = {"Hamlet eG", kOwnIban, ""};
        settings.fund_limit = Money::Micros(150'000);
        return process.payments.PutSettings(settings, clock_.Now()).ok();
      });
}

/// The control: collections and what is handed on in two transactions are seen half written.
TEST_F(RoundCutOffTest, TwoTransactionsForOneRoundAreSeenHalfWritten) {
  const CutCounts counts = Cut(
      "control", [&] { PreparePool(); },
      [&](PayingProcess& process) {
        return RunRules(process) &&
               process.payments.Cancel(NameOf("seller", "pilot.1"), clock_.Now()).ok();
      });
  EXPECT_GT(counts.half_written, 0);
}

}  // namespace
}  // namespace peerwatt::settlement
