#include "services/market/storage/plain_orders.h"

#include <algorithm>
#include <utility>

#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/market/storage/queries.h"

namespace peerwatt::market {
namespace {

using postgres::Exec;
using postgres::ToSqlArray;
using postgres::ToSqlColumn;

// Auctions remembered for one community; a week of quarters of an hour.
constexpr size_t kKnownMax = 700;

bool IsPlain(const Order& order) {
  return order.side == Side::kBid && order.preference.empty() && order.premium == Price() &&
         order.standing_order.empty() && !IsContinuous(order);
}

// The auctions of a group, each once, and which one each order is for, counted from 1.
struct Deliveries {
  explicit Deliveries(const std::vector<Order>& orders) {
    for (const Order& order : orders) {
      starts.push_back(order.auction.delivery_start);
    }
    std::sort(starts.begin(), starts.end());
    starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
    for (const Order& order : orders) {
      const auto at = std::lower_bound(starts.begin(), starts.end(), order.auction.delivery_start);
      numbers.push_back(static_cast<int32_t>(at - starts.begin() + 1));
    }
  }
  std::vector<absl::Time> starts;
  std::vector<int32_t> numbers;
};

template <typename Id>
std::string Ids(const std::vector<Order>& orders, Id Order::*id) {
  return ToSqlColumn(orders, [&](const Order& o) { return absl::string_view((o.*id).value()); });
}

pqxx::result Insert(pqxx::transaction_base& tx, const std::vector<Order>& orders) {
  const Deliveries deliveries(orders);
  const absl::Time base = orders.front().create_time;
  return Exec(
      tx, kInsertPlainBids, orders.front().auction.community.value(), ToSqlArray(deliveries.starts),
      ToSqlArray(deliveries.numbers),
      Ids(orders, &Order::id),
      Ids(orders, &Order::metering_point),
      Ids(orders, &Order::grid_connection),
      Ids(orders, &Order::participant),
      ToSqlColumn(orders, [](const Order& o) { return o.energy.wh(); }),
      ToSqlColumn(orders, [](const Order& o) { return o.limit.micros_per_kwh(); }),
      ToSqlColumn(orders, [](const Order& o) { return o.hold.micros(); }), postgres::ToSql(base),
      ToSqlColumn(orders,
                  [&](const Order& o) {
                    return absl::ToUnixMicros(o.create_time) - absl::ToUnixMicros(base);
                  }),
      Ids(orders, &Order::zone));
}

}  // namespace

std::optional<PlainOrders::Known> PlainOrders::Find(const std::vector<Order>& orders) {
  const std::lock_guard lock(mutex_);
  const auto community = known_.find(orders.front().auction.community);
  if (community == known_.end()) {
    return std::nullopt;
  }
  Known found;
  for (const Order& order : orders) {
    const absl::Time start = order.auction.delivery_start;
    if (!IsPlain(order)) {
      return std::nullopt;
    }
    if (found.contains(start)) {
      continue;
    }
    const auto auction = community->second.find(start);
    if (auction == community->second.end()) {
      return std::nullopt;
    }
    found.insert(*auction);
  }
  return found;
}

void PlainOrders::Learn(const CommunityId& community, bool is_plain,
                        const std::map<absl::Time, Auction>& auctions) {
  const std::lock_guard lock(mutex_);
  if (!is_plain) {
    known_.erase(community);
    return;
  }
  Known& known = known_[community];
  for (const auto& [start, auction] : auctions) {
    known.erase(start);
    if (auction.state == AuctionState::kOpen) {
      auto placing = std::make_shared<Placing>();
      placing->auction = auction;
      known.emplace(start, std::move(placing));
    }
  }
  while (known.size() > kKnownMax) {
    known.erase(known.begin());
  }
}

absl::StatusOr<std::optional<std::vector<absl::StatusOr<Order>>>> PlainOrders::Place(
    const std::vector<Order>& orders,
    absl::FunctionRef<absl::StatusOr<Money>(size_t, const Placing&)> check) {
  const std::optional<Known> known = Find(orders);
  if (!known.has_value()) {
    return std::nullopt;
  }
  std::vector<Order> placed = orders;
  for (size_t i = 0; i < placed.size(); ++i) {
    const absl::StatusOr<Money> hold = check(i, *known->at(placed[i].auction.delivery_start));
    if (!hold.ok()) {
      return std::nullopt;
    }
    placed[i].hold = *hold;
  }
  const absl::Status inserted = pool_.RunAlone([&](pqxx::nontransaction& tx) {
    const pqxx::result places = Insert(tx, placed);
    if (places.size() != placed.size()) {
      return absl::CancelledError();
    }
    for (size_t i = 0; i < placed.size(); ++i) {
      placed[i].place = places[static_cast<pqxx::result::size_type>(i)][0].c_str();
    }
    return absl::OkStatus();
  });
  if (absl::IsCancelled(inserted) || absl::IsAlreadyExists(inserted)) {
    return std::nullopt;
  }
  PW_RETURN_IF_ERROR(inserted);
  return std::vector<absl::StatusOr<Order>>(std::make_move_iterator(placed.begin()),
                                            std::make_move_iterator(placed.end()));
}

absl::StatusOr<bool> PlainOrders::Activate(const std::vector<Order>& orders) {
  const bool have_places = std::all_of(orders.begin(), orders.end(),
                                       [](const Order& order) { return !order.place.empty(); });
  if (!have_places) {
    return false;
  }
  size_t changed = 0;
  PW_RETURN_IF_ERROR(pool_.RunAlone([&](pqxx::nontransaction& tx) {
    const Deliveries deliveries(orders);
    changed = Exec(tx, kActivateOrders, orders.front().auction.community.value(),
                   ToSqlArray(deliveries.starts), ToSqlArray(deliveries.numbers),
                   Ids(orders, &Order::id),
                   ToSqlColumn(orders, [](const Order& o) { return absl::string_view(o.place); }))
                  .affected_rows();
    return absl::OkStatus();
  }));
  return changed == orders.size();
}

}  // namespace peerwatt::market
