#pragma once

#include <cstdint>
#include <string>

namespace peerwatt::market::book {

/// What was tried until the first fault.
struct Trial {
  /// What is wrong first, or "".
  std::string fault;
  int64_t commands = 0;
  int64_t trades = 0;
  int64_t refused = 0;
  /// Most orders that rested in one book.
  int64_t resting_max = 0;
};

/// Sends random commands to engines and holds each of them against naive books: refusals, events
/// with their sequence numbers, snapshots, depth, a follower who applies the events to an earlier
/// snapshot, a second engine that started from a snapshot, and gate closure; and that no two orders
/// of different owners are left crossing.
/// courses: how often to start anew with other rules. commands: in each course, on three books.
Trial TryBooks(uint64_t seed, int courses, int commands);

}  // namespace peerwatt::market::book
