#include "services/gateway/core/rate_limit.h"

#include <algorithm>

namespace peerwatt::gateway {
namespace {

constexpr int64_t kMicro = 1'000'000;
// After an hour any bucket is full; a larger span could overflow the product below.
constexpr absl::Duration kSpanMax = absl::Hours(1);

}  // namespace

RateLimit::RateLimit(int64_t per_second, int64_t burst, size_t keys_max)
    : per_second_(per_second), burst_(std::max<int64_t>(burst, 1)), keys_max_(keys_max) {}

absl::Duration RateLimit::Take(absl::string_view key, absl::Time now) {
  if (per_second_ <= 0) return absl::ZeroDuration();
  const absl::MutexLock lock(&mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    if (buckets_.size() >= keys_max_) {
      by_key_.erase(buckets_.back().key);
      buckets_.pop_back();
    }
    buckets_.push_front({std::string(key), burst_ * kMicro, now});
    by_key_[key] = buckets_.begin();
  } else {
    buckets_.splice(buckets_.begin(), buckets_, found->second);
  }
  Bucket& bucket = buckets_.front();
  const absl::Duration span = std::min(now - bucket.filled_at, kSpanMax);
  if (span > absl::ZeroDuration()) {
    bucket.micro_tokens = std::min(
        burst_ * kMicro, bucket.micro_tokens + absl::ToInt64Microseconds(span) * per_second_);
    bucket.filled_at = now;
  }
  if (bucket.micro_tokens >= kMicro) {
    bucket.micro_tokens -= kMicro;
    return absl::ZeroDuration();
  }
  const int64_t missing = kMicro - bucket.micro_tokens;
  return absl::Microseconds((missing + per_second_ - 1) / per_second_);
}

}  // namespace peerwatt::gateway
