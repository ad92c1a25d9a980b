#include "services/market/storage/trading_rows.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "libs/base/check.h"
#include "libs/postgres/codec.h"
#include "services/market/storage/rows.h"
#include "services/market/storage/trading_queries.h"

namespace peerwatt::market {
namespace {

using book::CancelReason;
using book::EventKind;
using postgres::Exec;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::ToSqlArray;
using postgres::ToSqlColumn;

constexpr std::array<std::pair<EventKind, const char*>, 4> kKinds = {{
    {EventKind::kAccepted, "ACCEPTED"},
    {EventKind::kTraded, "TRADED"},
    {EventKind::kReduced, "REDUCED"},
    {EventKind::kCancelled, "CANCELLED"},
}};

constexpr std::array<std::pair<CancelReason, const char*>, 7> kReasons = {{
    {CancelReason::kNone, ""},
    {CancelReason::kRequested, "REQUESTED"},
    {CancelReason::kAmended, "AMENDED"},
    {CancelReason::kUsedUp, "USED_UP"},
    {CancelReason::kRemainder, "REMAINDER"},
    {CancelReason::kUnfillable, "UNFILLABLE"},
    {CancelReason::kSelfTrade, "SELF_TRADE"},
}};

template <typename Value, size_t kCount>
std::string NameOf(const std::array<std::pair<Value, const char*>, kCount>& names, Value value) {
  for (const auto& [known, name] : names) {
    if (known == value) {
      return name;
    }
  }
  PW_CHECK(false, "a value without a name");
}

template <typename Value, size_t kCount>
Value ValueOf(const std::array<std::pair<Value, const char*>, kCount>& names,
              const std::string& name) {
  for (const auto& [value, known] : names) {
    if (name == known) {
      return value;
    }
  }
  PW_CHECK(false, "a name without a value");
}

// Rows of all books in columns; `rows` are pairs of a delivery and what happened there.
template <typename Row>
using Rows = std::vector<std::pair<absl::Time, const Row*>>;

template <typename Row, typename Get>
std::string Column(const Rows<Row>& rows, Get get) {
  return ToSqlColumn(rows, [&](const auto& row) { return get(*row.second); });
}

template <typename Row>
std::string Starts(const Rows<Row>& rows) {
  return ToSqlColumn(rows, [](const auto& row) { return row.first; });
}

void ChangeOrders(pqxx::work& tx, const CommunityId& community, const Rows<Order>& rows) {
  const size_t changed =
      Exec(tx, kChangeOrders, community.value(), Starts(rows),
           Column(rows, [](const Order& o) { return o.id.value(); }),
           Column(rows, [](const Order& o) { return ToSql(o.state); }),
           Column(rows, [](const Order& o) { return o.energy.wh(); }),
           Column(rows, [](const Order& o) { return o.limit.micros_per_kwh(); }),
           Column(rows, [](const Order& o) { return o.filled.wh(); }),
           Column(rows, [](const Order& o) { return o.hold.micros(); }),
           Column(rows, [](const Order& o) { return o.rejection_reason; }),
           Column(rows, [](const Order& o) { return o.create_time; }),
           Column(rows, [](const Order& o) { return o.book.traded.wh(); }),
           Column(rows, [](const Order& o) { return o.book.cost.micros(); }),
           Column(rows, [](const Order& o) { return o.book.number; }),
           Column(rows, [](const Order& o) { return o.book.entered; }),
           Column(rows, [](const Order& o) { return o.book.owner.value(); }),
           Column(rows,
                  [](const Order& o) {
                    return o.book.placed_energy.has_value() ? o.book.placed_energy->wh() : -1;
                  }),
           Column(rows,
                  [](const Order& o) {
                    return o.book.placed_limit.value_or(Price()).micros_per_kwh();
                  }))
          .affected_rows();
  PW_CHECK(changed == rows.size(), "orders of a book are there");
}

void InsertEvents(pqxx::work& tx, const CommunityId& community, const Rows<BookEvent>& rows) {
  Exec(tx, kInsertBookEvents, community.value(), Starts(rows),
       Column(rows, [](const BookEvent& e) { return e.number; }),
       Column(rows, [](const BookEvent& e) { return NameOf(kKinds, e.kind); }),
       Column(rows, [](const BookEvent& e) { return NameOf(kReasons, e.reason); }),
       Column(rows, [](const BookEvent& e) { return ToSql(e.side); }),
       Column(rows, [](const BookEvent& e) { return e.order_number; }),
       Column(rows, [](const BookEvent& e) { return e.order.value(); }),
       Column(rows, [](const BookEvent& e) { return e.resting_number; }),
       Column(rows, [](const BookEvent& e) { return e.resting.value(); }),
       Column(rows, [](const BookEvent& e) { return e.energy.wh(); }),
       Column(rows, [](const BookEvent& e) { return e.price.micros_per_kwh(); }),
       Column(rows, [](const BookEvent& e) { return e.trade_number; }),
       Column(rows, [](const BookEvent& e) { return e.time; }));
}

void InsertTrades(pqxx::work& tx, const CommunityId& community, const Rows<Trade>& rows,
                  absl::Time time) {
  Exec(tx, kInsertBookTrades, community.value(), Starts(rows),
       Column(rows, [](const Trade& t) { return t.number; }),
       Column(rows, [](const Trade& t) { return t.bid.value(); }),
       Column(rows, [](const Trade& t) { return t.offer.value(); }),
       Column(rows, [](const Trade& t) { return t.energy.wh(); }),
       Column(rows, [](const Trade& t) { return t.price.micros_per_kwh(); }),
       Column(rows, [](const Trade& t) { return t.buyer_metering_point.value(); }),
       Column(rows, [](const Trade& t) { return t.seller_metering_point.value(); }),
       Column(rows, [](const Trade& t) { return t.buyer.value(); }),
       Column(rows, [](const Trade& t) { return t.seller.value(); }), postgres::ToSql(time),
       Column(rows, [](const Trade& t) { return t.network_fee.micros_per_kwh(); }));
}

}  // namespace

void WriteBooks(pqxx::work& tx, const CommunityId& community,
                const std::vector<BookWrites>& writes) {
  Rows<Order> orders;
  Rows<BookEvent> events;
  Rows<Trade> trades;
  std::vector<absl::Time> starts;
  std::vector<int64_t> last_events;
  std::vector<int32_t> trade_counts;
  for (const BookWrites& book : writes) {
    for (const auto& [id, order] : book.orders) {
      orders.emplace_back(book.delivery_start, &order);
    }
    for (const BookEvent& event : book.events) {
      events.emplace_back(book.delivery_start, &event);
    }
    for (const Trade& trade : book.trades) {
      trades.emplace_back(book.delivery_start, &trade);
    }
    if (!book.events.empty()) {
      starts.push_back(book.delivery_start);
      last_events.push_back(book.events.back().number);
      trade_counts.push_back(static_cast<int32_t>(book.trades.size()));
    }
  }
  if (!orders.empty()) {
    ChangeOrders(tx, community, orders);
  }
  if (!events.empty()) {
    InsertEvents(tx, community, events);
    Exec(tx, kMoveBooks, community.value(), ToSqlArray(starts), ToSqlArray(last_events),
         ToSqlArray(trade_counts));
  }
  if (!trades.empty()) {
    InsertTrades(tx, community, trades, events.back().second->time);
  }
}

BookEvent BookEventFrom(const pqxx::row& row, int first) {
  BookEvent event;
  event.number = Int64From(row[first]);
  event.kind = ValueOf(kKinds, TextFrom(row[first + 1]));
  event.reason = ValueOf(kReasons, TextFrom(row[first + 2]));
  event.side = TextFrom(row[first + 3]) == "BID" ? Side::kBid : Side::kOffer;
  event.order_number = Int64From(row[first + 4]);
  event.order = OrderId(TextFrom(row[first + 5]));
  event.resting_number = Int64From(row[first + 6]);
  event.resting = OrderId(TextFrom(row[first + 7]));
  event.energy = Energy::WattHours(Int64From(row[first + 8]));
  event.price = Price::MicrosPerKwh(Int64From(row[first + 9]));
  event.trade_number = postgres::Int32From(row[first + 10]);
  event.time = postgres::TimeFrom(row[first + 11]);
  return event;
}

}  // namespace peerwatt::market
