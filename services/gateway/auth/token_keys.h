#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/crypto/jwt.h"

namespace peerwatt::gateway {

/// Where the public keys of the token issuer come from.
class KeySource {
 public:
  using Done = std::function<void(absl::StatusOr<std::vector<crypto::PublicJwk>>)>;
  virtual ~KeySource() = default;
  /// Calls `done` once, on any thread, perhaps before it returns.
  virtual void Fetch(Done done) = 0;
};

/// How tokens are checked.
struct TokenPolicy {
  std::string issuer;
  std::string audience;
  absl::Duration refresh_interval = absl::Minutes(5);  ///< keys older than this are fetched again
  absl::Duration unknown_key_pause = absl::Seconds(10);  ///< least time between fetches for a kid
  absl::Duration failure_pause = absl::Milliseconds(500);  ///< least time after a failed fetch
};

/// The verifier over the issuer's keys, fetched when needed. Old keys stay while a fetch fails.
/// Safe for many threads.
class TokenKeys {
 public:
  using Verifier = std::shared_ptr<const crypto::TokenVerifier>;

  /// source, clock: outlive this, and every fetch under way.
  TokenKeys(TokenPolicy policy, KeySource& source, const Clock& clock);

  /// The verifier now, or null before the first fetch. Starts a fetch when the keys are old.
  Verifier Current();
  /// Fetches the keys unless that was tried a moment ago, then calls `done` with the newest
  /// verifier (null when there are none yet), on any thread.
  void Refetch(std::function<void(Verifier)> done);
  /// Counts the changes of the key set; what was verified under an older count is void.
  int64_t generation();

 private:
  bool MayFetch(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StartFetch();
  void Finish(absl::StatusOr<std::vector<crypto::PublicJwk>> keys);

  const TokenPolicy policy_;
  KeySource& source_;
  const Clock& clock_;
  absl::Mutex mutex_;
  Verifier verifier_ ABSL_GUARDED_BY(mutex_);
  std::vector<crypto::PublicJwk> keys_ ABSL_GUARDED_BY(mutex_);
  int64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;
  bool fetching_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time fetched_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Time failed_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::vector<std::function<void(Verifier)>> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peerwatt::gateway
