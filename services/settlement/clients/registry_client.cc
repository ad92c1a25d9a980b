#include "services/settlement/clients/registry_client.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/domain/time_zone.h"
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
  if (proto.has_emission_factor()) {
    rules.emission_factor = {proto.emission_factor().co2_g_per_kwh(),
                             proto.emission_factor().source()};
  }
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
  // The registry has checked the name; the time zones of this machine may be older.
  rules.time_zone = IanaTimeZone(proto.time_zone()).value_or(absl::UTCTimeZone());
  return rules;
}

absl::StatusOr<Member> MemberFrom(const registry::v1::Membership::Holder& proto) {
  Member member;
  PW_ASSIGN_OR_RETURN(std::string point, rpc::ParseName1(proto.metering_point(),
                                                         "meteringPoints/*", "metering_point"));
  PW_ASSIGN_OR_RETURN(std::string participant,
                      rpc::ParseName1(proto.participant(), "participants/*", "participant"));
  member.point = MeteringPointId(std::move(point));
  member.participant = ParticipantId(std::move(participant));
  member.connection = GridConnectionId(proto.grid_connection());
  if (proto.has_create_time()) {
    PW_ASSIGN_OR_RETURN(member.joined_at, rpc::TimeFrom(proto.create_time(), "create_time"));
  }
  member.held_since = member.joined_at;
  if (proto.has_start_time()) {
    PW_ASSIGN_OR_RETURN(member.held_since, rpc::TimeFrom(proto.start_time(), "start_time"));
  }
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
  PW_RETURN_IF_ERROR(ReadMembership(community, time, snapshot));
  return snapshot;
}

absl::Status RegistryClient::ReadMembership(const CommunityId& community, absl::Time time,
                                            CommunitySnapshot& snapshot) {
  grpc::ClientContext context;
  rpc::SetDeadline(context, kTimeout);
  registry::v1::GetMembershipRequest request;
  request.set_community(absl::StrCat("communities/", community.value()));
  *request.mutable_time() = rpc::ToProto(time);
  registry::v1::Membership response;
  PW_RETURN_IF_ERROR(
      rpc::FromGrpcStatus(handovers_->GetMembership(&context, request, &response)));
  snapshot.membership_version = response.version();
  snapshot.members.reserve(static_cast<size_t>(response.holders_size()));
  for (const registry::v1::Membership::Holder& proto : response.holders()) {
    PW_ASSIGN_OR_RETURN(Member member, MemberFrom(proto));
    (proto.is_boundary() ? snapshot.boundaries : snapshot.members).push_back(std::move(member));
  }
  for (const registry::v1::Membership::FormerHolder& proto : response.former_holders()) {
    FormerMember& member = snapshot.former.emplace_back();
    PW_ASSIGN_OR_RETURN(std::string participant,
                        rpc::ParseName1(proto.participant(), "participants/*", "participant"));
    member.participant = ParticipantId(std::move(participant));
    member.connection = GridConnectionId(proto.grid_connection());
    PW_ASSIGN_OR_RETURN(member.span.start, rpc::TimeFrom(proto.start_time(), "start_time"));
    PW_ASSIGN_OR_RETURN(member.span.end, rpc::TimeFrom(proto.end_time(), "end_time"));
  }
  return absl::OkStatus();
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
