// What participants do with standing orders: OrderDesk's other part.

#include <utility>
#include <vector>

#include "libs/base/status_macros.h"
#include "services/market/core/autopilot/errors.h"
#include "services/market/core/autopilot/sizing.h"
#include "services/market/core/errors.h"
#include "services/market/core/order_desk.h"
#include "services/market/core/order_rules.h"

namespace peerwatt::market {
namespace {

// Errors: PRICE_OUT_OF_RANGE, those of CheckTerms.
absl::Status CheckStanding(const StandingOrder& order, const CommunityRules& rules) {
  for (const std::optional<Price>& price :
       {order.bid_price, order.offer_price, order.terms.bid_start_price,
        order.terms.offer_start_price}) {
    if (price.has_value()) {
      PW_RETURN_IF_ERROR(CheckPrice(*price, rules.price_min, rules.price_max));
    }
  }
  return CheckTerms(order);
}

}  // namespace

bool SameContent(const StandingOrder& kept, const StandingOrder& asked) {
  return kept.metering_point == asked.metering_point && kept.bid_price == asked.bid_price &&
         kept.offer_price == asked.offer_price && kept.terms == asked.terms;
}

absl::StatusOr<StandingOrder> OrderDesk::CreateStanding(StandingOrder order) {
  PW_ASSIGN_OR_RETURN(const std::optional<Member> member,
                      registry_.FindMember(order.metering_point));
  if (!member.has_value()) {
    return Error(kMeteringPointUnknown, "there is no such metering point",
                 {{"metering_point", order.metering_point.value()}});
  }
  if (member->participant != order.participant) {
    return Error(kPermissionDenied, "the metering point is not the caller's");
  }
  PW_RETURN_IF_ERROR(CheckTrades(*member));
  PW_ASSIGN_OR_RETURN(const CommunitySnapshot snapshot,
                      registry_.GetSnapshot(member->community, order.create_time));
  PW_RETURN_IF_ERROR(CheckStanding(order, snapshot.rules));
  order.community = member->community;
  order.grid_connection = member->grid_connection;
  order.version = 1;
  order.version_time = order.create_time;
  PW_ASSIGN_OR_RETURN(StandingOrder kept, store_.CreateStandingOrder(order));
  if (!SameContent(kept, order)) {
    return Error(kContentDiffers, "another standing order has this id");
  }
  return kept;
}

absl::StatusOr<StandingOrder> OrderDesk::ChangeStanding(const StandingOrder& order,
                                                        int32_t expected_version, absl::Time now) {
  PW_ASSIGN_OR_RETURN(const CommunitySnapshot snapshot,
                      registry_.GetSnapshot(order.community, now));
  return store_.ChangeStandingOrder(
      order.community, order.participant, order.id, now,
      [&](const StandingOrder& kept) -> absl::StatusOr<StandingOrder> {
        StandingOrder next = kept;
        next.bid_price = order.bid_price;
        next.offer_price = order.offer_price;
        next.terms = order.terms;
        next.terms.paused = kept.terms.paused;
        PW_RETURN_IF_ERROR(CheckStanding(next, snapshot.rules));
        const bool is_stale = expected_version != 0 && expected_version != kept.version;
        if (is_stale && !SameContent(kept, next)) {
          return Error(kStandingOrderVersionStale, "another version was made meanwhile",
                       {{"version", std::to_string(kept.version)}});
        }
        return next;
      });
}

absl::StatusOr<StandingOrder> OrderDesk::PauseStanding(const CommunityId& community,
                                                       const ParticipantId& participant,
                                                       const StandingOrderId& id, bool paused,
                                                       absl::Time now) {
  return store_.ChangeStandingOrder(
      community, participant, id, now,
      [&](const StandingOrder& kept) -> absl::StatusOr<StandingOrder> {
        StandingOrder next = kept;
        next.terms.paused = paused;
        return next;
      });
}

}  // namespace peerwatt::market
