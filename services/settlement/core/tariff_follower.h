#pragma once

#include <cstdint>
#include <map>

#include "absl/status/status.h"
#include "services/settlement/core/ledgers.h"
#include "services/settlement/core/peers.h"
#include "services/settlement/core/runner.h"
#include "services/settlement/core/stores.h"

namespace peerwatt::settlement {

/// Notices new versions of tariffs: marks the settled periods that one reaches back to together
/// with the number of versions seen, then wakes the runner. Nothing is missed over restarts, and
/// seeing a version twice does no harm. One thread calls it.
class TariffFollower {
 public:
  TariffFollower(RegistryPort& registry, RunStore& store, Ledgers& ledgers, Runner& runner)
      : registry_(registry), store_(store), ledgers_(ledgers), runner_(runner) {}

  /// Looks once. Asks for the versions of a community only when it has more than were seen.
  absl::Status Follow();

 private:
  absl::Status Take(const CommunityRules& rules, int64_t version_count);

  RegistryPort& registry_;
  RunStore& store_;
  Ledgers& ledgers_;
  Runner& runner_;
  std::map<CommunityId, int64_t> seen_;
};

}  // namespace peerwatt::settlement
