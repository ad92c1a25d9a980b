#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/market/core/errors.h"
#include "services/market/storage/clearing_rows.h"
#include "services/market/storage/queries.h"
#include "services/market/storage/rows.h"
#include "services/market/storage/store.h"

namespace peerwatt::market {
namespace {

using postgres::Exec;

std::string At(const AuctionKey& key) { return postgres::ToSql(key.delivery_start); }

std::optional<int64_t> MicrosOf(const std::optional<Price>& price) {
  return price.has_value() ? std::optional(price->micros_per_kwh()) : std::nullopt;
}

absl::StatusOr<Auction> LockedAuction(pqxx::work& tx, const AuctionKey& key, bool alone) {
  const pqxx::result rows =
      Exec(tx, alone ? kLockAuction : kShareAuction, key.community.value(), At(key));
  if (rows.empty()) {
    return Error(kNotFound, "there is no such auction");
  }
  return AuctionFrom(rows[0]);
}

std::optional<Order> FindOrder(pqxx::work& tx, const AuctionKey& key, const OrderId& id) {
  const pqxx::result rows = Exec(tx, kSelectOrder, key.community.value(), At(key), id.value());
  return rows.empty() ? std::nullopt : std::optional(OrderFrom(rows[0]));
}

absl::Status NoSuchOrder() { return Error(kNotFound, "there is no such order"); }

absl::StatusOr<Order> ReadOrder(pqxx::work& tx, const AuctionKey& key, const OrderId& id) {
  std::optional<Order> order = FindOrder(tx, key, id);
  if (!order.has_value()) {
    return NoSuchOrder();
  }
  return *std::move(order);
}

std::optional<StandingOrder> FindStandingOrder(pqxx::work& tx, const CommunityId& community,
                                               const ParticipantId& participant,
                                               const StandingOrderId& id) {
  const pqxx::result rows =
      Exec(tx, kSelectStandingOrder, community.value(), participant.value(), id.value());
  return rows.empty() ? std::nullopt : std::optional(StandingOrderFrom(rows[0]));
}

}  // namespace

absl::StatusOr<Order> PostgresOrderStore::PlaceOrder(
    const Order& order, bool keep,
    absl::FunctionRef<absl::StatusOr<Money>(const Auction&, Energy offered)> check) {
  const bool alone = order.side == Side::kOffer;
  Order placed;
  const auto place = [&](pqxx::work& tx) -> absl::Status {
    PW_ASSIGN_OR_RETURN(const Auction auction, LockedAuction(tx, order.auction, alone));
    if (std::optional<Order> kept = FindOrder(tx, order.auction, order.id)) {
      placed = *std::move(kept);
      return absl::OkStatus();
    }
    Energy offered;
    if (alone) {
      offered = ReadOffered(tx, order.auction)[order.grid_connection];
    }
    placed = order;
    PW_ASSIGN_OR_RETURN(placed.hold, check(auction, offered));
    if (keep) {
      InsertOrders(tx, order.auction, {placed});
    }
    return absl::OkStatus();
  };
  absl::Status status = pool_.Run(place);
  if (absl::IsAlreadyExists(status) && ReasonOf(status).empty()) {
    // The same id was placed at the same moment; this time it is found.
    status = pool_.Run(place);
  }
  PW_RETURN_IF_ERROR(status);
  return placed;
}

absl::StatusOr<NetworkVersion> PostgresOrderStore::NetworkOf(const AuctionKey& key) {
  NetworkVersion network;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    const pqxx::result rows = Exec(tx, kSelectAuction, key.community.value(), At(key));
    if (rows.empty()) {
      return Error(kNotFound, "there is no such auction");
    }
    PW_ASSIGN_OR_RETURN(network, ReadNetwork(tx, key.community, AuctionFrom(rows[0]).network));
    return absl::OkStatus();
  }));
  return network;
}

absl::StatusOr<Order> PostgresOrderStore::ResolveOrder(const AuctionKey& key, const OrderId& id,
                                                       OrderState state,
                                                       const std::string& reason) {
  Order order;
  const absl::Status status = pool_.Run([&](pqxx::work& tx) -> absl::Status {
    Exec(tx, kResolveOrder, key.community.value(), At(key), id.value(), ToSql(state), reason);
    PW_ASSIGN_OR_RETURN(order, ReadOrder(tx, key, id));
    return absl::OkStatus();
  });
  PW_RETURN_IF_ERROR(status);
  return order;
}

absl::StatusOr<Order> PostgresOrderStore::CancelOrder(
    const AuctionKey& key, const OrderId& id,
    absl::FunctionRef<absl::Status(const Auction&, const Order&)> check) {
  Order order;
  const absl::Status status = pool_.Run([&](pqxx::work& tx) -> absl::Status {
    PW_ASSIGN_OR_RETURN(const Auction auction, LockedAuction(tx, key, false));
    PW_ASSIGN_OR_RETURN(order, ReadOrder(tx, key, id));
    PW_RETURN_IF_ERROR(check(auction, order));
    Exec(tx, kCancelOrder, key.community.value(), At(key), id.value());
    PW_ASSIGN_OR_RETURN(order, ReadOrder(tx, key, id));
    return absl::OkStatus();
  });
  PW_RETURN_IF_ERROR(status);
  return order;
}

absl::StatusOr<Order> PostgresOrderStore::GetOrder(const AuctionKey& key, const OrderId& id) {
  Order order;
  const absl::Status status = pool_.Run([&](pqxx::work& tx) -> absl::Status {
    PW_ASSIGN_OR_RETURN(order, ReadOrder(tx, key, id));
    return absl::OkStatus();
  });
  PW_RETURN_IF_ERROR(status);
  return order;
}

absl::StatusOr<StandingOrder> PostgresOrderStore::CreateStandingOrder(const StandingOrder& order) {
  StandingOrder kept;
  const absl::Status status = pool_.Run([&](pqxx::work& tx) -> absl::Status {
    Exec(tx, kInsertStandingOrder, order.community.value(), order.participant.value(),
         order.id.value(), order.metering_point.value(), order.grid_connection.value(),
         MicrosOf(order.bid_price), MicrosOf(order.offer_price),
         postgres::ToSql(order.create_time));
    std::optional<StandingOrder> found =
        FindStandingOrder(tx, order.community, order.participant, order.id);
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

absl::StatusOr<StandingOrder> PostgresOrderStore::CancelStandingOrder(
    const CommunityId& community, const ParticipantId& participant, const StandingOrderId& id) {
  StandingOrder order;
  const absl::Status status = pool_.Run([&](pqxx::work& tx) -> absl::Status {
    Exec(tx, kCancelStandingOrder, community.value(), participant.value(), id.value());
    std::optional<StandingOrder> found = FindStandingOrder(tx, community, participant, id);
    if (!found.has_value()) {
      return Error(kNotFound, "there is no such standing order");
    }
    order = *std::move(found);
    return absl::OkStatus();
  });
  PW_RETURN_IF_ERROR(status);
  return order;
}

}  // namespace peerwatt::market
