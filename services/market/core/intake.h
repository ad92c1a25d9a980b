#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "services/market/core/clearing/book.h"
#include "services/market/core/model.h"
#include "services/market/core/network.h"

namespace peerwatt::market {

/// A book in numbers, in order of time.
struct Intake {
  /// Position of each order in the orders given.
  std::vector<uint32_t> positions;
  std::vector<clearing::Entry> book;
  /// Zone of each order; empty when the network has one zone.
  std::vector<uint32_t> zones;
  /// The first asks for nothing; others are those of orders, each once.
  std::vector<clearing::Preference> preferences;
  /// Preference and account of each order, and what its energy is made from; empty when nobody has
  /// a preference.
  std::vector<uint32_t> preference_of;
  std::vector<uint32_t> accounts;
  std::vector<uint8_t> types;

  uint32_t ZoneOf(uint32_t order) const { return zones.empty() ? 0 : zones[order]; }
  bool HasPreferences() const { return preferences.size() > 1; }
  /// The orders with their preferences; only when somebody has one.
  std::vector<clearing::Request> Requests() const;
};

/// Positions of the active orders in order of time, then id: the book. Orders of contracts have
/// their partners and are not in it.
std::vector<uint32_t> BookOf(std::span<const Order> orders);

/// Turns the names of active orders into numbers, each name looked up once. Beneficial owners, and
/// the participants through whom they trade, are numbered as they come; a zone that the network
/// does not have is its first.
/// Errors: BOOK_INVALID for limits out of range, PREFERENCES_INVALID for text that is none.
absl::StatusOr<Intake> TakeIn(std::span<const Order> orders, const NetworkVersion& network);

}  // namespace peerwatt::market
