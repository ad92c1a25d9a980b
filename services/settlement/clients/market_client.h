#pragma once

#include <memory>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "peerwatt/market/v1/market.grpc.pb.h"
#include "services/settlement/core/peers.h"

namespace peerwatt::settlement {

/// Asks the market over gRPC.
class MarketClient final : public MarketPort {
 public:
  explicit MarketClient(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(market::v1::MarketInternal::NewStub(channel)) {}

  absl::StatusOr<std::vector<AuctionOutcome>> ListOutcomes(const CommunityId& community,
                                                           Interval span) override;

 private:
  std::unique_ptr<market::v1::MarketInternal::Stub> stub_;
};

}  // namespace peerwatt::settlement
