#include "services/registry/rpc/codec.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/ids.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"

namespace peerwatt::registry {
namespace {

namespace access = peerwatt::access::v1;

access::Role ProtoOf(Role role) {
  switch (role) {
    case Role::kConsumer:
      return access::CONSUMER;
    case Role::kProsumer:
      return access::PROSUMER;
    case Role::kOperator:
      return access::OPERATOR;
    case Role::kRegulator:
      return access::REGULATOR;
    case Role::kAdmin:
      return access::ADMIN;
  }
  return access::ROLE_UNSPECIFIED;
}

v1::Participant::KycState ProtoOf(KycState state) {
  switch (state) {
    case KycState::kPending:
      return v1::Participant::PENDING;
    case KycState::kSubmitted:
      return v1::Participant::SUBMITTED;
    case KycState::kInReview:
      return v1::Participant::IN_REVIEW;
    case KycState::kApproved:
      return v1::Participant::APPROVED;
    case KycState::kRejected:
      return v1::Participant::REJECTED;
    case KycState::kExpired:
      return v1::Participant::EXPIRED;
  }
  return v1::Participant::KYC_STATE_UNSPECIFIED;
}

v1::Device::State ProtoOf(DeviceState state) {
  switch (state) {
    case DeviceState::kEnrolling:
      return v1::Device::ENROLLING;
    case DeviceState::kActive:
      return v1::Device::ACTIVE;
    case DeviceState::kRevoked:
      return v1::Device::REVOKED;
  }
  return v1::Device::STATE_UNSPECIFIED;
}

// The numbers of both are the same, in the same order.
v1::MeteringPoint::EnergySource ProtoOf(EnergySource source) {
  return static_cast<v1::MeteringPoint::EnergySource>(source);
}
EnergySource SourceFrom(v1::MeteringPoint::EnergySource proto) {
  return static_cast<EnergySource>(proto);
}
static_assert(static_cast<int>(EnergySource::kStorage) == v1::MeteringPoint::STORAGE);

std::string NameOf(const char* collection, const std::string& id) {
  return absl::StrCat(collection, "/", id);
}

}  // namespace

v1::User ToProto(const User& user) {
  v1::User proto;
  proto.set_name(NameOf("users", user.id.value()));
  proto.set_email(user.email);
  proto.set_display_name(user.display_name);
  for (const Role role : user.roles) proto.add_roles(ProtoOf(role));
  if (!user.participant.empty()) {
    proto.set_participant(NameOf("participants", user.participant.value()));
  }
  *proto.mutable_create_time() = rpc::ToProto(user.created_at);
  return proto;
}

v1::Session ToProto(const Session& session) {
  v1::Session proto;
  proto.set_access_token(session.access.token);
  proto.set_refresh_token(session.refresh_token);
  *proto.mutable_expire_time() = rpc::ToProto(session.access.expires_at);
  proto.set_user(NameOf("users", session.user.value()));
  return proto;
}

v1::Jwks ToProto(const std::vector<PublicKey>& keys) {
  v1::Jwks proto;
  for (const PublicKey& key : keys) {
    v1::Jwk& jwk = *proto.add_keys();
    jwk.set_kty("EC");
    jwk.set_crv("P-256");
    jwk.set_kid(key.kid);
    jwk.set_use("sig");
    jwk.set_alg("ES256");
    jwk.set_x(key.x);
    jwk.set_y(key.y);
  }
  return proto;
}

v1::Participant ToProto(const Participant& p) {
  v1::Participant proto;
  proto.set_name(NameOf("participants", p.id.value()));
  proto.set_display_name(p.display_name);
  proto.set_community(NameOf("communities", p.community.value()));
  proto.set_kyc_state(ProtoOf(p.kyc_state));
  proto.set_kyc_reason(p.kyc_reason);
  proto.set_user(NameOf("users", p.user.value()));
  *proto.mutable_create_time() = rpc::ToProto(p.created_at);
  *proto.mutable_update_time() = rpc::ToProto(p.updated_at);
  return proto;
}

v1::MeteringPoint ToProto(const MeteringPoint& point) {
  v1::MeteringPoint proto;
  proto.set_name(NameOf("meteringPoints", point.id.value()));
  proto.set_participant(NameOf("participants", point.participant.value()));
  proto.set_grid_connection(point.grid_connection.value());
  proto.set_import_capacity_w(point.import_capacity_w);
  proto.set_export_capacity_w(point.export_capacity_w);
  proto.set_community(NameOf("communities", point.community.value()));
  *proto.mutable_create_time() = rpc::ToProto(point.created_at);
  proto.set_zone(point.zone);
  proto.set_energy_source(ProtoOf(point.energy_source));
  proto.set_role(point.is_boundary ? v1::MeteringPoint::COMMUNITY_BOUNDARY
                                   : v1::MeteringPoint::MEMBER_CONNECTION);
  return proto;
}

v1::Device ToProto(const Device& device) {
  v1::Device proto;
  proto.set_name(NameOf("devices", device.id.value()));
  for (const MeteringPointId& point : device.metering_points) {
    proto.add_metering_points(NameOf("meteringPoints", point.value()));
  }
  proto.set_state(ProtoOf(device.state));
  proto.set_certificate_serial(device.certificate_serial);
  if (device.certificate_expires_at) {
    *proto.mutable_certificate_expire_time() = rpc::ToProto(*device.certificate_expires_at);
  }
  *proto.mutable_create_time() = rpc::ToProto(device.created_at);
  return proto;
}

v1::DeviceCertificate ToProto(const IssuedCertificate& certificate,
                              const std::string& authority_pem) {
  v1::DeviceCertificate proto;
  proto.set_certificate_pem(certificate.pem);
  proto.set_ca_pem(authority_pem);
  *proto.mutable_expire_time() = rpc::ToProto(certificate.expires_at);
  *proto.mutable_renew_time() = rpc::ToProto(RenewTimeOf(certificate));
  return proto;
}

v1::ResolveDeviceResponse ToProto(const ResolvedDevice& resolved) {
  v1::ResolveDeviceResponse proto;
  proto.set_state(ProtoOf(resolved.state));
  proto.set_certificate_known(resolved.certificate_known);
  for (const MeteringPointId& point : resolved.metering_points) {
    proto.add_metering_points(NameOf("meteringPoints", point.value()));
  }
  return proto;
}

v1::Member ToProto(const Member& member) {
  v1::Member proto;
  proto.set_metering_point(NameOf("meteringPoints", member.metering_point.value()));
  proto.set_participant(NameOf("participants", member.participant.value()));
  proto.set_community(NameOf("communities", member.community.value()));
  proto.set_grid_connection(member.grid_connection.value());
  proto.set_approved(member.approved);
  proto.set_import_capacity_w(member.import_capacity_w);
  proto.set_export_capacity_w(member.export_capacity_w);
  *proto.mutable_interval() = rpc::ToProto(member.interval);
  proto.set_time_zone(member.time_zone);
  proto.set_signed_readings_required(member.signed_readings_required);
  proto.set_zone(member.zone);
  proto.set_energy_source(ProtoOf(EnergySourceFromName(member.energy_source)));
  proto.set_is_boundary(member.is_boundary);
  return proto;
}

v1::CommunitySnapshot ToProto(const CommunitySnapshot& snapshot) {
  v1::CommunitySnapshot proto;
  *proto.mutable_community() = ToProto(snapshot.community);
  if (snapshot.tariff) {
    *proto.mutable_tariff() = ToProto(*snapshot.tariff, snapshot.community.currency_code);
  }
  for (const Member& member : snapshot.members) *proto.add_members() = ToProto(member);
  return proto;
}

v1::ParticipantContext ToProto(const ParticipantContext& context) {
  v1::ParticipantContext proto;
  proto.set_participant(NameOf("participants", context.participant.value()));
  proto.set_community(NameOf("communities", context.community.value()));
  proto.set_currency_code(context.currency_code);
  proto.set_approved(context.approved);
  return proto;
}

absl::StatusOr<NewUser> NewUserFrom(const v1::CreateUserRequest& request) {
  NewUser user{UserId(request.user_id()), request.user().email(), request.user().display_name(),
               {}, request.password()};
  for (const int number : request.user().roles()) {
    switch (number) {
      case access::CONSUMER:
        user.roles.push_back(Role::kConsumer);
        break;
      case access::PROSUMER:
        user.roles.push_back(Role::kProsumer);
        break;
      case access::OPERATOR:
        user.roles.push_back(Role::kOperator);
        break;
      case access::REGULATOR:
        user.roles.push_back(Role::kRegulator);
        break;
      case access::ADMIN:
        user.roles.push_back(Role::kAdmin);
        break;
      default:
        return FieldInvalid("user.roles", "must be roles that a user can have");
    }
  }
  return user;
}

absl::StatusOr<Participant> ParticipantFrom(const v1::CreateParticipantRequest& request) {
  Participant participant;
  participant.id = ParticipantId(request.participant_id());
  participant.display_name = request.participant().display_name();
  PW_ASSIGN_OR_RETURN(std::string community,
                      rpc::ParseName1(request.participant().community(), kCommunityPattern,
                                      "participant.community"));
  participant.community = CommunityId(std::move(community));
  return participant;
}

absl::StatusOr<MeteringPoint> MeteringPointFrom(const v1::CreateMeteringPointRequest& request) {
  const v1::MeteringPoint& proto = request.metering_point();
  MeteringPoint point;
  point.id = MeteringPointId(request.metering_point_id());
  PW_ASSIGN_OR_RETURN(std::string participant,
                      rpc::ParseName1(proto.participant(), kParticipantPattern,
                                      "metering_point.participant"));
  point.participant = ParticipantId(std::move(participant));
  point.grid_connection = GridConnectionId(proto.grid_connection());
  point.import_capacity_w = proto.import_capacity_w();
  point.export_capacity_w = proto.export_capacity_w();
  point.zone = proto.zone();
  if (!v1::MeteringPoint::EnergySource_IsValid(proto.energy_source())) {
    return FieldInvalid("metering_point.energy_source", "must be a known source");
  }
  point.energy_source = SourceFrom(proto.energy_source());
  if (!v1::MeteringPoint::Role_IsValid(proto.role())) {
    return FieldInvalid("metering_point.role", "must be a known role");
  }
  point.is_boundary = proto.role() == v1::MeteringPoint::COMMUNITY_BOUNDARY;
  return point;
}

absl::StatusOr<Device> DeviceFrom(const v1::CreateDeviceRequest& request) {
  Device device;
  device.id = DeviceId(request.device_id());
  for (const std::string& name : request.device().metering_points()) {
    PW_ASSIGN_OR_RETURN(std::string id, rpc::ParseName1(name, kMeteringPointPattern,
                                                        "device.metering_points"));
    device.metering_points.emplace_back(std::move(id));
  }
  return device;
}

absl::StatusOr<ParticipantFilter> FilterFrom(const v1::ListParticipantsRequest& request) {
  ParticipantFilter filter;
  if (!request.community().empty()) {
    PW_ASSIGN_OR_RETURN(std::string id,
                        rpc::ParseName1(request.community(), kCommunityPattern, "community"));
    filter.community = CommunityId(std::move(id));
  }
  if (request.kyc_state() != v1::Participant::KYC_STATE_UNSPECIFIED) {
    const auto state = KycStateFromName(v1::Participant::KycState_Name(request.kyc_state()));
    if (!state.ok()) return FieldInvalid("kyc_state", "must be a known state");
    filter.kyc_state = *state;
  }
  return filter;
}

absl::StatusOr<rpc::Page> ReadIdPage(const google::protobuf::Message& request) {
  PW_ASSIGN_OR_RETURN(rpc::Page page, rpc::ReadPage(request));
  if (!page.after.empty() && !IsResourceId(page.after)) {
    return Error(kPageTokenInvalid, "page_token is malformed");
  }
  return page;
}

absl::StatusOr<absl::Time> StartsBefore(const rpc::Page& page) {
  // Later than anything can start.
  constexpr int64_t kEndOfTimeMicros = 253402300799'999'999;
  int64_t micros = kEndOfTimeMicros;
  if (!page.after.empty() &&
      (!absl::SimpleAtoi(page.after, &micros) || micros < 0 || micros > kEndOfTimeMicros)) {
    return Error(kPageTokenInvalid, "page_token is malformed");
  }
  return absl::FromUnixMicros(micros);
}

}  // namespace peerwatt::registry
