#pragma once

#include <grpcpp/grpcpp.h>

#include "libs/base/clock.h"
#include "peerwatt/market/v1/autopilot.grpc.pb.h"
#include "services/market/core/autopilot/ports.h"
#include "services/market/core/order_desk.h"
#include "services/market/core/runner.h"

namespace peerwatt::market {

/// What the service stands on.
struct AutopilotBackends {
  RulesBook& rules;
  OrderDesk& desk;
  MarketView& market;
  AutopilotView& view;
  Registry& registry;
  Tariffs& tariffs;
  const Clock& clock;
};

/// Standing orders to be changed, planned and accounted for: decode → validate → authorise → call →
/// encode.
class AutopilotService final : public peerwatt::market::v1::Autopilot::Service {
 public:
  explicit AutopilotService(const AutopilotBackends& backends) : backends_(backends) {}

  grpc::Status UpdateStandingOrder(grpc::ServerContext* context,
                                   const v1::UpdateStandingOrderRequest* request,
                                   v1::StandingOrder* response) override;
  grpc::Status PauseStandingOrder(grpc::ServerContext* context,
                                  const v1::PauseStandingOrderRequest* request,
                                  v1::StandingOrder* response) override;
  grpc::Status ResumeStandingOrder(grpc::ServerContext* context,
                                   const v1::ResumeStandingOrderRequest* request,
                                   v1::StandingOrder* response) override;
  grpc::Status ListStandingOrderVersions(grpc::ServerContext* context,
                                         const v1::ListStandingOrderVersionsRequest* request,
                                         v1::ListStandingOrderVersionsResponse* response) override;
  grpc::Status GetStandingOrderPlan(grpc::ServerContext* context,
                                    const v1::GetStandingOrderPlanRequest* request,
                                    v1::StandingOrderPlan* response) override;
  grpc::Status ReportStandingOrder(grpc::ServerContext* context,
                                   const v1::ReportStandingOrderRequest* request,
                                   v1::StandingOrderReport* response) override;

 private:
  grpc::Status SetPaused(grpc::ServerContext& context, const std::string& name, bool paused,
                         v1::StandingOrder& response);

  AutopilotBackends backends_;
};

}  // namespace peerwatt::market
