#pragma once

#include <grpcpp/grpcpp.h>

#include "libs/base/clock.h"
#include "peerwatt/market/v1/controls.grpc.pb.h"
#include "services/market/core/control_desk.h"
#include "services/market/core/runner.h"

namespace peerwatt::market {

/// Limits, halts and kill switches.
class ControlsService final : public peerwatt::market::v1::MarketControls::Service {
 public:
  ControlsService(RulesBook& rules, ControlStore& store, Registry& registry,
                  Settlement& settlement, const Clock& clock)
      : rules_(rules), store_(store), registry_(registry), settlement_(settlement), clock_(clock) {}

  grpc::Status GetCommunityControls(
      grpc::ServerContext* context,
      const peerwatt::market::v1::GetCommunityControlsRequest* request,
      peerwatt::market::v1::CommunityControls* response) override;
  grpc::Status HaltMarket(grpc::ServerContext* context,
                          const peerwatt::market::v1::HaltMarketRequest* request,
                          peerwatt::market::v1::CommunityControls* response) override;
  grpc::Status ResumeMarket(grpc::ServerContext* context,
                            const peerwatt::market::v1::ResumeMarketRequest* request,
                            peerwatt::market::v1::CommunityControls* response) override;
  grpc::Status AddOrderLimits(grpc::ServerContext* context,
                              const peerwatt::market::v1::AddOrderLimitsRequest* request,
                              peerwatt::market::v1::CommunityControls* response) override;
  grpc::Status SetKillSwitch(grpc::ServerContext* context,
                             const peerwatt::market::v1::SetKillSwitchRequest* request,
                             peerwatt::market::v1::KillSwitch* response) override;
  grpc::Status LiftKillSwitch(grpc::ServerContext* context,
                              const peerwatt::market::v1::LiftKillSwitchRequest* request,
                              peerwatt::market::v1::KillSwitch* response) override;
  grpc::Status ListControlEvents(grpc::ServerContext* context,
                                 const peerwatt::market::v1::ListControlEventsRequest* request,
                                 peerwatt::market::v1::ListControlEventsResponse* response)
      override;

 private:
  absl::Status Describe(const CommunityId& community,
                        peerwatt::market::v1::CommunityControls& response);
  absl::Status DescribeSwitch(const ParticipantContext& owner,
                              peerwatt::market::v1::KillSwitch& response);
  /// Halts the market of a community or lets it go on. Request: of either.
  template <typename Request>
  grpc::Status SetHalt(const grpc::ServerContext& context, const Request& request, bool halted,
                       peerwatt::market::v1::CommunityControls& response);

  RulesBook& rules_;
  ControlStore& store_;
  Registry& registry_;
  Settlement& settlement_;
  const Clock& clock_;
};

}  // namespace peerwatt::market
