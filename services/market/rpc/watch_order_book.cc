#include <grpcpp/alarm.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/security.h"
#include "libs/rpc/status.h"
#include "services/market/rpc/trading_service.h"

namespace peerwatt::market {
namespace {

constexpr std::chrono::milliseconds kLookEvery{50};
// Events of one message.
constexpr int32_t kEventsMax = 1000;

v1::Order::Side SideOf(Side side) { return side == Side::kBid ? v1::Order::BID : v1::Order::OFFER; }

v1::OrderBookEvent::Kind KindOf(book::EventKind kind) {
  switch (kind) {
    case book::EventKind::kAccepted:
      return v1::OrderBookEvent::ACCEPTED;
    case book::EventKind::kTraded:
      return v1::OrderBookEvent::TRADED;
    case book::EventKind::kReduced:
      return v1::OrderBookEvent::REDUCED;
    case book::EventKind::kCancelled:
    case book::EventKind::kExpired:
      return v1::OrderBookEvent::CANCELLED;
  }
  return v1::OrderBookEvent::KIND_UNSPECIFIED;
}

const char* NameOf(book::CancelReason reason) {
  switch (reason) {
    case book::CancelReason::kNone:
      return "";
    case book::CancelReason::kRequested:
      return "REQUESTED";
    case book::CancelReason::kAmended:
      return "AMENDED";
    case book::CancelReason::kUsedUp:
      return "USED_UP";
    case book::CancelReason::kRemainder:
      return "REMAINDER";
    case book::CancelReason::kUnfillable:
      return "UNFILLABLE";
    case book::CancelReason::kSelfTrade:
      return "SELF_TRADE";
  }
  return "";
}

void ToProto(const BookEvent& event, const std::string& currency, v1::OrderBookEvent& proto) {
  proto.set_event_number(event.number);
  proto.set_kind(KindOf(event.kind));
  proto.set_order_number(event.order_number);
  proto.set_resting_order_number(event.resting_number);
  proto.set_side(SideOf(event.side));
  proto.set_energy_wh(event.energy.wh());
  const bool has_price =
      event.kind == book::EventKind::kAccepted || event.kind == book::EventKind::kTraded;
  if (has_price) {
    *proto.mutable_price_per_kwh() = rpc::ToProto(event.price, currency);
  }
  proto.set_reason(NameOf(event.reason));
  *proto.mutable_event_time() = rpc::ToProto(event.time);
}

void ToProto(const BookOrders& book, const std::string& currency,
             v1::WatchOrderBookResponse::Snapshot& proto) {
  proto.set_event_number(book.last_event);
  for (const BookOrders::Resting& order : book.orders) {
    v1::RestingOrder& resting = *proto.add_orders();
    resting.set_order_number(order.number);
    resting.set_side(SideOf(order.side));
    *resting.mutable_limit_price_per_kwh() = rpc::ToProto(order.limit, currency);
    resting.set_energy_wh(order.open.wh());
  }
}

// What a caller wants to watch. after: the last event that the caller has; none: it begins with all
// that rests.
struct Wanted {
  AuctionKey key;
  std::string currency;
  std::optional<int64_t> after;
};

// Looks at one book until its gate has closed or the caller is gone, and sends what is new. One
// thing happens at a time: a look, a write or a wait for the next look. Looks may wait for the
// database, so none is on a thread of gRPC's callbacks.
class BookWatch final : public grpc::ServerWriteReactor<v1::WatchOrderBookResponse> {
 public:
  // begin: says what is wanted, or why it is refused; may wait.
  BookWatch(grpc::CallbackServerContext& context, TradingView& view,
            std::function<absl::StatusOr<Wanted>()> begin)
      : context_(context), view_(view), begin_(std::move(begin)) {
    After(std::chrono::milliseconds::zero(), [this] { Begin(); });
  }

  void OnWriteDone(bool ok) override {
    if (!ok) {
      Finish(grpc::Status::CANCELLED);
    } else if (response_.closed()) {
      Finish(grpc::Status::OK);
    } else {
      LookAfter(std::chrono::milliseconds::zero());
    }
  }
  void OnDone() override { delete this; }

 private:
  void Begin() {
    absl::StatusOr<Wanted> wanted = begin_();
    if (!wanted.ok()) {
      Finish(rpc::ToGrpcStatus(wanted.status(), kErrorDomain));
      return;
    }
    wanted_ = *std::move(wanted);
    Look();
  }

  void LookAfter(std::chrono::milliseconds pause) {
    After(pause, [this] { Look(); });
  }

  // An alarm of its own each time: that of the last look may not have returned from it yet.
  void After(std::chrono::milliseconds pause, std::function<void()> step) {
    alarm_ = std::make_unique<grpc::Alarm>();
    alarm_->Set(std::chrono::system_clock::now() + pause,
                [step = std::move(step)](bool) { step(); });
  }

  void Look() {
    if (context_.IsCancelled()) {
      Finish(grpc::Status::CANCELLED);
      return;
    }
    response_.Clear();
    const absl::StatusOr<bool> is_news = wanted_.after.has_value() ? LookForEvents() : LookAtAll();
    if (!is_news.ok()) {
      Finish(rpc::ToGrpcStatus(is_news.status(), kErrorDomain));
    } else if (*is_news) {
      StartWrite(&response_);
    } else {
      LookAfter(kLookEvery);
    }
  }

  absl::StatusOr<bool> LookAtAll() {
    PW_ASSIGN_OR_RETURN(const BookOrders book, view_.GetOrders(wanted_.key));
    wanted_.after = book.last_event;
    ToProto(book, wanted_.currency, *response_.mutable_snapshot());
    return true;
  }

  absl::StatusOr<bool> LookForEvents() {
    PW_ASSIGN_OR_RETURN(const BookNews news,
                        view_.ListEvents(wanted_.key, *wanted_.after, kEventsMax));
    for (const BookEvent& event : news.events) {
      ToProto(event, wanted_.currency, *response_.add_events());
      wanted_.after = event.number;
    }
    response_.set_closed(!news.is_open);
    return !news.events.empty() || !news.is_open;
  }

  grpc::CallbackServerContext& context_;
  TradingView& view_;
  const std::function<absl::StatusOr<Wanted>()> begin_;
  Wanted wanted_;
  v1::WatchOrderBookResponse response_;
  std::unique_ptr<grpc::Alarm> alarm_;
};

}  // namespace

grpc::ServerWriteReactor<v1::WatchOrderBookResponse>* TradingService::WatchOrderBook(
    grpc::CallbackServerContext* context, const v1::WatchOrderBookRequest* request) {
  std::optional<int64_t> after;
  if (request->has_event_number()) {
    after = request->event_number();
  }
  const auto begin = [this, context, name = request->name(), after]() -> absl::StatusOr<Wanted> {
    PW_RETURN_IF_ERROR(rpc::CallerOf(*context).status());
    PW_ASSIGN_OR_RETURN(AuctionKey key, OrderBookFrom(name));
    if (after.value_or(0) < 0) {
      return FieldInvalid("event_number", "must not be negative");
    }
    PW_ASSIGN_OR_RETURN(std::string currency, CurrencyOf(key.community));
    PW_RETURN_IF_ERROR(view_.GetDepth(key, 1).status());
    return Wanted{std::move(key), std::move(currency), after};
  };
  return new BookWatch(*context, view_, begin);
}

}  // namespace peerwatt::market
