#pragma once

#include <cstdint>
#include <list>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace peerwatt::gateway {

/// A token bucket per key. Remembers a bounded number of keys, the most recently used ones.
class RateLimit {
 public:
  /// per_second: tokens that come back each second; 0 means no limit. burst: size of the bucket.
  RateLimit(int64_t per_second, int64_t burst, size_t keys_max = 10000);
  /// Takes one token of `key`. Returns zero when there was one, otherwise how long to wait.
  absl::Duration Take(absl::string_view key, absl::Time now);

 private:
  struct Bucket {
    std::string key;
    int64_t micro_tokens = 0;
    absl::Time filled_at;
  };
  const int64_t per_second_;
  const int64_t burst_;
  const size_t keys_max_;
  absl::Mutex mutex_;
  std::list<Bucket> buckets_ ABSL_GUARDED_BY(mutex_);  ///< most recently used first
  absl::flat_hash_map<std::string, std::list<Bucket>::iterator> by_key_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peerwatt::gateway
