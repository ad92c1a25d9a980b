#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/market/core/community_turns.h"
#include "services/market/core/gate_closure.h"
#include "services/market/core/ports.h"

namespace peerwatt::market {

/// The communities as the registry last listed them. Safe for many threads.
class RulesBook {
 public:
  explicit RulesBook(Registry& registry) : registry_(registry) {}
  /// Asks the registry again.
  absl::Status Refresh();
  /// All communities, ordered by id.
  std::vector<CommunityRules> All() const;
  /// One community; asks the registry when it is not known yet.
  /// Errors: NOT_FOUND.
  absl::StatusOr<CommunityRules> Find(const CommunityId& community);
  /// The versions of a community's network in force within a span: asks the registry.
  absl::StatusOr<std::vector<NetworkVersion>> Networks(const CommunityRules& rules, Interval span) {
    return registry_.ListNetworks(rules, span);
  }
  /// When a community trades within a span: asks the registry.
  absl::StatusOr<std::vector<TradingPhase>> Phases(const CommunityRules& rules, Interval span) {
    return registry_.ListPhases(rules, span);
  }
  /// The currency of a community that is known already; asks nobody.
  std::optional<std::string> KnownCurrency(const CommunityId& community) const;

 private:
  Registry& registry_;
  mutable std::mutex mutex_;
  std::map<CommunityId, CommunityRules> rules_;
};

/// The auctions to open, in order: all from `first_delivery` on whose opening is due and at whose
/// delivery the community trades, at most `max`. phases: by start.
std::vector<Auction> DueOpenings(const CommunityRules& rules, absl::Time first_delivery,
                                 absl::Time now, size_t max,
                                 const std::vector<TradingPhase>& phases = {});

/// Does for each community whose lease this replica holds what the clock says is due, in order of
/// time and exactly once: opens auctions and takes those past gate closure to their final state.
/// For one thread.
class Runner {
 public:
  Runner(RulesBook& rules, AuctionStore& store, GateClosure& gate_closure, CommunityLeases& leases,
         Probe& probe)
      : rules_(rules), store_(store), gate_closure_(gate_closure), probe_(probe), turns_(leases) {}

  /// Does all that is due at `now`. Asks neither peers nor the database when nothing is.
  /// stop: asked between auctions. A community that fails keeps its place and does not hinder the
  /// others; the first failure is returned.
  absl::Status RunOnce(absl::Time now, absl::FunctionRef<bool()> stop);

 private:
  /// Returns when something is due next.
  absl::StatusOr<absl::Time> RunCommunity(const CommunityRules& rules, absl::Time now,
                                          absl::FunctionRef<bool()> stop);
  /// Opens what is due; returns when the next opening is.
  absl::StatusOr<absl::Time> OpenDue(const CommunityRules& rules, absl::Time now);

  RulesBook& rules_;
  AuctionStore& store_;
  GateClosure& gate_closure_;
  Probe& probe_;
  CommunityTurns turns_;
};

}  // namespace peerwatt::market
