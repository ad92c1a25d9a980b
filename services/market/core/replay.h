#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/market/core/auction_hash.h"
#include "services/market/core/ports.h"

namespace peerwatt::market {

/// How energy finds its price.
enum class Mechanism { kUniformPrice, kContinuous };

/// Other rules to clear by; what is absent is the auction's own.
struct WhatIf {
  Mechanism mechanism = Mechanism::kUniformPrice;
  std::optional<clearing::TieRule> tie_rule;
  std::optional<NetworkVersion> network;
};

/// What an auction comes to.
struct AuctionFigures {
  Energy energy;
  Money welfare;
  /// Of what was sold, by energy, rounded down; absent when nothing was.
  std::optional<Price> mean_price;
  /// What buyers pay the network beyond its flat fee, each trade rounded half to even.
  Money network_revenue;
  int32_t trade_count = 0;
  bool operator==(const AuctionFigures&) const = default;
};

/// An auction cleared again.
struct ReplayedAuction {
  AuctionKey key;
  AuctionFigures stored;
  AuctionFigures replayed;
  /// Empty when the auction was cleared before hashes were kept.
  std::string stored_sha256;
  /// Empty with other rules.
  std::string replayed_sha256;
  /// Why the other rules cannot clear it, a reason; empty when they can.
  std::string refusal;
};

/// Clears auctions of the past again, from what is stored, and stores nothing.
class Replay {
 public:
  Replay(AuctionStore& auctions, MarketView& view, Sha256Hex sha256)
      : auctions_(auctions), view_(view), sha256_(sha256) {}

  /// One cleared auction. what_if: absent clears by its own rules; then the hash must come out as
  /// it was stored. Errors: those of the database.
  absl::StatusOr<ReplayedAuction> Run(const Auction& auction, const std::optional<WhatIf>& what_if);

 private:
  AuctionStore& auctions_;
  MarketView& view_;
  const Sha256Hex sha256_;
};

/// Orders as they stood in the book: those that clearing filled or let expire are active again.
void Reactivate(std::vector<Order>& orders);

}  // namespace peerwatt::market
