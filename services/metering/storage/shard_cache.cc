#include "services/metering/storage/shard_cache.h"

#include <algorithm>

namespace peerwatt::metering {

int64_t Shard::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

DayPtr Shard::Find(const DayKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = days_.find(key);
  return found == days_.end() ? nullptr : found->second;
}

std::vector<std::pair<DayKey, DayPtr>> Shard::FindAll(int64_t point_no, int32_t first_day,
                                                      int32_t last_day) const {
  std::vector<std::pair<DayKey, DayPtr>> found;
  const std::lock_guard lock(mutex_);
  for (auto next = days_.lower_bound({first_day, point_no, 0});
       next != days_.end() && next->first.point_no == point_no && next->first.day <= last_day;
       ++next) {
    found.emplace_back(*next);
  }
  return found;
}

void Shard::Advance(std::vector<std::pair<DayKey, DayPtr>> days, int64_t version) {
  const std::lock_guard lock(mutex_);
  for (auto& [key, day] : days) {
    days_.insert_or_assign(key, std::move(day));
  }
  if (!days_.empty() && !since_.has_value()) {
    since_ = std::chrono::steady_clock::now();
  }
  version_ = version;
}

size_t Shard::Forget(int64_t compacted_block_no) {
  const std::lock_guard lock(mutex_);
  const size_t before = days_.size();
  absl::erase_if(days_, [&](const auto& entry) {
    return entry.second->last_block_no <= compacted_block_no;
  });
  since_ = days_.empty() ? std::nullopt : std::optional(std::chrono::steady_clock::now());
  return before - days_.size();
}

void Shard::Reset(int64_t version) {
  const std::lock_guard lock(mutex_);
  days_.clear();
  since_.reset();
  version_ = version;
}

void Shard::Lose() {
  Reset(0);
  const std::lock_guard lock(mutex_);
  ++losses_;
}

int64_t Shard::losses() const {
  const std::lock_guard lock(mutex_);
  return losses_;
}

int64_t ShardCache::losses() const {
  int64_t losses = 0;
  for (const Shard& shard : shards_) {
    losses += shard.losses();
  }
  return losses;
}

std::pair<std::vector<std::pair<DayKey, DayPtr>>, int64_t> Shard::Snapshot() const {
  const std::lock_guard lock(mutex_);
  return {{days_.begin(), days_.end()}, version_};
}

size_t Shard::size() const {
  const std::lock_guard lock(mutex_);
  return days_.size();
}

std::optional<Shard::SteadyTime> Shard::since() const {
  const std::lock_guard lock(mutex_);
  return since_;
}

size_t ShardCache::DayCount() const {
  size_t count = 0;
  for (const Shard& shard : shards_) {
    count += shard.size();
  }
  return count;
}

bool ShardCache::WaitBelow(size_t days_max, std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return forgotten_.wait_for(lock, timeout, [&] { return DayCount() < days_max; });
}

void ShardCache::NotifyForgotten() {
  { const std::lock_guard lock(mutex_); }
  forgotten_.notify_all();
}

}  // namespace peerwatt::metering
