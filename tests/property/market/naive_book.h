#pragma once

#include <cstdint>
#include <vector>

#include "services/market/core/book/values.h"

namespace peerwatt::market::book {

/// One order book as anybody would write it down: a list of orders that is searched from end to
/// end. Shares nothing with the engine but the plain values.
class NaiveBook {
 public:
  NaiveBook(BookNumber number, const BookRules& rules) : number_(number), rules_(rules) {}

  Refusal Apply(const Command& command, std::vector<Event>& events);
  void Close(std::vector<Event>& events);
  BookSnapshot Snapshot() const;
  std::vector<DepthLevel> Depth(Side side, size_t levels_max) const;

 private:
  /// entered: how many orders entered before it.
  struct Entered {
    RestingOrder order;
    uint64_t entered = 0;
  };

  Refusal CheckPlace(const Command& command) const;
  void Enter(RestingOrder incoming, Validity validity, std::vector<Event>& events);
  std::vector<RestingOrder> Sorted(Side side) const;
  std::vector<RestingOrder> Crossing(const RestingOrder& incoming) const;
  RestingOrder* Find(OrderNumber order);
  void Drop(OrderNumber order);
  Event& Say(EventKind kind, const RestingOrder& order, std::vector<Event>& events);

  BookNumber number_;
  BookRules rules_;
  bool is_open_ = true;
  uint64_t sequence_ = 0;
  uint64_t entered_ = 0;
  std::vector<Entered> orders_;
};

/// Whoever follows a book by a snapshot and the events after it.
class Follower {
 public:
  explicit Follower(const BookSnapshot& snapshot) : snapshot_(snapshot) {}

  /// Returns whether the event is the next one and fits what the follower knows.
  bool Follow(const Event& event);

  /// The book as the follower sees it; `energy` of its orders is 0, which events do not tell.
  BookSnapshot View() const;

 private:
  RestingOrder* Find(OrderNumber order);
  bool Take(OrderNumber order, Energy energy);

  BookSnapshot snapshot_;
};

}  // namespace peerwatt::market::book
