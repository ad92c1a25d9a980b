#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "agent/random.h"
#include "google/rpc/status.pb.h"

namespace peerwatt::agent {

/// Pauses between attempts, spread so that many who lost the same server do not come back together:
/// each is random between zero and a bound that doubles ("full jitter").
class Backoff {
 public:
  /// min: bound of the first pause. key: of the random numbers; the same key, the same pauses.
  Backoff(absl::Duration min, absl::Duration max, uint64_t key) : min_(min), max_(max), key_(key) {}

  /// The pause before the next attempt.
  absl::Duration Next() {
    const absl::Duration bound = std::min(max_, min_ * (int64_t{1} << std::min(failures_, 20)));
    ++failures_;
    return bound * UnitOf(key_, draws_++);
  }
  /// An attempt succeeded: the bound is the first again.
  void Reset() { failures_ = 0; }
  int failures() const { return failures_; }

 private:
  absl::Duration min_;
  absl::Duration max_;
  uint64_t key_;
  uint64_t draws_ = 0;
  int failures_ = 0;
};

/// Lets through at most `burst` at once and `per_second` on average.
class RateLimit {
 public:
  /// per_second: 0 lets everything through.
  RateLimit(double per_second, double burst)
      : per_second_(per_second), burst_(burst), tokens_(burst) {}

  /// Takes one if there is one. now: not going back.
  bool Take(absl::Time now) {
    if (per_second_ <= 0) return true;
    if (now > filled_at_) {
      if (filled_at_ != absl::InfinitePast()) {
        tokens_ = std::min(burst_, tokens_ + per_second_ * absl::ToDoubleSeconds(now - filled_at_));
      }
      filled_at_ = now;
    }
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  double per_second_;
  double burst_;
  double tokens_;
  absl::Time filled_at_ = absl::InfinitePast();
};

/// How long a server asks to wait before a retry (`RetryInfo`); zero when it does not say, at most
/// an hour.
absl::Duration RetryDelayOf(const google::rpc::Status& status);
/// The same from the serialised status that comes with a gRPC error.
absl::Duration RetryDelayOf(const std::string& error_details);

}  // namespace peerwatt::agent
