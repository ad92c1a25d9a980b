#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <pqxx/pqxx>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/error.h"
#include "libs/postgres/pool.h"

namespace peerwatt::postgres {

/// Another process took the lease meanwhile; nothing was written.
inline constexpr ErrorReason kLeaseLost{"LEASE_LOST", absl::StatusCode::kAborted, true};

/// What the leases of a process did so far.
struct LeaseCounts {
  int64_t held = 0;
  int64_t taken = 0;
  int64_t lost = 0;
};

/// Leases of one process on keys such as communities. A lease is a row with a fencing token that
/// grows by one whenever the lease changes hands. A write that must be its holder's alone checks
/// the token in its own transaction: a process that stood still while another took the lease is
/// refused, whatever it believes. Terms end by the database's clock, so that replicas need not
/// agree on the time. Safe for many threads.
///
/// Needs a table `leases (community_id text primary key, holder text, token bigint, expires_at
/// timestamptz)` with SELECT, INSERT and UPDATE, and Queries() prepared in the pool.
class Leases {
 public:
  /// holder: names the process. One that is started again under the same name takes its leases
  /// back at once, with new tokens; two that run at once need different names.
  /// term: how long a lease outlives its last renewal, and how long its holder's transaction may
  /// stand still before the database ends it.
  Leases(Pool& pool, std::string holder, absl::Duration term);

  /// All statements of this class.
  static std::vector<Query> Queries();

  /// Renews what this process holds and takes what is free. Call it several times per term.
  /// keys: all that are wanted; others that were held are renewed no more.
  absl::Status Keep(const std::vector<std::string>& keys);
  /// Gives all back, so that others need not wait for the term's end.
  absl::Status Release();

  /// The token under which this process held `key` at the last Keep; nothing when it did not.
  std::optional<int64_t> TokenOf(const std::string& key) const;
  LeaseCounts counts() const;

  /// Makes sure that `token` is still the newest until the transaction ends: whoever wants to take
  /// the lease waits for it. Errors: LEASE_LOST.
  absl::Status Require(pqxx::work& tx, const std::string& key, int64_t token) const;

 private:
  Pool& pool_;
  const std::string holder_;
  const absl::Duration term_;
  mutable std::mutex mutex_;
  std::map<std::string, int64_t> tokens_;
  LeaseCounts counts_;
};

}  // namespace peerwatt::postgres
