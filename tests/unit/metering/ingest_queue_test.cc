#include "services/metering/rpc/ingest_queue.h"

#include <thread>

#include <gtest/gtest.h>

namespace peerwatt::metering {
namespace {

class CountingSink final : public LaneSink {
 public:
  void OnAnswers(std::vector<LaneAnswer>) override {}
  void OnRoom() override { ++room_count; }
  int room_count = 0;
};

LaneItem Item(int64_t sequence, size_t reading_count = 1) {
  LaneItem item;
  item.batch.sequence = sequence;
  item.batch.series.resize(1);
  item.batch.series[0].import_wh.resize(reading_count);
  return item;
}

std::vector<int64_t> SequencesOf(const LaneWork& work) {
  std::vector<int64_t> sequences;
  for (const LaneItem& item : work.items) {
    sequences.push_back(item.batch.sequence);
  }
  return sequences;
}

using Sequences = std::vector<int64_t>;

class IngestQueueTest : public ::testing::Test {
 protected:
  IngestQueue queue_{10};
  std::shared_ptr<CountingSink> sink_ = std::make_shared<CountingSink>();
  std::shared_ptr<Lane> lane_ = queue_.AddLane(sink_, true);
};

TEST_F(IngestQueueTest, TakesManyLanesTogetherInOrder) {
  const auto other = queue_.AddLane(sink_, true);
  queue_.Push(lane_, Item(1));
  queue_.Push(other, Item(7));
  queue_.Push(lane_, Item(2));
  const auto works = queue_.Take(64, 1000);
  ASSERT_EQ(works.size(), 2u);
  EXPECT_EQ(SequencesOf(works[0]), Sequences({1, 2}));
  EXPECT_EQ(SequencesOf(works[1]), Sequences({7}));
}

TEST_F(IngestQueueTest, BoundsAGroupByBatchesAndByReadings) {
  for (int64_t sequence = 1; sequence <= 5; ++sequence) {
    queue_.Push(lane_, Item(sequence, 4));
  }
  auto works = queue_.Take(2, 1000);
  EXPECT_EQ(SequencesOf(works.at(0)), Sequences({1, 2}));
  queue_.Finish(lane_, {}, 2, 8);
  works = queue_.Take(64, 5);
  EXPECT_EQ(SequencesOf(works.at(0)), Sequences({3, 4}));
}

TEST_F(IngestQueueTest, LaneIsWithOneWorkerAtATime) {
  queue_.Push(lane_, Item(1));
  const auto first = queue_.Take(64, 1000);
  queue_.Push(lane_, Item(2));
  const auto other = queue_.AddLane(sink_, true);
  queue_.Push(other, Item(9));
  const auto second = queue_.Take(64, 1000);
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(SequencesOf(second[0]), Sequences({9})) << "the busy lane is left alone";
  queue_.Finish(lane_, {}, 1, 1);
  EXPECT_EQ(SequencesOf(queue_.Take(64, 1000).at(0)), Sequences({2}));
}

TEST_F(IngestQueueTest, UndecidedItemsComeAgainFirst) {
  queue_.Push(lane_, Item(1));
  queue_.Push(lane_, Item(2));
  auto works = queue_.Take(64, 1000);
  queue_.Push(lane_, Item(3));
  std::vector<LaneItem> undecided;
  undecided.push_back(std::move(works[0].items[1]));
  queue_.Finish(lane_, std::move(undecided), 1, 1);
  EXPECT_EQ(queue_.item_count(), 2u);
  works = queue_.Take(64, 1000);
  EXPECT_EQ(SequencesOf(works.at(0)), Sequences({2, 3}));
}

TEST_F(IngestQueueTest, SaysWhenThereIsRoomAgain) {
  queue_.Push(lane_, Item(1, 10));
  EXPECT_FALSE(queue_.HasRoom(sink_));
  (void)queue_.Take(64, 1000);
  EXPECT_EQ(sink_->room_count, 0) << "what a worker holds still counts";
  queue_.Finish(lane_, {}, 1, 10);
  EXPECT_EQ(sink_->room_count, 1);
  EXPECT_TRUE(queue_.HasRoom(sink_));
}

TEST_F(IngestQueueTest, ClosedLaneIsForgotten) {
  queue_.Push(lane_, Item(1, 10));
  const auto other = std::make_shared<CountingSink>();
  EXPECT_FALSE(queue_.HasRoom(other));
  queue_.Close(lane_);
  EXPECT_EQ(queue_.item_count(), 0u);
  EXPECT_EQ(other->room_count, 1);
}

TEST_F(IngestQueueTest, UndecidedItemsOfAClosedLaneAreForgotten) {
  queue_.Push(lane_, Item(1));
  auto works = queue_.Take(64, 1000);
  queue_.Close(lane_);
  queue_.Finish(lane_, std::move(works[0].items), 0, 0);
  EXPECT_EQ(queue_.item_count(), 0u);
}

TEST_F(IngestQueueTest, GroupAfterALargeOneGathersWhatComes) {
  for (int64_t sequence = 1; sequence <= 32; ++sequence) {
    queue_.Push(lane_, Item(sequence));
  }
  const auto began = std::chrono::steady_clock::now();
  queue_.Finish(lane_, {}, queue_.Take(64, 1000).at(0).items.size(), 32);
  queue_.Push(lane_, Item(33));
  const auto works = queue_.Take(64, 1000);
  EXPECT_EQ(SequencesOf(works.at(0)), Sequences({33}));
  EXPECT_GE(std::chrono::steady_clock::now() - began, kGatherTime);
}

TEST_F(IngestQueueTest, StopEndsGathering) {
  for (int64_t sequence = 1; sequence <= 32; ++sequence) {
    queue_.Push(lane_, Item(sequence));
  }
  queue_.Take(64, 1000);
  queue_.Push(queue_.AddLane(sink_, true), Item(1));
  std::thread worker([this] { queue_.Take(64, 1000); });
  queue_.Stop();
  worker.join();
  EXPECT_TRUE(queue_.Take(64, 1000).empty());
}

TEST_F(IngestQueueTest, StopEndsWaiting) {
  std::thread worker([this] { EXPECT_TRUE(queue_.Take(64, 1000).empty()); });
  queue_.Stop();
  worker.join();
}

}  // namespace
}  // namespace peerwatt::metering
