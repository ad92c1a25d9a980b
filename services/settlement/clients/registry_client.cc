#include "services/settlement/clients/registry_client.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "libs/rpc/tariff_codec.h"
#include "services/settlement/clients/scheme_codec.h"

namespace peerwatt::settlement {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(10);
constexpr absl::Duration kIntervalDefault = absl::Minutes(15);
constexpr absl::Duration kGraceDefault = absl::Hours(24);

absl::StatusOr<CommunityRules> RulesFrom(const registry::v1::Community& proto) {
  CommunityRules rules;
  PW_ASSIGN_OR_RETURN(std::string id, rpc::ParseName1(proto.name(), "communities/*", "name"));
  rules.id = CommunityId(std::move(id));
  rules.currency = proto.currency_code();
  rules.interval = kIntervalDefault;
  if (proto.has_interval()) {
    PW_ASSIGN_OR_RETURN(rules.interval, rpc::DurationFrom(proto.interval(), "interval"));
  }
  PW_ASSIGN_OR_RETURN(rules.trading_start,
                      rpc::TimeFrom(proto.trading_start_time(), "trading_start_time"));
  rules.settlement_grace = kGraceDefault;
  if (proto.has_settlement_grace()) {
    PW_ASSIGN_OR_RETURN(rules.settlement_grace,
                        rpc::DurationFrom(proto.settlement_grace(), "settlement_grace"));
  }
  return rules;
}

absl::StatusOr<Member> MemberFrom(const registry::v1::Member& proto) {
  Member member;
  PW_ASSIGN_OR_RETURN(std::string point, rpc::ParseName1(proto.metering_point(),
                                                         "meteringPoints/*", "metering_point"));
  PW_ASSIGN_OR_RETURN(std::string participant,
                      rpc::ParseName1(proto.participant(), "participants/*", "participant"));
  member.point = MeteringPointId(std::move(point));
  member.participant = ParticipantId(std::move(participant));
  member.connection = GridConnectionId(proto.grid_connection());
  return member;
}

}  // namespace

absl::StatusOr<std::vector<CommunityRules>> RegistryClient::ListCommunityRules() {
  grpc::ClientContext context;
  rpc::SetDeadline(context, kTimeout);
  registry::v1::ListCommunityRulesResponse response;
  PW_RETURN_IF_ERROR(rpc::FromGrpcStatus(stub_->ListCommunityRules(&context, {}, &response)));
  std::vector<CommunityRules> communities;
  for (const registry::v1::Community& community : response.communities()) {
    PW_ASSIGN_OR_RETURN(CommunityRules rules, RulesFrom(community));
    if (!absl::LoadTimeZone(community.time_zone(), &rules.time_zone)) {
      // The others are settled all the same.
      Log(Severity::kError, "a community is left out: its time zone is not known on this machine",
          {{"community", rules.id.value()}, {"time_zone", community.time_zone()}});
      continue;
    }
    communities.push_back(std::move(rules));
  }
  return communities;
}

absl::StatusOr<CommunitySnapshot> RegistryClient::GetSnapshot(const CommunityId& community,
                                                              absl::Time time) {
  grpc::ClientContext context;
  rpc::SetDeadline(context, kTimeout);
  registry::v1::GetCommunitySnapshotRequest request;
  request.set_community(absl::StrCat("communities/", community.value()));
  *request.mutable_time() = rpc::ToProto(time);
  registry::v1::CommunitySnapshot response;
  PW_RETURN_IF_ERROR(
      rpc::FromGrpcStatus(stub_->GetCommunitySnapshot(&context, request, &response)));

  CommunitySnapshot snapshot;
  const std::string& currency = response.community().currency_code();
  snapshot.fees.operator_share_ppm = response.community().operator_share_ppm();
  if (response.community().has_network_fee_per_kwh()) {
    PW_ASSIGN_OR_RETURN(snapshot.fees.network_fee,
                        rpc::PriceFrom(response.community().network_fee_per_kwh(), currency,
                                       "community.network_fee_per_kwh"));
  }
  snapshot.members.reserve(static_cast<size_t>(response.members_size()));
  for (const registry::v1::Member& proto : response.members()) {
    PW_ASSIGN_OR_RETURN(Member member, MemberFrom(proto));
    snapshot.members.push_back(std::move(member));
  }
  return snapshot;
}

absl::StatusOr<ParticipantContext> RegistryClient::GetContext(const ParticipantId& participant) {
  grpc::ClientContext context;
  rpc::SetDeadline(context, kTimeout);
  registry::v1::GetParticipantContextRequest request;
  request.set_participant(absl::StrCat("participants/", participant.value()));
  registry::v1::ParticipantContext response;
  PW_RETURN_IF_ERROR(
      rpc::FromGrpcStatus(stub_->GetParticipantContext(&context, request, &response)));
  PW_ASSIGN_OR_RETURN(std::string community,
                      rpc::ParseName1(response.community(), "communities/*", "community"));
  return ParticipantContext{participant, CommunityId(std::move(community)),
                            response.currency_code()};
}

absl::StatusOr<std::vector<Scheme>> RegistryClient::ListSchemes(const CommunityRules& rules,
                                                                Interval span) {
  grpc::ClientContext context;
  rpc::SetDeadline(context, kTimeout);
  registry::v1::ListSchemesInForceRequest request;
  request.set_community(absl::StrCat("communities/", rules.id.value()));
  *request.mutable_start_time() = rpc::ToProto(span.start);
  *request.mutable_end_time() = rpc::ToProto(span.end);
  registry::v1::ListSchemesInForceResponse response;
  PW_RETURN_IF_ERROR(
      rpc::FromGrpcStatus(schemes_->ListSchemesInForce(&context, request, &response)));
  std::vector<Scheme> schemes;
  for (const registry::v1::Scheme& proto : response.schemes()) {
    PW_ASSIGN_OR_RETURN(Scheme scheme, SchemeFrom(proto, rules.currency));
    PW_RETURN_IF_ERROR(CheckShares(scheme));
    schemes.push_back(std::move(scheme));
  }
  return schemes;
}

absl::StatusOr<Tariffs> RegistryClient::ListTariffs(const CommunityRules& rules, Interval span) {
  grpc::ClientContext context;
  rpc::SetDeadline(context, kTimeout);
  registry::v1::ListTariffVersionsInForceRequest request;
  request.set_community(absl::StrCat("communities/", rules.id.value()));
  if (span.start != absl::InfinitePast()) {
    *request.mutable_start_time() = rpc::ToProto(span.start);
  }
  if (span.end != absl::InfiniteFuture()) *request.mutable_end_time() = rpc::ToProto(span.end);
  registry::v1::ListTariffVersionsInForceResponse response;
  PW_RETURN_IF_ERROR(
      rpc::FromGrpcStatus(tariffs_->ListTariffVersionsInForce(&context, request, &response)));
  Tariffs tariffs;
  tariffs.version_count = response.version_count();
  for (const registry::v1::TariffVersion& proto : response.tariff_versions()) {
    PW_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                        rpc::ParseName(proto.name(), "communities/*/tariffVersions/*", "name"));
    Tariff& tariff = tariffs.versions.emplace_back();
    tariff.id = TariffId(ids[1]);
    tariff.number = proto.version_number();
    PW_ASSIGN_OR_RETURN(tariff.starts_at, rpc::TimeFrom(proto.start_time(), "start_time"));
    PW_ASSIGN_OR_RETURN(tariff.rules, rpc::TariffRulesFrom(proto, rules.currency));
  }
  for (const auto& proto : response.memberships()) {
    MembershipStart& membership = tariffs.memberships.emplace_back();
    PW_ASSIGN_OR_RETURN(std::string point, rpc::ParseName1(proto.metering_point(),
                                                           "meteringPoints/*", "metering_point"));
    membership.point = MeteringPointId(std::move(point));
    PW_ASSIGN_OR_RETURN(membership.starts_at, rpc::TimeFrom(proto.start_time(), "start_time"));
  }
  return tariffs;
}

absl::StatusOr<std::map<CommunityId, int64_t>> RegistryClient::ListTariffCounts() {
  grpc::ClientContext context;
  rpc::SetDeadline(context, kTimeout);
  registry::v1::ListTariffVersionCountsResponse response;
  PW_RETURN_IF_ERROR(
      rpc::FromGrpcStatus(tariffs_->ListTariffVersionCounts(&context, {}, &response)));
  std::map<CommunityId, int64_t> counts;
  for (const auto& count : response.counts()) {
    PW_ASSIGN_OR_RETURN(std::string id,
                        rpc::ParseName1(count.community(), "communities/*", "community"));
    counts[CommunityId(std::move(id))] = count.version_count();
  }
  return counts;
}

}  // namespace peerwatt::settlement
