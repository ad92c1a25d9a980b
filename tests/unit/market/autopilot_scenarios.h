#pragma once

#include <string>
#include <vector>

#include "services/market/core/autopilot/sizing.h"

namespace peerwatt::market {

/// A standing order at one delivery, as a market expert would tell it, and what it orders.
struct SizingScenario {
  const char* name;
  /// Apart by semicolons. What its owner set: `bid 0.30` or `bid 0.10..0.30` for a ramp, `bid share
  /// 50%`, `bid reserve 100`, `premium 0.02`, the same of `offer`, `calendar …`, `paused`. What it
  /// meets: `surplus 500`, `shortfall 500`, `no forecast`, `at 2026-07-06T12:00` (in Berlin), `step
  /// 3` of the ramp (else gate closure), `bought 100`, `sold 100`, `offered 100`, `draws 2000`,
  /// `feeds 1000`, `fee 0.05`, `left 0.10` of the day's cost, `prices 0.00..0.25`, `sizes 50..200`,
  /// `preference unclear`. Energy in Wh, prices per kWh.
  const char* story;
  /// `bid 400 at 0.30 costs 0.12`, or why nothing: the reason's name.
  const char* orders;
};

/// A scenario's standing order and what it meets.
struct SizingCase {
  StandingOrder order;
  AutopilotCalendar calendar;
  SizingFacts facts;
};

/// Reads a story. Stops the process when it cannot.
SizingCase SizingCaseOf(const std::string& story);

/// Tells an order as a scenario does.
std::string Told(const Sizing& sizing);

/// The name of a reason on the wire.
const char* NameOf(SizingReason reason);

/// For each rule what it does and what just misses it.
const std::vector<SizingScenario>& SizingScenarios();

/// What a scenario's standing order orders.
std::string Told(const SizingScenario& scenario);

/// Europe/Berlin.
absl::TimeZone Berlin();

}  // namespace peerwatt::market
