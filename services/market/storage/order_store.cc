#include <algorithm>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/market/core/errors.h"
#include "services/market/storage/order_group.h"
#include "services/market/storage/queries.h"
#include "services/market/storage/rows.h"
#include "services/market/storage/store.h"

namespace peerwatt::market {
namespace {

using postgres::Exec;

std::string At(const AuctionKey& key) { return postgres::ToSql(key.delivery_start); }

absl::StatusOr<Auction> SharedAuction(pqxx::work& tx, const AuctionKey& key) {
  const pqxx::result rows =
      Exec(tx, kShareAuctions, key.community.value(),
           postgres::ToSqlArray(std::vector<absl::Time>{key.delivery_start}));
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

}  // namespace

absl::StatusOr<std::vector<absl::StatusOr<Order>>> PostgresOrderStore::PlaceOrders(
    const std::vector<Order>& orders,
    absl::FunctionRef<absl::StatusOr<Money>(size_t, const Placing&)> check) {
  PW_ASSIGN_OR_RETURN(std::optional<std::vector<absl::StatusOr<Order>>> plain,
                      plain_.Place(orders, check));
  if (plain.has_value()) {
    return *std::move(plain);
  }
  std::vector<absl::StatusOr<Order>> placed;
  bool is_plain = false;
  std::map<absl::Time, Auction> auctions;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    OrderGroup group(tx, orders);
    placed = group.Place(check);
    is_plain = group.is_plain();
    auctions = group.auctions();
    return absl::OkStatus();
  }));
  plain_.Learn(orders.front().auction.community, is_plain, auctions);
  return placed;
}

absl::StatusOr<Placing> PostgresOrderStore::LookAt(const Order& order) {
  Placing placing;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    PW_ASSIGN_OR_RETURN(placing, OrderGroup(tx, {order}).Look());
    return absl::OkStatus();
  }));
  return placing;
}

absl::StatusOr<std::vector<Order>> PostgresOrderStore::ResolveOrders(
    std::vector<Order> orders, const std::vector<std::string>& reasons) {
  const bool all_stand = std::all_of(reasons.begin(), reasons.end(),
                                     [](const std::string& reason) { return reason.empty(); });
  if (all_stand) {
    PW_ASSIGN_OR_RETURN(const bool all_active, plain_.Activate(orders));
    if (all_active) {
      for (Order& order : orders) {
        order.state = OrderState::kActive;
      }
      return orders;
    }
  }
  std::vector<absl::Time> starts;
  std::vector<absl::string_view> ids;
  std::vector<std::string> states;
  for (size_t i = 0; i < orders.size(); ++i) {
    starts.push_back(orders[i].auction.delivery_start);
    ids.push_back(orders[i].id.value());
    states.push_back(ToSql(reasons[i].empty() ? OrderState::kActive : OrderState::kRejected));
  }
  std::vector<Order> resolved;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    resolved = orders;
    // Orders and holds are durable: that an order is active follows from them again after a crash.
    // A refusal does not follow again when money has come in meanwhile.
    if (all_stand) {
      Exec(tx, kCommitSoon);
    }
    const size_t changed =
        Exec(tx, kResolveOrders, orders.front().auction.community.value(),
             postgres::ToSqlArray(starts), postgres::ToSqlArray(ids),
             postgres::ToSqlArray(states), postgres::ToSqlArray(reasons))
            .affected_rows();
    for (size_t i = 0; i < resolved.size(); ++i) {
      Order& order = resolved[i];
      if (changed == resolved.size()) {
        order.state = reasons[i].empty() ? OrderState::kActive : OrderState::kRejected;
        order.rejection_reason = reasons[i];
      } else if (std::optional<Order> kept = FindOrder(tx, order.auction, order.id)) {
        order = *std::move(kept);
      }
    }
    return absl::OkStatus();
  }));
  return resolved;
}

absl::StatusOr<std::vector<Order>> PostgresOrderStore::PendingBefore(const CommunityId& community,
                                                                     absl::Time before,
                                                                     int32_t limit) {
  std::vector<Order> orders;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    orders.clear();
    for (const auto& row :
         Exec(tx, kPendingBefore, community.value(), postgres::ToSql(before), limit)) {
      orders.push_back(OrderFrom(row));
    }
    return absl::OkStatus();
  }));
  return orders;
}

absl::StatusOr<Order> PostgresOrderStore::CancelOrder(
    const AuctionKey& key, const OrderId& id,
    absl::FunctionRef<absl::Status(const Auction&, const Order&)> check) {
  Order order;
  const absl::Status status = pool_.Run([&](pqxx::work& tx) -> absl::Status {
    PW_ASSIGN_OR_RETURN(const Auction auction, SharedAuction(tx, key));
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

}  // namespace peerwatt::market
