#include "services/metering/rpc/ingest_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace peerwatt::metering {
namespace {

constexpr std::chrono::milliseconds kPauseMin{50};
constexpr std::chrono::milliseconds kPauseMax{1000};
// Batches of one taking from which on the next one gathers.
constexpr size_t kMuchWork = 32;
// An encoded reading takes fewer.
constexpr size_t kBytesPerReading = 64;

}  // namespace

size_t LaneItem::Weight() const {
  return std::max({size_t{1}, batch.ReadingCount(), byte_count / kBytesPerReading});
}

std::shared_ptr<Lane> IngestQueue::AddLane(std::weak_ptr<LaneSink> sink, bool waits) {
  auto lane = std::make_shared<Lane>();
  lane->sink = std::move(sink);
  lane->waits = waits;
  const std::lock_guard lock(mutex_);
  lane->number = ++lane_count_;
  return lane;
}

bool IngestQueue::HasRoom(const std::weak_ptr<LaneSink>& sink) {
  const std::lock_guard lock(mutex_);
  if (weight_ < readings_max_) {
    return true;
  }
  waiters_.push_back(sink);
  return false;
}

bool IngestQueue::PushLocked(const std::shared_ptr<Lane>& lane, LaneItem item) {
  ++item_count_;
  weight_ += item.Weight();
  lane->items.push_back(std::move(item));
  // A busy lane comes back through Finish, a paused one when its time is over.
  if (lane->busy || lane->items.size() > 1) {
    return false;
  }
  ready_.push_back(lane);
  return !gathering_;
}

void IngestQueue::Push(const std::shared_ptr<Lane>& lane, LaneItem item) {
  {
    const std::lock_guard lock(mutex_);
    if (!PushLocked(lane, std::move(item))) {
      return;
    }
  }
  changed_.notify_one();
}

void IngestQueue::Push(std::vector<LanePush> pushes) {
  bool ready = false;
  {
    const std::lock_guard lock(mutex_);
    for (LanePush& push : pushes) {
      ready |= PushLocked(push.lane, std::move(push.item));
    }
  }
  if (ready) {
    changed_.notify_one();
  }
}

void IngestQueue::Close(const std::shared_ptr<Lane>& lane) {
  std::vector<std::weak_ptr<LaneSink>> waiters;
  {
    const std::lock_guard lock(mutex_);
    lane->closed = true;
    for (const LaneItem& item : lane->items) {
      Forget(1, item.Weight());
    }
    // Only a lane with items that no worker has is ready or paused.
    if (!lane->items.empty() && !lane->busy) {
      std::erase(ready_, lane);
      std::erase_if(paused_, [&](const auto& entry) { return entry.second == lane; });
    }
    lane->items.clear();
    waiters = TakeWaiters();
  }
  for (const auto& waiter : waiters) {
    if (const auto sink = waiter.lock(); sink != nullptr) {
      sink->OnRoom();
    }
  }
}

void IngestQueue::MakeDueReady() {
  const SteadyTime now = std::chrono::steady_clock::now();
  while (!paused_.empty() && paused_.begin()->first <= now) {
    ready_.push_back(std::move(paused_.begin()->second));
    paused_.erase(paused_.begin());
  }
}

void IngestQueue::WaitForWork(std::unique_lock<std::mutex>& lock) {
  for (MakeDueReady(); (ready_.empty() || gathering_) && !stopped_; MakeDueReady()) {
    if (paused_.empty() || gathering_) {
      changed_.wait(lock);
    } else {
      changed_.wait_until(lock, paused_.begin()->first);
    }
  }
}

void IngestQueue::Gather(std::unique_lock<std::mutex>& lock) {
  if (taken_batches_ < kMuchWork || stopped_) {
    return;
  }
  gathering_ = true;
  stopping_.wait_until(lock, taken_at_ + kGatherTime, [this] { return stopped_; });
  gathering_ = false;
  MakeDueReady();
}

std::vector<LaneWork> IngestQueue::Take(size_t batches_max, size_t readings_max) {
  std::unique_lock lock(mutex_);
  do {
    WaitForWork(lock);
    Gather(lock);
    // A lane may have closed meanwhile.
  } while (ready_.empty() && !stopped_);
  std::vector<LaneWork> works;
  if (stopped_) {
    changed_.notify_all();
    return works;
  }
  size_t batches = 0;
  size_t readings = 0;
  while (!ready_.empty() && batches < batches_max && readings < readings_max) {
    LaneWork work{std::move(ready_.front()), {}};
    ready_.pop_front();
    std::deque<LaneItem>& items = work.lane->items;
    while (!items.empty() && batches < batches_max && readings < readings_max) {
      ++batches;
      readings += items.front().Weight();
      work.items.push_back(std::move(items.front()));
      items.pop_front();
    }
    work.lane->busy = true;
    works.push_back(std::move(work));
  }
  taken_at_ = std::chrono::steady_clock::now();
  taken_batches_ = batches;
  // Who waited for the gathering to end did not look at the clock.
  if (!ready_.empty() || !paused_.empty()) {
    changed_.notify_one();
  }
  return works;
}

void IngestQueue::Finish(const std::shared_ptr<Lane>& lane, std::vector<LaneItem> undecided,
                         size_t item_count, size_t weight) {
  std::vector<std::weak_ptr<LaneSink>> waiters;
  {
    const std::lock_guard lock(mutex_);
    Forget(item_count, weight);
    lane->busy = false;
    if (lane->closed) {
      for (const LaneItem& item : undecided) {
        Forget(1, item.Weight());
      }
      undecided.clear();
    }
    if (undecided.empty()) {
      lane->pause = std::chrono::milliseconds(0);
      if (!lane->items.empty()) {
        ready_.push_back(lane);
      }
    } else {
      lane->pause = std::clamp(lane->pause * 2, kPauseMin, kPauseMax);
      lane->items.insert(lane->items.begin(), std::make_move_iterator(undecided.begin()),
                         std::make_move_iterator(undecided.end()));
      paused_.emplace(std::chrono::steady_clock::now() + lane->pause, lane);
    }
    waiters = TakeWaiters();
  }
  changed_.notify_one();
  for (const auto& waiter : waiters) {
    if (const auto sink = waiter.lock(); sink != nullptr) {
      sink->OnRoom();
    }
  }
}

void IngestQueue::Forget(size_t item_count, size_t weight) {
  item_count_ -= item_count;
  weight_ -= weight;
}

std::vector<std::weak_ptr<LaneSink>> IngestQueue::TakeWaiters() {
  std::vector<std::weak_ptr<LaneSink>> waiters;
  if (weight_ < readings_max_) {
    waiters.swap(waiters_);
  }
  return waiters;
}

void IngestQueue::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  stopping_.notify_all();
}

size_t IngestQueue::item_count() const {
  const std::lock_guard lock(mutex_);
  return item_count_;
}

}  // namespace peerwatt::metering
