#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libs/postgres/pool.h"
#include "services/market/core/ports.h"
#include "services/market/storage/community_leases.h"
#include "services/market/storage/just_placed.h"
#include "services/market/storage/plain_orders.h"

namespace peerwatt::market {

/// The auctions in PostgreSQL. What standing orders placed at the last gate closure stays in memory
/// until the auction is cleared, so that OrdersOf need not read it. Safe for many threads.
class PostgresAuctionStore final : public AuctionStore {
 public:
  /// leases: every write checks them, with LEASE_LOST as its error; null where one process alone
  /// drives all communities.
  explicit PostgresAuctionStore(postgres::Pool& pool,
                                const PostgresCommunityLeases* leases = nullptr)
      : pool_(pool), leases_(leases) {}

  absl::Status OpenAuctions(const std::vector<Auction>& auctions,
                            const std::vector<NetworkVersion>& networks) override;
  absl::StatusOr<std::optional<absl::Time>> LastDeliveryEnd(const CommunityId& community) override;
  absl::StatusOr<std::optional<Auction>> FirstUnfinished(const CommunityId& community) override;
  absl::StatusOr<std::vector<StandingOrder>> ActiveStandingOrders(
      const CommunityId& community, absl::Time at) override;
  absl::StatusOr<std::vector<Contract>> ActiveContracts(const AuctionKey& key) override;
  absl::StatusOr<bool> CloseAuction(const AuctionKey& key, const DayBudgets& budgets,
                                    absl::FunctionRef<Placed(const Closing&)> place) override;
  absl::StatusOr<bool> IsHalted(const AuctionKey& key) override;
  absl::StatusOr<std::vector<Order>> OrdersOf(const AuctionKey& key) override;
  absl::StatusOr<std::vector<Trade>> TradesOf(const AuctionKey& key) override;
  absl::StatusOr<bool> ClearAuction(const AuctionOutcome& outcome) override;
  absl::Status MarkHoldsReduced(const AuctionKey& key) override;
  absl::StatusOr<NetworkVersion> GetNetwork(const CommunityId& community,
                                            const NetworkId& id) override;

 private:
  /// Reads the orders of an auction but those that are remembered, and adds these. Returns nothing
  /// when the auction is no longer closed or has others: then all are to be read.
  absl::StatusOr<std::optional<std::vector<Order>>> ReadOthers(const AuctionKey& key);
  /// Runs one transaction that only the holder of the community's lease may make.
  absl::Status RunAsHolder(const CommunityId& community,
                           absl::FunctionRef<absl::Status(pqxx::work&)> body);

  postgres::Pool& pool_;
  const PostgresCommunityLeases* leases_;
  JustPlaced just_placed_;
};

/// The order book in PostgreSQL.
class PostgresOrderStore final : public OrderStore {
 public:
  explicit PostgresOrderStore(postgres::Pool& pool) : pool_(pool), plain_(pool) {}

  absl::StatusOr<std::vector<absl::StatusOr<Order>>> PlaceOrders(
      const std::vector<Order>& orders,
      absl::FunctionRef<absl::StatusOr<Money>(size_t, const Placing&)> check) override;
  absl::StatusOr<Placing> LookAt(const Order& order) override;
  absl::StatusOr<std::vector<Order>> ResolveOrders(
      std::vector<Order> orders, const std::vector<std::string>& reasons) override;
  absl::StatusOr<std::vector<Order>> PendingBefore(const CommunityId& community,
                                                   absl::Time before, int32_t limit) override;
  absl::StatusOr<Order> CancelOrder(
      const AuctionKey& key, const OrderId& id,
      absl::FunctionRef<absl::Status(const Auction&, const Order&)> check) override;
  absl::StatusOr<Order> GetOrder(const AuctionKey& key, const OrderId& id) override;
  absl::StatusOr<StandingOrder> CreateStandingOrder(const StandingOrder& order) override;
  absl::StatusOr<StandingOrder> ChangeStandingOrder(
      const CommunityId& community, const ParticipantId& participant, const StandingOrderId& id,
      absl::Time now,
      absl::FunctionRef<absl::StatusOr<StandingOrder>(const StandingOrder&)> change) override;
  absl::StatusOr<StandingOrder> CancelStandingOrder(const CommunityId& community,
                                                    const ParticipantId& participant,
                                                    const StandingOrderId& id,
                                                    absl::Time now) override;

 private:
  postgres::Pool& pool_;
  PlainOrders plain_;
};

/// What callers look at, from PostgreSQL.
class PostgresMarketView final : public MarketView {
 public:
  explicit PostgresMarketView(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<Auction> GetAuction(const AuctionKey& key) override;
  absl::StatusOr<ClearingRecord> GetClearing(const AuctionKey& key) override;
  absl::StatusOr<std::vector<Auction>> ListAuctions(const CommunityId& community, Interval span,
                                                    int32_t limit) override;
  absl::StatusOr<std::vector<Order>> ListOrders(const AuctionKey& key, const ParticipantId& owner,
                                                const ListSpan& span) override;
  absl::StatusOr<std::vector<Trade>> ListTrades(const AuctionKey& key, const ParticipantId& owner,
                                                int32_t after_number, int32_t limit) override;
  absl::StatusOr<StandingOrder> GetStandingOrder(const CommunityId& community,
                                                 const ParticipantId& participant,
                                                 const StandingOrderId& id) override;
  absl::StatusOr<std::vector<StandingOrder>> ListStandingOrders(const CommunityId& community,
                                                                const ParticipantId& participant,
                                                                const ListSpan& span) override;
  absl::StatusOr<Progress> GetProgress(const CommunityId& community) override;
  absl::StatusOr<std::vector<Outcome>> ListOutcomes(const CommunityId& community,
                                                    Interval span) override;

 private:
  postgres::Pool& pool_;
};

/// Adds orders of one community in the transaction given: one statement. Returns how many were
/// added; one of the same name stays as it is.
size_t InsertOrders(pqxx::work& tx, const CommunityId& community,
                    const std::vector<Order>& orders);

/// The limits of a community, in the order of their versions.
std::vector<LimitsVersion> ReadLimits(pqxx::work& tx, const CommunityId& community);

/// What the standing orders meet in an auction that closes, or at a step of their ramps; quotes are
/// withdrawn by then.
Closing ReadClosing(pqxx::work& tx, const AuctionKey& key, const DayBudgets& budgets, bool halted);

}  // namespace peerwatt::market
