#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "services/market/core/clearing/book.h"

namespace peerwatt::market::clearing {

/// What a partner must be, all of it. Empty lists ask for nothing.
struct Condition {
  /// One bit per type of energy; only what offers sell has a type.
  uint32_t types = ~uint32_t{0};
  std::vector<uint32_t> zones;
  /// Owners it may be.
  std::vector<uint32_t> partners;
  /// Owners it must not be.
  std::vector<uint32_t> excluded;
};

/// What an order requires and what it would pay more for.
struct Preference {
  /// One of these must hold; empty when the order trades with anybody.
  std::vector<Condition> any_of;
  /// Micro-units per kWh that a bid adds to its limit for energy of these types, or, if it is to be
  /// local, from its own zone. Both when both are asked for.
  int32_t premium = 0;
  uint32_t premium_types = 0;
  bool premium_local = false;
};

/// An order with its preference.
struct Request {
  Entry entry;
  uint32_t zone = 0;
  /// Type of the energy offered, 0 to 31.
  uint8_t type = 0;
  /// Position in the list of preferences.
  uint32_t preference = 0;
};

/// Energy that one offer sells to one bid.
struct Deal {
  uint32_t bid = 0;
  uint32_t offer = 0;
  Energy energy;
  /// What the seller gets; the buyer pays it and the fee.
  int64_t price = 0;
  int64_t fee = 0;
};

/// The outcome of an auction with preferences.
struct PreferenceOutcome {
  /// Of the classes: see `classes`. Its welfare counts premiums that were met.
  Outcome outcome;
  std::vector<Deal> deals;
  /// Energy of orders that require something, and what of it is traded: always as required.
  Energy requiring;
  Energy requiring_traded;
  /// Energy traded by bids that offer a premium, and what of it met the premium's wish.
  Energy premium_traded;
  Energy premium_met;
  /// The problem that was solved, for the checker: orders that can trade with the same partners on
  /// the same terms form a class; an edge joins two classes that can trade with each other. Bids
  /// and fees are raised by the same amount, so that no fee less premium is negative.
  std::vector<Entry> class_book;
  std::vector<uint32_t> classes;
  Network class_network;
};

/// Clears a book subject to what its orders require: no trade breaks it, nobody trades with
/// himself, and no outcome that keeps to it has more welfare. Prices are those of the offers'
/// classes.
/// Minimum-cost flow over c classes and e edges between them, O(a (c + e) log c) for a
/// augmentations (see SolveGraph); c is at most the number of different zones, types, preferences
/// and owners that matter to somebody. Ties go by class, then by the tie rule.
/// network: lines without capacities; with them the problem is another (several goods).
/// Errors: BOOK_INVALID, NETWORK_INVALID, PREFERENCES_INVALID (kInvalidArgument): a premium below 0
/// or that lifts a limit above kPriceMax, an unknown preference or type, a line with a capacity.
absl::StatusOr<PreferenceOutcome> ClearWithPreferences(std::span<const Request> requests,
                                                       std::span<const Preference> preferences,
                                                       const Network& network, TieRule tie_rule);

}  // namespace peerwatt::market::clearing
