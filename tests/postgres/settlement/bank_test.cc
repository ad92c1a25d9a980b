// The bank test: workers move money between few hot accounts while accounts are opened. The total
// never changes and no account falls below its limit, at any instant. PEERWATT_BANK_SECONDS sets
// how long; the last line of each test says what was counted.

#include <atomic>
#include <barrier>
#include <cstdlib>
#include <iostream>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/postgres/settlement/transfer_fixture.h"

namespace peerwatt::settlement {
namespace {

constexpr int kWorkers = 8;
constexpr int kHotAccounts = 8;
constexpr int64_t kFunds = 1000;

absl::Duration Length() {
  const char* seconds = std::getenv("PEERWATT_BANK_SECONDS");
  return absl::Seconds(seconds == nullptr ? 3 : std::atoi(seconds));
}

std::string Hot(int i) { return absl::StrCat("hot-", i); }

class BankTest : public TransferTest {
 protected:
  void SetUp() override {
    TransferTest::SetUp();
    for (int i = 0; i < kHotAccounts; ++i) {
      Open(replica_, Hot(i));
      ASSERT_EQ(Create({Entry(absl::StrCat("fund-", i), "a", Hot(i), kFunds)}), Texts{"applied"});
    }
  }
  void Open(Replica& replica, const std::string& name) {
    const absl::Status opened = replica.store.OpenAccounts(
        community_, {{General(name), {Money(), std::nullopt}}});
    EXPECT_TRUE(opened.ok()) << opened;
  }

  /// Looks at all accounts at one instant, with a statement of its own.
  struct Look {
    int64_t wrong_totals = 0;
    int64_t negatives = 0;
    int64_t count = 0;
  };
  void LookAt(const std::string& table, Look& look) const {
    look.wrong_totals += NumberFrom("SELECT sum(balance_micros) FROM " + table) != 0;
    look.negatives += NumberFrom("SELECT count(*) FROM " + table +
                                 " WHERE balance_micros - held_micros < 0 "
                                 "AND account_id NOT IN ('general-a')");
    ++look.count;
  }
};

TEST_F(BankTest, TheTotalStandsAndNobodyIsOverdrawn) {
  const absl::Time end = absl::Now() + Length();
  std::atomic<int64_t> applied = 0, refused = 0, opened = 0;
  // However slow the machine is, something must have happened.
  const auto is_over = [&] { return absl::Now() >= end && applied >= 100 && refused >= 10; };
  std::vector<std::jthread> workers;
  for (int worker = 0; worker < kWorkers; ++worker) {
    workers.emplace_back([&, worker] {
      // Each worker is a process of its own on the same database.
      Replica replica(database_->dsn(), clock_, 50);
      ledger::TransferQueue queue(replica.store);
      std::mt19937_64 random(static_cast<uint64_t>(worker));
      const auto number = [&](int limit) {
        return std::uniform_int_distribution<int>(0, limit - 1)(random);
      };
      std::vector<std::string> holds;
      for (int i = 0; !is_over(); ++i) {
        const std::string key = absl::StrCat("w", worker, "-", i);
        std::vector<ledger::Transfer> call;
        const int payer = number(kHotAccounts);
        const int payee = (payer + 1 + number(kHotAccounts - 1)) % kHotAccounts;
        const int64_t amount = 1 + number(400);
        switch (number(6)) {
          case 0: {
            const std::string fresh = absl::StrCat("new-", worker, "-", i);
            Open(replica, fresh);
            ++opened;
            call = {Linked(Entry(key, Hot(payer), fresh, amount)),
                    Entry(key + "-back", fresh, Hot(payee), amount)};
            break;
          }
          case 1:
            call = {HoldOf(key, Hot(payer), amount)};
            holds.push_back(key);
            break;
          case 2:
            if (!holds.empty()) {
              call = {CaptureOf(key, holds.back(), Hot(payee), 0)};
              holds.pop_back();
              break;
            }
            [[fallthrough]];
          case 3:
            if (!holds.empty()) {
              call = {VoidOf(key, holds.front())};
              holds.erase(holds.begin());
              break;
            }
            [[fallthrough]];
          default:
            call = {Entry(key, Hot(payer), Hot(payee), amount)};
        }
        const auto results = queue.Create(community_, call);
        ASSERT_TRUE(results.ok()) << results.status();
        ++(results->back().outcome == ledger::Outcome::kApplied ? applied : refused);
      }
    });
  }
  Look look;
  while (!is_over()) LookAt("account_states", look);
  workers.clear();
  LookAt("account_states", look);
  EXPECT_EQ(look.wrong_totals, 0);
  EXPECT_EQ(look.negatives, 0);
  std::cout << "bank applied " << applied << " refused " << refused << " opened " << opened
            << " looks " << look.count << " wrong_totals " << look.wrong_totals << " negatives "
            << look.negatives << "\n";
}

/// The control: the same look sees workers who do not lock. All read before any writes.
TEST_F(BankTest, WithoutTheLockTheLookSeesNegatives) {
  {
    pqxx::connection connection(database_->owner_dsn());
    pqxx::work tx(connection);
    tx.exec("CREATE TABLE naive_bank (account_id text PRIMARY KEY, balance_micros bigint, "
            "held_micros bigint NOT NULL DEFAULT 0)");
    tx.exec("INSERT INTO naive_bank VALUES ('general-a', -1000, 0), ('general-hot-0', 1000, 0)");
    tx.commit();
  }
  std::barrier<> everybody_has_looked(kWorkers);
  {
    std::vector<std::jthread> workers;
    for (int worker = 0; worker < kWorkers; ++worker) {
      workers.emplace_back([&] {
        pqxx::connection connection(database_->owner_dsn());
        pqxx::work tx(connection);
        const int64_t funds = tx.exec1("SELECT balance_micros FROM naive_bank "
                                       "WHERE account_id = 'general-hot-0'")[0]
                                  .as<int64_t>();
        everybody_has_looked.arrive_and_wait();
        EXPECT_GE(funds, 400);
        tx.exec("UPDATE naive_bank SET balance_micros = balance_micros - 400 "
                "WHERE account_id = 'general-hot-0'");
        tx.commit();
      });
    }
  }
  Look look;
  LookAt("naive_bank", look);
  {
    pqxx::connection connection(database_->owner_dsn());
    pqxx::work tx(connection);
    tx.exec("DROP TABLE naive_bank");
    tx.commit();
  }
  EXPECT_GT(look.negatives, 0);
  EXPECT_GT(look.wrong_totals, 0);
  std::cout << "bank_control wrong_totals " << look.wrong_totals << " negatives "
            << look.negatives << "\n";
}

}  // namespace
}  // namespace peerwatt::settlement
