#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace peerwatt::market {

/// Who comes one after the other, and what rests and has traded then; words as TradingWorld reads
/// them.
struct TradingScenario {
  const char* name;
  /// A step, and what is answered: state and energy traded so far, or why it is refused.
  std::vector<std::pair<const char*, const char*>> steps;
  const char* rests;
  const char* trades;
  /// What is held at the end, in micro-units.
  std::vector<std::pair<const char*, int64_t>> held = {};
};

inline void PrintTo(const TradingScenario& scenario, std::ostream* out) { *out << scenario.name; }

/// A table per rule.
const std::vector<TradingScenario>& TradingScenarios();

/// What is not as the table says first, or "".
std::string FaultOf(const TradingScenario& scenario);

}  // namespace peerwatt::market
