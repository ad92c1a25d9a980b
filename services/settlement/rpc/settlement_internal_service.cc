#include "services/settlement/rpc/settlement_internal_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"

namespace peerwatt::settlement {
namespace {

constexpr char kDomain[] = "settlement.peerwatt.dev";
constexpr int kBatchMax = 10'000;

absl::Status CheckSize(int size, absl::string_view field) {
  if (size <= kBatchMax) return absl::OkStatus();
  return FieldInvalid(field, absl::StrCat("has more than ", kBatchMax, " elements"));
}

absl::StatusOr<std::vector<HoldRequest>> HoldsFrom(const v1::BatchCreateHoldsRequest& request) {
  PW_RETURN_IF_ERROR(CheckSize(request.holds_size(), "holds"));
  std::vector<HoldRequest> holds;
  for (int i = 0; i < request.holds_size(); ++i) {
    const v1::BatchCreateHoldsRequest::Hold& proto = request.holds(i);
    const auto field = [&](const char* name) { return absl::StrCat("holds[", i, "].", name); };
    if (proto.order().empty()) return FieldInvalid(field("order"), "must not be empty");
    if (proto.amount_micros() <= 0) {
      return FieldInvalid(field("amount_micros"), "must be greater than zero");
    }
    PW_ASSIGN_OR_RETURN(
        std::string participant,
        rpc::ParseName1(proto.participant(), "participants/*", field("participant")));
    holds.push_back({proto.order(), ParticipantId(std::move(participant)),
                     Money::Micros(proto.amount_micros())});
    if (proto.has_period_start_time()) {
      PW_ASSIGN_OR_RETURN(
          holds.back().period_start,
          rpc::TimeFrom(proto.period_start_time(), field("period_start_time")));
    }
  }
  return holds;
}

absl::StatusOr<std::vector<HoldReduction>> ReductionsFrom(
    const v1::BatchReduceHoldsRequest& request) {
  PW_RETURN_IF_ERROR(CheckSize(request.reductions_size(), "reductions"));
  std::vector<HoldReduction> reductions;
  for (int i = 0; i < request.reductions_size(); ++i) {
    const v1::BatchReduceHoldsRequest::Reduction& proto = request.reductions(i);
    if (proto.amount_micros() < 0) {
      return FieldInvalid(absl::StrCat("reductions[", i, "].amount_micros"),
                          "must not be negative");
    }
    reductions.push_back({proto.order(), Money::Micros(proto.amount_micros())});
  }
  return reductions;
}

}  // namespace

grpc::Status SettlementInternalService::BatchCreateHolds(
    grpc::ServerContext* context, const v1::BatchCreateHoldsRequest* request,
    v1::BatchCreateHoldsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_RETURN_IF_ERROR(rpc::RequirePeer(*context, {"market"}));
    PW_ASSIGN_OR_RETURN(std::string id,
                        rpc::ParseName1(request->community(), "communities/*", "community"));
    PW_ASSIGN_OR_RETURN(const absl::Time period,
                        rpc::TimeFrom(request->period_start_time(), "period_start_time"));
    PW_ASSIGN_OR_RETURN(const std::vector<HoldRequest> holds, HoldsFrom(*request));
    const CommunityId community(std::move(id));
    PW_RETURN_IF_ERROR(ledgers_.Require(community));
    PW_ASSIGN_OR_RETURN(const std::vector<std::string> reasons,
                        request->validate_only()
                            ? holds_.CheckHolds(community, period, holds)
                            : holds_.CreateHolds(community, period, holds));
    for (const std::string& reason : reasons) response->add_failure_reasons(reason);
    return absl::OkStatus();
  });
}

grpc::Status SettlementInternalService::BatchReduceHolds(
    grpc::ServerContext* context, const v1::BatchReduceHoldsRequest* request,
    v1::BatchReduceHoldsResponse* /*response*/) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_RETURN_IF_ERROR(rpc::RequirePeer(*context, {"market"}));
    PW_ASSIGN_OR_RETURN(std::string id,
                        rpc::ParseName1(request->community(), "communities/*", "community"));
    PW_ASSIGN_OR_RETURN(const absl::Time period,
                        rpc::TimeFrom(request->period_start_time(), "period_start_time"));
    PW_ASSIGN_OR_RETURN(const std::vector<HoldReduction> reductions, ReductionsFrom(*request));
    const CommunityId community(std::move(id));
    PW_RETURN_IF_ERROR(ledgers_.Require(community));
    return holds_.ReduceHolds(community, period, reductions);
  });
}

}  // namespace peerwatt::settlement
