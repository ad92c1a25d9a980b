// Standing orders as their owners change them: the order store's other part.

#include <algorithm>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/market/core/autopilot/errors.h"
#include "services/market/core/errors.h"
#include "services/market/storage/queries.h"
#include "services/market/storage/rows.h"
#include "services/market/storage/store.h"

namespace peerwatt::market {
namespace {

using postgres::Exec;

std::optional<int64_t> MicrosOf(const std::optional<Price>& price) {
  return price.has_value() ? std::optional(price->micros_per_kwh()) : std::nullopt;
}

std::optional<int64_t> MicrosOf(const std::optional<Money>& amount) {
  return amount.has_value() ? std::optional(amount->micros()) : std::nullopt;
}

std::optional<StandingOrder> Find(pqxx::work& tx, const postgres::Query& query,
                                  const CommunityId& community, const ParticipantId& participant,
                                  const StandingOrderId& id) {
  const pqxx::result rows =
      Exec(tx, query, community.value(), participant.value(), id.value());
  return rows.empty() ? std::nullopt : std::optional(StandingOrderFrom(rows[0]));
}

absl::Status NoSuchStandingOrder() {
  return Error(kNotFound, "there is no such standing order");
}

// Ends the newest version, which stays as it was.
void KeepVersion(pqxx::work& tx, const StandingOrder& order, absl::Time end) {
  Exec(tx, kKeepVersion, order.community.value(), order.participant.value(), order.id.value(),
       postgres::ToSql(end));
}

// What follows a version begins when it does or later, whatever the clock says.
absl::Time EndOf(const StandingOrder& order, absl::Time now) {
  return std::max(now, order.version_time + absl::Microseconds(1));
}

bool SameTerms(const StandingOrder& a, const StandingOrder& b) {
  return a.bid_price == b.bid_price && a.offer_price == b.offer_price && a.terms == b.terms;
}

void Insert(pqxx::work& tx, const StandingOrder& order) {
  const AutopilotTerms& terms = order.terms;
  Exec(tx, kInsertStandingOrder, order.community.value(), order.participant.value(),
       order.id.value(), postgres::ToSql(order.create_time), order.metering_point.value(),
       order.grid_connection.value(), MicrosOf(order.bid_price), MicrosOf(order.offer_price),
       order.version, postgres::ToSql(order.version_time), MicrosOf(terms.bid_start_price),
       MicrosOf(terms.offer_start_price), terms.bid_share_ppm, terms.offer_share_ppm,
       terms.bid_reserve.wh(), terms.offer_reserve.wh(), terms.premium.micros_per_kwh(),
       terms.bid_preference, terms.offer_preference, MicrosOf(terms.daily_cost_max),
       terms.calendar, terms.paused);
}

void Update(pqxx::work& tx, const StandingOrder& order) {
  const AutopilotTerms& terms = order.terms;
  Exec(tx, kChangeStandingOrder, order.community.value(), order.participant.value(),
       order.id.value(), MicrosOf(order.bid_price), MicrosOf(order.offer_price), order.version,
       postgres::ToSql(order.version_time), MicrosOf(terms.bid_start_price),
       MicrosOf(terms.offer_start_price), terms.bid_share_ppm, terms.offer_share_ppm,
       terms.bid_reserve.wh(), terms.offer_reserve.wh(), terms.premium.micros_per_kwh(),
       terms.bid_preference, terms.offer_preference, MicrosOf(terms.daily_cost_max),
       terms.calendar, terms.paused);
}

}  // namespace

absl::StatusOr<StandingOrder> PostgresOrderStore::CreateStandingOrder(const StandingOrder& order) {
  StandingOrder kept;
  const absl::Status status = pool_.Run([&](pqxx::work& tx) -> absl::Status {
    Insert(tx, order);
    std::optional<StandingOrder> found =
        Find(tx, kSelectStandingOrder, order.community, order.participant, order.id);
    if (!found.has_value()) {
      return Error(kStandingOrderActive, "the grid connection has another active standing order",
                   {{"grid_connection", order.grid_connection.value()}});
    }
    kept = *std::move(found);
    return absl::OkStatus();
  });
  PW_RETURN_IF_ERROR(status);
  return kept;
}

absl::StatusOr<StandingOrder> PostgresOrderStore::ChangeStandingOrder(
    const CommunityId& community, const ParticipantId& participant, const StandingOrderId& id,
    absl::Time now,
    absl::FunctionRef<absl::StatusOr<StandingOrder>(const StandingOrder&)> change) {
  StandingOrder newest;
  const absl::Status status = pool_.Run([&](pqxx::work& tx) -> absl::Status {
    std::optional<StandingOrder> found =
        Find(tx, kLockStandingOrder, community, participant, id);
    if (!found.has_value()) {
      return NoSuchStandingOrder();
    }
    if (!found->active) {
      return Error(kStandingOrderEnded, "the standing order was cancelled");
    }
    PW_ASSIGN_OR_RETURN(newest, change(*found));
    if (SameTerms(newest, *found)) {
      newest = *std::move(found);
      return absl::OkStatus();
    }
    newest.version = found->version + 1;
    newest.version_time = EndOf(*found, now);
    KeepVersion(tx, *found, newest.version_time);
    Update(tx, newest);
    return absl::OkStatus();
  });
  PW_RETURN_IF_ERROR(status);
  return newest;
}

absl::StatusOr<StandingOrder> PostgresOrderStore::CancelStandingOrder(
    const CommunityId& community, const ParticipantId& participant, const StandingOrderId& id,
    absl::Time now) {
  StandingOrder order;
  const absl::Status status = pool_.Run([&](pqxx::work& tx) -> absl::Status {
    std::optional<StandingOrder> found =
        Find(tx, kLockStandingOrder, community, participant, id);
    if (!found.has_value()) {
      return NoSuchStandingOrder();
    }
    order = *std::move(found);
    if (order.active) {
      KeepVersion(tx, order, EndOf(order, now));
      Exec(tx, kCancelStandingOrder, community.value(), participant.value(), id.value());
      order.active = false;
    }
    return absl::OkStatus();
  });
  PW_RETURN_IF_ERROR(status);
  return order;
}

}  // namespace peerwatt::market
