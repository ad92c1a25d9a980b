#include "services/market/storage/just_placed.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

namespace peerwatt::market {
namespace {

std::vector<Order> InOrder(std::vector<Order> orders) {
  if (std::is_sorted(orders.begin(), orders.end(), ByTimeAndId)) {
    return orders;
  }
  // Positions move, not orders, which are large.
  std::vector<size_t> positions(orders.size());
  std::iota(positions.begin(), positions.end(), size_t{0});
  std::sort(positions.begin(), positions.end(),
            [&](size_t a, size_t b) { return ByTimeAndId(orders[a], orders[b]); });
  std::vector<Order> sorted;
  sorted.reserve(orders.size());
  for (const size_t position : positions) {
    sorted.push_back(std::move(orders[position]));
  }
  return sorted;
}

}  // namespace

bool ByTimeAndId(const Order& a, const Order& b) {
  return std::tie(a.create_time, a.id.value()) < std::tie(b.create_time, b.id.value());
}

void JustPlaced::Keep(const AuctionKey& key, std::vector<Order> orders) {
  std::shared_ptr<const std::vector<Order>> kept;
  if (!orders.empty()) {
    kept = std::make_shared<const std::vector<Order>>(InOrder(std::move(orders)));
  }
  const std::lock_guard lock(mutex_);
  key_ = key;
  orders_ = std::move(kept);
}

std::shared_ptr<const std::vector<Order>> JustPlaced::Of(const AuctionKey& key) const {
  const std::lock_guard lock(mutex_);
  return key_ == key ? orders_ : nullptr;
}

}  // namespace peerwatt::market
