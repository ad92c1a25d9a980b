#include "services/metering/core/ingest.h"

#include <gtest/gtest.h>

#include "libs/base/error.h"
#include "tests/unit/metering/fakes.h"
#include "tests/unit/metering/recording_store.h"

namespace peerwatt::metering {
namespace {

using testing::FakeDirectory;
using testing::Quarters;
using testing::RecordingStore;

const absl::Time kNow = absl::FromUnixSeconds(1'780'000'200);

class IngestTest : public ::testing::Test {
 protected:
  IngestTest() {
    directory_.Add("a");
    directory_.Add("b");
  }

  /// Runs batches with sequences 1, 2, …, one per (lane, point).
  std::vector<BatchOutcome> Run(const std::vector<std::pair<uint64_t, std::string>>& from) {
    batches_.clear();
    std::vector<IngestRequest> requests;
    batches_.reserve(from.size());
    for (const auto& [lane, point] : from) {
      Batch batch{.device = DeviceId("d"), .sequence = std::ssize(batches_) + 1, .series = {}};
      batch.series.push_back(
          Quarters(point, absl::FromUnixSeconds(1'780'000'200 - 900 - 900 * batch.sequence), 1));
      batches_.push_back(batch);
      requests.push_back({lane, &batches_.back()});
    }
    return Ingest(directory_, store_).Run(requests, kNow);
  }

  FakeDirectory directory_;
  RecordingStore store_;
  std::vector<Batch> batches_;
};

TEST_F(IngestTest, StoresManyBatchesInOneCall) {
  const auto outcomes = Run({{1, "a"}, {2, "b"}, {1, "a"}});
  EXPECT_EQ(store_.groups, std::vector<size_t>({3}));
  for (const BatchOutcome& outcome : outcomes) {
    EXPECT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_EQ(outcome.counts.stored, 1);
  }
  EXPECT_EQ(store_.communities, std::set<std::string>({"c1"}));
}

TEST_F(IngestTest, RefusesAnInvalidBatchAlone) {
  const auto outcomes = Run({{1, "a"}, {1, "unknown"}, {1, "a"}});
  EXPECT_TRUE(outcomes[0].status.ok());
  EXPECT_EQ(ReasonOf(outcomes[1].status), "METERING_POINT_UNKNOWN");
  EXPECT_TRUE(outcomes[2].status.ok());
  EXPECT_EQ(store_.stored, std::vector<int64_t>({1, 3}));
}

TEST_F(IngestTest, RegistryDownLeavesABatchUndecidedAndNothingOvertakesItInItsLane) {
  directory_.SetDown(Error(kPeerUnavailable, "down"), {"b"});
  const auto outcomes = Run({{1, "a"}, {1, "b"}, {1, "a"}, {2, "a"}, {2, "unknown"}});
  EXPECT_TRUE(outcomes[0].status.ok());
  EXPECT_EQ(ReasonOf(outcomes[1].status), "PEER_UNAVAILABLE");
  EXPECT_EQ(ReasonOf(outcomes[2].status), "PEER_UNAVAILABLE");
  EXPECT_TRUE(outcomes[3].status.ok());
  EXPECT_EQ(ReasonOf(outcomes[4].status), "PEER_UNAVAILABLE")
      << "not refused for good: the registry may know it";
  EXPECT_EQ(store_.stored, std::vector<int64_t>({1, 4}));
}

TEST_F(IngestTest, DatabaseDownLeavesAllUndecided) {
  store_.failures[2] = Error(kDatabaseUnavailable, "down");
  const auto outcomes = Run({{1, "a"}, {2, "b"}});
  EXPECT_TRUE(IsUndecided(outcomes[0].status));
  EXPECT_TRUE(IsUndecided(outcomes[1].status));
  EXPECT_TRUE(store_.stored.empty());
}

TEST_F(IngestTest, BatchThatTheDatabaseRefusesDoesNotSpoilTheOthers) {
  store_.failures[2] = absl::InternalError("a check failed");
  const auto outcomes = Run({{1, "a"}, {2, "b"}, {3, "a"}});
  EXPECT_TRUE(outcomes[0].status.ok());
  EXPECT_TRUE(absl::IsInternal(outcomes[1].status));
  EXPECT_TRUE(outcomes[2].status.ok());
  EXPECT_EQ(store_.stored, std::vector<int64_t>({1, 3}));
}

TEST_F(IngestTest, NothingIsStoredAfterTheDatabaseGoesDownWhileStoringOneByOne) {
  store_.failures[2] = Error(kDatabaseUnavailable, "down");
  store_.failures[1] = absl::InternalError("a check failed");
  const auto outcomes = Run({{1, "a"}, {1, "b"}, {1, "a"}});
  EXPECT_TRUE(absl::IsInternal(outcomes[0].status));
  EXPECT_TRUE(IsUndecided(outcomes[1].status));
  EXPECT_TRUE(IsUndecided(outcomes[2].status));
  EXPECT_TRUE(store_.stored.empty());
}

}  // namespace
}  // namespace peerwatt::metering
