#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <pqxx/pqxx>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "services/market/core/controls.h"
#include "services/market/core/ports.h"

namespace peerwatt::market {

/// Places a group of orders of one community within a transaction. Locks, in this order: the
/// community's controls (shared), the auctions by delivery (shared, or alone where an offer
/// counts a capacity).
class OrderGroup {
 public:
  /// orders: not empty, distinct names.
  OrderGroup(pqxx::work& tx, const std::vector<Order>& orders);

  /// As OrderStore::PlaceOrders.
  std::vector<absl::StatusOr<Order>> Place(
      absl::FunctionRef<absl::StatusOr<Money>(size_t, const Placing&)> check);
  /// What the first order would meet.
  absl::StatusOr<Placing> Look();
  /// Whether the market of the community halts, limits and blocks nothing; after the above.
  bool is_plain() const { return is_plain_; }

  /// Reads controls and auctions, and with_rules what PlacingOf tells, for changing books.
  absl::Status ReadForBooks(bool with_rules);
  /// What an order meets, once that was read; of an auction that is there.
  Placing PlacingOf(const Order& order) const;
  /// The auctions of the orders; after any of the above.
  const std::map<absl::Time, Auction>& auctions() const { return auctions_; }
  bool halted() const { return controls_.halted; }

 private:
  using OrderName = std::pair<absl::Time, OrderId>;
  /// What tells preferences apart: delivery, side, premium, text.
  using PreferenceName = std::tuple<absl::Time, Side, Price, std::string>;
  static PreferenceName PreferenceOf(const Order& order);

  void ReadControls();
  void ReadAuctions(bool alone);
  absl::Status ReadNetworks();
  /// The preferences of the orders' auctions, when some order prefers something.
  void ReadPreferences();
  void AddPreferences(const std::vector<Order>& added);
  void ReadOffered();
  void ReadOpenOrders();
  /// The orders of these numbers that are kept already.
  std::map<OrderName, Order> ReadKept(const std::vector<size_t>& numbers);
  /// Counts an order for those that come after it.
  void Count(const Order& order);

  pqxx::work& tx_;
  const CommunityId& community_;
  const std::vector<Order>& orders_;
  Controls controls_;
  bool is_plain_ = false;
  std::set<ParticipantId> killed_;
  std::map<absl::Time, Auction> auctions_;
  /// Those that orders which prefer something need.
  std::map<NetworkId, std::shared_ptr<const NetworkVersion>> networks_;
  std::map<absl::Time, PreferenceLoad> loads_;
  std::set<PreferenceName> known_preferences_;
  std::map<std::pair<absl::Time, GridConnectionId>, Energy> offered_;
  std::map<std::pair<absl::Time, ParticipantId>, int32_t> open_orders_;
};

}  // namespace peerwatt::market
