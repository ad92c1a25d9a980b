#pragma once

#include <span>
#include <string>

#include "absl/strings/string_view.h"
#include "services/market/core/network.h"
#include "services/market/core/ports.h"

namespace peerwatt::market {

/// SHA-256 as 64 lower-case hexadecimal digits.
using Sha256Hex = std::string (*)(absl::string_view bytes);

/// The bytes that stand for an auction: its rules, its book in order of time, its outcome. Numbers
/// are eight bytes, the most significant first; texts are their length and their bytes. The fields
/// and their order: docs/clearing.md.
/// orders: all of the auction; only active ones count. outcome: of DecideOutcome for them.
std::string CanonicalBytes(const Auction& auction, const NetworkVersion& network,
                           std::span<const Order> orders, const AuctionOutcome& outcome);

}  // namespace peerwatt::market
