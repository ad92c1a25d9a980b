#pragma once

#include <string>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/error.h"
#include "services/settlement/core/ledger/transfers.h"
#include "services/settlement/storage/ledger_reader.h"
#include "services/settlement/storage/postgres_transfer_store.h"
#include "tests/postgres/settlement/ledger_fixture.h"

namespace peerwatt::settlement {

inline AccountId General(const std::string& name) { return AccountId("general-" + name); }

inline ledger::Transfer Hashed(ledger::Transfer transfer) {
  transfer.content_hash = crypto::Sha256(ledger::ContentOf(transfer));
  return transfer;
}
inline ledger::Transfer Entry(const std::string& key, const std::string& debit,
                              const std::string& credit, int64_t micros) {
  ledger::Transfer transfer;
  transfer.key = key;
  transfer.currency = "EUR";
  transfer.postings = {{General(debit), Money::Micros(-micros)},
                       {General(credit), Money::Micros(micros)}};
  return Hashed(transfer);
}
inline ledger::Transfer HoldOf(const std::string& key, const std::string& debit, int64_t micros,
                               absl::Time expires_at = absl::InfiniteFuture(),
                               const std::string& credit = "") {
  ledger::Transfer transfer;
  transfer.kind = ledger::TransferKind::kHold;
  transfer.key = key;
  transfer.currency = "EUR";
  transfer.debit = General(debit);
  if (!credit.empty()) transfer.credit = General(credit);
  transfer.amount = Money::Micros(micros);
  transfer.expires_at = expires_at;
  return Hashed(transfer);
}
inline ledger::Transfer CaptureOf(const std::string& key, const std::string& hold,
                                  const std::string& credit, int64_t micros = 0) {
  ledger::Transfer transfer;
  transfer.kind = ledger::TransferKind::kCapture;
  transfer.key = key;
  transfer.hold = hold;
  if (!credit.empty()) transfer.credit = General(credit);
  transfer.amount = Money::Micros(micros);
  return Hashed(transfer);
}
inline ledger::Transfer VoidOf(const std::string& key, const std::string& hold) {
  ledger::Transfer transfer;
  transfer.kind = ledger::TransferKind::kVoid;
  transfer.key = key;
  transfer.hold = hold;
  return Hashed(transfer);
}
inline ledger::Transfer Linked(ledger::Transfer transfer) {
  transfer.linked = true;
  return transfer;
}

/// `applied`, `exists`, or the reason of the refusal.
inline std::string TextOf(const ledger::TransferResult& result) {
  if (result.outcome == ledger::Outcome::kApplied) return "applied";
  if (result.outcome == ledger::Outcome::kExists) return "exists";
  return std::string(result.reason->name);
}

/// Transfers between accounts `a` to `f` of a ledger: `a` may fall to -1,000,000, the others not
/// below 0, and `f` takes 50 at most.
class TransferTest : public LedgerTest {
 protected:
  using Texts = std::vector<std::string>;

  /// One process on the ledger. tail_max: as `LedgerCache` has it, for any number of accounts.
  struct Replica {
    Replica(const std::string& dsn, const Clock& clock, int64_t tail_max)
        : pool(dsn, AllQueries(), 4), cache(crypto::Sha256, tail_max, 0), store(pool, cache, clock),
          reader(pool, cache) {}
    postgres::Pool pool;
    LedgerCache cache;
    PostgresTransferStore store;
    LedgerReader reader;
  };

  void SetUp() override {
    LedgerTest::SetUp();
    std::vector<ledger::AccountOpening> openings;
    for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
      ledger::AccountOpening& opening = openings.emplace_back();
      opening.id = General(name);
      opening.limits.debit = Money::Micros(std::string(name) == "a" ? 1'000'000 : 0);
      if (std::string(name) == "f") opening.limits.credit = Money::Micros(50);
    }
    const absl::Status opened = replica_.store.OpenAccounts(community_, openings);
    ASSERT_TRUE(opened.ok()) << opened;
  }

  Texts CreateAt(Replica& replica, const std::vector<ledger::Transfer>& transfers) {
    const auto results = replica.store.Create(community_, {transfers});
    EXPECT_TRUE(results.ok()) << results.status();
    Texts texts;
    if (results.ok()) {
      for (const ledger::TransferResult& result : *results) texts.push_back(TextOf(result));
    }
    return texts;
  }
  Texts Create(const std::vector<ledger::Transfer>& transfers) {
    return CreateAt(replica_, transfers);
  }
  int64_t Has(const std::string& name) { return CountersOf(name).Balance().micros(); }
  ledger::Counters CountersOf(const std::string& name) {
    const auto account = replica_.reader.GetAccount(community_, General(name));
    EXPECT_TRUE(account.ok()) << account.status();
    return account.ok() ? account->counters : ledger::Counters();
  }

  ManualClock clock_{Start()};
  Replica replica_{database_->dsn(), clock_, 5};
};

}  // namespace peerwatt::settlement
