#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "services/market/core/clearing/book.h"

// Random books of named orders whose owners hold several accounts, cleared as the service does.
namespace peerwatt::market {

/// What is cleared.
enum class OwnerBookKind {
  kOneZone,
  kTree,         ///< Of 20 zones, with fees, half of the lines with capacities.
  kPreferences,  ///< Over three zones; for small books, as every owner is a class of his own.
};

/// One book and how it is cleared.
struct OwnerBook {
  OwnerBookKind kind = OwnerBookKind::kOneZone;
  size_t orders = 1'000;
  /// Per cent of the orders that one owner places, by all of his accounts.
  int64_t whale_share = 30;
  clearing::Rules rules;
  /// Whether it is known who stands behind an account. If not, each stands for itself.
  bool owners_are_known = true;
};

/// What clearing made of a book, judged by the owners that the book was drawn with.
struct OwnerFigures {
  int64_t trades = 0;
  int64_t traded_wh = 0;
  int64_t self_trades = 0;
  int64_t withdrawn_wh = 0;
  /// Why the book was refused; empty when it was cleared.
  std::string refusal;
};

/// Draws a book and clears it. The same seed draws the same book whatever the rules, and whether
/// or not owners are known.
OwnerFigures ClearOwnerBook(uint64_t seed, const OwnerBook& asked);

/// Clears books of every kind, mode and tie rule. Returns what is wrong with the first bad one:
/// somebody trades with himself, or the book is refused.
std::string FirstOwnerFault(uint64_t seed, int books);

}  // namespace peerwatt::market
