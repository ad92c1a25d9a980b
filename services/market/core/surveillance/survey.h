#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/interval.h"
#include "libs/domain/quantities.h"
#include "services/market/core/model.h"

namespace peerwatt::market {

/// What surveillance looks for. Rules and defaults: docs/surveillance.md.
enum class SurveillanceRule { kOwnTrade, kReturnTrade, kRing, kLayering, kConcentration };

/// All rules, in the order in which a survey reports them.
inline constexpr SurveillanceRule kSurveillanceRules[] = {
    SurveillanceRule::kOwnTrade, SurveillanceRule::kReturnTrade, SurveillanceRule::kRing,
    SurveillanceRule::kLayering, SurveillanceRule::kConcentration};

/// `OWN_TRADE`, `RETURN_TRADE`, `RING`, `LAYERING`, `CONCENTRATION`.
absl::string_view RuleName(SurveillanceRule rule);

/// A trade, as a survey sees it.
struct SurveyedTrade {
  Interval delivery;
  int32_t number = 0;
  ParticipantId buyer;
  ParticipantId seller;
  Energy energy;
};

/// An order that was in the book, as a survey sees it.
struct SurveyedOrder {
  Interval delivery;
  OrderId id;
  Side side = Side::kBid;
  ParticipantId participant;
  Energy energy;
  /// Taken back by its owner before gate closure.
  bool withdrawn = false;
};

/// One UTC day of a community, all of its auctions final. Any order of trades and orders.
struct SurveyInput {
  Interval day;
  std::vector<SurveyedTrade> trades;
  std::vector<SurveyedOrder> orders;
  /// Who stands behind a participant; those who are absent stand for themselves.
  std::map<ParticipantId, ParticipantId> owners;
};

/// From when on something is a finding. A value at the threshold is one.
struct SurveyThresholds {
  /// Energy that one owner sells to himself in the day.
  Energy own_trade_energy_min = Energy::WattHours(1);
  /// Deliveries whose starts fall into one such span since 1970 are looked at together.
  absl::Duration window = absl::Hours(1);
  /// Energy that comes back to its seller within a window: the smaller of both directions.
  Energy return_energy_min = Energy::WattHours(1'000);
  /// Energy that goes all the way round a ring within a window.
  Energy ring_energy_min = Energy::WattHours(1'000);
  int32_t ring_owners_max = 5;
  /// Flows between two owners that the search for rings may look at in a day.
  int64_t ring_steps_max = 20'000'000;
  /// Withdrawn orders of one owner and side in one delivery.
  int32_t layering_orders_min = 5;
  /// Their part of the energy that he ordered there.
  int64_t layering_withdrawn_ppm_min = 900'000;
  /// Their energy as a multiple of what he traded on the other side.
  int64_t layering_multiple_min = 3;
  /// One owner's part of what is sold, or bought, in the day.
  int64_t concentration_ppm_min = 400'000;
  /// Owners on that side, below which a market is too small to judge.
  int32_t concentration_owners_min = 5;
  /// Trades and orders that a finding names at most.
  int32_t references_max = 20;
  int32_t findings_max = 10'000;
};

/// The thresholds in one line, `name=value` apart by spaces; energies in Wh, times in seconds.
std::string Describe(const SurveyThresholds& thresholds);

/// Something that an operator or a regulator should look at.
struct Finding {
  SurveillanceRule rule = SurveillanceRule::kOwnTrade;
  /// From the start of the first to the end of the last delivery concerned.
  Interval deliveries;
  /// Kept for layering (of the withdrawn orders) and concentration (an offer sells).
  std::optional<Side> side;
  /// Beneficial owners: of a ring in the order of selling, otherwise ascending.
  std::vector<ParticipantId> owners;
  /// Participants through which they traded, ascending.
  std::vector<ParticipantId> participants;
  Energy energy;
  /// OWN_TRADE: trades. RETURN_TRADE, RING: the energy as ppm of the largest flow. LAYERING:
  /// withdrawn orders. CONCENTRATION: ppm of the side.
  int64_t measure = 0;
  /// The first trades or orders concerned, `auctions/{auction}/trades/{trade}`.
  std::vector<std::string> references;
  /// How many there are in all.
  int64_t reference_count = 0;
  bool operator==(const Finding&) const = default;
};

/// What a survey of a day says.
struct SurveyResult {
  /// By rule, then by time and owners.
  std::vector<Finding> findings;
  /// False when a bound on work or findings was reached: there may be more.
  bool complete = true;
};

/// Looks a day of a community over for abuse. The same day has the same result whatever the order
/// of its trades and orders. Pure; time n log n in trades and orders, and the bounded search for
/// rings.
SurveyResult Survey(const SurveyInput& input, const SurveyThresholds& thresholds);

}  // namespace peerwatt::market
