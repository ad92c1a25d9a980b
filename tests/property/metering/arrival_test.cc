#include <algorithm>
#include <map>
#include <random>

#include "absl/hash/hash.h"
#include "tests/postgres/metering/store_fixture.h"

namespace peerwatt::metering {
namespace {

using testing::Quarters;
using testing::StoreTest;

constexpr int kOrders = 1000;
constexpr uint32_t kSeed = 20260701;

/// Everything that settles: each reading with its values, quality and revision.
using State = std::vector<std::tuple<std::string, absl::Time, int64_t, int64_t, int, int>>;

class ArrivalTest : public StoreTest {
 protected:
  State StateOf(const std::vector<std::string>& points) {
    State state;
    for (const std::string& point : points) {
      for (const Reading& reading : Revisions(point)) {
        state.emplace_back("", reading.start, reading.imported.wh(), reading.exported.wh(),
                           static_cast<int>(reading.quality), reading.revision);
      }
    }
    return state;
  }
};

/// Batches of two points that overlap partly and agree where they do.
std::vector<Batch> BatchesFor(const std::string& a, const std::string& b, absl::Time start) {
  std::vector<Batch> batches;
  for (int i = 0; i < 6; ++i) {
    const absl::Time from = start + absl::Minutes(15) * (3 * i);
    Batch batch{.device = DeviceId("d-" + a), .sequence = i + 1, .series = {}};
    batch.series.push_back(Quarters(a, from, 5, 100 + 3 * i));
    if (i % 2 == 0) {
      batch.series.push_back(Quarters(b, from, 4, 500 + 3 * i));
      batch.series.back().qualities = {Quality::kCalculated};
    }
    batches.push_back(std::move(batch));
  }
  return batches;
}

TEST_F(ArrivalTest, EveryArrivalOrderWithDuplicatesGivesTheSameState) {
  std::mt19937 random(kSeed);
  SCOPED_TRACE(kSeed);
  State expected;
  for (int order = 0; order < kOrders; ++order) {
    const std::string a = "a" + std::to_string(order);
    const std::string b = "b" + std::to_string(order);
    std::vector<Batch> batches = BatchesFor(a, b, Start());
    const size_t distinct = batches.size();
    if (order > 0) {
      for (int copies = static_cast<int>(random() % 6); copies > 0; --copies) {
        batches.push_back(batches[random() % distinct]);
      }
      std::shuffle(batches.begin(), batches.end(), random);
    }
    int64_t stored = 0;
    int64_t answered = 0;
    int64_t sent = 0;
    while (!batches.empty()) {
      const size_t count = std::min<size_t>(batches.size(), 1 + random() % 4);
      const std::vector<Batch> group(batches.end() - static_cast<std::ptrdiff_t>(count),
                                     batches.end());
      batches.resize(batches.size() - count);
      for (const Batch& batch : group) {
        sent += static_cast<int64_t>(batch.ReadingCount());
      }
      for (const StoredCounts& counts : Store(group)) {
        stored += counts.stored;
        answered += counts.stored + counts.unchanged;
      }
    }
    ASSERT_EQ(answered, sent) << "order " << order;
    const State state = StateOf({a, b});
    ASSERT_EQ(stored, std::ssize(state)) << "order " << order;
    ASSERT_EQ(*store_.AcknowledgedSequence(DeviceId("d-" + a)), 6);
    if (order == 0) {
      expected = state;
      ASSERT_EQ(expected.size(), 20u + 12u);
    }
    ASSERT_EQ(absl::HashOf(state), absl::HashOf(expected)) << "order " << order;
    ASSERT_EQ(state, expected) << "order " << order;
  }
}

}  // namespace
}  // namespace peerwatt::metering
