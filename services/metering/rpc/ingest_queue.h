#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/metering/core/ingest.h"

namespace peerwatt::metering {

/// One thing to do for a lane.
struct LaneItem {
  bool open = false;     ///< Asks for the device's position instead of bringing a batch.
  Batch batch;           ///< For `open`, only the device.
  absl::Status refusal;  ///< Not OK when the batch could not even be read.
  std::string decided;   ///< Not empty: an answer, by somebody else, that waits for its turn.
  size_t byte_count = 0;  ///< As it came; 0 when not known.

  /// What it takes of the queue's room, in readings: what holds none still takes memory.
  size_t Weight() const;
};

/// What became of one thing.
struct LaneAnswer {
  bool open = false;
  int64_t sequence = 0;  ///< Of the batch; for `open`, the highest acknowledged one.
  std::string decided;   ///< As in the item.
  BatchOutcome outcome;
};

/// Hears about its lane. Calls come from other threads, one at a time per lane for answers.
class LaneSink {
 public:
  virtual ~LaneSink() = default;
  /// Answers in the order of the items.
  virtual void OnAnswers(std::vector<LaneAnswer> answers) = 0;
  /// The queue has room again after `IngestQueue::HasRoom` said no.
  virtual void OnRoom() {}
};

/// Batches of one stream or call, in their order. Only the queue looks inside.
struct Lane {
  uint64_t number = 0;
  std::weak_ptr<LaneSink> sink;
  bool waits = false;  ///< What cannot be decided is tried again instead of answered.
  bool busy = false;   ///< Taken by a worker: nothing else of this lane may be taken.
  bool closed = false;
  std::chrono::milliseconds pause{0};
  std::deque<LaneItem> items;
};

/// An item on its way into a lane.
struct LanePush {
  std::shared_ptr<Lane> lane;
  LaneItem item;
};

/// Items of one lane that a worker has taken.
struct LaneWork {
  std::shared_ptr<Lane> lane;
  std::vector<LaneItem> items;
};

/// Least time from one taking of work to the next while there is much of it.
inline constexpr std::chrono::milliseconds kGatherTime{10};

/// Hands batches of many lanes to a few workers. A lane is with one worker at a time, so its
/// batches are decided in their order; many lanes together make one transaction. Bounded: whoever
/// adds asks for room first. Safe for many threads.
class IngestQueue {
 public:
  /// readings_max: readings, by weight, that may wait before `HasRoom` says no.
  explicit IngestQueue(size_t readings_max) : readings_max_(readings_max) {}

  /// Makes a lane. waits: see `Lane`.
  std::shared_ptr<Lane> AddLane(std::weak_ptr<LaneSink> sink, bool waits);
  /// Whether more may be added; if not, `sink` is told once when it may.
  bool HasRoom(const std::weak_ptr<LaneSink>& sink);
  void Push(const std::shared_ptr<Lane>& lane, LaneItem item);
  /// Adds many at once, in order.
  void Push(std::vector<LanePush> pushes);
  /// Drops what no worker has taken yet: nobody waits for it, and it will be sent again.
  void Close(const std::shared_ptr<Lane>& lane);

  /// Waits for work and takes as much as is there, at most `batches_max` batches and as few more
  /// than `readings_max` readings as possible. Empty when stopped. While there is much to do, one
  /// taking does not come sooner than `kGatherTime` after the one before: each costs a commit, and
  /// what is in one group costs the least.
  std::vector<LaneWork> Take(size_t batches_max, size_t readings_max);
  /// Ends work on a lane. undecided: what is left of it, in order; it goes first again, after a
  /// pause. item_count, weight: what was answered or dropped.
  void Finish(const std::shared_ptr<Lane>& lane, std::vector<LaneItem> undecided,
              size_t item_count, size_t weight);
  /// Makes `Take` return empty, now and later.
  void Stop();
  /// Items that wait or are with a worker.
  size_t item_count() const;

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;

  void MakeDueReady();
  void WaitForWork(std::unique_lock<std::mutex>& lock);
  void Gather(std::unique_lock<std::mutex>& lock);
  bool PushLocked(const std::shared_ptr<Lane>& lane, LaneItem item);
  void Forget(size_t item_count, size_t weight);
  std::vector<std::weak_ptr<LaneSink>> TakeWaiters();

  const size_t readings_max_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable stopping_;
  bool stopped_ = false;
  bool gathering_ = false;  ///< A worker waits a moment before it takes all.
  SteadyTime taken_at_;
  size_t taken_batches_ = 0;  ///< Of the last taking.
  uint64_t lane_count_ = 0;
  size_t item_count_ = 0;
  size_t weight_ = 0;
  std::deque<std::shared_ptr<Lane>> ready_;
  std::multimap<SteadyTime, std::shared_ptr<Lane>> paused_;
  std::vector<std::weak_ptr<LaneSink>> waiters_;
};

}  // namespace peerwatt::metering
