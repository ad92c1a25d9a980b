// Calls that are delivered one to five times, shuffled, some with changed content, some refused at
// first: one effect per key, changed ones refused, refusals stable. PEERWATT_DELIVERIES sets how
// many calls.

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/postgres/settlement/transfer_fixture.h"

namespace peerwatt::settlement {
namespace {

constexpr int kWorkers = 64;

int CallCount() {
  const char* count = std::getenv("PEERWATT_DELIVERIES");
  return count == nullptr ? 4000 : std::atoi(count);
}

struct Delivery {
  ledger::Transfer transfer;
  bool changed = false;
};

class DeliveriesTest : public TransferTest {
 protected:
  /// A call now and then has other content than the first of its key, or spends what is not there.
  static std::vector<Delivery> Draw(int count, std::mt19937_64& random) {
    std::vector<Delivery> deliveries;
    for (int i = 0; i < count; ++i) {
      const std::string key = absl::StrCat("k", i);
      // `e` never has money.
      const ledger::Transfer first = Entry(key, i % 20 == 7 ? "e" : "a", "b", 1 + i % 9);
      const int copies = 1 + static_cast<int>(random() % 5);
      for (int copy = 0; copy < copies; ++copy) {
        const bool changed = random() % 20 == 0;
        deliveries.push_back({changed ? Entry(key, "a", "c", 100 + i % 9) : first, changed});
      }
    }
    std::shuffle(deliveries.begin(), deliveries.end(), random);
    return deliveries;
  }

  /// What was answered for each key and content.
  using Answers = std::map<std::pair<std::string, bool>, std::vector<std::string>>;
  Answers Deliver(const std::vector<Delivery>& deliveries) {
    ledger::TransferQueue queue(replica_.store);
    std::atomic<size_t> next = 0;
    std::mutex mutex;
    Answers answers;
    std::vector<std::jthread> workers;
    for (int worker = 0; worker < kWorkers; ++worker) {
      workers.emplace_back([&] {
        for (size_t i = next++; i < deliveries.size(); i = next++) {
          const Delivery& delivery = deliveries[i];
          const auto results =
              queue.Create(community_, absl::MakeConstSpan(&delivery.transfer, 1));
          ASSERT_TRUE(results.ok()) << results.status();
          const std::lock_guard lock(mutex);
          answers[{delivery.transfer.key, delivery.changed}].push_back(TextOf(results->front()));
        }
      });
    }
    workers.clear();
    return answers;
  }
};

TEST_F(DeliveriesTest, EachKeyHasOneEffectAndItsAnswerStands) {
  std::mt19937_64 random(11);
  const std::vector<Delivery> deliveries = Draw(CallCount(), random);
  const Answers answers = Deliver(deliveries);
  int64_t doubled = 0, unstable = 0, changed_refused = 0, refused = 0;
  std::set<std::string> keys, applied_keys;
  for (const auto& [call, texts] : answers) {
    const auto count = [&](const char* text) {
      return std::count(texts.begin(), texts.end(), text);
    };
    keys.insert(call.first);
    const auto applied = count("applied");
    doubled += applied > 1 || (applied == 1 && !applied_keys.insert(call.first).second);
    changed_refused += count("CONTENT_DIFFERS");
    refused += count("DEBIT_LIMIT_EXCEEDED");
    // One content of a key has one kind of answer, whatever the order of arrival.
    const auto size = static_cast<int64_t>(texts.size());
    unstable += !(applied + count("exists") == size || count("CONTENT_DIFFERS") == size ||
                  count("DEBIT_LIMIT_EXCEEDED") == size);
  }
  EXPECT_EQ(doubled, 0);
  EXPECT_EQ(unstable, 0);
  EXPECT_GT(changed_refused, 0);
  EXPECT_GT(refused, 0);
  const int64_t entries = NumberFrom("SELECT count(*) FROM journal_entries");
  const int64_t remembered = NumberFrom("SELECT count(*) FROM transfer_keys WHERE refusal <> ''");
  EXPECT_EQ(entries, static_cast<int64_t>(applied_keys.size()));
  EXPECT_EQ(entries + remembered, static_cast<int64_t>(keys.size()));
  EXPECT_EQ(NumberFrom("SELECT count(*) FROM journal_entries AS e JOIN transfer_keys AS k "
                       "USING (community_id, idempotency_key)"),
            0);
  std::cout << "deliveries calls " << keys.size() << " delivered " << deliveries.size()
            << " applied " << entries << " doubled " << doubled << " unstable " << unstable
            << " changed_refused " << changed_refused << " refused " << remembered << "\n";
}

/// The control: whoever forgets keys posts what comes again.
TEST_F(DeliveriesTest, WithoutKeysTheCountSeesDoubles) {
  std::mt19937_64 random(11);
  std::vector<Delivery> deliveries = Draw(200, random);
  for (size_t i = 0; i < deliveries.size(); ++i) {
    deliveries[i].transfer.key += absl::StrCat("#", i);
    deliveries[i].transfer = Hashed(deliveries[i].transfer);
  }
  Deliver(deliveries);
  const int64_t doubled = NumberFrom(
      "SELECT count(*) - count(DISTINCT split_part(idempotency_key, '#', 1)) "
      "FROM journal_entries");
  EXPECT_GT(doubled, 0);
  std::cout << "deliveries_control doubled " << doubled << "\n";
}

}  // namespace
}  // namespace peerwatt::settlement
