#include "services/metering/storage/shard_cache.h"

#include <algorithm>

namespace peerwatt::metering {

int16_t ShardOf(const DeviceId& device) {
  // FNV-1a, 64 bits.
  uint64_t hash = 14'695'981'039'346'656'037U;
  for (const char c : device.value()) {
    hash = (hash ^ static_cast<uint8_t>(c)) * 1'099'511'628'211U;
  }
  return static_cast<int16_t>((hash ^ hash >> 32) % kShardCount);
}

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

std::pair<int64_t, int64_t> Shard::PositionOf(const DeviceId& device) const {
  const std::lock_guard lock(mutex_);
  const auto found = positions_.find(device);
  return {version_, found == positions_.end() ? 0 : found->second.sequence};
}

void Shard::Advance(std::vector<std::pair<DayKey, DayPtr>> days,
                    const std::vector<DevicePosition>& positions, int64_t version) {
  const std::lock_guard lock(mutex_);
  for (auto& [key, day] : days) {
    days_.insert_or_assign(key, std::move(day));
  }
  for (const DevicePosition& position : positions) {
    PositionEntry& entry = positions_[position.device];
    if (entry.sequence < position.sequence) {
      entry = {position.sequence, version};
    }
  }
  if (!(days_.empty() && positions_.empty()) && !since_.has_value()) {
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
  absl::erase_if(positions_, [&](const auto& entry) {
    return entry.second.block_no <= compacted_block_no;
  });
  since_ = days_.empty() && positions_.empty() ? std::nullopt
                                               : std::optional(std::chrono::steady_clock::now());
  return before - days_.size();
}

void Shard::Reset(int64_t version) {
  const std::lock_guard lock(mutex_);
  days_.clear();
  positions_.clear();
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

ShardContent Shard::Snapshot() const {
  const std::lock_guard lock(mutex_);
  ShardContent content{.days = {days_.begin(), days_.end()}, .positions = {}, .version = version_};
  content.positions.reserve(positions_.size());
  for (const auto& [device, entry] : positions_) {
    content.positions.push_back({device, entry.sequence});
  }
  return content;
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
