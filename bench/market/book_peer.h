#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "services/market/core/book/values.h"

namespace peerwatt::market::book {

/// What a stream of commands came to; the same for everyone who matches by price and time.
struct StreamOutcome {
  int64_t trades = 0;
  int64_t traded_wh = 0;
  int64_t cancelled = 0;

  bool operator==(const StreamOutcome&) const = default;
};

/// Another matching engine that carries out the same commands.
class BookPeer {
 public:
  virtual ~BookPeer() = default;
  /// Carries out placements and cancellations; prices are positive, owners differ.
  virtual StreamOutcome Run(const std::vector<Command>& commands) = 0;
};

/// The name of the peer that this program was built with.
const char* PeerName();
/// A peer with this many empty books.
std::unique_ptr<BookPeer> MakePeer(uint32_t books);

}  // namespace peerwatt::market::book
