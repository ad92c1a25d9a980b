#pragma once

#include <vector>

#include "absl/status/status.h"
#include "services/settlement/core/ledgers.h"
#include "services/settlement/core/peers.h"
#include "services/settlement/core/runner.h"
#include "services/settlement/core/stores.h"

namespace peerwatt::settlement {

/// Follows what metering stores: marks what it touches together with the cursor, then wakes the
/// runner. Nothing is missed over restarts, and seeing a change twice does no harm.
class ChangeFollower {
 public:
  ChangeFollower(MeteringPort& metering, RunStore& store, Ledgers& ledgers, Runner& runner)
      : metering_(metering), store_(store), ledgers_(ledgers), runner_(runner) {}

  /// Follows until the stream ends; call it again to go on after the stored cursor.
  absl::Status Follow();

 private:
  absl::Status Take(const std::vector<ReadingChange>& changes, int64_t cursor);

  MeteringPort& metering_;
  RunStore& store_;
  Ledgers& ledgers_;
  Runner& runner_;
};

}  // namespace peerwatt::settlement
