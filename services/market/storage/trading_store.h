#pragma once

#include <pqxx/pqxx>

#include "libs/postgres/pool.h"
#include "services/market/core/trading/ports.h"

namespace peerwatt::market {

/// The order books in PostgreSQL. Locks, in this order: the community's controls (shared), the
/// auctions by delivery (shared, or alone with rules), the books by delivery (alone).
class PostgresTradingStore final : public TradingStore {
 public:
  explicit PostgresTradingStore(postgres::Pool& pool) : pool_(pool) {}
  absl::Status Change(
      const std::vector<Order>& orders, bool with_rules,
      absl::FunctionRef<absl::StatusOr<std::vector<BookWrites>>(BookAccess&)> decide) override;

 private:
  postgres::Pool& pool_;
};

/// The order books as they are looked at, from PostgreSQL.
class PostgresTradingView final : public TradingView {
 public:
  explicit PostgresTradingView(postgres::Pool& pool) : pool_(pool) {}
  absl::StatusOr<BookDepth> GetDepth(const AuctionKey& key, int32_t levels_max) override;
  absl::StatusOr<BookOrders> GetOrders(const AuctionKey& key) override;
  absl::StatusOr<BookNews> ListEvents(const AuctionKey& key, int64_t after,
                                      int32_t limit) override;

 private:
  postgres::Pool& pool_;
};

/// Writes down that orders left their books which were cancelled without a command, in the
/// transaction given.
/// cancelled: what kCancelOrdersOf returns.
void LeaveBooks(pqxx::work& tx, const CommunityId& community, const pqxx::result& cancelled,
                absl::Time time);

}  // namespace peerwatt::market
