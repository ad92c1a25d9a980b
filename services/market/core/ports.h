#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/market/core/clearing_record.h"
#include "services/market/core/controls.h"
#include "services/market/core/forecast.h"
#include "services/market/core/model.h"
#include "services/market/core/network.h"
#include "services/market/core/phases.h"

namespace peerwatt::market {

/// Who is who and what the rules are. Errors of all methods: those of the connection.
class Registry {
 public:
  virtual ~Registry() = default;
  /// All communities, ordered by id.
  virtual absl::StatusOr<std::vector<CommunityRules>> ListCommunityRules() = 0;
  /// A community and its metering points, ordered by id.
  virtual absl::StatusOr<CommunitySnapshot> GetSnapshot(const CommunityId& community,
                                                        absl::Time time) = 0;
  /// A metering point, or nothing when unknown.
  virtual absl::StatusOr<std::optional<Member>> FindMember(const MeteringPointId& point) = 0;
  virtual absl::StatusOr<ParticipantContext> GetParticipant(const ParticipantId& participant) = 0;
  /// The version of a community's network in force at the start of a span and those that start
  /// within it, by start; none: the community is one zone.
  virtual absl::StatusOr<std::vector<NetworkVersion>> ListNetworks(const CommunityRules& rules,
                                                                   Interval span) = 0;
  /// The phase of a community at the start of a span and those that start within it, by start;
  /// none: it trades.
  virtual absl::StatusOr<std::vector<TradingPhase>> ListPhases(const CommunityRules& rules,
                                                               Interval span) = 0;
};

/// What flowed, and what is likely to flow.
class Metering {
 public:
  virtual ~Metering() = default;
  /// What is likely to flow in one interval, by readings of intervals that ended by `data_end`;
  /// points of which too little is known are absent. The same question has the same answer unless
  /// such a reading was added or corrected.
  virtual absl::StatusOr<ForecastsByPoint> ForecastInterval(
      const std::vector<MeteringPointId>& points, Interval interval, absl::Time data_end) = 0;
};

/// Who can pay.
class Settlement {
 public:
  virtual ~Settlement() = default;
  /// Reserves money, each hold on its own; safe to repeat. Returns for each hold an empty string
  /// when it stands, else the reason.
  virtual absl::StatusOr<std::vector<std::string>> CreateHolds(const CommunityId& community,
                                                               const std::vector<Hold>& holds) = 0;
  /// Says what CreateHolds would answer now, and reserves nothing.
  virtual absl::StatusOr<std::vector<std::string>> CheckHolds(const CommunityId& community,
                                                              const std::vector<Hold>& holds) = 0;
  /// Lowers holds; safe to repeat.
  virtual absl::Status ReduceHolds(const AuctionKey& auction,
                                   const std::vector<HoldReduction>& reductions) = 0;
};

/// Where continuous orders meet.
class ContinuousBooks {
 public:
  virtual ~ContinuousBooks() = default;
  /// Pending orders of one community come into their books, or are rejected where a reason is
  /// given. Returns them as they are then: an order may have traded, and ended, at once. Their
  /// holds are lowered to what they need.
  virtual absl::StatusOr<std::vector<Order>> Enter(const std::vector<Order>& orders,
                                                   const std::vector<std::string>& reasons) = 0;
  /// Withdraws a continuous order of `caller` and lowers its hold.
  virtual absl::StatusOr<Order> Cancel(const AuctionKey& key, const OrderId& id,
                                       const ParticipantId& caller) = 0;
};

/// How an order ends in clearing.
struct OrderOutcome {
  OrderId id;
  OrderState state = OrderState::kExpired;
  Energy filled;
  std::string rejection_reason;
};

/// What clearing makes of an auction.
struct AuctionOutcome {
  AuctionKey key;
  /// The price of all trades, when they have one.
  std::optional<Price> clearing_price;
  Energy cleared_energy;
  int32_t order_count = 0;
  Money welfare;
  /// Whether no order has a hold, so that none is left to lower.
  bool holds_reduced = false;
  std::vector<OrderOutcome> orders;
  std::vector<Trade> trades;
  ClearingRecord clearing;
};

/// What is placed when an auction closes.
struct Placed {
  /// Of standing orders and contracts.
  std::vector<Order> orders;
  /// Of contracts that were due.
  std::vector<ContractExecution> executions;
};

/// The auctions as the clock drives them. Each method is one transaction; every change is guarded
/// by the state it starts from, so that replicas and restarts cannot make it twice.
class AuctionStore {
 public:
  virtual ~AuctionStore() = default;
  /// Adds auctions of one community and the versions of its network that they name; those that
  /// exist stay as they are.
  virtual absl::Status OpenAuctions(const std::vector<Auction>& auctions,
                                    const std::vector<NetworkVersion>& networks) = 0;
  /// End of the last delivery that has an auction.
  virtual absl::StatusOr<std::optional<absl::Time>> LastDeliveryEnd(
      const CommunityId& community) = 0;
  /// The first auction by delivery that is not final.
  virtual absl::StatusOr<std::optional<Auction>> FirstUnfinished(const CommunityId& community) = 0;
  /// Standing orders that are active at an instant, in the version that counts then, by
  /// participant and id. What changes at the instant or later does not count.
  virtual absl::StatusOr<std::vector<StandingOrder>> ActiveStandingOrders(
      const CommunityId& community, absl::Time at) = 0;
  /// Contracts of the auction's community that were accepted and are not over at its delivery.
  virtual absl::StatusOr<std::vector<Contract>> ActiveContracts(const AuctionKey& key) = 0;
  /// Freezes an open auction, withdraws quotes of standing orders, adds what `place` returns, and
  /// keeps who stands behind its participants, as recorded by gate closure; that of a halted market
  /// stays halted. budgets: whose costs `place` is told.
  /// Returns whether this call did it; false when the auction was not open.
  virtual absl::StatusOr<bool> CloseAuction(const AuctionKey& key, const DayBudgets& budgets,
                                            absl::FunctionRef<Placed(const Closing&)> place) = 0;
  /// Whether the market was halted when the auction closed.
  virtual absl::StatusOr<bool> IsHalted(const AuctionKey& key) = 0;
  /// All orders of an auction by time and id, with their owners once the gate has closed.
  virtual absl::StatusOr<std::vector<Order>> OrdersOf(const AuctionKey& key) = 0;
  /// All trades of an auction by number.
  virtual absl::StatusOr<std::vector<Trade>> TradesOf(const AuctionKey& key) = 0;
  /// Writes the outcome of a closed auction. Returns whether this call did it; false when the
  /// auction was not closed or an order is no longer pending or active: read the book again.
  virtual absl::StatusOr<bool> ClearAuction(const AuctionOutcome& outcome) = 0;
  /// Makes a cleared auction final.
  virtual absl::Status MarkHoldsReduced(const AuctionKey& key) = 0;
  /// A version of a community's network; the empty id is one zone. Errors: NOT_FOUND.
  virtual absl::StatusOr<NetworkVersion> GetNetwork(const CommunityId& community,
                                                    const NetworkId& id) = 0;
};

/// The order book and the standing orders as their owners change them.
class OrderStore {
 public:
  virtual ~OrderStore() = default;
  /// Keeps the orders that `check` allows as pending, in one transaction. An order of the same id
  /// is returned as it is and not checked.
  /// orders: of one community, distinct ids within an auction. check: gets the number of an order
  /// and what it meets, the orders before it counted; returns the hold that the order needs. May
  /// be called again for the same order. Returns for each the order as it is kept, or the error of
  /// `check`.
  virtual absl::StatusOr<std::vector<absl::StatusOr<Order>>> PlaceOrders(
      const std::vector<Order>& orders,
      absl::FunctionRef<absl::StatusOr<Money>(size_t, const Placing&)> check) = 0;
  /// What the order would meet if it were placed now.
  virtual absl::StatusOr<Placing> LookAt(const Order& order) = 0;
  /// Moves pending orders to active, or to rejected where a reason is given, in one transaction;
  /// leaves any other as it is. orders: of one community. Returns them as they are kept then.
  virtual absl::StatusOr<std::vector<Order>> ResolveOrders(
      std::vector<Order> orders, const std::vector<std::string>& reasons) = 0;
  /// Pending orders of open auctions that came before `before`, at most `limit`.
  virtual absl::StatusOr<std::vector<Order>> PendingBefore(const CommunityId& community,
                                                           absl::Time before, int32_t limit) = 0;
  /// Withdraws a pending or active order when `check` allows it; returns any other as it is.
  virtual absl::StatusOr<Order> CancelOrder(
      const AuctionKey& key, const OrderId& id,
      absl::FunctionRef<absl::Status(const Auction&, const Order&)> check) = 0;
  /// Errors of this and the following: NOT_FOUND.
  virtual absl::StatusOr<Order> GetOrder(const AuctionKey& key, const OrderId& id) = 0;
  /// Keeps a standing order, or returns the one of the same name.
  /// Errors: STANDING_ORDER_ACTIVE when the connection has another active one.
  virtual absl::StatusOr<StandingOrder> CreateStandingOrder(const StandingOrder& order) = 0;
  /// Makes the next version of an active standing order, as `change` returns it for the newest, and
  /// keeps the one before; none when nothing changes. It counts from `now` on, or from right after
  /// the version before it. Returns the newest.
  /// Errors: those of `change`, NOT_FOUND, STANDING_ORDER_ENDED.
  virtual absl::StatusOr<StandingOrder> ChangeStandingOrder(
      const CommunityId& community, const ParticipantId& participant, const StandingOrderId& id,
      absl::Time now,
      absl::FunctionRef<absl::StatusOr<StandingOrder>(const StandingOrder&)> change) = 0;
  /// Ends a standing order from `now` on; one that has ended stays as it is.
  virtual absl::StatusOr<StandingOrder> CancelStandingOrder(const CommunityId& community,
                                                            const ParticipantId& participant,
                                                            const StandingOrderId& id,
                                                            absl::Time now) = 0;
};

/// A span of a list: at most `limit` rows after `after` (exclusive; empty: from the start).
struct ListSpan {
  std::string after;
  int32_t limit = 100;
};

/// How far the market of a community has come.
struct Progress {
  /// Absent when no auction has opened.
  std::optional<absl::Time> cleared_through;
  int32_t open_auction_count = 0;
};

/// A final auction with its trades.
struct Outcome {
  absl::Time delivery_start;
  absl::Time delivery_end;
  /// That of the closing auction and the gains of all other trades, rounded down.
  Money welfare;
  std::vector<Trade> trades;
  /// By trade: what a kWh is worth to both parties by their limits without premiums, at least 0.
  std::vector<Price> gains;
};

/// What callers look at.
class MarketView {
 public:
  virtual ~MarketView() = default;
  /// Errors: NOT_FOUND.
  virtual absl::StatusOr<Auction> GetAuction(const AuctionKey& key) = 0;
  /// How an auction was cleared. Errors: NOT_FOUND.
  virtual absl::StatusOr<ClearingRecord> GetClearing(const AuctionKey& key) = 0;
  /// Auctions with delivery start in `span`, by delivery start, at most `limit`.
  virtual absl::StatusOr<std::vector<Auction>> ListAuctions(const CommunityId& community,
                                                            Interval span, int32_t limit) = 0;
  /// Orders by id; only those of `owner` unless that is empty.
  virtual absl::StatusOr<std::vector<Order>> ListOrders(const AuctionKey& key,
                                                        const ParticipantId& owner,
                                                        const ListSpan& span) = 0;
  /// Trades by number after `after_number`; only those that `owner` is part of unless empty.
  virtual absl::StatusOr<std::vector<Trade>> ListTrades(const AuctionKey& key,
                                                        const ParticipantId& owner,
                                                        int32_t after_number, int32_t limit) = 0;
  /// Errors: NOT_FOUND.
  virtual absl::StatusOr<StandingOrder> GetStandingOrder(const CommunityId& community,
                                                         const ParticipantId& participant,
                                                         const StandingOrderId& id) = 0;
  /// Standing orders of a participant by id.
  virtual absl::StatusOr<std::vector<StandingOrder>> ListStandingOrders(
      const CommunityId& community, const ParticipantId& participant, const ListSpan& span) = 0;
  virtual absl::StatusOr<Progress> GetProgress(const CommunityId& community) = 0;
  /// Final auctions with delivery start in `span`, up to the first gap or unfinished one.
  virtual absl::StatusOr<std::vector<Outcome>> ListOutcomes(const CommunityId& community,
                                                            Interval span) = 0;
};

/// Watches what the market does, for metrics. May be called from many threads.
class Probe {
 public:
  virtual ~Probe() = default;
  /// An order entered the book (`accepted`) or was refused.
  virtual void OrderDecided(Side side, bool accepted) = 0;
  /// Clearing starts and ends on the same thread.
  virtual void ClearingStarted() = 0;
  virtual void ClearingEnded() = 0;
  /// An outcome was stored.
  virtual void AuctionCleared(const AuctionOutcome& outcome) = 0;
  /// How long the oldest due gate closure has been waiting.
  virtual void LagSeen(absl::Duration lag) = 0;
  /// A write was refused because another replica drives the community.
  virtual void WriteRefused() = 0;
};

}  // namespace peerwatt::market
