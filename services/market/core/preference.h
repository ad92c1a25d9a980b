#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/market/core/network.h"

namespace peerwatt::market {

/// One bit per EnergySource, the lowest for kUnknown.
using EnergySources = uint32_t;

/// What a partner must be, all of it. Empty lists, and 0, ask for nothing.
struct Requirement {
  EnergySources sources = 0;
  std::vector<ZoneId> zones;
  std::vector<ParticipantId> partners;
  std::vector<ParticipantId> excluded;
  bool operator==(const Requirement&) const = default;
};

/// What an order requires, and what a bid's premium is for.
struct OrderPreference {
  /// One of these must hold; empty when the order trades with anybody.
  std::vector<Requirement> any_of;
  EnergySources premium_sources = 0;
  bool premium_local = false;
  bool operator==(const OrderPreference&) const = default;
};

/// Most requirements of an order, and most values of each of their lists.
inline constexpr size_t kRequirementsMax = 8;
inline constexpr size_t kRequirementValuesMax = 32;

/// The one text of a preference, empty for none: requirements separated by ` or `, each a list of
/// `sources=`, `zones=`, `partners=` and `except=` with sorted values; then `; premium` with
/// `sources=` and `local`. Such as `sources=solar,wind zones=south; premium local`.
std::string FormatPreference(const OrderPreference& preference);
/// Reads what FormatPreference wrote. Errors: PREFERENCES_INVALID.
absl::StatusOr<OrderPreference> ParsePreference(absl::string_view text);

/// What the different preferences in an auction come to. Two are the same when their orders are on
/// one side and have the same text and premium. Orders that ended count too.
struct PreferenceLoad {
  int64_t offers = 0;
  int64_t bids = 0;
  /// Those of bids that name zones or partners.
  int64_t naming_bids = 0;
  /// Zones and partners named, each as often as it is.
  int64_t names = 0;
  bool operator==(const PreferenceLoad&) const = default;
};
inline constexpr int64_t kPreferencesMax = 1'000;
inline constexpr int64_t kPreferenceLoadMax = 100'000;

/// Zones and partners that a preference names.
int64_t NamesIn(const OrderPreference& preference);
/// A load and what one more preference, of an order of this side, adds to it.
PreferenceLoad Added(PreferenceLoad load, Side side, int64_t names);
/// Whether an auction over so many zones can be cleared with these preferences in little time: at
/// most kPreferencesMax of them, and (zones + names + 1) · ((offers + 1) · (naming_bids + 1) +
/// offers · bids), which bounds the graph of clearing but for a factor, at most kPreferenceLoadMax.
bool Fits(const PreferenceLoad& load, size_t zones);
/// Whether a new preference still fits what is there already.
/// order: as CheckPreference lets pass. Errors: PREFERENCES_UNSUPPORTED.
absl::Status CheckLoad(const Order& order, const PreferenceLoad& load,
                       const NetworkVersion& network);

/// Whether clearing can honour what an order prefers.
/// Errors: PREFERENCES_INVALID (kInvalidArgument): too many values, sources required by an offer,
/// a zone that the network does not have, a premium that is negative, of an offer, for nothing, or
/// that lifts the limit above kPriceMax, a wish without a premium. PREFERENCES_UNSUPPORTED
/// (kFailedPrecondition): the network has more than 1,000 zones.
absl::Status CheckPreference(const Order& order, const NetworkVersion& network);

}  // namespace peerwatt::market
