#include "services/registry/rpc/codec.h"

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

std::string NameOf(const char* collection, const std::string& id) {
  return absl::StrCat(collection, "/", id);
}

// Reads an optional duration: absent keeps the default.
absl::Status ReadDuration(bool present, const google::protobuf::Duration& proto,
                          absl::string_view field, absl::Duration& duration) {
  if (!present) return absl::OkStatus();
  PW_ASSIGN_OR_RETURN(duration, rpc::DurationFrom(proto, field));
  return absl::OkStatus();
}

// Reads an optional price: absent keeps the default.
absl::Status ReadPrice(bool present, const google::type::Money& proto, const std::string& currency,
                       absl::string_view field, Price& price) {
  if (!present) return absl::OkStatus();
  PW_ASSIGN_OR_RETURN(price, rpc::PriceFrom(proto, currency, field));
  return absl::OkStatus();
}

absl::Status ReadTimes(const v1::Community& proto, Community& c) {
  PW_RETURN_IF_ERROR(
      ReadDuration(proto.has_interval(), proto.interval(), "community.interval", c.interval));
  if (!proto.has_trading_start_time()) {
    return FieldInvalid("community.trading_start_time", "is required");
  }
  PW_ASSIGN_OR_RETURN(c.trading_starts_at, rpc::TimeFrom(proto.trading_start_time(),
                                                         "community.trading_start_time"));
  PW_RETURN_IF_ERROR(ReadDuration(proto.has_opening_lead(), proto.opening_lead(),
                                  "community.opening_lead", c.opening_lead));
  PW_RETURN_IF_ERROR(ReadDuration(proto.has_gate_closure_lead(), proto.gate_closure_lead(),
                                  "community.gate_closure_lead", c.gate_closure_lead));
  return ReadDuration(proto.has_settlement_grace(), proto.settlement_grace(),
                      "community.settlement_grace", c.settlement_grace);
}

absl::Status ReadPrices(const v1::Community& proto, Community& c) {
  PW_RETURN_IF_ERROR(ReadPrice(proto.has_network_fee_per_kwh(), proto.network_fee_per_kwh(),
                               c.currency_code, "community.network_fee_per_kwh", c.network_fee));
  c.operator_share_ppm = proto.operator_share_ppm();
  PW_RETURN_IF_ERROR(ReadPrice(proto.has_price_min_per_kwh(), proto.price_min_per_kwh(),
                               c.currency_code, "community.price_min_per_kwh", c.price_min));
  if (!proto.has_price_max_per_kwh()) {
    return FieldInvalid("community.price_max_per_kwh", "is required");
  }
  return ReadPrice(true, proto.price_max_per_kwh(), c.currency_code,
                   "community.price_max_per_kwh", c.price_max);
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

v1::Community ToProto(const Community& c) {
  v1::Community proto;
  proto.set_name(NameOf("communities", c.id.value()));
  proto.set_display_name(c.display_name);
  proto.set_time_zone(c.time_zone);
  proto.set_currency_code(c.currency_code);
  *proto.mutable_interval() = rpc::ToProto(c.interval);
  *proto.mutable_trading_start_time() = rpc::ToProto(c.trading_starts_at);
  *proto.mutable_opening_lead() = rpc::ToProto(c.opening_lead);
  *proto.mutable_gate_closure_lead() = rpc::ToProto(c.gate_closure_lead);
  *proto.mutable_settlement_grace() = rpc::ToProto(c.settlement_grace);
  *proto.mutable_network_fee_per_kwh() = rpc::ToProto(c.network_fee, c.currency_code);
  proto.set_operator_share_ppm(c.operator_share_ppm);
  *proto.mutable_price_min_per_kwh() = rpc::ToProto(c.price_min, c.currency_code);
  *proto.mutable_price_max_per_kwh() = rpc::ToProto(c.price_max, c.currency_code);
  *proto.mutable_create_time() = rpc::ToProto(c.created_at);
  proto.set_signed_readings_required(c.signed_readings_required);
  return proto;
}

v1::Tariff ToProto(const Tariff& tariff, const std::string& currency) {
  v1::Tariff proto;
  proto.set_name(absl::StrCat("communities/", tariff.community.value(), "/tariffs/",
                              tariff.id.value()));
  *proto.mutable_feed_in_price_per_kwh() = rpc::ToProto(tariff.feed_in_price, currency);
  *proto.mutable_retail_price_per_kwh() = rpc::ToProto(tariff.retail_price, currency);
  *proto.mutable_start_time() = rpc::ToProto(tariff.starts_at);
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

absl::StatusOr<Community> CommunityFrom(const v1::CreateCommunityRequest& request) {
  const v1::Community& proto = request.community();
  Community c;
  c.id = CommunityId(request.community_id());
  c.display_name = proto.display_name();
  c.time_zone = proto.time_zone();
  c.currency_code = proto.currency_code();
  // Prices are compared with the currency, so it must be one before they are read.
  if (!IsCurrencyCode(c.currency_code)) {
    return FieldInvalid("community.currency_code", "must be an ISO 4217 code");
  }
  c.signed_readings_required = proto.signed_readings_required();
  PW_RETURN_IF_ERROR(ReadTimes(proto, c));
  PW_RETURN_IF_ERROR(ReadPrices(proto, c));
  return c;
}

absl::StatusOr<Tariff> TariffFrom(const v1::CreateTariffRequest& request,
                                  const Community& community) {
  const v1::Tariff& proto = request.tariff();
  Tariff tariff;
  tariff.community = community.id;
  tariff.id = TariffId(request.tariff_id());
  if (!proto.has_feed_in_price_per_kwh()) {
    return FieldInvalid("tariff.feed_in_price_per_kwh", "is required");
  }
  PW_ASSIGN_OR_RETURN(tariff.feed_in_price,
                      rpc::PriceFrom(proto.feed_in_price_per_kwh(), community.currency_code,
                                     "tariff.feed_in_price_per_kwh"));
  if (!proto.has_retail_price_per_kwh()) {
    return FieldInvalid("tariff.retail_price_per_kwh", "is required");
  }
  PW_ASSIGN_OR_RETURN(tariff.retail_price,
                      rpc::PriceFrom(proto.retail_price_per_kwh(), community.currency_code,
                                     "tariff.retail_price_per_kwh"));
  if (!proto.has_start_time()) return FieldInvalid("tariff.start_time", "is required");
  PW_ASSIGN_OR_RETURN(tariff.starts_at, rpc::TimeFrom(proto.start_time(), "tariff.start_time"));
  return tariff;
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

}  // namespace peerwatt::registry
