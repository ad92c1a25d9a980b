#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/crypto/jwt.h"
#include "libs/rpc/security.h"
#include "libs/telemetry/metrics.h"
#include "services/gateway/api/method_table.h"
#include "services/gateway/auth/token_keys.h"

namespace peerwatt::gateway {

/// Claims of tokens that were verified, by the hash of the token; the most recently used ones.
/// Safe for many threads.
class VerifiedTokens {
 public:
  explicit VerifiedTokens(size_t size_max) : size_max_(size_max) {}
  std::optional<crypto::TokenClaims> Find(const std::string& hash, int64_t generation,
                                          absl::Time now);
  void Put(const std::string& hash, int64_t generation, crypto::TokenClaims claims);

 private:
  struct Entry {
    std::string hash;
    int64_t generation = 0;
    crypto::TokenClaims claims;
  };
  const size_t size_max_;
  absl::Mutex mutex_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, std::list<Entry>::iterator> by_hash_ ABSL_GUARDED_BY(mutex_);
};

/// Decides who calls and whether they may: bearer tokens against the access rule of the method.
class Authenticator {
 public:
  /// The caller; nothing for an anonymous call of a public method.
  using Caller = std::optional<rpc::Principal>;
  using Done = std::function<void(absl::StatusOr<Caller>)>;

  Authenticator(TokenKeys& keys, const Clock& clock, telemetry::Metrics& metrics);

  /// authorization: the header's value, or empty. Calls `done` once: at once when the keys are
  /// known, otherwise on another thread.
  /// Errors: ACCESS_RULE_MISSING, TOKEN_MISSING, the verifier's reasons, TOKEN_KEYS_UNAVAILABLE,
  /// ROLE_FORBIDS. On a public method a token that does not hold is as good as none.
  void Authorize(const ApiMethod& method, absl::string_view authorization, Done done);

 private:
  absl::StatusOr<crypto::TokenClaims> Verify(const TokenKeys::Verifier& verifier,
                                             const std::string& token, const std::string& hash);
  absl::StatusOr<Caller> Decide(const ApiMethod& method,
                                const absl::StatusOr<crypto::TokenClaims>& claims);
  void Count(absl::string_view result);

  TokenKeys& keys_;
  const Clock& clock_;
  VerifiedTokens verified_{10000};
  std::map<std::string, telemetry::Counter*, std::less<>> results_;
  telemetry::Counter* other_ = nullptr;
};

/// The caller that the claims describe; unknown roles are left out.
rpc::Principal PrincipalOf(const crypto::TokenClaims& claims);

}  // namespace peerwatt::gateway
