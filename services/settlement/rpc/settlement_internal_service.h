#pragma once

#include "peerwatt/settlement/v1/settlement.grpc.pb.h"
#include "services/settlement/core/ledgers.h"
#include "services/settlement/core/stores.h"

namespace peerwatt::settlement {

/// What settlement offers to the market.
class SettlementInternalService final : public v1::SettlementInternal::Service {
 public:
  SettlementInternalService(HoldStore& holds, Ledgers& ledgers)
      : holds_(holds), ledgers_(ledgers) {}

  grpc::Status BatchCreateHolds(grpc::ServerContext* context,
                                const v1::BatchCreateHoldsRequest* request,
                                v1::BatchCreateHoldsResponse* response) override;
  grpc::Status BatchReduceHolds(grpc::ServerContext* context,
                                const v1::BatchReduceHoldsRequest* request,
                                v1::BatchReduceHoldsResponse* response) override;

 private:
  HoldStore& holds_;
  Ledgers& ledgers_;
};

}  // namespace peerwatt::settlement
