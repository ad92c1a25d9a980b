#include "services/market/storage/order_group.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/market/storage/clearing_rows.h"
#include "services/market/storage/queries.h"
#include "services/market/storage/rows.h"
#include "services/market/storage/store.h"

namespace peerwatt::market {
namespace {

using postgres::Exec;
using postgres::TextFrom;
using postgres::TimeFrom;
using postgres::ToSqlArray;

absl::Status NoSuchAuction() { return Error(kNotFound, "there is no such auction"); }

// Whether the rules of an order depend on the network.
bool NeedsNetwork(const Order& order) {
  return IsContinuous(order) || !order.preference.empty() || order.premium != Price();
}

// Columns of pairs of a delivery and an id.
template <typename Id>
std::pair<std::string, std::string> ColumnsOf(const std::set<std::pair<absl::Time, Id>>& pairs) {
  std::vector<absl::Time> times;
  std::vector<std::string> ids;
  for (const auto& [time, id] : pairs) {
    times.push_back(time);
    ids.push_back(id.value());
  }
  return {ToSqlArray(times), ToSqlArray(ids)};
}

bool Prefers(const Order& order) { return !order.preference.empty() || order.premium != Price(); }

int64_t NamesOf(const Order& order) {
  const absl::StatusOr<OrderPreference> preference = ParsePreference(order.preference);
  return preference.ok() ? NamesIn(*preference) : 0;
}

// Preferences of orders as columns.
struct PreferenceColumns {
  void Add(const Order& order) {
    starts.push_back(order.auction.delivery_start);
    sides.push_back(ToSql(order.side));
    premiums.push_back(order.premium.micros_per_kwh());
    texts.push_back(order.preference);
    names.push_back(NamesOf(order));
  }
  std::vector<absl::Time> starts;
  std::vector<std::string> sides;
  std::vector<int64_t> premiums;
  std::vector<std::string> texts;
  std::vector<int64_t> names;
};

}  // namespace

OrderGroup::OrderGroup(pqxx::work& tx, const std::vector<Order>& orders)
    : tx_(tx), community_(orders.front().auction.community), orders_(orders) {}

void OrderGroup::ReadControls() {
  pqxx::result rows = Exec(tx_, kShareControls, community_.value());
  if (rows.empty()) {
    Exec(tx_, kAddControls, community_.value());
    rows = Exec(tx_, kShareControls, community_.value());
  }
  controls_ = ControlsFrom(rows[0]);
  const bool has_limits = postgres::Int32From(rows[0]["limits_version"]) > 0;
  const bool has_killed = postgres::Int32From(rows[0]["killed_count"]) > 0;
  is_plain_ = !controls_.halted && !has_limits && !has_killed;
  if (has_limits) {
    controls_.limits = ReadLimits(tx_, community_);
  }
  if (has_killed) {
    std::set<std::string> participants;
    for (const Order& order : orders_) {
      participants.insert(order.participant.value());
    }
    const std::vector<std::string> ids(participants.begin(), participants.end());
    for (const auto& row : Exec(tx_, kKilledAmong, community_.value(), ToSqlArray(ids))) {
      killed_.insert(ParticipantId(TextFrom(row[0])));
    }
  }
}

void OrderGroup::ReadAuctions(bool alone) {
  std::set<absl::Time> starts;
  for (const Order& order : orders_) {
    starts.insert(order.auction.delivery_start);
  }
  const std::string column = ToSqlArray(std::vector<absl::Time>(starts.begin(), starts.end()));
  for (const auto& row :
       Exec(tx_, alone ? kLockAuctions : kShareAuctions, community_.value(), column)) {
    Auction auction = AuctionFrom(row);
    const absl::Time start = auction.key.delivery_start;
    auctions_.emplace(start, std::move(auction));
  }
}

absl::Status OrderGroup::ReadNetworks() {
  for (const Order& order : orders_) {
    const auto auction = auctions_.find(order.auction.delivery_start);
    if (!NeedsNetwork(order) || auction == auctions_.end() ||
        networks_.contains(auction->second.network)) {
      continue;
    }
    PW_ASSIGN_OR_RETURN(NetworkVersion network,
                        ReadNetwork(tx_, community_, auction->second.network));
    networks_[auction->second.network] =
        std::make_shared<const NetworkVersion>(std::move(network));
  }
  return absl::OkStatus();
}

OrderGroup::PreferenceName OrderGroup::PreferenceOf(const Order& order) {
  return {order.auction.delivery_start, order.side, order.premium, order.preference};
}

void OrderGroup::ReadPreferences() {
  PreferenceColumns columns;
  std::vector<const Order*> asked;
  for (const Order& order : orders_) {
    if (Prefers(order)) {
      asked.push_back(&order);
      columns.Add(order);
    }
  }
  if (asked.empty()) {
    return;
  }
  const std::string starts = ToSqlArray(columns.starts);
  for (const auto& row : Exec(tx_, kPreferenceLoads, community_.value(), starts)) {
    loads_[TimeFrom(row[0])] = {postgres::Int64From(row[1]), postgres::Int64From(row[2]),
                                postgres::Int64From(row[3]), postgres::Int64From(row[4])};
  }
  for (const auto& row :
       Exec(tx_, kKnownPreferences, community_.value(), starts, ToSqlArray(columns.sides),
            ToSqlArray(columns.premiums), ToSqlArray(columns.texts))) {
    known_preferences_.insert(
        PreferenceOf(*asked[static_cast<size_t>(postgres::Int64From(row[0]))]));
  }
}

void OrderGroup::AddPreferences(const std::vector<Order>& added) {
  PreferenceColumns columns;
  for (const Order& order : added) {
    if (Prefers(order)) {
      columns.Add(order);
    }
  }
  if (!columns.starts.empty()) {
    Exec(tx_, kAddPreferences, community_.value(), ToSqlArray(columns.starts),
         ToSqlArray(columns.sides), ToSqlArray(columns.premiums), ToSqlArray(columns.texts),
         ToSqlArray(columns.names));
  }
}

void OrderGroup::ReadOffered() {
  std::set<std::pair<absl::Time, GridConnectionId>> asked;
  for (const Order& order : orders_) {
    if (order.side == Side::kOffer) {
      asked.emplace(order.auction.delivery_start, order.grid_connection);
    }
  }
  if (asked.empty()) {
    return;
  }
  const auto [starts, connections] = ColumnsOf(asked);
  for (const auto& row : Exec(tx_, kOfferedBy, community_.value(), starts, connections)) {
    offered_[{TimeFrom(row[0]), GridConnectionId(TextFrom(row[1]))}] =
        Energy::WattHours(postgres::Int64From(row[2]));
  }
}

void OrderGroup::ReadOpenOrders() {
  if (controls_.limits.empty()) {
    return;  // Nobody counts them.
  }
  std::set<std::pair<absl::Time, ParticipantId>> asked;
  for (const Order& order : orders_) {
    asked.emplace(order.auction.delivery_start, order.participant);
  }
  const auto [starts, participants] = ColumnsOf(asked);
  for (const auto& row : Exec(tx_, kOpenOrdersOf, community_.value(), starts, participants)) {
    open_orders_[{TimeFrom(row[0]), ParticipantId(TextFrom(row[1]))}] = postgres::Int32From(row[2]);
  }
}

std::map<OrderGroup::OrderName, Order> OrderGroup::ReadKept(const std::vector<size_t>& numbers) {
  std::map<OrderName, Order> kept;
  if (numbers.empty()) {
    return kept;
  }
  std::set<OrderName> names;
  for (const size_t number : numbers) {
    names.emplace(orders_[number].auction.delivery_start, orders_[number].id);
  }
  const auto [starts, ids] = ColumnsOf(names);
  for (const auto& row : Exec(tx_, kSelectOrders, community_.value(), starts, ids)) {
    Order order = OrderFrom(row);
    OrderName name = {order.auction.delivery_start, order.id};
    kept.emplace(std::move(name), std::move(order));
  }
  return kept;
}

Placing OrderGroup::PlacingOf(const Order& order) const {
  const absl::Time start = order.auction.delivery_start;
  Placing placing;
  placing.auction = auctions_.at(start);
  const auto offered = offered_.find({start, order.grid_connection});
  placing.offered = offered == offered_.end() ? Energy() : offered->second;
  const auto open = open_orders_.find({start, order.participant});
  placing.open_orders = open == open_orders_.end() ? 0 : open->second;
  placing.halted = controls_.halted;
  placing.halt_reason = controls_.halt_reason;
  placing.is_killed = killed_.contains(order.participant);
  placing.limits = LimitsAt(controls_.limits, start);
  if (NeedsNetwork(order)) {
    placing.network = networks_.at(placing.auction->network);
    const auto load = loads_.find(start);
    placing.load = load == loads_.end() ? PreferenceLoad() : load->second;
    placing.is_preference_known = known_preferences_.contains(PreferenceOf(order));
  }
  return placing;
}

void OrderGroup::Count(const Order& order) {
  const absl::Time start = order.auction.delivery_start;
  if (order.side == Side::kOffer) {
    offered_[{start, order.grid_connection}] += order.energy;
  }
  ++open_orders_[{start, order.participant}];
  if (Prefers(order) && known_preferences_.insert(PreferenceOf(order)).second) {
    loads_[start] = Added(loads_[start], order.side, NamesOf(order));
  }
}

absl::Status OrderGroup::ReadForBooks(bool with_rules) {
  ReadControls();
  ReadAuctions(with_rules);
  if (with_rules) {
    PW_RETURN_IF_ERROR(ReadNetworks());
    ReadPreferences();
    ReadOffered();
    ReadOpenOrders();
  }
  return absl::OkStatus();
}

absl::StatusOr<Placing> OrderGroup::Look() {
  ReadControls();
  ReadAuctions(false);
  const Order& order = orders_.front();
  if (!auctions_.contains(order.auction.delivery_start)) {
    return NoSuchAuction();
  }
  PW_RETURN_IF_ERROR(ReadNetworks());
  ReadPreferences();
  ReadOffered();
  ReadOpenOrders();
  return PlacingOf(order);
}

std::vector<absl::StatusOr<Order>> OrderGroup::Place(
    absl::FunctionRef<absl::StatusOr<Money>(size_t, const Placing&)> check) {
  const bool has_offers = std::any_of(orders_.begin(), orders_.end(), [](const Order& order) {
    return order.side == Side::kOffer;
  });
  ReadControls();
  // Where orders are counted, nobody else may place at the same time, and those that are kept
  // already must not be counted again.
  const bool counts = has_offers || !controls_.limits.empty();
  ReadAuctions(counts);
  if (const absl::Status networks = ReadNetworks(); !networks.ok()) {
    return std::vector<absl::StatusOr<Order>>(orders_.size(), networks);
  }
  ReadPreferences();
  ReadOffered();
  ReadOpenOrders();
  std::vector<size_t> all;
  for (size_t i = 0; counts && i < orders_.size(); ++i) {
    all.push_back(i);
  }
  std::map<OrderName, Order> kept = ReadKept(all);

  std::vector<absl::StatusOr<Order>> answers(orders_.size(), NoSuchAuction());
  std::vector<size_t> to_read;
  std::vector<Order> to_add;
  for (size_t i = 0; i < orders_.size(); ++i) {
    const Order& order = orders_[i];
    if (!auctions_.contains(order.auction.delivery_start) ||
        kept.contains({order.auction.delivery_start, order.id})) {
      continue;
    }
    const absl::StatusOr<Money> hold = check(i, PlacingOf(order));
    if (!hold.ok()) {
      answers[i] = hold.status();
      if (!counts) {
        to_read.push_back(i);
      }
      continue;
    }
    to_add.push_back(order);
    to_add.back().hold = *hold;
    answers[i] = to_add.back();
    Count(order);
  }
  AddPreferences(to_add);
  if (!to_add.empty() && InsertOrders(tx_, community_, to_add) < to_add.size()) {
    // Some are kept already: what is there now is the answer for all.
    for (size_t i = 0; i < orders_.size(); ++i) {
      if (answers[i].ok()) {
        to_read.push_back(i);
      }
    }
  }
  kept.merge(ReadKept(to_read));
  for (size_t i = 0; i < orders_.size(); ++i) {
    const auto found = kept.find({orders_[i].auction.delivery_start, orders_[i].id});
    if (found != kept.end()) {
      answers[i] = found->second;
    }
  }
  return answers;
}

}  // namespace peerwatt::market
