#pragma once

#include <grpcpp/grpcpp.h>

#include "libs/base/clock.h"
#include "peerwatt/metering/v1/evidence.grpc.pb.h"
#include "services/metering/core/evidence/ocmf_gate.h"
#include "services/metering/core/evidence/ports.h"
#include "services/metering/core/ports.h"

namespace peerwatt::metering {

/// Gives out what devices and charge points signed.
class EvidenceService final : public v1::Evidence::Service {
 public:
  /// All references must outlive the service.
  EvidenceService(EvidenceStore& store, OcmfStore& ocmf, OcmfSignatures& signatures,
                  MemberDirectory& directory, const Clock& clock)
      : store_(store),
        ocmf_(ocmf),
        signatures_(signatures),
        directory_(directory),
        clock_(clock) {}

  grpc::Status ListSignedBatches(grpc::ServerContext* context,
                                 const v1::ListSignedBatchesRequest* request,
                                 v1::ListSignedBatchesResponse* response) override;
  grpc::Status CreateOcmfMeter(grpc::ServerContext* context,
                               const v1::CreateOcmfMeterRequest* request,
                               v1::OcmfMeter* response) override;
  grpc::Status ListOcmfRecords(grpc::ServerContext* context,
                               const v1::ListOcmfRecordsRequest* request,
                               v1::ListOcmfRecordsResponse* response) override;

 private:
  EvidenceStore& store_;
  OcmfStore& ocmf_;
  OcmfSignatures& signatures_;
  MemberDirectory& directory_;
  const Clock& clock_;
};

}  // namespace peerwatt::metering
