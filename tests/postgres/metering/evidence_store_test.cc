#include "services/metering/storage/evidence_store.h"

#include <random>
#include <thread>

#include "libs/base/error.h"
#include "libs/crypto/digest.h"
#include "tests/postgres/metering/store_fixture.h"
#include "tests/unit/metering/evidence_fakes.h"

namespace peerwatt::metering {
namespace {

using testing::FakeEvidenceStore;
using testing::StoreTest;

const std::string kZeros(32, '\0');

/// A batch whose encoding is some text with every byte.
SignedBatch SignedBatchOf(const std::string& device, int64_t counter, const std::string& previous,
                    const std::string& text) {
  SignedBatch batch;
  batch.device = DeviceId(device);
  batch.encoding = text;
  for (int c = 0; c < 256; ++c) batch.encoding += static_cast<char>(c);
  batch.link = {counter, previous, crypto::Sha256(batch.encoding)};
  batch.signature = "signature of " + text;
  batch.public_key_der = std::string("key\0of ", 7) + device;
  return batch;
}

std::string ResultOf(const absl::StatusOr<ChainDecision>& decision) {
  if (!decision.ok()) return ReasonOf(decision.status());
  return std::string(decision->known ? "known" : "new") +
         (decision->events.counter_gap ? " gap" : "") +
         (decision->events.chain_broken ? " broken" : "") +
         (decision->known && decision->kept.counter_gap ? ", once a gap" : "") +
         (decision->known && decision->kept.chain_broken ? ", once broken" : "");
}

class EvidenceStoreTest : public StoreTest {
 protected:
  std::vector<std::string> Keep(EvidenceStore& store, const std::vector<SignedBatch>& batches) {
    const auto decisions = store.Keep(batches, now_);
    EXPECT_TRUE(decisions.ok()) << decisions.status();
    std::vector<std::string> results;
    if (decisions.ok()) {
      for (const auto& decision : *decisions) results.push_back(ResultOf(decision));
    }
    return results;
  }
  std::vector<std::string> Keep(const std::vector<SignedBatch>& batches) {
    return Keep(evidence_, batches);
  }
  static std::vector<SignedBatch> List(EvidenceStore& store, const std::string& device,
                                       bool events_only = false) {
    auto listed = store.List(
        {.device = DeviceId(device), .events_only = events_only, .limit = 100'000});
    EXPECT_TRUE(listed.ok()) << listed.status();
    return *std::move(listed);
  }

  PostgresEvidenceStore evidence_{pool_};
};

using Results = std::vector<std::string>;

TEST_F(EvidenceStoreTest, KeepsEveryByte) {
  SignedBatch first = SignedBatchOf("d", 1, kZeros, "first");
  SignedBatch second = SignedBatchOf("d", 2, first.link.digest, "second");
  second.refusal_reason = "READING_IMPLAUSIBLE";
  EXPECT_EQ(Keep({first, second}), (Results{"new", "new"}));
  const auto kept = List(evidence_, "d");
  ASSERT_EQ(kept.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    const SignedBatch& sent = i == 0 ? first : second;
    EXPECT_EQ(kept[i].link.counter, sent.link.counter);
    EXPECT_EQ(kept[i].link.previous_digest, sent.link.previous_digest);
    EXPECT_EQ(kept[i].link.digest, sent.link.digest);
    EXPECT_EQ(kept[i].encoding, sent.encoding);
    EXPECT_EQ(kept[i].signature, sent.signature);
    EXPECT_EQ(kept[i].public_key_der, sent.public_key_der);
    EXPECT_EQ(kept[i].refusal_reason, sent.refusal_reason);
    EXPECT_EQ(kept[i].events, ChainEvents());
    EXPECT_EQ(kept[i].created_at, now_);
  }
}

TEST_F(EvidenceStoreTest, TheReasonOfARefusalFollowsUntilTheReadingsAreStored) {
  SignedBatch batch = SignedBatchOf("d", 1, kZeros, "a");
  batch.refusal_reason = "METERING_POINT_UNKNOWN";
  Keep({batch});
  batch.refusal_reason = "READING_IMPLAUSIBLE";
  EXPECT_EQ(Keep({batch}), Results{"known"});
  EXPECT_EQ(List(evidence_, "d").at(0).refusal_reason, "READING_IMPLAUSIBLE");
  batch.refusal_reason = "";
  Keep({batch});
  EXPECT_EQ(List(evidence_, "d").at(0).refusal_reason, "");
  batch.refusal_reason = "READING_IMPLAUSIBLE";
  Keep({batch});
  EXPECT_EQ(List(evidence_, "d").at(0).refusal_reason, "") << "they were stored";
}

TEST_F(EvidenceStoreTest, PagesAndEventsComeInOrder) {
  const SignedBatch a = SignedBatchOf("d", 1, kZeros, "a");
  const SignedBatch c = SignedBatchOf("d", 3, kZeros, "c");
  const SignedBatch d = SignedBatchOf("d", 4, kZeros, "d");
  const SignedBatch b = SignedBatchOf("d", 2, a.link.digest, "b");
  EXPECT_EQ(Keep({a, c, d, b}), (Results{"new", "new gap", "new broken", "new broken"}));
  EXPECT_EQ(List(evidence_, "d", /*events_only=*/true).size(), 3u);
  const auto page = *evidence_.List({.device = DeviceId("d"), .after_counter = 1, .limit = 2});
  ASSERT_EQ(page.size(), 2u);
  EXPECT_EQ(page[0].link.counter, 2);
  EXPECT_EQ(page[1].link.counter, 3);
  EXPECT_TRUE(List(evidence_, "e").empty());
}

// The store in memory and this one answer alike, whatever comes in whatever groups.
TEST_F(EvidenceStoreTest, DecidesLikeTheStoreInMemory) {
  const unsigned seed = std::random_device()();
  std::mt19937 random(seed);
  FakeEvidenceStore fake;
  std::map<std::string, int> seen;
  for (int round = 0; round < 150; ++round) {
    std::vector<SignedBatch> group;
    for (uint64_t n = random() % 5 + 1; n > 0; --n) {
      const std::string device = random() % 2 == 0 ? "d" : "e";
      const auto counter = static_cast<int64_t>(random() % 40 + 1);
      const std::string text = device + std::to_string(counter) + (random() % 8 == 0 ? "x" : "");
      const std::string before =
          SignedBatchOf(device, 1, kZeros, device + std::to_string(counter - 1)).link.digest;
      group.push_back(SignedBatchOf(device, counter, counter == 1 ? kZeros : before, text));
      if (random() % 3 == 0) group.back().refusal_reason = "R" + std::to_string(random() % 3);
    }
    const Results expected = Keep(fake, group);
    ASSERT_EQ(Keep(group), expected) << "seed " << seed << ", round " << round;
    for (const std::string& result : expected) ++seen[result];
  }
  for (const char* result :
       {"new", "new gap", "known", "known, once a gap", "SIGNATURE_COUNTER_REUSED"}) {
    EXPECT_GT(seen[result], 0) << result << ", seed " << seed;
  }
  for (const char* device : {"d", "e"}) {
    const auto expected = List(fake, device);
    const auto kept = List(evidence_, device);
    ASSERT_EQ(kept.size(), expected.size()) << "seed " << seed;
    for (size_t i = 0; i < kept.size(); ++i) {
      EXPECT_EQ(kept[i].encoding, expected[i].encoding);
      EXPECT_EQ(kept[i].events, expected[i].events);
      EXPECT_EQ(kept[i].refusal_reason, expected[i].refusal_reason) << "seed " << seed;
    }
  }
}

// Two connections of a device bring the same batches: each counter is decided about once.
TEST_F(EvidenceStoreTest, TwoConnectionsOfADeviceMakeOneChain) {
  constexpr int kBatches = 60;
  std::vector<SignedBatch> chain;
  for (int i = 1; i <= kBatches; ++i) {
    chain.push_back(SignedBatchOf("d", i, i == 1 ? kZeros : chain.back().link.digest,
                            std::to_string(i)));
  }
  std::map<std::string, int> results[2];
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (const SignedBatch& batch : chain) {
        const auto decisions = evidence_.Keep({&batch, 1}, now_);
        ++results[t][decisions.ok() ? ResultOf(decisions->at(0)) : "failed"];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(results[0]["new"] + results[1]["new"], kBatches);
  EXPECT_EQ(results[0]["known"] + results[1]["known"], kBatches);
  const auto kept = List(evidence_, "d");
  ASSERT_EQ(kept.size(), static_cast<size_t>(kBatches));
  for (const SignedBatch& batch : kept) EXPECT_EQ(batch.events, ChainEvents());
}

// … or different ones with the same counters: one of each pair wins.
TEST_F(EvidenceStoreTest, OfTwoContentsWithOneCounterOneIsKept) {
  constexpr int kBatches = 40;
  std::map<std::string, int> results[2];
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 1; i <= kBatches; ++i) {
        const SignedBatch batch =
            SignedBatchOf("d", i, kZeros, std::to_string(t) + "-" + std::to_string(i));
        const auto decisions = evidence_.Keep({&batch, 1}, now_);
        ++results[t][!decisions.ok()         ? "failed"
                     : decisions->at(0).ok() ? "kept"
                                             : ReasonOf(decisions->at(0).status())];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(results[0]["kept"] + results[1]["kept"], kBatches);
  EXPECT_EQ(results[0]["SIGNATURE_COUNTER_REUSED"] + results[1]["SIGNATURE_COUNTER_REUSED"],
            kBatches);
  EXPECT_EQ(List(evidence_, "d").size(), static_cast<size_t>(kBatches));
}

}  // namespace
}  // namespace peerwatt::metering
