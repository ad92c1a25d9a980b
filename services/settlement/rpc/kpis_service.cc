#include "services/settlement/rpc/kpis_service.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"

namespace peerwatt::settlement {
namespace {

constexpr char kDomain[] = "settlement.peerwatt.dev";
// A month in which clocks go back has an hour more.
constexpr absl::Duration kHouseholdSpanMax = absl::Hours(366 * 24 + 1);
constexpr absl::Duration kCommunitySpanMax = absl::Hours(32 * 24 + 1);

absl::StatusOr<KpiStep> StepFrom(v1::HouseholdKpis::Step proto) {
  switch (proto) {
    case v1::HouseholdKpis::STEP_UNSPECIFIED:
      return KpiStep::kNone;
    case v1::HouseholdKpis::PERIOD:
      return KpiStep::kPeriod;
    case v1::HouseholdKpis::DAY:
      return KpiStep::kDay;
    case v1::HouseholdKpis::MONTH:
      return KpiStep::kMonth;
    default:
      return FieldInvalid("step", "must be a known step");
  }
}

/// The span of a request without its step. Errors: FIELD_INVALID.
template <typename Request>
absl::StatusOr<KpiSpanRequest> SpanRequestFrom(const Request& request) {
  KpiSpanRequest span;
  if (request.has_start_time()) {
    PW_ASSIGN_OR_RETURN(span.start, rpc::TimeFrom(request.start_time(), "start_time"));
  }
  if (request.has_end_time()) {
    PW_ASSIGN_OR_RETURN(span.end, rpc::TimeFrom(request.end_time(), "end_time"));
  }
  span.day = request.day();
  span.month = request.month();
  return span;
}

KpiGrid GridOf(const CommunityRules& rules, absl::Duration longest) {
  // The registry keeps no zone that it does not know.
  return {rules.time_zone, rules.interval, longest};
}

std::optional<int32_t> FactorOf(const CommunityRules& rules) {
  return rules.emission_factor.has_value() ? std::optional(rules.emission_factor->co2_g_per_kwh)
                                           : std::nullopt;
}

template <typename Response>
void EncodeFactor(const CommunityRules& rules, Response& response) {
  if (!rules.emission_factor.has_value()) return;
  response.mutable_emission_factor()->set_co2_g_per_kwh(rules.emission_factor->co2_g_per_kwh);
  response.mutable_emission_factor()->set_source(rules.emission_factor->source);
}

void Encode(const std::string& currency, const KpiFigures& figures, v1::KpiFigures& proto) {
  const auto& [energy, money, kpis] = figures;
  proto.set_consumed_energy_wh((energy.drawn + energy.self_consumed).wh());
  proto.set_produced_energy_wh((energy.fed_in + energy.self_consumed).wh());
  proto.set_self_consumed_energy_wh(energy.self_consumed.wh());
  proto.set_from_neighbours_energy_wh(energy.from_neighbours.wh());
  proto.set_to_neighbours_energy_wh(energy.to_neighbours.wh());
  if (kpis.self_sufficiency_ppm.has_value()) {
    proto.set_self_sufficiency_ppm(*kpis.self_sufficiency_ppm);
  }
  if (kpis.local_share_ppm.has_value()) proto.set_local_share_ppm(*kpis.local_share_ppm);
  if (kpis.self_consumption_ppm.has_value()) {
    proto.set_self_consumption_ppm(*kpis.self_consumption_ppm);
  }
  if (kpis.local_use_ppm.has_value()) proto.set_local_use_ppm(*kpis.local_use_ppm);
  if (kpis.savings.has_value()) {
    *proto.mutable_total() = rpc::ToProto(money.with_neighbours, currency);
    *proto.mutable_total_without_trading() = rpc::ToProto(money.without_neighbours, currency);
    *proto.mutable_savings() = rpc::ToProto(*kpis.savings, currency);
  }
  proto.set_price_missing(money.is_price_missing);
  if (kpis.avoided_co2_g.has_value()) proto.set_avoided_co2_g(*kpis.avoided_co2_g);
}

void Encode(const std::string& currency, const HouseholdPart& part, v1::HouseholdKpiPart& proto) {
  *proto.mutable_start_time() = rpc::ToProto(part.span.start);
  *proto.mutable_end_time() = rpc::ToProto(part.span.end);
  proto.set_settled_period_count(part.settled_period_count);
  Encode(currency, part.figures, *proto.mutable_figures());
}

void Encode(const std::string& currency, const CommunityPart& part, v1::CommunityKpiPart& proto) {
  *proto.mutable_start_time() = rpc::ToProto(part.span.start);
  *proto.mutable_end_time() = rpc::ToProto(part.span.end);
  proto.set_settled_period_count(part.settled_period_count);
  Encode(currency, part.figures, *proto.mutable_figures());
  proto.set_household_count(part.household_count);
  if (part.savings_gini_ppm.has_value()) proto.set_savings_gini_ppm(*part.savings_gini_ppm);
  *proto.mutable_welfare_optimum() = rpc::ToProto(part.welfare_optimum, currency);
  *proto.mutable_welfare_delivered() = rpc::ToProto(part.welfare_delivered, currency);
  if (part.welfare_share_ppm.has_value()) proto.set_welfare_share_ppm(*part.welfare_share_ppm);
}

template <typename Part, typename Response>
void EncodeReport(const CommunityRules& rules, const KpiReport<Part>& report, Response& response) {
  Encode(rules.currency, report.whole, *response.mutable_whole());
  for (const Part& part : report.parts) Encode(rules.currency, part, *response.add_parts());
  EncodeFactor(rules, response);
}

}  // namespace

grpc::Status KpisService::GetHouseholdKpis(grpc::ServerContext* context,
                                           const v1::GetHouseholdKpisRequest* request,
                                           v1::HouseholdKpis* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::string id,
                        rpc::ParseName1(request->name(), "participants/*/kpis", "name"));
    PW_ASSIGN_OR_RETURN(KpiSpanRequest asked, SpanRequestFrom(*request));
    PW_ASSIGN_OR_RETURN(asked.step, StepFrom(request->step()));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(rpc::RequireOwnerOrStaff(caller, absl::StrCat("participants/", id)));
    PW_ASSIGN_OR_RETURN(const ParticipantContext owner,
                        ledgers_.ContextOf(ParticipantId(std::move(id))));
    PW_ASSIGN_OR_RETURN(const CommunityRules rules, ledgers_.RulesOf(owner.community));
    PW_ASSIGN_OR_RETURN(const KpiSpan span, ReadKpiSpan(asked, GridOf(rules, kHouseholdSpanMax)));
    PW_ASSIGN_OR_RETURN(const KpiSums sums,
                        reader_.SumHousehold(owner.community, owner.participant, span));
    response->set_name(request->name());
    EncodeReport(rules, HouseholdReport(span, sums, FactorOf(rules)), *response);
    return absl::OkStatus();
  });
}

grpc::Status KpisService::GetCommunityKpis(grpc::ServerContext* context,
                                           const v1::GetCommunityKpisRequest* request,
                                           v1::CommunityKpis* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::string id,
                        rpc::ParseName1(request->name(), "communities/*/kpis", "name"));
    PW_ASSIGN_OR_RETURN(KpiSpanRequest asked, SpanRequestFrom(*request));
    PW_ASSIGN_OR_RETURN(asked.step, StepFrom(request->step()));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(rpc::RequireOwnerOrStaff(caller, ""));
    PW_ASSIGN_OR_RETURN(const CommunityRules rules, ledgers_.RulesOf(CommunityId(std::move(id))));
    PW_ASSIGN_OR_RETURN(const KpiSpan span, ReadKpiSpan(asked, GridOf(rules, kCommunitySpanMax)));
    PW_ASSIGN_OR_RETURN(const KpiSums sums, reader_.SumCommunity(rules.id, span));
    response->set_name(request->name());
    EncodeReport(rules, CommunityReport(span, sums, FactorOf(rules)), *response);
    return absl::OkStatus();
  });
}

grpc::Status KpisService::ListHouseholdKpis(grpc::ServerContext* context,
                                            const v1::ListHouseholdKpisRequest* request,
                                            v1::ListHouseholdKpisResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::string id,
                        rpc::ParseName1(request->parent(), "communities/*", "parent"));
    PW_ASSIGN_OR_RETURN(const KpiSpanRequest asked, SpanRequestFrom(*request));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(rpc::RequireOwnerOrStaff(caller, ""));
    PW_ASSIGN_OR_RETURN(const CommunityRules rules, ledgers_.RulesOf(CommunityId(std::move(id))));
    PW_ASSIGN_OR_RETURN(const KpiSpan span, ReadKpiSpan(asked, GridOf(rules, kCommunitySpanMax)));
    PW_ASSIGN_OR_RETURN(
        std::vector<HouseholdSums> households,
        reader_.ListHouseholds(rules.id, span.whole, ParticipantId(page.after), page.size + 1));
    const bool has_more = households.size() > static_cast<size_t>(page.size);
    if (has_more) households.pop_back();
    for (const HouseholdSums& household : households) {
      v1::ListedHouseholdKpis& listed = *response->add_households();
      listed.set_participant(absl::StrCat("participants/", household.participant.value()));
      Encode(rules.currency, FiguresOf(household.energy, household.money, FactorOf(rules)),
             *listed.mutable_figures());
    }
    *response->mutable_start_time() = rpc::ToProto(span.whole.start);
    *response->mutable_end_time() = rpc::ToProto(span.whole.end);
    EncodeFactor(rules, *response);
    if (has_more) {
      response->set_next_page_token(
          rpc::NextPageToken(*request, households.back().participant.value()));
    }
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::settlement
