#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/market/core/auction_hash.h"
#include "services/market/core/ports.h"

namespace peerwatt::market {

/// Takes one auction from gate closure to its final state in three steps. Each ends with one
/// transaction; a step that was interrupted is done again from the stored state, with the same
/// outcome.
class GateClosure {
 public:
  GateClosure(AuctionStore& store, Registry& registry, Metering& metering, Settlement& settlement,
              Probe& probe, Sha256Hex sha256)
      : store_(store),
        registry_(registry),
        metering_(metering),
        settlement_(settlement),
        probe_(probe),
        sha256_(sha256) {}

  /// Open to closed: contracts and standing orders place their orders and the book freezes.
  absl::Status Freeze(const Auction& auction);
  /// Closed to cleared: orders whose money can be held trade; the others are rejected.
  absl::Status ClearBook(const Auction& auction);
  /// Cleared to final: holds are lowered to what the trades need.
  absl::Status LowerHolds(const Auction& auction);
  /// Does all steps that are left. Another replica may do some of them meanwhile.
  absl::Status Finish(const Auction& auction);

 private:
  absl::StatusOr<bool> TryClearBook(const Auction& auction);
  /// Makes sure of the holds of pending orders and writes the reason of each that has none.
  absl::Status ResolvePending(const AuctionKey& key, std::vector<Order>& orders);

  AuctionStore& store_;
  Registry& registry_;
  Metering& metering_;
  Settlement& settlement_;
  Probe& probe_;
  const Sha256Hex sha256_;
};

/// The outcome of an auction whose market was halted at gate closure: every order expires.
AuctionOutcome HaltedOutcome(const AuctionKey& key, const std::vector<Order>& orders);

/// Clears the active orders and says what becomes of each order of the book: pure.
/// network: the auction's. orders: active ones trade; the others are passed over.
/// Returns the outcome without its hash; its orders are the active ones, in the order given.
absl::StatusOr<AuctionOutcome> DecideOutcome(const Auction& auction, const NetworkVersion& network,
                                             const std::vector<Order>& orders);

}  // namespace peerwatt::market
