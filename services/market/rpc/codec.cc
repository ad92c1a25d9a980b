#include "services/market/rpc/codec.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"

namespace peerwatt::market {

namespace {

v1::Auction::State StateOf(AuctionState state) {
  switch (state) {
    case AuctionState::kOpen:
      return v1::Auction::OPEN;
    case AuctionState::kClosed:
      return v1::Auction::CLOSED;
    case AuctionState::kCleared:
      return v1::Auction::CLEARED;
  }
  return v1::Auction::STATE_UNSPECIFIED;
}

v1::Order::State StateOf(OrderState state) {
  switch (state) {
    case OrderState::kPending:
      return v1::Order::PENDING;
    case OrderState::kActive:
      return v1::Order::ACTIVE;
    case OrderState::kCancelled:
      return v1::Order::CANCELLED;
    case OrderState::kFilled:
      return v1::Order::FILLED;
    case OrderState::kPartiallyFilled:
      return v1::Order::PARTIALLY_FILLED;
    case OrderState::kExpired:
      return v1::Order::EXPIRED;
    case OrderState::kRejected:
      return v1::Order::REJECTED;
  }
  return v1::Order::STATE_UNSPECIFIED;
}

v1::Order::TimeInForce TimeInForceOf(TimeInForce time_in_force) {
  switch (time_in_force) {
    case TimeInForce::kClosingAuction:
      return v1::Order::TIME_IN_FORCE_UNSPECIFIED;
    case TimeInForce::kGoodTillClosure:
      return v1::Order::GOOD_TILL_CLOSURE;
    case TimeInForce::kImmediateOrCancel:
      return v1::Order::IMMEDIATE_OR_CANCEL;
    case TimeInForce::kFillOrKill:
      return v1::Order::FILL_OR_KILL;
  }
  return v1::Order::TIME_IN_FORCE_UNSPECIFIED;
}

absl::Status ReadTimeInForce(const v1::Order& proto, Order& order) {
  bool is_known = false;
  for (const TimeInForce known :
       {TimeInForce::kClosingAuction, TimeInForce::kGoodTillClosure,
        TimeInForce::kImmediateOrCancel, TimeInForce::kFillOrKill}) {
    if (TimeInForceOf(known) == proto.time_in_force()) {
      order.book.time_in_force = known;
      is_known = true;
    }
  }
  if (!is_known) {
    return FieldInvalid("order.time_in_force", "is none that there is");
  }
  order.book.is_market = proto.price_type() == v1::Order::MARKET;
  if (order.book.is_market && !IsImmediate(order)) {
    return FieldInvalid("order.price_type",
                        "a market order never rests: IMMEDIATE_OR_CANCEL or FILL_OR_KILL");
  }
  return absl::OkStatus();
}

absl::StatusOr<MeteringPointId> MeteringPointFrom(absl::string_view name, absl::string_view field) {
  PW_ASSIGN_OR_RETURN(std::string id, rpc::ParseName1(name, "meteringPoints/*", field));
  return MeteringPointId(std::move(id));
}

absl::StatusOr<AuctionKey> KeyFrom(const std::vector<std::string>& ids, absl::string_view field) {
  const absl::StatusOr<absl::Time> start = ParseTimeSegment(ids[1]);
  if (!start.ok()) {
    return FieldInvalid(field, "must name an auction by its delivery start, as 20260701t101500z");
  }
  return AuctionKey{CommunityId(ids[0]), *start};
}

}  // namespace

std::string NameOf(const AuctionKey& key) {
  return absl::StrCat("communities/", key.community.value(), "/auctions/",
                      TimeSegment(key.delivery_start));
}
std::string NameOf(const AuctionKey& key, const OrderId& order) {
  return absl::StrCat(NameOf(key), "/orders/", order.value());
}
std::string NameOf(const MeteringPointId& point) {
  return absl::StrCat("meteringPoints/", point.value());
}
std::string NameOf(const CommunityId& community, const NetworkId& network) {
  return network.empty()
             ? ""
             : absl::StrCat("communities/", community.value(), "/networks/", network.value());
}
std::string NameOf(const ParticipantId& participant) {
  return absl::StrCat("participants/", participant.value());
}
std::string NameOf(const ParticipantId& participant, const StandingOrderId& order) {
  return absl::StrCat(NameOf(participant), "/standingOrders/", order.value());
}

absl::StatusOr<AuctionKey> AuctionKeyFrom(absl::string_view name, absl::string_view field) {
  PW_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                      rpc::ParseName(name, "communities/*/auctions/*", field));
  return KeyFrom(ids, field);
}

absl::StatusOr<OrderName> OrderNameFrom(absl::string_view name, absl::string_view field) {
  PW_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                      rpc::ParseName(name, "communities/*/auctions/*/orders/*", field));
  PW_ASSIGN_OR_RETURN(AuctionKey key, KeyFrom(ids, field));
  return OrderName{std::move(key), OrderId(ids[2])};
}

v1::Auction ToProto(const Auction& auction, const std::string& currency) {
  v1::Auction proto;
  proto.set_name(NameOf(auction.key));
  *proto.mutable_delivery_start_time() = rpc::ToProto(auction.key.delivery_start);
  *proto.mutable_delivery_end_time() = rpc::ToProto(auction.delivery_end);
  *proto.mutable_gate_closure_time() = rpc::ToProto(auction.gate_closure);
  proto.set_state(StateOf(auction.state));
  if (auction.clearing_price.has_value()) {
    *proto.mutable_clearing_price_per_kwh() = rpc::ToProto(*auction.clearing_price, currency);
  }
  proto.set_cleared_energy_wh(auction.cleared_energy.wh());
  proto.set_order_count(auction.order_count);
  proto.set_welfare_micros(auction.welfare.micros());
  proto.set_network(NameOf(auction.key.community, auction.network));
  return proto;
}

v1::Order ToProto(const Order& order, const std::string& currency) {
  v1::Order proto;
  proto.set_name(NameOf(order.auction, order.id));
  proto.set_side(order.side == Side::kBid ? v1::Order::BID : v1::Order::OFFER);
  proto.set_metering_point(NameOf(order.metering_point));
  proto.set_energy_wh(order.energy.wh());
  *proto.mutable_limit_price_per_kwh() = rpc::ToProto(order.limit, currency);
  proto.set_filled_energy_wh(std::max(order.filled, order.book.traded).wh());
  proto.set_time_in_force(TimeInForceOf(order.book.time_in_force));
  if (order.book.is_market) {
    proto.set_price_type(v1::Order::MARKET);
  }
  proto.set_book_number(order.book.number);
  proto.set_state(StateOf(order.state));
  proto.set_participant(NameOf(order.participant));
  if (!order.standing_order.empty()) {
    proto.set_standing_order(NameOf(order.participant, order.standing_order));
  }
  proto.set_rejection_reason(order.rejection_reason);
  *proto.mutable_create_time() = rpc::ToProto(order.create_time);
  WritePreference(order, currency, proto);
  return proto;
}

v1::Trade ToProto(const Trade& trade, const AuctionKey& key, const std::string& currency) {
  v1::Trade proto;
  proto.set_name(absl::StrCat(NameOf(key), "/trades/t", trade.number));
  proto.set_bid(NameOf(key, trade.bid));
  proto.set_offer(NameOf(key, trade.offer));
  proto.set_energy_wh(trade.energy.wh());
  *proto.mutable_price_per_kwh() = rpc::ToProto(trade.price, currency);
  proto.set_buyer_metering_point(NameOf(trade.buyer_metering_point));
  proto.set_seller_metering_point(NameOf(trade.seller_metering_point));
  proto.set_buyer(NameOf(trade.buyer));
  proto.set_seller(NameOf(trade.seller));
  *proto.mutable_buyer_price_per_kwh() = rpc::ToProto(trade.buyer_price, currency);
  *proto.mutable_network_fee_per_kwh() = rpc::ToProto(trade.network_fee, currency);
  proto.set_origin(trade.origin == TradeOrigin::kAuction ? v1::Trade::AUCTION
                                                         : v1::Trade::CONTINUOUS);
  return proto;
}

v1::StandingOrder ToProto(const StandingOrder& order, const std::string& currency) {
  v1::StandingOrder proto;
  proto.set_name(NameOf(order.participant, order.id));
  proto.set_metering_point(NameOf(order.metering_point));
  if (order.bid_price.has_value()) {
    *proto.mutable_bid_price_per_kwh() = rpc::ToProto(*order.bid_price, currency);
  }
  if (order.offer_price.has_value()) {
    *proto.mutable_offer_price_per_kwh() = rpc::ToProto(*order.offer_price, currency);
  }
  proto.set_state(order.active ? v1::StandingOrder::ACTIVE : v1::StandingOrder::CANCELLED);
  *proto.mutable_create_time() = rpc::ToProto(order.create_time);
  return proto;
}

absl::StatusOr<Order> OrderFrom(const v1::Order& proto, const std::string& currency) {
  Order order;
  if (proto.side() != v1::Order::BID && proto.side() != v1::Order::OFFER) {
    return FieldInvalid("order.side", "must be BID or OFFER");
  }
  order.side = proto.side() == v1::Order::BID ? Side::kBid : Side::kOffer;
  PW_ASSIGN_OR_RETURN(order.metering_point,
                      MeteringPointFrom(proto.metering_point(), "order.metering_point"));
  order.energy = Energy::WattHours(proto.energy_wh());
  PW_RETURN_IF_ERROR(ReadTimeInForce(proto, order));
  if (proto.has_limit_price_per_kwh() == order.book.is_market) {
    return FieldInvalid("order.limit_price_per_kwh",
                        order.book.is_market ? "a market order has none" : "is required");
  }
  if (!order.book.is_market) {
    PW_ASSIGN_OR_RETURN(order.limit, rpc::PriceFrom(proto.limit_price_per_kwh(), currency,
                                                    "order.limit_price_per_kwh"));
  }
  PW_RETURN_IF_ERROR(ReadPreference(proto, currency, order));
  return order;
}

absl::StatusOr<StandingOrder> StandingOrderFrom(const v1::StandingOrder& proto,
                                                const std::string& currency) {
  StandingOrder order;
  PW_ASSIGN_OR_RETURN(order.metering_point, MeteringPointFrom(proto.metering_point(),
                                                              "standing_order.metering_point"));
  if (proto.has_bid_price_per_kwh()) {
    PW_ASSIGN_OR_RETURN(order.bid_price, rpc::PriceFrom(proto.bid_price_per_kwh(), currency,
                                                        "standing_order.bid_price_per_kwh"));
  }
  if (proto.has_offer_price_per_kwh()) {
    PW_ASSIGN_OR_RETURN(order.offer_price, rpc::PriceFrom(proto.offer_price_per_kwh(), currency,
                                                          "standing_order.offer_price_per_kwh"));
  }
  if (!order.bid_price.has_value() && !order.offer_price.has_value()) {
    return FieldInvalid("standing_order", "needs a bid price, an offer price or both");
  }
  return order;
}

}  // namespace peerwatt::market
