#include "services/metering/core/waves.h"

#include <gtest/gtest.h>

namespace peerwatt::metering {
namespace {

Batch Quarters(const std::string& point, int first, size_t count) {
  Batch batch;
  batch.series.push_back({.metering_point = MeteringPointId(point),
                          .start = absl::UnixEpoch() + absl::Minutes(15) * first,
                          .resolution = absl::Minutes(15),
                          .import_wh = std::vector<int64_t>(count, 1),
                          .export_wh = {},
                          .qualities = {}});
  return batch;
}

std::vector<size_t> Split(const std::vector<Batch>& batches) {
  std::vector<AcceptedBatch> accepted;
  for (const Batch& batch : batches) {
    accepted.push_back({&batch, {}});
  }
  return SplitIntoWaves(accepted);
}

using Ends = std::vector<size_t>;

TEST(WavesTest, NothingMakesNoWave) { EXPECT_EQ(Split({}), Ends()); }

TEST(WavesTest, ConsecutiveBatchesOfOnePointShareAWave) {
  EXPECT_EQ(Split({Quarters("a", 0, 4), Quarters("a", 4, 4), Quarters("a", 8, 1)}), Ends({3}));
}

TEST(WavesTest, PointsDoNotDisturbEachOther) {
  EXPECT_EQ(Split({Quarters("a", 0, 4), Quarters("b", 0, 4)}), Ends({2}));
}

TEST(WavesTest, SameIntervalAgainStartsAWave) {
  EXPECT_EQ(Split({Quarters("a", 0, 4), Quarters("a", 3, 4), Quarters("a", 3, 1)}),
            Ends({1, 2, 3}));
}

TEST(WavesTest, FindsAnOverlapFromEitherSide) {
  EXPECT_EQ(Split({Quarters("a", 4, 4), Quarters("a", 0, 5)}), Ends({1, 2}));
  EXPECT_EQ(Split({Quarters("a", 4, 4), Quarters("a", 0, 12)}), Ends({1, 2}));
  EXPECT_EQ(Split({Quarters("a", 0, 12), Quarters("a", 4, 1)}), Ends({1, 2}));
  EXPECT_EQ(Split({Quarters("a", 4, 4), Quarters("a", 0, 4), Quarters("a", 8, 2)}), Ends({3}));
}

}  // namespace
}  // namespace peerwatt::metering
