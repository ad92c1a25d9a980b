#pragma once

#include <optional>

#include "peerwatt/market/v1/clearing.grpc.pb.h"
#include "services/market/core/ports.h"
#include "services/market/core/replay.h"
#include "services/market/core/runner.h"

namespace peerwatt::market {

/// Shows how auctions were cleared, and clears them again.
class ClearingService final : public peerwatt::market::v1::Clearings::Service {
 public:
  ClearingService(RulesBook& rules, AuctionStore& auctions, MarketView& view, Replay& replay)
      : rules_(rules), auctions_(auctions), view_(view), replay_(replay) {}

  grpc::Status GetClearing(grpc::ServerContext* context, const v1::GetClearingRequest* request,
                           v1::Clearing* response) override;
  grpc::Status ReplayAuctions(grpc::ServerContext* context,
                              const v1::ReplayAuctionsRequest* request,
                              v1::ReplayAuctionsResponse* response) override;

 private:
  /// Reads the rules of a request; absent: those of each auction.
  absl::StatusOr<std::optional<WhatIf>> WhatIfOf(const v1::ReplayAuctionsRequest& request,
                                                 const CommunityRules& rules);

  RulesBook& rules_;
  AuctionStore& auctions_;
  MarketView& view_;
  Replay& replay_;
};

}  // namespace peerwatt::market
