#include <map>
#include <memory>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/postgres/settlement/transfer_fixture.h"

namespace peerwatt::settlement {
namespace {

class TransfersTest : public TransferTest {};

TEST_F(TransfersTest, AnEntryMovesMoneyOnce) {
  EXPECT_EQ(Create({Entry("k1", "a", "b", 100)}), Texts{"applied"});
  EXPECT_EQ(Create({Entry("k1", "a", "b", 100)}), Texts{"exists"});
  EXPECT_EQ(Create({Entry("k1", "a", "b", 101)}), Texts{"CONTENT_DIFFERS"});
  EXPECT_EQ(Has("a"), -100);
  EXPECT_EQ(Has("b"), 100);
  EXPECT_EQ(Create({Entry("k2", "b", "c", 101)}), Texts{"DEBIT_LIMIT_EXCEEDED"});
  EXPECT_EQ(Create({Entry("k3", "a", "f", 51)}), Texts{"CREDIT_LIMIT_EXCEEDED"});
}

TEST_F(TransfersTest, ARefusedKeyStaysRefused) {
  EXPECT_EQ(Create({Entry("k1", "b", "c", 10)}), Texts{"DEBIT_LIMIT_EXCEEDED"});
  EXPECT_EQ(Create({Entry("k2", "a", "b", 100)}), Texts{"applied"});
  EXPECT_EQ(Create({Entry("k1", "b", "c", 10)}), Texts{"DEBIT_LIMIT_EXCEEDED"});
  EXPECT_EQ(Create({Entry("k1", "b", "c", 11)}), Texts{"CONTENT_DIFFERS"});
  EXPECT_EQ(Create({Entry("k3", "b", "c", 10)}), Texts{"applied"});
  Replica other(database_->dsn(), clock_, 5);
  EXPECT_EQ(CreateAt(other, {Entry("k1", "b", "c", 10)}), Texts{"DEBIT_LIMIT_EXCEEDED"});
}

TEST_F(TransfersTest, WhatExistsIsNotRefusedBecauseOfItsOwnEffect) {
  ASSERT_EQ(Create({Entry("k1", "a", "b", 100), Entry("k2", "b", "c", 100)}),
            (Texts{"applied", "applied"}));
  // Judged again, k2 would find b empty.
  EXPECT_EQ(Create({Entry("k2", "b", "c", 100)}), Texts{"exists"});
  EXPECT_EQ(Create({Entry("k3", "a", "b", 1), Entry("k1", "a", "b", 100)}),
            (Texts{"applied", "exists"}));
}

TEST_F(TransfersTest, AChainIsAppliedAsAWholeOrNotAtAll) {
  EXPECT_EQ(Create({Linked(Entry("k1", "a", "b", 10)), Entry("k2", "b", "c", 11)}),
            (Texts{"LINKED_FAILED", "DEBIT_LIMIT_EXCEEDED"}));
  EXPECT_EQ(Has("b"), 0);
  EXPECT_EQ(Create({Linked(Entry("k1", "a", "b", 10)), Entry("k3", "b", "c", 10)}),
            (Texts{"applied", "applied"}))
      << "the key of a transfer that was not at fault is free";
  EXPECT_EQ(Create({Linked(Entry("k1", "a", "b", 10)), Entry("k3", "b", "c", 10)}),
            (Texts{"exists", "exists"}));
  EXPECT_EQ(Create({Entry("k4", "a", "b", 10), Linked(Entry("k5", "a", "b", 10))}),
            (Texts{"applied", "LINK_OPEN"}));
  EXPECT_EQ(Has("c"), 10);
}

TEST_F(TransfersTest, AHoldIsCapturedInPartAndTheRestIsFree) {
  ASSERT_EQ(Create({Entry("k1", "a", "b", 100), HoldOf("h1", "b", 60)}),
            (Texts{"applied", "applied"}));
  EXPECT_EQ(CountersOf("b").debits_pending.micros(), 60);
  EXPECT_EQ(Create({HoldOf("h2", "b", 41)}), Texts{"DEBIT_LIMIT_EXCEEDED"});
  EXPECT_EQ(Create({CaptureOf("c1", "h1", "c", 61)}), Texts{"HOLD_EXCEEDED"});
  EXPECT_EQ(Create({CaptureOf("c2", "h1", "", 20)}), Texts{"PAYEE_DIFFERS"});
  EXPECT_EQ(Create({CaptureOf("c3", "h1", "c", 20)}), Texts{"applied"});
  EXPECT_EQ(Create({CaptureOf("c3", "h1", "c", 20)}), Texts{"exists"});
  EXPECT_EQ(Create({CaptureOf("c4", "h1", "c", 1)}), Texts{"HOLD_ENDED"});
  EXPECT_EQ(CountersOf("b").debits_pending.micros(), 0);
  EXPECT_EQ(Has("b"), 80);
  EXPECT_EQ(Has("c"), 20);
  EXPECT_EQ(Create({HoldOf("h1", "b", 60)}), Texts{"exists"}) << "whatever became of it";
}

TEST_F(TransfersTest, AHoldIsVoidedOnce) {
  ASSERT_EQ(Create({HoldOf("h1", "a", 60, absl::InfiniteFuture(), "b")}), Texts{"applied"});
  EXPECT_EQ(CountersOf("b").credits_pending.micros(), 60);
  EXPECT_EQ(Create({VoidOf("v1", "h1")}), Texts{"applied"});
  EXPECT_EQ(Create({VoidOf("v1", "h1")}), Texts{"exists"});
  EXPECT_EQ(Create({VoidOf("v2", "h1")}), Texts{"HOLD_ENDED"});
  EXPECT_EQ(Create({VoidOf("v3", "h9")}), Texts{"HOLD_NOT_FOUND"});
  EXPECT_EQ(CountersOf("b").credits_pending.micros(), 0);
}

TEST_F(TransfersTest, AHoldExpiresByTheLedgersClock) {
  const absl::Time end = Start() + absl::Seconds(10);
  ASSERT_EQ(Create({HoldOf("h1", "a", 60, end), HoldOf("h2", "a", 40, end)}),
            (Texts{"applied", "applied"}));
  clock_.Set(end - absl::Microseconds(1));
  EXPECT_EQ(Create({CaptureOf("c1", "h1", "b")}), Texts{"applied"});
  clock_.Set(end);
  EXPECT_EQ(Create({CaptureOf("c2", "h2", "b")}), Texts{"HOLD_EXPIRED"});
  EXPECT_EQ(CountersOf("a").debits_pending.micros(), 0);
  EXPECT_EQ(Create({HoldOf("h3", "a", 40, end)}), Texts{"HOLD_EXPIRED"});
  // The clock of another process is late: the ledger's own never goes back.
  clock_.Set(Start());
  EXPECT_EQ(Create({HoldOf("h4", "a", 40, end)}), Texts{"HOLD_EXPIRED"});
}

TEST_F(TransfersTest, HoldsEndWithoutAnybodyAsking) {
  ASSERT_EQ(Create({HoldOf("h1", "a", 60, Start() + absl::Seconds(1))}), Texts{"applied"});
  ASSERT_TRUE(replica_.store.ExpireDue().ok());
  EXPECT_EQ(CountersOf("a").debits_pending.micros(), 60);
  clock_.Set(Start() + absl::Seconds(1));
  ASSERT_TRUE(replica_.store.ExpireDue().ok());
  EXPECT_EQ(CountersOf("a").debits_pending.micros(), 0);
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM holds WHERE state = 'EXPIRED'"), 1);
}

TEST_F(TransfersTest, TheFirstBrokenRuleIsNamed) {
  ASSERT_EQ(Create({Entry("k0", "a", "b", 5), HoldOf("h1", "a", 5)}),
            (Texts{"applied", "applied"}));
  {
    pqxx::connection connection(database_->owner_dsn());
    pqxx::work tx(connection);
    tx.exec("UPDATE accounts SET is_closed = true WHERE account_id = 'general-e'");
    tx.exec("UPDATE ledgers SET version = version + 1");
    tx.commit();
  }
  ledger::Transfer foreign = Entry("k5", "b", "c", 99);
  foreign.currency = "USD";
  foreign = Hashed(foreign);
  EXPECT_EQ(Create({Entry("k0", "z", "e", 6)}), Texts{"CONTENT_DIFFERS"});
  EXPECT_EQ(Create({Entry("k1", "e", "z", 99)}), Texts{"ACCOUNT_NOT_FOUND"});
  EXPECT_EQ(Create({Entry("k2", "b", "e", 99)}), Texts{"ACCOUNT_CLOSED"});
  EXPECT_EQ(Create({foreign}), Texts{"CURRENCY_DIFFERS"});
  EXPECT_EQ(Create({Entry("k3", "b", "f", 99)}), Texts{"DEBIT_LIMIT_EXCEEDED"});
  EXPECT_EQ(Create({Entry("k4", "a", "f", 99)}), Texts{"CREDIT_LIMIT_EXCEEDED"});
}

TEST_F(TransfersTest, ABalanceIsThatAfterAnyEntryHoweverOld) {
  Replica other(database_->dsn(), clock_, 3);
  auto started = std::make_unique<Replica>(database_->dsn(), clock_, 4);
  std::mt19937_64 random(7);
  const std::vector<std::string> names{"a", "b", "c", "d", "e"};
  std::vector<std::map<std::string, int64_t>> history(1);
  for (const std::string& name : names) history[0][name] = 0;
  for (int i = 1; i <= 120; ++i) {
    clock_.Set(Start() + absl::Seconds(i));
    std::map<std::string, int64_t> now = history.back();
    const std::string payee = names[1 + random() % 4];
    // Three processes, of which one is started anew now and then, fold the same entries.
    if (i % 11 == 0) started = std::make_unique<Replica>(database_->dsn(), clock_, 4);
    Replica& writer = i % 5 == 0 ? *started : i % 7 == 0 ? other : replica_;
    ASSERT_EQ(CreateAt(writer, {Entry(absl::StrCat("k", i), "a", payee, i)}), Texts{"applied"});
    now["a"] -= i;
    now[payee] += i;
    history.push_back(now);
  }
  EXPECT_GT(NumberFrom("SELECT count(*) FROM account_pages"), 10) << "most of it is folded";
  Replica fresh(database_->dsn(), clock_, 3);
  for (Replica* replica : {&replica_, &other, &fresh}) {
    for (int64_t entry = 0; entry <= 121; ++entry) {
      for (const std::string& name : names) {
        const auto balance = replica->reader.GetBalance(community_, General(name), entry);
        ASSERT_TRUE(balance.ok()) << balance.status();
        ASSERT_EQ(balance->Balance().micros(),
                  history[static_cast<size_t>(std::min<int64_t>(entry, 120))].at(name))
            << name << " after " << entry;
      }
    }
    EXPECT_EQ(*replica->reader.EntryAt(community_, Start()), 0);
    EXPECT_EQ(*replica->reader.EntryAt(community_, Start() + absl::Seconds(77.5)), 77);
    EXPECT_EQ(*replica->reader.EntryAt(community_, absl::InfiniteFuture()), 120);
  }
}

TEST_F(TransfersTest, TheEntriesOfAnAccountComeInPages) {
  for (int i = 1; i <= 60; ++i) {
    Replica started(database_->dsn(), clock_, 4);
    const ledger::Transfer entry =
        Entry(absl::StrCat("k", i), "a", i % 3 == 0 ? "c" : "b", i);
    ASSERT_EQ(CreateAt(i % 9 == 0 ? started : replica_, {entry}), Texts{"applied"});
  }
  std::vector<int64_t> numbers;
  while (true) {
    const auto page = replica_.reader.ListEntries(community_, General("c"),
                                                  numbers.empty() ? 0 : numbers.back(), 7);
    ASSERT_TRUE(page.ok()) << page.status();
    if (page->empty()) break;
    EXPECT_LE(page->size(), 7U);
    for (const PostedEntry& entry : *page) {
      numbers.push_back(entry.number);
      EXPECT_EQ(entry.entry.postings[1].account, General("c"));
      EXPECT_EQ(entry.entry.idempotency_key, absl::StrCat("k", entry.number));
    }
  }
  ASSERT_EQ(numbers.size(), 20U);
  for (size_t i = 0; i < 20; ++i) EXPECT_EQ(numbers[i], 3 * (static_cast<int64_t>(i) + 1));
  EXPECT_EQ(ReasonOf(replica_.reader.ListEntries(community_, General("z"), 0, 7).status()),
            "NOT_FOUND");
}

TEST_F(TransfersTest, OneReplicaSeesWhatAnotherWrote) {
  Replica other(database_->dsn(), clock_, 5);
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(CreateAt(i % 2 == 0 ? replica_ : other,
                       {Entry(absl::StrCat("k", i), i % 2 == 0 ? "a" : "b",
                              i % 2 == 0 ? "b" : "c", 10)}),
              Texts{"applied"});
    const auto seen = (i % 2 == 0 ? other : replica_).reader.GetAccount(community_, General("b"));
    ASSERT_TRUE(seen.ok());
    EXPECT_EQ(seen->counters.Balance().micros(), i % 2 == 0 ? 10 : 0);
  }
  EXPECT_EQ(CreateAt(other, {Entry("more", "b", "c", 1)}), Texts{"DEBIT_LIMIT_EXCEEDED"});
}

TEST_F(TransfersTest, CallersThatComeTogetherShareTransactions) {
  constexpr int kCallers = 16;
  constexpr int kCalls = 50;
  const int64_t before = NumberFrom("SELECT version FROM ledgers WHERE community_id = 'hamlet'");
  ledger::TransferQueue queue(replica_.store);
  std::vector<std::jthread> callers;
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = 0; i < kCalls; ++i) {
        const ledger::Transfer transfer = Entry(absl::StrCat(caller, "-", i), "a", "b", 1);
        const auto results = queue.Create(community_, absl::MakeConstSpan(&transfer, 1));
        ASSERT_TRUE(results.ok()) << results.status();
        ASSERT_EQ(results->size(), 1U);
        EXPECT_EQ(TextOf(results->front()), "applied");
      }
    });
  }
  callers.clear();
  EXPECT_EQ(Has("b"), kCallers * kCalls);
  EXPECT_LT(NumberFrom("SELECT version FROM ledgers WHERE community_id = 'hamlet'") - before,
            kCallers * kCalls);
}

TEST_F(TransfersTest, ALargeBatchIsCopied) {
  std::vector<ledger::Transfer> transfers;
  for (int i = 0; i < 3000; ++i) transfers.push_back(Entry(absl::StrCat("k", i), "a", "b", 2));
  EXPECT_EQ(Create(transfers), Texts(3000, "applied"));
  transfers.push_back(Entry("one more", "a", "c", 3));
  Texts again(3000, "exists");
  again.push_back("applied");
  EXPECT_EQ(Create(transfers), again);
  EXPECT_EQ(Has("b"), 6000);
}

TEST_F(TransfersTest, AnUnknownLedgerHasNoTransfers) {
  const std::vector<ledger::Transfer> one{Entry("k", "a", "b", 1)};
  EXPECT_EQ(ReasonOf(replica_.store.Create(CommunityId("unknown"), {one}).status()), "NOT_FOUND");
  EXPECT_EQ(ReasonOf(replica_.reader.GetAccount(CommunityId("unknown"), General("a")).status()),
            "NOT_FOUND");
}

}  // namespace
}  // namespace peerwatt::settlement
