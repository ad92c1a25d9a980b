#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "services/market/core/model.h"

namespace peerwatt::market {

/// Remembers the orders that a process has just added to one auction. It is a copy of what is
/// stored, and whoever uses it looks whether it still is. Safe for many threads.
class JustPlaced {
 public:
  /// Remembers these and forgets those before; none: forgets.
  void Keep(const AuctionKey& key, std::vector<Order> orders);
  /// What is remembered of an auction, by time and id; null when nothing is.
  std::shared_ptr<const std::vector<Order>> Of(const AuctionKey& key) const;

 private:
  mutable std::mutex mutex_;
  AuctionKey key_;
  std::shared_ptr<const std::vector<Order>> orders_;
};

/// The order in which the orders of an auction are listed.
bool ByTimeAndId(const Order& a, const Order& b);

}  // namespace peerwatt::market
