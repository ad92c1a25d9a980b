#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/market/storage/autopilot_rows.h"
#include "services/market/storage/clearing_rows.h"
#include "services/market/storage/contract_store.h"
#include "services/market/storage/queries.h"
#include "services/market/storage/rows.h"
#include "services/market/storage/store.h"

namespace peerwatt::market {
namespace {

using postgres::Exec;
using postgres::ToSqlColumn;

std::string At(const AuctionKey& key) { return postgres::ToSql(key.delivery_start); }

void StreamTrades(pqxx::work& tx, const AuctionOutcome& outcome) {
  const int32_t before = postgres::Int32From(
      Exec(tx, kLastTradeNumber, outcome.key.community.value(), At(outcome.key))[0][0]);
  pqxx::stream_to stream(tx, "trades", kTradeStream);
  std::array<std::string, kTradeStream.size()> fields;
  fields[0] = outcome.key.community.value();
  fields[1] = At(outcome.key);
  for (const Trade& t : outcome.trades) {
    fields[2] = std::to_string(before + t.number);
    fields[3] = t.bid.value();
    fields[4] = t.offer.value();
    fields[5] = std::to_string(t.energy.wh());
    fields[6] = std::to_string(t.price.micros_per_kwh());
    fields[7] = t.buyer_metering_point.value();
    fields[8] = t.seller_metering_point.value();
    fields[9] = t.buyer.value();
    fields[10] = t.seller.value();
    fields[11] = std::to_string(t.buyer_price.micros_per_kwh());
    fields[12] = std::to_string(t.network_fee.micros_per_kwh());
    fields[13] = ToSql(t.origin);
    stream << fields;
  }
  stream.complete();
}

// New orders of one auction. One that is there already fails the transaction.
void StreamOrders(pqxx::work& tx, const AuctionKey& key, const std::vector<Order>& orders) {
  pqxx::stream_to stream(tx, "orders", kOrderStream);
  std::array<std::string, kOrderStream.size()> fields;
  fields[0] = key.community.value();
  fields[1] = At(key);
  for (const Order& o : orders) {
    fields[2] = o.id.value();
    fields[3] = ToSql(o.side);
    fields[4] = o.metering_point.value();
    fields[5] = o.grid_connection.value();
    fields[6] = o.participant.value();
    fields[7] = std::to_string(o.energy.wh());
    fields[8] = std::to_string(o.limit.micros_per_kwh());
    fields[9] = std::to_string(o.hold.micros());
    fields[10] = postgres::ToSql(o.create_time);
    fields[11] = o.standing_order.value();
    fields[12] = o.zone.value();
    fields[13] = ToSql(o.source);
    fields[14] = std::to_string(o.premium.micros_per_kwh());
    fields[15] = o.preference;
    stream << fields;
  }
  stream.complete();
}

size_t FinishOrders(pqxx::work& tx, const AuctionOutcome& outcome) {
  const std::vector<OrderOutcome>& rows = outcome.orders;
  return Exec(tx, kFinishOrders, outcome.key.community.value(), At(outcome.key),
              ToSqlColumn(rows, [](const OrderOutcome& o) { return o.id.value(); }),
              ToSqlColumn(rows, [](const OrderOutcome& o) { return ToSql(o.state); }),
              ToSqlColumn(rows, [](const OrderOutcome& o) { return o.filled.wh(); }),
              ToSqlColumn(rows, [](const OrderOutcome& o) { return o.rejection_reason; }))
      .affected_rows();
}

}  // namespace

size_t InsertOrders(pqxx::work& tx, const CommunityId& community,
                    const std::vector<Order>& orders) {
  return Exec(tx, kInsertOrders, community.value(),
              ToSqlColumn(orders, [](const Order& o) { return o.auction.delivery_start; }),
              ToSqlColumn(orders, [](const Order& o) { return o.id.value(); }),
              ToSqlColumn(orders, [](const Order& o) { return ToSql(o.side); }),
              ToSqlColumn(orders, [](const Order& o) { return o.metering_point.value(); }),
              ToSqlColumn(orders, [](const Order& o) { return o.grid_connection.value(); }),
              ToSqlColumn(orders, [](const Order& o) { return o.participant.value(); }),
              ToSqlColumn(orders, [](const Order& o) { return o.energy.wh(); }),
              ToSqlColumn(orders, [](const Order& o) { return o.limit.micros_per_kwh(); }),
              ToSqlColumn(orders, [](const Order& o) { return o.hold.micros(); }),
              ToSqlColumn(orders, [](const Order& o) { return o.standing_order.value(); }),
              ToSqlColumn(orders, [](const Order& o) { return o.create_time; }),
              ToSqlColumn(orders, [](const Order& o) { return o.zone.value(); }),
              ToSqlColumn(orders, [](const Order& o) { return ToSql(o.source); }),
              ToSqlColumn(orders, [](const Order& o) { return o.premium.micros_per_kwh(); }),
              ToSqlColumn(orders, [](const Order& o) { return o.preference; }),
              ToSqlColumn(orders, [](const Order& o) { return ToSql(o.book); }))
      .affected_rows();
}

std::vector<LimitsVersion> ReadLimits(pqxx::work& tx, const CommunityId& community) {
  std::vector<LimitsVersion> limits;
  for (const auto& row : Exec(tx, kSelectLimits, community.value())) {
    limits.push_back(LimitsVersionFrom(row));
  }
  return limits;
}

Closing ReadClosing(pqxx::work& tx, const AuctionKey& key, const DayBudgets& budgets,
                    bool halted) {
  Closing closing;
  ReadCommitted(tx, key, closing);
  closing.costs = ReadCosts(tx, key.community, budgets);
  closing.halted = halted;
  for (const auto& row : Exec(tx, kListKilled, key.community.value())) {
    closing.killed.insert(KillSwitchFrom(row).participant);
  }
  closing.limits = LimitsAt(ReadLimits(tx, key.community), key.delivery_start);
  for (const auto& row : Exec(tx, kPreferenceLoads, key.community.value(),
                              postgres::ToSqlArray(std::vector<absl::Time>{key.delivery_start}))) {
    closing.load = {postgres::Int64From(row[1]), postgres::Int64From(row[2]),
                    postgres::Int64From(row[3]), postgres::Int64From(row[4])};
  }
  return closing;
}

absl::Status PostgresAuctionStore::RunAsHolder(
    const CommunityId& community, absl::FunctionRef<absl::Status(pqxx::work&)> body) {
  return pool_.Run([&](pqxx::work& tx) -> absl::Status {
    if (leases_ != nullptr) {
      PW_RETURN_IF_ERROR(leases_->Require(tx, community));
    }
    return body(tx);
  });
}

absl::Status PostgresAuctionStore::OpenAuctions(const std::vector<Auction>& auctions,
                                                const std::vector<NetworkVersion>& networks) {
  if (auctions.empty()) {
    return absl::OkStatus();
  }
  return RunAsHolder(auctions[0].key.community, [&](pqxx::work& tx) {
    for (const NetworkVersion& network : networks) {
      InsertNetwork(tx, auctions[0].key.community, network);
    }
    Exec(tx, kOpenAuctions, auctions[0].key.community.value(),
         ToSqlColumn(auctions, [](const Auction& a) { return a.key.delivery_start; }),
         ToSqlColumn(auctions, [](const Auction& a) { return a.delivery_end; }),
         ToSqlColumn(auctions, [](const Auction& a) { return a.gate_closure; }),
         ToSqlColumn(auctions, [](const Auction& a) { return a.network_fee.micros_per_kwh(); }),
         ToSqlColumn(auctions, [](const Auction& a) { return a.network.value(); }));
    return absl::OkStatus();
  });
}

absl::StatusOr<std::optional<absl::Time>> PostgresAuctionStore::LastDeliveryEnd(
    const CommunityId& community) {
  std::optional<absl::Time> end;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    const pqxx::result rows = Exec(tx, kLastDeliveryEnd, community.value());
    end = rows.empty() ? std::nullopt : std::optional(postgres::TimeFrom(rows[0][0]));
    return absl::OkStatus();
  }));
  return end;
}

absl::StatusOr<std::optional<Auction>> PostgresAuctionStore::FirstUnfinished(
    const CommunityId& community) {
  std::optional<Auction> auction;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    const pqxx::result rows = Exec(tx, kFirstUnfinished, community.value());
    auction = rows.empty() ? std::nullopt : std::optional(AuctionFrom(rows[0]));
    return absl::OkStatus();
  }));
  return auction;
}

absl::StatusOr<std::vector<StandingOrder>> PostgresAuctionStore::ActiveStandingOrders(
    const CommunityId& community, absl::Time at) {
  std::vector<StandingOrder> orders;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    orders.clear();
    for (const auto& row :
         Exec(tx, kActiveStandingOrders, community.value(), postgres::ToSql(at))) {
      orders.push_back(StandingOrderFrom(row));
    }
    return absl::OkStatus();
  }));
  return orders;
}

absl::StatusOr<std::vector<Contract>> PostgresAuctionStore::ActiveContracts(const AuctionKey& key) {
  std::vector<Contract> contracts;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    contracts = ReadActiveContracts(tx, key);
    return absl::OkStatus();
  }));
  return contracts;
}

absl::StatusOr<bool> PostgresAuctionStore::CloseAuction(
    const AuctionKey& key, const DayBudgets& budgets,
    absl::FunctionRef<Placed(const Closing&)> place) {
  bool closed = false;
  std::vector<Order> added;
  PW_RETURN_IF_ERROR(RunAsHolder(key.community, [&](pqxx::work& tx) {
    added.clear();
    const pqxx::result rows = Exec(tx, kCloseAuction, key.community.value(), At(key));
    closed = !rows.empty();
    if (closed) {
      if (postgres::Int32From(rows[0][2]) > 0) {
        WithdrawQuotes(tx, key);
      }
      Closing closing = ReadClosing(tx, key, budgets, postgres::BoolFrom(rows[0][0]));
      LockActiveContracts(tx, key, postgres::TimeFrom(rows[0][1]), closing);
      Placed placed = place(closing);
      std::vector<Order>& orders = placed.orders;
      const auto others = std::stable_partition(orders.begin(), orders.end(),
                                                [](const Order& o) { return !o.contract.empty(); });
      InsertExecutions(tx, key, {orders.begin(), others}, placed.executions);
      orders.erase(orders.begin(), others);
      if (!orders.empty()) {
        // Clients cannot take the ids of standing orders.
        StreamOrders(tx, key, orders);
        ReserveCosts(tx, key, budgets, orders);
      }
      KeepOwners(tx, key);
      added = std::move(orders);
    }
    return absl::OkStatus();
  }));
  just_placed_.Keep(key, std::move(added));
  return closed;
}

absl::StatusOr<bool> PostgresAuctionStore::IsHalted(const AuctionKey& key) {
  bool halted = false;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    const pqxx::result rows = Exec(tx, kSelectAuction, key.community.value(), At(key));
    halted = !rows.empty() && AuctionFrom(rows[0]).halted;
    return absl::OkStatus();
  }));
  return halted;
}

absl::StatusOr<std::optional<std::vector<Order>>> PostgresAuctionStore::ReadOthers(
    const AuctionKey& key) {
  const std::shared_ptr<const std::vector<Order>> placed = just_placed_.Of(key);
  if (placed == nullptr) {
    return std::nullopt;
  }
  std::optional<std::vector<Order>> orders;
  // One snapshot: whoever clears the auction changes all at once.
  const postgres::TransactionOptions options = {.one_snapshot = true};
  PW_RETURN_IF_ERROR(pool_.Run(options, [&](pqxx::work& tx) {
    orders.reset();
    const pqxx::result auction = Exec(tx, kSelectAuction, key.community.value(), At(key));
    if (auction.empty() || AuctionFrom(auction[0]).state != AuctionState::kClosed) {
      return absl::OkStatus();
    }
    const pqxx::result others = Exec(tx, kOtherOrdersOf, key.community.value(), At(key));
    const pqxx::result count = Exec(tx, kOrderCount, key.community.value(), At(key));
    if (static_cast<size_t>(postgres::Int64From(count[0][0])) !=
        others.size() + placed->size()) {
      return absl::OkStatus();
    }
    orders = *placed;
    for (const auto& row : others) {
      orders->push_back(OrderFrom(row));
    }
    const auto middle = orders->begin() + static_cast<std::ptrdiff_t>(placed->size());
    std::inplace_merge(orders->begin(), middle, orders->end(), ByTimeAndId);
    ReadOwners(tx, key, *orders);
    return absl::OkStatus();
  }));
  return orders;
}

absl::StatusOr<std::vector<Order>> PostgresAuctionStore::OrdersOf(const AuctionKey& key) {
  PW_ASSIGN_OR_RETURN(std::optional<std::vector<Order>> known, ReadOthers(key));
  if (known.has_value()) {
    return *std::move(known);
  }
  std::vector<Order> orders;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    orders.clear();
    for (const auto& row : Exec(tx, kOrdersOf, key.community.value(), At(key))) {
      orders.push_back(OrderFrom(row));
    }
    ReadOwners(tx, key, orders);
    return absl::OkStatus();
  }));
  return orders;
}

absl::StatusOr<std::vector<Trade>> PostgresAuctionStore::TradesOf(const AuctionKey& key) {
  std::vector<Trade> trades;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    trades.clear();
    for (const auto& row : Exec(tx, kListTrades, key.community.value(), At(key), 0, "",
                                std::numeric_limits<int32_t>::max())) {
      trades.push_back(TradeFrom(row));
    }
    return absl::OkStatus();
  }));
  return trades;
}

absl::StatusOr<bool> PostgresAuctionStore::ClearAuction(const AuctionOutcome& outcome) {
  std::optional<int64_t> price;
  if (outcome.clearing_price.has_value()) {
    price = outcome.clearing_price->micros_per_kwh();
  }
  const absl::Status status = RunAsHolder(outcome.key.community, [&](pqxx::work& tx) {
    const pqxx::result cleared =
        Exec(tx, kClearAuction, outcome.key.community.value(), At(outcome.key), price,
             outcome.cleared_energy.wh(), outcome.order_count, outcome.welfare.micros(),
             outcome.holds_reduced);
    if (cleared.affected_rows() != 1) {
      return absl::CancelledError();
    }
    if (!outcome.orders.empty() && FinishOrders(tx, outcome) != outcome.orders.size()) {
      return absl::CancelledError();
    }
    if (!outcome.trades.empty()) {
      StreamTrades(tx, outcome);
    }
    if (!outcome.clearing.sha256.empty()) {
      InsertClearing(tx, outcome.key, outcome.clearing);
    }
    return absl::OkStatus();
  });
  // Cleared, or to be looked at anew.
  just_placed_.Keep(outcome.key, {});
  if (absl::IsCancelled(status)) {
    return false;
  }
  PW_RETURN_IF_ERROR(status);
  return true;
}

absl::StatusOr<NetworkVersion> PostgresAuctionStore::GetNetwork(const CommunityId& community,
                                                                const NetworkId& id) {
  if (id.empty()) {
    return NetworkVersion();
  }
  NetworkVersion network;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    PW_ASSIGN_OR_RETURN(network, ReadNetwork(tx, community, id));
    return absl::OkStatus();
  }));
  return network;
}

absl::Status PostgresAuctionStore::MarkHoldsReduced(const AuctionKey& key) {
  return RunAsHolder(key.community, [&](pqxx::work& tx) {
    Exec(tx, kMarkHoldsReduced, key.community.value(), At(key));
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::market
