#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/market/core/autopilot/ports.h"
#include "services/market/core/community_turns.h"
#include "services/market/core/order_desk.h"
#include "services/market/core/runner.h"

namespace peerwatt::market {

/// Quotes standing orders with a ramp while an auction is open: at each step an ordinary order at
/// the limit of the step takes the place of the last one. What is kept says which step an auction
/// has seen, so that restarts and replicas quote none twice; steps that nobody saw are left out,
/// for what is quoted counts only from then on. For one thread.
class Quoter {
 public:
  /// All references must outlive the quoter. leases: of its own.
  Quoter(RulesBook& rules, CommunityLeases& leases, AuctionStore& auctions, AutopilotStore& store,
         Registry& registry, Metering& metering, Settlement& settlement, OrderDesk& desk)
      : rules_(rules),
        auctions_(auctions),
        store_(store),
        registry_(registry),
        metering_(metering),
        settlement_(settlement),
        desk_(desk),
        turns_(leases) {}

  /// Quotes what is due at `now`. Where no standing order has a ramp it asks the database once a
  /// step. stop: asked between auctions. A community that fails is tried again and does not hinder
  /// the others; the first failure is returned.
  absl::Status RunOnce(absl::Time now, absl::FunctionRef<bool()> stop);

 private:
  /// Returns when the next step is due.
  absl::StatusOr<absl::Time> RunCommunity(const CommunityRules& rules, absl::Time now,
                                          absl::FunctionRef<bool()> stop);
  absl::Status Quote(const CommunitySnapshot& snapshot, const std::vector<Candidate>& candidates,
                     const Auction& auction, int32_t step, absl::Time now);

  /// Releases holds of quotes that were withdrawn, and reserves money for new ones. What fails is
  /// tried again; a process that ends in between leaves it to the sweep of pending orders, and to
  /// gate closure.
  absl::Status MoveMoney();

  RulesBook& rules_;
  AuctionStore& auctions_;
  AutopilotStore& store_;
  Registry& registry_;
  Metering& metering_;
  Settlement& settlement_;
  OrderDesk& desk_;
  CommunityTurns turns_;
  std::vector<std::pair<AuctionKey, std::vector<HoldReduction>>> to_release_;
  std::map<CommunityId, absl::Time> to_decide_;
};

}  // namespace peerwatt::market
