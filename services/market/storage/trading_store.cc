#include "services/market/storage/trading_store.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/market/storage/order_group.h"
#include "services/market/storage/queries.h"
#include "services/market/storage/rows.h"
#include "services/market/storage/trading_rows.h"

namespace peerwatt::market {
namespace {

using postgres::Exec;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::TimeFrom;
using postgres::ToSqlArray;

// A book that is kept: its last event and its trades.
struct Kept {
  int64_t last_event = 0;
  int32_t trade_count = 0;
};

// Has these books alone until the transaction ends; adds those that are not there.
std::map<absl::Time, Kept> LockBooks(pqxx::work& tx, const CommunityId& community,
                                     const std::vector<absl::Time>& starts) {
  std::map<absl::Time, Kept> books;
  const std::string column = ToSqlArray(starts);
  for (const bool is_second : {false, true}) {
    for (const auto& row : Exec(tx, kLockBooks, community.value(), column)) {
      books[TimeFrom(row[0])] = {Int64From(row[1]), postgres::Int32From(row[2])};
    }
    if (is_second || books.size() == starts.size()) {
      break;
    }
    Exec(tx, kAddBooks, community.value(), column);
  }
  return books;
}

class Access final : public BookAccess {
 public:
  Access(pqxx::work& tx, const std::vector<Order>& orders, bool with_rules)
      : tx_(tx),
        community_(orders.front().auction.community),
        asked_(orders),
        with_rules_(with_rules),
        group_(tx, orders) {}

  absl::Status Read() {
    PW_RETURN_IF_ERROR(group_.ReadForBooks(with_rules_));
    std::vector<absl::Time> starts;
    for (const auto& [start, auction] : group_.auctions()) {
      starts.push_back(start);
    }
    if (starts.empty()) {
      return absl::OkStatus();
    }
    const std::map<absl::Time, Kept> books = LockBooks(tx_, community_, starts);
    for (const auto& [start, auction] : group_.auctions()) {
      heads_[start] = {auction, books.at(start).last_event, books.at(start).trade_count};
    }
    ReadOrders();
    ReadOwners();
    return absl::OkStatus();
  }

  const BookHead* Head(absl::Time delivery_start) const override {
    const auto found = heads_.find(delivery_start);
    return found == heads_.end() ? nullptr : &found->second;
  }
  const Order* Find(absl::Time delivery_start, const OrderId& id) const override {
    const auto found = orders_.find({delivery_start, id});
    return found == orders_.end() ? nullptr : &found->second;
  }
  Placing PlacingOf(size_t index) const override { return group_.PlacingOf(asked_[index]); }
  bool halted() const override { return group_.halted(); }
  ParticipantId OwnerOf(const ParticipantId& participant) const override {
    const auto found = owners_.find(participant);
    return found == owners_.end() ? participant : found->second;
  }
  std::vector<Order> ReadResting(absl::Time delivery_start) override {
    return OrdersOf(Exec(tx_, kRestingOrders, community_.value(), postgres::ToSql(delivery_start)));
  }
  std::vector<Order> ReadChanged(absl::Time delivery_start, int64_t after_event) override {
    return OrdersOf(Exec(tx_, kOrdersChanged, community_.value(), postgres::ToSql(delivery_start),
                         after_event));
  }

 private:
  static std::vector<Order> OrdersOf(const pqxx::result& rows) {
    std::vector<Order> orders;
    for (const auto& row : rows) {
      orders.push_back(OrderFrom(row));
    }
    return orders;
  }

  void ReadOrders() {
    std::vector<absl::Time> starts;
    std::vector<std::string> ids;
    for (const Order& order : asked_) {
      starts.push_back(order.auction.delivery_start);
      ids.push_back(order.id.value());
    }
    for (const auto& row :
         Exec(tx_, kSelectOrders, community_.value(), ToSqlArray(starts), ToSqlArray(ids))) {
      Order order = OrderFrom(row);
      std::pair<absl::Time, OrderId> name = {order.auction.delivery_start, order.id};
      orders_.emplace(std::move(name), std::move(order));
    }
  }

  void ReadOwners() {
    std::set<std::string> participants;
    for (const auto& [name, order] : orders_) {
      participants.insert(order.participant.value());
    }
    const std::vector<std::string> ids(participants.begin(), participants.end());
    for (const auto& row : Exec(tx_, kOwnersAmong, community_.value(), ToSqlArray(ids))) {
      owners_.emplace(TextFrom(row[0]), TextFrom(row[1]));
    }
  }

  pqxx::work& tx_;
  const CommunityId& community_;
  const std::vector<Order>& asked_;
  const bool with_rules_;
  OrderGroup group_;
  std::map<absl::Time, BookHead> heads_;
  std::map<std::pair<absl::Time, OrderId>, Order> orders_;
  std::map<ParticipantId, ParticipantId> owners_;
};

absl::Status NoSuchAuction() { return Error(kNotFound, "there is no such auction"); }

}  // namespace

absl::Status PostgresTradingStore::Change(
    const std::vector<Order>& orders, bool with_rules,
    absl::FunctionRef<absl::StatusOr<std::vector<BookWrites>>(BookAccess&)> decide) {
  return pool_.Run([&](pqxx::work& tx) -> absl::Status {
    Access access(tx, orders, with_rules);
    PW_RETURN_IF_ERROR(access.Read());
    PW_ASSIGN_OR_RETURN(const std::vector<BookWrites> writes, decide(access));
    WriteBooks(tx, orders.front().auction.community, writes);
    return absl::OkStatus();
  });
}

void LeaveBooks(pqxx::work& tx, const CommunityId& community, const pqxx::result& cancelled,
                absl::Time time) {
  std::map<absl::Time, BookWrites> left;
  for (const auto& row : cancelled) {
    const int64_t number = Int64From(row[4]);
    if (number == 0) {
      continue;  // It was in no book.
    }
    BookWrites& writes = left[TimeFrom(row[0])];
    writes.delivery_start = TimeFrom(row[0]);
    BookEvent& event = writes.events.emplace_back();
    event.kind = book::EventKind::kCancelled;
    event.reason = book::CancelReason::kRequested;
    event.order = OrderId(TextFrom(row[1]));
    event.order_number = number;
    event.side = postgres::BoolFrom(row[5]) ? Side::kBid : Side::kOffer;
    event.energy = Energy::WattHours(Int64From(row[6]));
    event.time = time;
  }
  if (left.empty()) {
    return;
  }
  std::vector<absl::Time> starts;
  for (const auto& [start, writes] : left) {
    starts.push_back(start);
  }
  const std::map<absl::Time, Kept> books = LockBooks(tx, community, starts);
  std::vector<BookWrites> all;
  for (auto& [start, writes] : left) {
    std::sort(writes.events.begin(), writes.events.end(), [](const auto& a, const auto& b) {
      return a.order_number < b.order_number;
    });
    int64_t number = books.at(start).last_event;
    for (BookEvent& event : writes.events) {
      event.number = ++number;
    }
    all.push_back(std::move(writes));
  }
  WriteBooks(tx, community, all);
}

absl::StatusOr<BookDepth> PostgresTradingView::GetDepth(const AuctionKey& key,
                                                        int32_t levels_max) {
  BookDepth depth;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    depth = {};
    const pqxx::result rows = Exec(tx, kBookDepth, key.community.value(),
                                   postgres::ToSql(key.delivery_start), levels_max);
    if (rows.empty()) {
      return NoSuchAuction();
    }
    depth.last_event = Int64From(rows[0][1]);
    for (const auto& row : rows) {
      if (!row[2].is_null()) {
        (postgres::BoolFrom(row[2]) ? depth.bids : depth.offers)
            .push_back({Price::MicrosPerKwh(Int64From(row[3])),
                        Energy::WattHours(Int64From(row[4])), postgres::Int32From(row[5])});
      }
    }
    return absl::OkStatus();
  }));
  return depth;
}

absl::StatusOr<BookOrders> PostgresTradingView::GetOrders(const AuctionKey& key) {
  BookOrders book;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    book = {};
    const pqxx::result rows =
        Exec(tx, kBookOrders, key.community.value(), postgres::ToSql(key.delivery_start));
    if (rows.empty()) {
      return NoSuchAuction();
    }
    book.last_event = Int64From(rows[0][0]);
    for (const auto& row : rows) {
      if (!row[1].is_null()) {
        book.orders.push_back({Int64From(row[1]),
                               postgres::BoolFrom(row[2]) ? Side::kBid : Side::kOffer,
                               Price::MicrosPerKwh(Int64From(row[3])),
                               Energy::WattHours(Int64From(row[4]))});
      }
    }
    return absl::OkStatus();
  }));
  return book;
}

absl::StatusOr<BookNews> PostgresTradingView::ListEvents(const AuctionKey& key, int64_t after,
                                                         int32_t limit) {
  BookNews news;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    news = {};
    const pqxx::result rows = Exec(tx, kBookNews, key.community.value(),
                                   postgres::ToSql(key.delivery_start), after, limit);
    if (rows.empty()) {
      return NoSuchAuction();
    }
    for (const auto& row : rows) {
      if (!row[1].is_null()) {
        news.events.push_back(BookEventFrom(row, 1));
      }
    }
    // More may follow those of a full answer.
    news.is_open = postgres::BoolFrom(rows[0][0]) ||
                   news.events.size() == static_cast<size_t>(limit);
    return absl::OkStatus();
  }));
  return news;
}

}  // namespace peerwatt::market
