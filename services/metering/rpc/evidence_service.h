#pragma once

#include <grpcpp/grpcpp.h>

#include "peerwatt/metering/v1/evidence.grpc.pb.h"
#include "services/metering/core/evidence/ports.h"

namespace peerwatt::metering {

/// Gives out what devices and charge points signed.
class EvidenceService final : public v1::Evidence::Service {
 public:
  /// The store must outlive the service.
  explicit EvidenceService(EvidenceStore& store) : store_(store) {}

  grpc::Status ListSignedBatches(grpc::ServerContext* context,
                                 const v1::ListSignedBatchesRequest* request,
                                 v1::ListSignedBatchesResponse* response) override;

 private:
  EvidenceStore& store_;
};

}  // namespace peerwatt::metering
