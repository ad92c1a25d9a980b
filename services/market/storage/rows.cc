#include "services/market/storage/rows.h"

#include <array>
#include <string_view>
#include <utility>

#include "libs/base/check.h"

namespace peerwatt::market {
namespace {

using postgres::BoolFrom;
using postgres::Int32From;
using postgres::Int64From;
using postgres::OptionalInt64From;
using postgres::TextFrom;
using postgres::TimeFrom;

constexpr std::array<std::pair<OrderState, std::string_view>, 7> kOrderStates = {{
    {OrderState::kPending, "PENDING"},
    {OrderState::kActive, "ACTIVE"},
    {OrderState::kCancelled, "CANCELLED"},
    {OrderState::kFilled, "FILLED"},
    {OrderState::kPartiallyFilled, "PARTIALLY_FILLED"},
    {OrderState::kExpired, "EXPIRED"},
    {OrderState::kRejected, "REJECTED"},
}};

constexpr std::array<std::pair<EnergySource, const char*>, kEnergySources> kSources = {{
    {EnergySource::kUnknown, "UNKNOWN"},
    {EnergySource::kSolar, "SOLAR"},
    {EnergySource::kWind, "WIND"},
    {EnergySource::kHydro, "HYDRO"},
    {EnergySource::kBiomass, "BIOMASS"},
    {EnergySource::kCogeneration, "COGENERATION"},
    {EnergySource::kStorage, "STORAGE"},
}};

struct NamedTimeInForce {
  TimeInForce time_in_force;
  bool is_market;
  const char* name;
};
constexpr std::array<NamedTimeInForce, 6> kTimesInForce = {{
    {TimeInForce::kClosingAuction, false, "AUCTION"},
    {TimeInForce::kGoodTillClosure, false, "GTC"},
    {TimeInForce::kImmediateOrCancel, false, "IOC"},
    {TimeInForce::kFillOrKill, false, "FOK"},
    {TimeInForce::kImmediateOrCancel, true, "MARKET_IOC"},
    {TimeInForce::kFillOrKill, true, "MARKET_FOK"},
}};

OrderState OrderStateFrom(std::string_view text) {
  for (const auto& [state, name] : kOrderStates) {
    if (name == text) {
      return state;
    }
  }
  PW_CHECK(false, "unknown order state");
}

AuctionState AuctionStateFrom(std::string_view text) {
  PW_CHECK(text == "OPEN" || text == "CLOSED" || text == "CLEARED", "unknown auction state");
  return text == "OPEN"     ? AuctionState::kOpen
         : text == "CLOSED" ? AuctionState::kClosed
                            : AuctionState::kCleared;
}

std::optional<Price> OptionalPriceFrom(const pqxx::field& field) {
  const std::optional<int64_t> micros = OptionalInt64From(field);
  return micros.has_value() ? std::optional(Price::MicrosPerKwh(*micros)) : std::nullopt;
}

Energy EnergyFrom(const pqxx::field& field) { return Energy::WattHours(Int64From(field)); }
Price PriceFrom(const pqxx::field& field) { return Price::MicrosPerKwh(Int64From(field)); }

}  // namespace

std::string ToSql(Side side) { return side == Side::kBid ? "BID" : "OFFER"; }

std::string ToSql(OrderState state) {
  for (const auto& [known, name] : kOrderStates) {
    if (known == state) {
      return std::string(name);
    }
  }
  PW_CHECK(false, "unknown order state");
}

std::string ToSql(const BookPlace& place) {
  for (const auto& [known, is_market, name] : kTimesInForce) {
    if (known == place.time_in_force && is_market == place.is_market) {
      return name;
    }
  }
  PW_CHECK(false, "a market order never rests");
}

std::string ToSql(EnergySource source) {
  for (const auto& [known, name] : kSources) {
    if (known == source) {
      return name;
    }
  }
  PW_CHECK(false, "unknown source of energy");
}

EnergySource EnergySourceFrom(const std::string& name) {
  for (const auto& [source, known] : kSources) {
    if (known == name) {
      return source;
    }
  }
  PW_CHECK(false, "unknown source of energy");
}

Auction AuctionFrom(const pqxx::row& row) {
  Auction auction;
  auction.key = {CommunityId(TextFrom(row[0])), TimeFrom(row[1])};
  auction.delivery_end = TimeFrom(row[2]);
  auction.gate_closure = TimeFrom(row[3]);
  auction.state = AuctionStateFrom(TextFrom(row[4]));
  auction.network_fee = PriceFrom(row[5]);
  auction.clearing_price = OptionalPriceFrom(row[6]);
  auction.cleared_energy = EnergyFrom(row[7]);
  auction.order_count = Int32From(row[8]);
  auction.welfare = Money::Micros(Int64From(row[9]));
  auction.version = Int64From(row[10]);
  auction.holds_reduced = BoolFrom(row[11]);
  auction.network = NetworkId(TextFrom(row[12]));
  auction.halted = BoolFrom(row[13]);
  return auction;
}

namespace {

// Columns of continuous trading.
void ReadPlace(const pqxx::row& row, Order& order) {
  const std::string time_in_force = TextFrom(row[19]);
  if (time_in_force == "AUCTION") {
    return;
  }
  BookPlace& place = order.book;
  for (const auto& [known, is_market, name] : kTimesInForce) {
    if (name == time_in_force) {
      place.time_in_force = known;
      place.is_market = is_market;
    }
  }
  place.traded = EnergyFrom(row[20]);
  place.cost = Money::Micros(Int64From(row[21]));
  place.number = Int64From(row[22]);
  place.entered = Int64From(row[23]);
  place.owner = ParticipantId(TextFrom(row[24]));
  if (const auto energy = OptionalInt64From(row[25]); energy.has_value()) {
    place.placed_energy = Energy::WattHours(*energy);
    place.placed_limit = PriceFrom(row[26]);
  }
}

}  // namespace

Order OrderFrom(const pqxx::row& row) {
  Order order;
  order.auction = {CommunityId(TextFrom(row[0])), TimeFrom(row[1])};
  order.id = OrderId(TextFrom(row[2]));
  order.side = TextFrom(row[3]) == "BID" ? Side::kBid : Side::kOffer;
  order.metering_point = MeteringPointId(TextFrom(row[4]));
  order.grid_connection = GridConnectionId(TextFrom(row[5]));
  order.participant = ParticipantId(TextFrom(row[6]));
  order.energy = EnergyFrom(row[7]);
  order.limit = PriceFrom(row[8]);
  order.filled = EnergyFrom(row[9]);
  order.hold = Money::Micros(Int64From(row[10]));
  order.state = OrderStateFrom(TextFrom(row[11]));
  order.standing_order = StandingOrderId(TextFrom(row[12]));
  order.rejection_reason = TextFrom(row[13]);
  order.create_time = TimeFrom(row[14]);
  order.zone = ZoneId(TextFrom(row[15]));
  order.source = EnergySourceFrom(TextFrom(row[16]));
  order.premium = PriceFrom(row[17]);
  order.preference = TextFrom(row[18]);
  ReadPlace(row, order);
  return order;
}

Trade TradeFrom(const pqxx::row& row) {
  Trade trade;
  trade.number = Int32From(row[0]);
  trade.bid = OrderId(TextFrom(row[1]));
  trade.offer = OrderId(TextFrom(row[2]));
  trade.energy = EnergyFrom(row[3]);
  trade.price = PriceFrom(row[4]);
  trade.buyer_metering_point = MeteringPointId(TextFrom(row[5]));
  trade.seller_metering_point = MeteringPointId(TextFrom(row[6]));
  trade.buyer = ParticipantId(TextFrom(row[7]));
  trade.seller = ParticipantId(TextFrom(row[8]));
  trade.buyer_price = PriceFrom(row[10]);
  trade.network_fee = PriceFrom(row[11]);
  trade.origin = TextFrom(row[12]) == "AUCTION" ? TradeOrigin::kAuction : TradeOrigin::kContinuous;
  return trade;
}

StandingOrder StandingOrderFrom(const pqxx::row& row) {
  StandingOrder order;
  order.community = CommunityId(TextFrom(row[0]));
  order.participant = ParticipantId(TextFrom(row[1]));
  order.id = StandingOrderId(TextFrom(row[2]));
  order.metering_point = MeteringPointId(TextFrom(row[3]));
  order.grid_connection = GridConnectionId(TextFrom(row[4]));
  order.bid_price = OptionalPriceFrom(row[5]);
  order.offer_price = OptionalPriceFrom(row[6]);
  order.active = TextFrom(row[7]) == "ACTIVE";
  order.create_time = TimeFrom(row[8]);
  return order;
}

Controls ControlsFrom(const pqxx::row& row) {
  Controls controls;
  controls.halted = BoolFrom(row[0]);
  controls.halt_reason = TextFrom(row[1]);
  return controls;
}

LimitsVersion LimitsVersionFrom(const pqxx::row& row) {
  LimitsVersion version;
  version.version = Int32From(row[0]);
  version.valid_from = TimeFrom(row[1]);
  version.limits.price_min = PriceFrom(row[2]);
  version.limits.price_max = PriceFrom(row[3]);
  version.limits.energy_min = EnergyFrom(row[4]);
  version.limits.energy_max = EnergyFrom(row[5]);
  version.limits.open_orders_max = Int32From(row[6]);
  version.created_by = TextFrom(row[7]);
  version.created_at = TimeFrom(row[8]);
  version.limits.continuous_trading = BoolFrom(row[9]);
  return version;
}

KillSwitch KillSwitchFrom(const pqxx::row& row) {
  return {ParticipantId(TextFrom(row[0])), TextFrom(row[1]), TextFrom(row[2]), TimeFrom(row[3]),
          BoolFrom(row[4])};
}

ControlEvent ControlEventFrom(const pqxx::row& row) {
  return {Int64From(row[0]), TextFrom(row[1]), ParticipantId(TextFrom(row[2])), TextFrom(row[3]),
          TextFrom(row[4]),  TimeFrom(row[5])};
}

}  // namespace peerwatt::market
