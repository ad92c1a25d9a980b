#pragma once

#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/market/storage/control_store.h"
#include "services/market/storage/surveillance_store.h"
#include "tests/postgres/market/peers.h"

namespace peerwatt::market {

/// A community with continuous trading, in a database of its own. `p5` to `p8` have a point each
/// that draws and feeds in up to 10 kWh per interval. Prices of tests are in thousandths per kWh;
/// the network's fee is 50 of them.
struct TradingWorld : World {
  TradingWorld() : controls(pool), owners(pool) {
    for (int i = 5; i <= 8; ++i) {
      const std::string n = absl::StrCat(i);
      AddPoint("m" + n, "p" + n, "g" + n, 40'000, 40'000, 0, 0);
    }
    RunUntilDone(clock.Now());
    AllowTrading(1, start);
  }

  /// Adds a version of the limits that turns continuous trading on from a delivery on, or off.
  void AllowTrading(int32_t version, absl::Time from, bool continuous = true) {
    LimitsVersion limits;
    limits.version = version;
    limits.valid_from = from;
    limits.limits.continuous_trading = continuous;
    Require(controls.AddLimits(community, limits, ByOperator()));
  }
  Act ByOperator() const { return {"users/op", "asked for", clock.Now(), true}; }

  /// An order of `p<n>` at its point `m<n>`. price: in thousandths per kWh; none is a market order.
  Order Wanted(const std::string& participant, const std::string& id, Side side, int64_t wh,
               std::optional<int64_t> price, TimeInForce time_in_force, int interval = 0) const {
    Order order;
    order.auction = Key(interval);
    order.id = OrderId(id);
    order.side = side;
    order.metering_point = MeteringPointId("m" + participant.substr(1));
    order.participant = ParticipantId(participant);
    order.energy = Energy::WattHours(wh);
    order.limit = Price::MicrosPerKwh(price.value_or(0) * 1000);
    order.book.time_in_force = time_in_force;
    order.book.is_market = !price.has_value();
    return order;
  }
  absl::StatusOr<Order> Place(const Order& order) { return desk.Create(order, false, clock.Now()); }

  static std::string Said(const absl::StatusOr<Order>& order) {
    if (!order.ok()) {
      return ReasonOf(order.status());
    }
    static const std::map<OrderState, std::string> kNames = {
        {OrderState::kPending, "PENDING"},     {OrderState::kActive, "ACTIVE"},
        {OrderState::kCancelled, "CANCELLED"}, {OrderState::kFilled, "FILLED"},
        {OrderState::kExpired, "EXPIRED"},     {OrderState::kPartiallyFilled, "PART"},
        {OrderState::kRejected, "REJECTED"}};
    return absl::StrCat(kNames.at(order->state), " ", order->book.traded.wh());
  }

  /// What rests, best first: `buy 400@200 | sell 300@210(2)`, with the number of orders above one.
  std::string Rests(int interval = 0) {
    const auto depth = books.GetDepth(Key(interval), 100);
    Require(depth.status());
    std::string text;
    for (const bool bids : {true, false}) {
      absl::StrAppend(&text, bids ? "buy" : " | sell");
      for (const BookLevel& level : bids ? depth->bids : depth->offers) {
        absl::StrAppend(&text, " ", level.energy.wh(), "@", level.price.micros_per_kwh() / 1000,
                        level.orders > 1 ? absl::StrCat("(", level.orders, ")") : "");
      }
    }
    return text;
  }
  /// All trades: `b1<-o1 300@150, …`; those of the closing auction with a `*`.
  std::string Traded(int interval = 0) {
    std::vector<std::string> all;
    const std::vector<Trade> trades = *auctions.TradesOf(Key(interval));
    std::string text;
    for (const Trade& trade : trades) {
      absl::StrAppend(&text, text.empty() ? "" : ", ", trade.bid.value(), "<-", trade.offer.value(),
                      " ", trade.energy.wh(), "@", trade.price.micros_per_kwh() / 1000,
                      trade.origin == TradeOrigin::kAuction ? "*" : "");
      EXPECT_EQ(trade.number, static_cast<int>(&trade - trades.data()) + 1);
    }
    return text;
  }
  /// What is held for an order, in micro-units.
  int64_t Held(const std::string& id, int interval = 0) {
    return settlement.HeldFor(Key(interval).delivery_start, id);
  }

  /// One step of a scenario, such as
  /// `p5 b1 buys 400 at 200 GTC`, `p6 o1 sells 300 at market IOC`, `p5 b1 amends 300 at 210`,
  /// `p5 b1 cancels`, `p5 b1 withdraws` (at the books' own door), `p5 b1 enters` (once more),
  /// `the gate closes`, `p5 belongs p6` (to him), `the market halts`,
  /// `the market resumes`, `p5 is switched off`, `the next answer is lost` (about a hold), `the
  /// sweep comes`, `the hour strikes` (of gate closure; the gate is not closed yet). Returns what
  /// was answered.
  std::string Do(const std::string& step) {
    std::istringstream in(step);
    std::string who, what, verb;
    in >> who >> what >> verb;
    if (who == "the") {
      return DoAll(what, verb);
    }
    if (what == "belongs") {
      Require(owners.RecordOwner(community, {ParticipantId(who), ParticipantId(verb), clock.Now()})
                  .status());
      return "";
    }
    if (what == "is") {
      Require(KillAndRelease(controls, settlement, community, ParticipantId(who), ByOperator())
                  .status());
      return "";
    }
    if (verb == "cancels") {
      return Said(desk.Cancel(Key(), OrderId(what), ParticipantId(who), clock.Now()));
    }
    if (verb == "withdraws") {
      return Said(trading.Cancel(Key(), OrderId(what), ParticipantId(who)));
    }
    if (verb == "enters") {
      Order pending = *orders.GetOrder(Key(), OrderId(what));
      pending.state = OrderState::kPending;
      return Said(trading.Enter({pending}, {""})->front());
    }
    int64_t wh = 0;
    std::string at, price, time_in_force;
    in >> wh >> at >> price >> time_in_force;
    if (verb == "amends") {
      return Said(trading.Amend(Key(), OrderId(what), ParticipantId(who), Energy::WattHours(wh),
                                Price::MicrosPerKwh(std::stoll(price) * 1000)));
    }
    const std::map<std::string, TimeInForce> kTimes = {{"", TimeInForce::kClosingAuction},
                                                       {"GTC", TimeInForce::kGoodTillClosure},
                                                       {"IOC", TimeInForce::kImmediateOrCancel},
                                                       {"FOK", TimeInForce::kFillOrKill}};
    const auto limit = price == "market" ? std::nullopt : std::optional(std::stoll(price));
    return Said(Place(Wanted(who, what, verb == "buys" ? Side::kBid : Side::kOffer, wh, limit,
                             kTimes.at(time_in_force))));
  }
  std::string DoAll(const std::string& what, const std::string& verb) {
    if (what == "next") {
      weather.FailAt(0, true);  // Of settlement: the registry is asked every two seconds only.
    } else if (what == "sweep") {
      clock.Advance(absl::Minutes(1));
      Require(desk.Sweep(community, clock.Now()).status());
    } else if (what == "hour") {
      clock.Set(start - absl::Hours(1));
    } else if (what == "gate") {
      clock.Set(start - absl::Hours(1));
      RunUntilDone(clock.Now());
    } else {
      Require(controls.SetHalt(community, verb == "halts", ByOperator()));
    }
    return "";
  }

  PostgresControlStore controls;
  PostgresSurveyView owners;
};

}  // namespace peerwatt::market
