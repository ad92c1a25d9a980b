#include "services/market/rpc/surveillance_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/market/rpc/codec.h"
#include "services/market/rpc/listing.h"
#include "services/market/rpc/market_service.h"

namespace peerwatt::market {
namespace {

using ProtoFinding = v1::SurveillanceFinding;

constexpr int32_t kIncompleteDaysMax = 100;
ProtoFinding::Rule ToProto(SurveillanceRule rule) {
  switch (rule) {
    case SurveillanceRule::kOwnTrade:
      return ProtoFinding::OWN_TRADE;
    case SurveillanceRule::kReturnTrade:
      return ProtoFinding::RETURN_TRADE;
    case SurveillanceRule::kRing:
      return ProtoFinding::RING;
    case SurveillanceRule::kLayering:
      return ProtoFinding::LAYERING;
    case SurveillanceRule::kConcentration:
      return ProtoFinding::CONCENTRATION;
  }
  return ProtoFinding::RULE_UNSPECIFIED;
}

absl::StatusOr<std::optional<SurveillanceRule>> RuleFrom(ProtoFinding::Rule proto) {
  if (proto == ProtoFinding::RULE_UNSPECIFIED) {
    return std::optional<SurveillanceRule>();
  }
  for (const SurveillanceRule rule : kSurveillanceRules) {
    if (ToProto(rule) == proto) {
      return std::optional(rule);
    }
  }
  return FieldInvalid("rule", "is not known");
}

// `20260701t000000z-3`: a finding by its day and its number.
std::string SegmentOf(const FindingPlace& place) {
  return absl::StrCat(TimeSegment(place.day_start), "-", place.number);
}

absl::StatusOr<FindingPlace> PlaceFrom(absl::string_view token) {
  FindingPlace place;
  if (token.empty()) {
    return place;
  }
  const std::pair<std::string, std::string> parts = absl::StrSplit(token, '-');
  const absl::StatusOr<absl::Time> day = ParseTimeSegment(parts.first);
  if (!day.ok() || !absl::SimpleAtoi(parts.second, &place.number)) {
    return Error(kPageTokenInvalid, "the page token is malformed");
  }
  place.day_start = *day;
  return place;
}

absl::StatusOr<FindingQuery> QueryFrom(const v1::ListSurveillanceFindingsRequest& request,
                                       const rpc::Page& page) {
  FindingQuery query;
  PW_ASSIGN_OR_RETURN(std::string community,
                      rpc::ParseName1(request.parent(), "communities/*", "parent"));
  query.community = CommunityId(std::move(community));
  query.span = {absl::UnixEpoch(), kEndOfTime};
  if (request.has_start_time()) {
    PW_ASSIGN_OR_RETURN(query.span.start, rpc::TimeFrom(request.start_time(), "start_time"));
  }
  if (request.has_end_time()) {
    PW_ASSIGN_OR_RETURN(query.span.end, rpc::TimeFrom(request.end_time(), "end_time"));
  }
  PW_ASSIGN_OR_RETURN(query.rule, RuleFrom(request.rule()));
  PW_ASSIGN_OR_RETURN(query.after, PlaceFrom(page.after));
  query.limit = page.limit();
  return query;
}

ProtoFinding ToProto(const CommunityId& community, const KeptFinding& kept) {
  const std::string parent = absl::StrCat("communities/", community.value(), "/");
  const Finding& finding = kept.finding;
  ProtoFinding proto;
  proto.set_name(absl::StrCat(parent, "surveillanceFindings/", SegmentOf(kept.place)));
  proto.set_rule(ToProto(finding.rule));
  *proto.mutable_start_time() = rpc::ToProto(finding.deliveries.start);
  *proto.mutable_end_time() = rpc::ToProto(finding.deliveries.end);
  if (finding.side.has_value()) {
    proto.set_side(*finding.side == Side::kBid ? ProtoFinding::BID : ProtoFinding::OFFER);
  }
  for (const ParticipantId& owner : finding.owners) {
    proto.add_owners(owner.value());
  }
  for (const ParticipantId& participant : finding.participants) {
    proto.add_participants(NameOf(participant));
  }
  proto.set_energy_wh(finding.energy.wh());
  proto.set_measure(finding.measure);
  for (const std::string& reference : finding.references) {
    proto.add_references(parent + reference);
  }
  proto.set_reference_count(finding.reference_count);
  return proto;
}

v1::BeneficialOwner ToProto(const BeneficialOwner& owner) {
  v1::BeneficialOwner proto;
  proto.set_participant(NameOf(owner.participant));
  proto.set_owner(owner.owner.value());
  *proto.mutable_record_time() = rpc::ToProto(owner.record_time);
  return proto;
}

}  // namespace

absl::Status RequireWatcher(const grpc::ServerContextBase& context) {
  PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(context));
  if (!rpc::HasRole(caller, access::v1::OPERATOR) && !rpc::HasRole(caller, access::v1::REGULATOR)) {
    return Error(kPermissionDenied, "only operators and regulators watch the market");
  }
  return absl::OkStatus();
}

grpc::Status SurveillanceService::ListSurveillanceFindings(
    grpc::ServerContext* context, const v1::ListSurveillanceFindingsRequest* request,
    v1::ListSurveillanceFindingsResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_ASSIGN_OR_RETURN(const FindingQuery query, QueryFrom(*request, page));
    PW_RETURN_IF_ERROR(RequireWatcher(*context));
    PW_RETURN_IF_ERROR(rules_.Find(query.community).status());
    PW_ASSIGN_OR_RETURN(const SurveyProgress progress,
                        view_.GetProgress(query.community, query.span, kIncompleteDaysMax));
    PW_ASSIGN_OR_RETURN(std::vector<KeptFinding> findings, view_.ListFindings(query));
    if (rpc::CutToPage(page, findings)) {
      response->set_next_page_token(rpc::NextPageToken(*request, SegmentOf(findings.back().place)));
    }
    for (const KeptFinding& finding : findings) {
      *response->add_surveillance_findings() = ToProto(query.community, finding);
    }
    if (progress.surveyed_through.has_value()) {
      *response->mutable_surveyed_through_time() = rpc::ToProto(*progress.surveyed_through);
    }
    for (const absl::Time day : progress.incomplete_days) {
      *response->add_incomplete_day_times() = rpc::ToProto(day);
    }
    return absl::OkStatus();
  });
}

grpc::Status SurveillanceService::RecordBeneficialOwner(
    grpc::ServerContext* context, const v1::RecordBeneficialOwnerRequest* request,
    v1::BeneficialOwner* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(std::string community,
                        rpc::ParseName1(request->parent(), "communities/*", "parent"));
    PW_ASSIGN_OR_RETURN(std::string participant,
                        rpc::ParseName1(request->beneficial_owner().participant(), "participants/*",
                                        "beneficial_owner.participant"));
    PW_RETURN_IF_ERROR(
        rpc::CheckResourceId(request->beneficial_owner().owner(), "beneficial_owner.owner"));
    PW_RETURN_IF_ERROR(RequireWatcher(*context));
    PW_RETURN_IF_ERROR(rules_.Find(CommunityId(community)).status());
    const BeneficialOwner owner = {ParticipantId(std::move(participant)),
                                   ParticipantId(request->beneficial_owner().owner()),
                                   clock_.Now()};
    PW_ASSIGN_OR_RETURN(const BeneficialOwner last,
                        view_.RecordOwner(CommunityId(community), owner));
    *response = ToProto(last);
    return absl::OkStatus();
  });
}

grpc::Status SurveillanceService::ListBeneficialOwners(
    grpc::ServerContext* context, const v1::ListBeneficialOwnersRequest* request,
    v1::ListBeneficialOwnersResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string community,
                        rpc::ParseName1(request->parent(), "communities/*", "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_RETURN_IF_ERROR(RequireWatcher(*context));
    PW_RETURN_IF_ERROR(rules_.Find(CommunityId(community)).status());
    PW_ASSIGN_OR_RETURN(
        std::vector<BeneficialOwner> owners,
        view_.ListOwners(CommunityId(community), ParticipantId(page.after), page.limit()));
    if (rpc::CutToPage(page, owners)) {
      response->set_next_page_token(
          rpc::NextPageToken(*request, owners.back().participant.value()));
    }
    for (const BeneficialOwner& owner : owners) {
      *response->add_beneficial_owners() = ToProto(owner);
    }
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::market
