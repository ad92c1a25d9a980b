#pragma once

#include <cstdint>
#include <string>

namespace peerwatt::market {

/// What was tried until the first fault.
struct TradingTrial {
  /// What is wrong first, or "".
  std::string fault;
  int64_t commands = 0;
  int64_t events = 0;
  int64_t trades = 0;
  /// Transactions that failed, or of which nobody was told that they did not.
  int64_t failures = 0;
};

/// Sends random commands by four threads to two instances of the service over one database, whose
/// transactions fail now and then, before or after they are kept; a kill switch is set in between.
/// Then holds what is kept against a naive book that carries out the commands in the order of the
/// events, a follower of the events, and somebody who began to follow in the middle; at last
/// closes the gate and looks for orders, trades and holds that should not be there.
/// commands: of each thread.
TradingTrial TryTrading(uint64_t seed, int commands);

}  // namespace peerwatt::market
