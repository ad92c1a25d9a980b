#include <atomic>
#include <thread>

#include <gmock/gmock.h>

#include "tests/postgres/metering/store_fixture.h"

namespace peerwatt::metering {
namespace {

using ::testing::ElementsAre;
using testing::Quarters;
using testing::StoreTest;

TEST_F(StoreTest, SameBatchAgainChangesNothing) {
  const Batch batch = BatchOf({Quarters("m1", Start(), 4), Quarters("m2", Start(), 3)});
  EXPECT_EQ(Store(batch).stored, 7);
  const int64_t cursor = ChangesAfter(0).back().cursor;
  const StoredCounts again = Store(batch);
  EXPECT_EQ(again.stored, 0);
  EXPECT_EQ(again.unchanged, 7);
  EXPECT_EQ(Revisions("m1").size(), 4u);
  EXPECT_TRUE(ChangesAfter(cursor).empty()) << "nothing changed, nothing to tell";
}

TEST_F(StoreTest, OtherValuesBecomeTheNextRevisionAndKeepTheOldOne) {
  Store(BatchOf({Quarters("m1", Start(), 3, 10)}));
  Series corrected = Quarters("m1", Start(), 3, 10);
  corrected.import_wh[1] = 99;
  now_ += absl::Hours(1);
  const StoredCounts counts = Store(BatchOf({corrected}));
  EXPECT_EQ(counts.stored, 1);
  EXPECT_EQ(counts.unchanged, 2);
  const std::vector<Reading> revisions = Revisions("m1");
  ASSERT_EQ(revisions.size(), 4u);
  EXPECT_EQ(revisions[1].imported, Energy::WattHours(11));
  EXPECT_EQ(revisions[1].revision, 1);
  EXPECT_EQ(revisions[2].imported, Energy::WattHours(99));
  EXPECT_EQ(revisions[2].revision, 2);
  EXPECT_EQ(revisions[2].created_at, now_);
}

TEST_F(StoreTest, ExportAndQualityAloneMakeARevisionToo) {
  Series series = Quarters("m1", Start(), 1);
  Store(BatchOf({series}));
  series.export_wh = {5};
  EXPECT_EQ(Store(BatchOf({series})).stored, 1);
  series.qualities = {Quality::kEstimated};
  EXPECT_EQ(Store(BatchOf({series})).stored, 1);
  series.qualities = {Quality::kEstimated};
  EXPECT_EQ(Store(BatchOf({series})).stored, 0);
  const std::vector<Reading> revisions = Revisions("m1");
  ASSERT_EQ(revisions.size(), 3u);
  EXPECT_EQ(revisions[2].exported, Energy::WattHours(5));
  EXPECT_EQ(revisions[2].quality, Quality::kEstimated);
}

TEST_F(StoreTest, GoingBackToAnEarlierValueIsANewRevision) {
  for (const int64_t wh : {10, 20, 10}) {
    EXPECT_EQ(Store(BatchOf({Quarters("m1", Start(), 1, wh)})).stored, 1);
  }
  EXPECT_EQ(Revisions("m1").size(), 3u);
}

TEST_F(StoreTest, BatchesOfOneTransactionSeeEachOtherInTheirOrder) {
  const auto counts = Store({BatchOf({Quarters("m1", Start(), 2, 10)}, "d1", 1),
                             BatchOf({Quarters("m1", Start(), 2, 10)}, "d1", 1),
                             BatchOf({Quarters("m1", Start(), 1, 77)}, "d2", 5),
                             BatchOf({Quarters("m2", Start(), 1, 10)}, "d1", 2)});
  EXPECT_EQ(counts[0].stored, 2);
  EXPECT_EQ(counts[1].unchanged, 2);
  EXPECT_EQ(counts[2].stored, 1);
  EXPECT_EQ(counts[3].stored, 1);
  EXPECT_THAT(Columns({"m1"}, 0, 2).columns[0].import_wh, ElementsAre(77, 11));
  EXPECT_THAT(Columns({"m1"}, 0, 2).columns[0].revisions, ElementsAre(2, 1));
  EXPECT_EQ(*store_.AcknowledgedSequence(DeviceId("d1")), 2);
  EXPECT_EQ(*store_.AcknowledgedSequence(DeviceId("d2")), 5);
  const std::vector<Change> changes = ChangesAfter(0);
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_LT(changes[0].cursor, changes[1].cursor);
  EXPECT_LT(changes[1].cursor, changes[2].cursor);
}

TEST_F(StoreTest, PositionOfADeviceNeverGoesBack) {
  EXPECT_EQ(*store_.AcknowledgedSequence(DeviceId("d1")), 0);
  Store(BatchOf({Quarters("m1", Start(), 1)}, "d1", 7));
  Store(BatchOf({Quarters("m1", Quarter(1), 1)}, "d1", 3));
  EXPECT_EQ(*store_.AcknowledgedSequence(DeviceId("d1")), 7);
  EXPECT_EQ(Revisions("m1").size(), 2u) << "a replay is stored by what it says";
}

TEST_F(StoreTest, DatabaseChecksWhatCoreChecks) {
  Series series = Quarters("m1", Start(), 1);
  series.import_wh[0] = -1;
  const Batch batch = BatchOf({series}, "d1", 1);
  const std::vector<AcceptedBatch> accepted = {{&batch, {CommunityId("c1")}}};
  EXPECT_TRUE(absl::IsInternal(store_.Store(accepted, now_).status()));
  EXPECT_EQ(*store_.AcknowledgedSequence(DeviceId("d1")), 0) << "all of it or nothing";
}

TEST_F(StoreTest, ConcurrentCorrectionsLoseNoRevision) {
  constexpr int kWriters = 4;
  constexpr int kRounds = 25;
  constexpr size_t kQuarters = 8;
  std::atomic<int64_t> stored = 0;
  std::atomic<int64_t> unchanged = 0;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (int round = 0; round < kRounds; ++round) {
        // Two points in changing order of series; every value of its own, so each must be stored.
        const int64_t first_wh = 1000 * (1 + writer * kRounds + round);
        std::vector<Series> series = {Quarters("m1", Start(), kQuarters, first_wh),
                                      Quarters("m2", Start(), kQuarters, first_wh)};
        if (round % 2 == 1) {
          std::swap(series[0], series[1]);
        }
        const StoredCounts counts = Store(BatchOf(std::move(series)));
        stored += counts.stored;
        unchanged += counts.unchanged;
      }
    });
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  constexpr int64_t kSent = 2 * kWriters * kRounds * static_cast<int64_t>(kQuarters);
  EXPECT_EQ(stored, kSent);
  EXPECT_EQ(unchanged, 0);
  EXPECT_EQ(std::ssize(Revisions("m1")) + std::ssize(Revisions("m2")), kSent);
  EXPECT_EQ(Columns({"m1"}, 0, 1).columns[0].revisions[0], kWriters * kRounds);
}

TEST_F(StoreTest, ConcurrentCopiesOfOneBatchAreStoredOnce) {
  constexpr int kWriters = 8;
  const Batch batch = BatchOf({Quarters("m1", Start(), 50)});
  std::atomic<int64_t> stored = 0;
  std::atomic<int64_t> unchanged = 0;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&] {
      const StoredCounts counts = Store(batch);
      stored += counts.stored;
      unchanged += counts.unchanged;
    });
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  EXPECT_EQ(stored, 50);
  EXPECT_EQ(unchanged, 50 * (kWriters - 1));
}

}  // namespace
}  // namespace peerwatt::metering
