#include "services/market/rpc/autopilot_service.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/server.h"
#include "services/market/core/autopilot/errors.h"
#include "services/market/rpc/autopilot_codec.h"
#include "services/market/rpc/listing.h"
#include "services/market/rpc/market_service.h"
#include "services/market/rpc/standing_order_name.h"

namespace peerwatt::market {
namespace {

constexpr int64_t kReportDaysMax = 31;

// The deliveries of local days from `first` to `last`.
Interval SpanOf(const CommunityRules& rules, absl::CivilDay first, absl::CivilDay last) {
  const absl::TimeZone zone = ZoneOfCommunity(rules);
  return {DeliveriesOf(rules, DaySpanOf(first, zone)).start,
          DeliveriesOf(rules, DaySpanOf(last, zone)).end};
}

struct Days {
  absl::CivilDay first;
  absl::CivilDay last;
};

absl::StatusOr<Days> DaysFrom(const v1::ReportStandingOrderRequest& request) {
  Days days;
  PW_ASSIGN_OR_RETURN(days.first, DayFrom(request.start_day(), "start_day"));
  days.last = days.first;
  if (!request.end_day().empty()) {
    PW_ASSIGN_OR_RETURN(days.last, DayFrom(request.end_day(), "end_day"));
  }
  if (days.last < days.first || days.last - days.first >= kReportDaysMax) {
    return FieldInvalid("end_day", "must be from the first day to 30 days after it");
  }
  return days;
}

}  // namespace

grpc::Status AutopilotService::UpdateStandingOrder(grpc::ServerContext* context,
                                                   const v1::UpdateStandingOrderRequest* request,
                                                   v1::StandingOrder* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_ASSIGN_OR_RETURN(StandingOrderRef name, StandingOrderNameFrom(request->name()));
    PW_RETURN_IF_ERROR(RequireOwner(caller, name.participant));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                        backends_.registry.GetParticipant(name.participant));
    PW_ASSIGN_OR_RETURN(StandingOrder order,
                        StandingOrderFrom(request->standing_order(), owner.currency));
    const int32_t expected_version = order.version;
    order.community = owner.community;
    order.participant = std::move(name.participant);
    order.id = std::move(name.id);
    PW_ASSIGN_OR_RETURN(
        const StandingOrder kept,
        backends_.desk.ChangeStanding(order, expected_version, backends_.clock.Now()));
    *response = ToProto(kept, owner.currency);
    return absl::OkStatus();
  });
}

grpc::Status AutopilotService::SetPaused(grpc::ServerContext& context, const std::string& name,
                                         bool paused, v1::StandingOrder& response) {
  return rpc::Handle(context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(context));
    PW_ASSIGN_OR_RETURN(const StandingOrderRef ref, StandingOrderNameFrom(name));
    PW_RETURN_IF_ERROR(RequireOwner(caller, ref.participant));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                        backends_.registry.GetParticipant(ref.participant));
    PW_ASSIGN_OR_RETURN(const StandingOrder kept,
                        backends_.desk.PauseStanding(owner.community, ref.participant, ref.id,
                                                     paused, backends_.clock.Now()));
    response = ToProto(kept, owner.currency);
    return absl::OkStatus();
  });
}

grpc::Status AutopilotService::PauseStandingOrder(grpc::ServerContext* context,
                                                  const v1::PauseStandingOrderRequest* request,
                                                  v1::StandingOrder* response) {
  return SetPaused(*context, request->name(), true, *response);
}

grpc::Status AutopilotService::ResumeStandingOrder(grpc::ServerContext* context,
                                                   const v1::ResumeStandingOrderRequest* request,
                                                   v1::StandingOrder* response) {
  return SetPaused(*context, request->name(), false, *response);
}

grpc::Status AutopilotService::ListStandingOrderVersions(
    grpc::ServerContext* context, const v1::ListStandingOrderVersionsRequest* request,
    v1::ListStandingOrderVersionsResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_ASSIGN_OR_RETURN(const StandingOrderRef ref,
                        StandingOrderNameFrom(request->parent(), "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    int32_t after = 0;
    if (!page.after.empty() && !absl::SimpleAtoi(page.after, &after)) {
      return Error(kPageTokenInvalid, "the page token is malformed");
    }
    PW_RETURN_IF_ERROR(rpc::RequireOwnerOrStaff(caller, NameOf(ref.participant)));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                        backends_.registry.GetParticipant(ref.participant));
    PW_RETURN_IF_ERROR(
        backends_.market.GetStandingOrder(owner.community, ref.participant, ref.id).status());
    PW_ASSIGN_OR_RETURN(std::vector<StandingOrder> versions,
                        backends_.view.ListVersions(owner.community, ref.participant, ref.id,
                                                    after, page.limit()));
    if (rpc::CutToPage(page, versions)) {
      response->set_next_page_token(
          rpc::NextPageToken(*request, absl::StrCat(versions.back().version)));
    }
    for (const StandingOrder& version : versions) {
      *response->add_versions() = ToProto(version, owner.currency);
    }
    return absl::OkStatus();
  });
}

grpc::Status AutopilotService::GetStandingOrderPlan(grpc::ServerContext* context,
                                                    const v1::GetStandingOrderPlanRequest* request,
                                                    v1::StandingOrderPlan* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_ASSIGN_OR_RETURN(
        const std::vector<std::string> ids,
        rpc::ParseName(request->name(), "participants/*/standingOrders/*/plans/*", "name"));
    const ParticipantId participant(ids[0]);
    const StandingOrderId id(ids[1]);
    PW_ASSIGN_OR_RETURN(const absl::CivilDay day, DayFrom(ids[2], "name"));
    PW_RETURN_IF_ERROR(rpc::RequireOwnerOrStaff(caller, NameOf(participant)));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                        backends_.registry.GetParticipant(participant));
    PW_ASSIGN_OR_RETURN(const CommunityRules rules, backends_.rules.Find(owner.community));
    PW_RETURN_IF_ERROR(
        backends_.market.GetStandingOrder(owner.community, participant, id).status());
    PW_ASSIGN_OR_RETURN(
        const std::vector<DayPlan> plans,
        backends_.view.ListPlans(owner.community, participant, id, SpanOf(rules, day, day)));
    if (plans.empty()) {
      return Error(kPlanNotMade, "there is no plan for this day", {{"day", ids[2]}});
    }
    PW_ASSIGN_OR_RETURN(const std::vector<StandingOrder> versions,
                        backends_.view.ListVersions(owner.community, participant, id,
                                                    plans[0].version - 1, 1));
    *response = ToProto(plans[0], versions.at(0), owner.currency);
    response->set_name(request->name());
    return absl::OkStatus();
  });
}

grpc::Status AutopilotService::ReportStandingOrder(grpc::ServerContext* context,
                                                   const v1::ReportStandingOrderRequest* request,
                                                   v1::StandingOrderReport* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_ASSIGN_OR_RETURN(const StandingOrderRef ref, StandingOrderNameFrom(request->name()));
    PW_ASSIGN_OR_RETURN(const Days days, DaysFrom(*request));
    PW_RETURN_IF_ERROR(rpc::RequireOwnerOrStaff(caller, NameOf(ref.participant)));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                        backends_.registry.GetParticipant(ref.participant));
    PW_ASSIGN_OR_RETURN(const CommunityRules rules, backends_.rules.Find(owner.community));
    PW_RETURN_IF_ERROR(
        backends_.market.GetStandingOrder(owner.community, ref.participant, ref.id).status());
    const Interval span = SpanOf(rules, days.first, days.last);
    PW_ASSIGN_OR_RETURN(
        ReportInput input,
        backends_.view.ReadReport(owner.community, ref.participant, ref.id, span));
    if (!input.trades.empty()) {
      PW_ASSIGN_OR_RETURN(input.tariffs, backends_.tariffs.InForce(owner.community, span));
    }
    // Intervals are told for one day, by the version of its plan.
    const int32_t version = input.plans.empty() ? 1 : input.plans.front().version;
    PW_ASSIGN_OR_RETURN(const std::vector<StandingOrder> versions,
                        backends_.view.ListVersions(owner.community, ref.participant, ref.id,
                                                    version - 1, 1));
    WriteReport(MakeReport(input),
                {days.first, days.last, ZoneOfCommunity(rules), versions.at(0)}, owner.currency,
                *response);
    response->set_name(request->name());
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::market
