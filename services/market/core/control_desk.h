#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/market/core/controls.h"
#include "services/market/core/ports.h"

namespace peerwatt::market {

/// Who changes the controls, when and why.
struct Act {
  std::string actor;
  std::string reason;
  absl::Time time;
  bool by_operator = false;
};

/// An order that a kill switch cancelled, with the hold to release.
struct CancelledOrder {
  AuctionKey auction;
  OrderId id;
  Money hold;
  /// What its continuous trades still need of the hold.
  Money needed;
};

/// The controls as operators and participants change them; every change is recorded with it, in
/// one transaction, while no order is being placed.
class ControlStore {
 public:
  virtual ~ControlStore() = default;
  virtual absl::StatusOr<Controls> Get(const CommunityId& community) = 0;
  virtual absl::Status SetHalt(const CommunityId& community, bool halted, const Act& act) = 0;
  /// Adds the next version; safe to repeat. Errors: LIMITS_VERSION_STALE, CONTENT_DIFFERS.
  virtual absl::Status AddLimits(const CommunityId& community, const LimitsVersion& limits,
                                 const Act& act) = 0;
  virtual absl::StatusOr<std::optional<KillSwitch>> GetKillSwitch(
      const CommunityId& community, const ParticipantId& participant) = 0;
  /// Sets the switch and cancels all orders of the participant in open auctions.
  virtual absl::StatusOr<std::vector<CancelledOrder>> Kill(const CommunityId& community,
                                                           const ParticipantId& participant,
                                                           const Act& act) = 0;
  /// Errors: PERMISSION_DENIED when an operator set it and the act is no operator's.
  virtual absl::Status Lift(const CommunityId& community, const ParticipantId& participant,
                            const Act& act) = 0;
  /// Events after this number, by number.
  virtual absl::StatusOr<std::vector<ControlEvent>> ListEvents(const CommunityId& community,
                                                               int64_t after, int32_t limit) = 0;
};

/// Sets a participant's kill switch and releases the holds of what it cancelled. Safe to repeat; a
/// hold whose release was cut off is released at the gate closure of its auction.
absl::StatusOr<std::vector<CancelledOrder>> KillAndRelease(ControlStore& store,
                                                           Settlement& settlement,
                                                           const CommunityId& community,
                                                           const ParticipantId& participant,
                                                           const Act& act);

/// Errors: FIELD_INVALID when a bound lies outside of what an order may be.
absl::Status CheckLimits(const LimitsVersion& version);

}  // namespace peerwatt::market
