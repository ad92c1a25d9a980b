#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "services/market/core/book/matching_engine.h"
#include "services/market/core/trading/ports.h"

namespace peerwatt::market {

/// The book of one auction in memory: a copy of what is kept, which matches commands and says what
/// has to be kept then. For one thread.
class LiveBook {
 public:
  /// rests: all that rests, in the order in which it took its places.
  LiveBook(const BookHead& head, std::vector<Order> rests);

  /// Takes over what others did since: `changed` are the orders as they are now.
  void CatchUp(const BookHead& head, std::vector<Order> changed);

  /// The last event that is part of it.
  int64_t last_event() const { return last_event_; }
  absl::Time gate_closure() const { return auction_.gate_closure; }

  /// A pending order comes in. Errors: BOOK_FULL, which changes nothing.
  absl::Status Enter(Order order, absl::Time now, BookWrites& writes);
  /// An order that rests gets another energy, which what it traded is part of, and limit. One that
  /// has traded as much ends; its energy is what it has traded then.
  void Amend(const Order& resting, Energy energy, Price limit, absl::Time now, BookWrites& writes);
  /// An order that rests leaves.
  void Cancel(const Order& resting, absl::Time now, BookWrites& writes);

 private:
  void Reopen(std::vector<Order> rests);
  book::OwnerNumber NumberOf(const Order& order);
  book::Command CommandOn(const Order& resting, book::CommandKind kind);
  /// Carries a command out and writes down what came of it.
  book::Refusal Apply(const book::Command& command, absl::Time now, BookWrites& writes);
  void Record(const book::Event& event, absl::Time now, BookWrites& writes);
  void RecordTrade(const book::Event& event, BookEvent& recorded, BookWrites& writes);
  /// Ends an order when nothing of it is open.
  void EndIfFilled(Order& order);

  Auction auction_;
  int64_t last_event_ = 0;
  int32_t trade_count_ = 0;
  book::MatchingEngine engine_;
  book::BookNumber number_{};
  /// What rests, and within a command what ends with it.
  absl::flat_hash_map<int64_t, Order> orders_;
  absl::flat_hash_map<std::string, uint32_t> owners_;
};

}  // namespace peerwatt::market
