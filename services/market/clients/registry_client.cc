#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/server.h"
#include "libs/rpc/status.h"
#include "services/market/clients/codec.h"
#include "services/market/clients/peers.h"

namespace peerwatt::market {

namespace v1 = peerwatt::registry::v1;

absl::StatusOr<CommunityRules> RulesFrom(const v1::Community& proto) {
  CommunityRules rules;
  PW_ASSIGN_OR_RETURN(std::string id, rpc::ParseName1(proto.name(), "communities/*", "name"));
  rules.id = CommunityId(std::move(id));
  rules.currency = proto.currency_code();
  PW_ASSIGN_OR_RETURN(rules.interval, rpc::DurationFrom(proto.interval(), "interval"));
  PW_ASSIGN_OR_RETURN(rules.trading_start,
                      rpc::TimeFrom(proto.trading_start_time(), "trading_start_time"));
  PW_ASSIGN_OR_RETURN(rules.opening_lead, rpc::DurationFrom(proto.opening_lead(), "opening_lead"));
  PW_ASSIGN_OR_RETURN(rules.gate_closure_lead,
                      rpc::DurationFrom(proto.gate_closure_lead(), "gate_closure_lead"));
  if (proto.has_network_fee_per_kwh()) {
    PW_ASSIGN_OR_RETURN(rules.network_fee, rpc::PriceFrom(proto.network_fee_per_kwh(),
                                                          rules.currency, "network_fee_per_kwh"));
  }
  if (proto.has_price_min_per_kwh()) {
    PW_ASSIGN_OR_RETURN(rules.price_min, rpc::PriceFrom(proto.price_min_per_kwh(), rules.currency,
                                                        "price_min_per_kwh"));
  }
  PW_ASSIGN_OR_RETURN(rules.price_max, rpc::PriceFrom(proto.price_max_per_kwh(), rules.currency,
                                                      "price_max_per_kwh"));
  rules.time_zone = proto.time_zone();
  absl::TimeZone zone;
  if (!rules.time_zone.empty() && !absl::LoadTimeZone(rules.time_zone, &zone)) {
    return FieldInvalid("time_zone", "is not a time zone that is known here");
  }
  if (!IsIntervalLength(rules.interval) || rules.gate_closure_lead < absl::ZeroDuration() ||
      rules.opening_lead < rules.gate_closure_lead) {
    return FieldInvalid("interval", "the community's times do not fit together");
  }
  return rules;
}

absl::StatusOr<Member> MemberFrom(const v1::Member& proto) {
  Member member;
  PW_ASSIGN_OR_RETURN(std::string point, rpc::ParseName1(proto.metering_point(),
                                                         "meteringPoints/*", "metering_point"));
  PW_ASSIGN_OR_RETURN(std::string participant,
                      rpc::ParseName1(proto.participant(), "participants/*", "participant"));
  PW_ASSIGN_OR_RETURN(std::string community,
                      rpc::ParseName1(proto.community(), "communities/*", "community"));
  member.metering_point = MeteringPointId(std::move(point));
  member.participant = ParticipantId(std::move(participant));
  member.community = CommunityId(std::move(community));
  member.grid_connection = GridConnectionId(proto.grid_connection());
  member.approved = proto.approved();
  member.import_capacity_w = proto.import_capacity_w();
  member.export_capacity_w = proto.export_capacity_w();
  member.zone = ZoneId(proto.zone());
  // The numbers of both are the same; one that is not known here counts as unknown.
  member.source = proto.energy_source() > 0 && proto.energy_source() < kEnergySources
                      ? static_cast<EnergySource>(proto.energy_source())
                      : EnergySource::kUnknown;
  member.is_boundary = proto.is_boundary();
  return member;
}

RegistryClient::RegistryClient(const std::shared_ptr<grpc::Channel>& channel)
    : stub_(v1::RegistryInternal::NewStub(channel)),
      schemes_(v1::SchemesInternal::NewStub(channel)) {}

absl::StatusOr<std::vector<CommunityRules>> RegistryClient::ListCommunityRules() {
  grpc::ClientContext context;
  rpc::SetDeadline(context, kPeerTimeout);
  v1::ListCommunityRulesResponse response;
  PW_RETURN_IF_ERROR(
      rpc::FromGrpcStatus(stub_->ListCommunityRules(&context, {}, &response)));
  std::vector<CommunityRules> all;
  for (const v1::Community& community : response.communities()) {
    PW_ASSIGN_OR_RETURN(CommunityRules rules, RulesFrom(community));
    all.push_back(std::move(rules));
  }
  return all;
}

absl::StatusOr<CommunitySnapshot> RegistryClient::GetSnapshot(const CommunityId& community,
                                                              absl::Time time) {
  grpc::ClientContext context;
  rpc::SetDeadline(context, kSnapshotTimeout);
  v1::GetCommunitySnapshotRequest request;
  request.set_community(absl::StrCat("communities/", community.value()));
  *request.mutable_time() = rpc::ToProto(time);
  v1::CommunitySnapshot response;
  PW_RETURN_IF_ERROR(
      rpc::FromGrpcStatus(stub_->GetCommunitySnapshot(&context, request, &response)));
  CommunitySnapshot snapshot;
  PW_ASSIGN_OR_RETURN(snapshot.rules, RulesFrom(response.community()));
  for (const v1::Member& proto : response.members()) {
    PW_ASSIGN_OR_RETURN(Member member, MemberFrom(proto));
    snapshot.members.push_back(std::move(member));
  }
  return snapshot;
}

absl::StatusOr<std::optional<Member>> RegistryClient::FindMember(const MeteringPointId& point) {
  grpc::ClientContext context;
  rpc::SetDeadline(context, kPeerTimeout);
  v1::BatchGetMembersRequest request;
  request.add_metering_points(absl::StrCat("meteringPoints/", point.value()));
  v1::BatchGetMembersResponse response;
  PW_RETURN_IF_ERROR(rpc::FromGrpcStatus(stub_->BatchGetMembers(&context, request, &response)));
  if (response.members().empty()) {
    return std::nullopt;
  }
  PW_ASSIGN_OR_RETURN(Member member, MemberFrom(response.members(0)));
  return std::optional(std::move(member));
}

absl::StatusOr<ParticipantContext> RegistryClient::GetParticipant(
    const ParticipantId& participant) {
  grpc::ClientContext context;
  rpc::SetDeadline(context, kPeerTimeout);
  v1::GetParticipantContextRequest request;
  request.set_participant(absl::StrCat("participants/", participant.value()));
  v1::ParticipantContext response;
  PW_RETURN_IF_ERROR(
      rpc::FromGrpcStatus(stub_->GetParticipantContext(&context, request, &response)));
  PW_ASSIGN_OR_RETURN(std::string community,
                      rpc::ParseName1(response.community(), "communities/*", "community"));
  return ParticipantContext{participant, CommunityId(std::move(community)),
                            response.currency_code(), response.approved()};
}

absl::StatusOr<std::vector<NetworkVersion>> RegistryClient::ListNetworks(
    const CommunityRules& rules, Interval span) {
  grpc::ClientContext context;
  rpc::SetDeadline(context, kPeerTimeout);
  v1::ListNetworksInForceRequest request;
  request.set_community(absl::StrCat("communities/", rules.id.value()));
  *request.mutable_start_time() = rpc::ToProto(span.start);
  *request.mutable_end_time() = rpc::ToProto(span.end);
  v1::ListNetworksInForceResponse response;
  PW_RETURN_IF_ERROR(rpc::FromGrpcStatus(stub_->ListNetworksInForce(&context, request, &response)));
  std::vector<NetworkVersion> networks;
  for (const v1::Network& proto : response.networks()) {
    PW_ASSIGN_OR_RETURN(NetworkVersion network, NetworkFrom(proto, rules));
    networks.push_back(std::move(network));
  }
  return networks;
}

absl::StatusOr<std::vector<TradingPhase>> RegistryClient::ListPhases(const CommunityRules& rules,
                                                                     Interval span) {
  grpc::ClientContext context;
  rpc::SetDeadline(context, kPeerTimeout);
  v1::ListSchemesInForceRequest request;
  request.set_community(absl::StrCat("communities/", rules.id.value()));
  *request.mutable_start_time() = rpc::ToProto(span.start);
  *request.mutable_end_time() = rpc::ToProto(span.end);
  v1::ListSchemesInForceResponse response;
  PW_RETURN_IF_ERROR(
      rpc::FromGrpcStatus(schemes_->ListSchemesInForce(&context, request, &response)));
  std::vector<TradingPhase> phases;
  for (const v1::Scheme& scheme : response.schemes()) {
    PW_ASSIGN_OR_RETURN(const absl::Time start, rpc::TimeFrom(scheme.start_time(), "start_time"));
    phases.push_back({start, scheme.mechanism() == v1::Scheme::TRADING});
  }
  return phases;
}

}  // namespace peerwatt::market
