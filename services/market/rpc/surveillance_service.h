#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>

#include "absl/status/status.h"
#include "libs/base/clock.h"
#include "peerwatt/market/v1/surveillance.grpc.pb.h"
#include "services/market/core/runner.h"
#include "services/market/core/surveillance/ports.h"

namespace peerwatt::market {

/// Bounds of exports; each holds a thread and two pages in memory.
struct ExportLimits {
  int exports_max = 8;
  /// Rows of a page.
  int32_t page_rows = 2'000;
};

/// What operators and regulators look at: findings, and orders and trades as files.
class SurveillanceService final : public v1::Surveillance::Service {
 public:
  /// All references must outlive the service.
  SurveillanceService(RulesBook& rules, SurveyView& view, ExportSource& source, const Clock& clock,
                      ExportLimits limits = {})
      : rules_(rules), view_(view), source_(source), clock_(clock), limits_(limits) {}

  grpc::Status ListSurveillanceFindings(grpc::ServerContext* context,
                                        const v1::ListSurveillanceFindingsRequest* request,
                                        v1::ListSurveillanceFindingsResponse* response) override;
  grpc::Status RecordBeneficialOwner(grpc::ServerContext* context,
                                     const v1::RecordBeneficialOwnerRequest* request,
                                     v1::BeneficialOwner* response) override;
  grpc::Status ListBeneficialOwners(grpc::ServerContext* context,
                                    const v1::ListBeneficialOwnersRequest* request,
                                    v1::ListBeneficialOwnersResponse* response) override;
  grpc::Status ExportOrders(grpc::ServerContext* context, const v1::ExportOrdersRequest* request,
                            grpc::ServerWriter<google::api::HttpBody>* writer) override;
  grpc::Status ExportTrades(grpc::ServerContext* context, const v1::ExportTradesRequest* request,
                            grpc::ServerWriter<google::api::HttpBody>* writer) override;

 private:
  template <typename Request>
  absl::Status Export(const grpc::ServerContext& context, const Request& request, ExportKind kind,
                      grpc::ServerWriter<google::api::HttpBody>& writer);

  RulesBook& rules_;
  SurveyView& view_;
  ExportSource& source_;
  const Clock& clock_;
  const ExportLimits limits_;
  std::atomic<int> exports_{0};
};

/// Errors: PERMISSION_DENIED unless the caller is an operator or a regulator; CALLER_UNKNOWN.
absl::Status RequireWatcher(const grpc::ServerContextBase& context);

}  // namespace peerwatt::market
