#pragma once

#include <grpcpp/grpcpp.h>

#include "libs/base/clock.h"
#include "peerwatt/metering/v1/validation.grpc.pb.h"
#include "services/metering/core/ports.h"
#include "services/metering/core/vee/ports.h"
#include "services/metering/core/vee/substitutor.h"

namespace peerwatt::metering {

/// The public API of validation.
class ValidationService final : public v1::Validation::Service {
 public:
  /// All references must outlive the service.
  ValidationService(ReadingStore& readings, RegisterStore& registers, FindingStore& findings,
                    MemberDirectory& directory, Ingest& ingest, const Clock& clock)
      : readings_(readings),
        registers_(registers),
        findings_(findings),
        directory_(directory),
        substitutor_(readings, registers, ingest),
        clock_(clock) {}

  grpc::Status ListFindings(grpc::ServerContext* context, const v1::ListFindingsRequest* request,
                            v1::ListFindingsResponse* response) override;
  grpc::Status SubstituteReadings(grpc::ServerContext* context,
                                  const v1::SubstituteReadingsRequest* request,
                                  v1::SubstituteReadingsResponse* response) override;
  grpc::Status ComputeCompleteness(grpc::ServerContext* context,
                                   const v1::ComputeCompletenessRequest* request,
                                   v1::ComputeCompletenessResponse* response) override;
  grpc::Status ListRegisterValues(grpc::ServerContext* context,
                                  const v1::ListRegisterValuesRequest* request,
                                  v1::ListRegisterValuesResponse* response) override;

 private:
  ReadingStore& readings_;
  RegisterStore& registers_;
  FindingStore& findings_;
  MemberDirectory& directory_;
  Substitutor substitutor_;
  const Clock& clock_;
};

}  // namespace peerwatt::metering
