#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "libs/postgres/pool.h"
#include "services/market/core/ports.h"

namespace peerwatt::market {

/// Places groups of orders that meet nothing but their auctions, as nearly all do: bids without
/// preferences into open auctions of a market without halt, limits and kill switches. What the
/// market is like is remembered from the last look at it, and one statement adds the orders only
/// if it is still so. Safe for many threads.
class PlainOrders {
 public:
  explicit PlainOrders(postgres::Pool& pool) : pool_(pool) {}

  /// As OrderStore::PlaceOrders, but all orders or none: nothing when the group is another, when
  /// `check` refuses one, or when the market has changed. Then the group needs a look.
  absl::StatusOr<std::optional<std::vector<absl::StatusOr<Order>>>> Place(
      const std::vector<Order>& orders,
      absl::FunctionRef<absl::StatusOr<Money>(size_t, const Placing&)> check);

  /// Makes pending orders of one community active where they were put, in one statement, and does
  /// not wait until that is durable. Returns whether it found all of them pending there.
  absl::StatusOr<bool> Activate(const std::vector<Order>& orders);

  /// Remembers what a look at a community and some of its auctions saw.
  void Learn(const CommunityId& community, bool is_plain,
             const std::map<absl::Time, Auction>& auctions);

 private:
  /// What orders for an auction meet.
  using Known = std::map<absl::Time, std::shared_ptr<const Placing>>;

  /// What these orders meet by auction, or nothing when that is not known.
  std::optional<Known> Find(const std::vector<Order>& orders);

  postgres::Pool& pool_;
  std::mutex mutex_;
  std::map<CommunityId, Known> known_;
};

}  // namespace peerwatt::market
