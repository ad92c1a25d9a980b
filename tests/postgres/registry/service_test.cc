#include "tests/postgres/registry/service_fixture.h"

namespace peerwatt::registry {
namespace {

TEST_F(ServiceTest, FillsInTheDefaultsOfACommunity) {
  const auto op = Operator();
  v1::Community community;
  ASSERT_EQ(Call(&op, &Stub::CreateCommunity, HamletRequest(), &community), "OK");
  EXPECT_EQ(community.name(), "communities/hamlet");
  EXPECT_EQ(community.interval().seconds(), 900);
  EXPECT_EQ(community.opening_lead().seconds(), 86'400);
  EXPECT_EQ(community.gate_closure_lead().seconds(), 3'600);
  EXPECT_EQ(community.settlement_grace().seconds(), 86'400);
  EXPECT_EQ(community.price_min_per_kwh().currency_code(), "EUR");
  EXPECT_EQ(community.create_time().seconds(), 1'800'000'000);
}

TEST_F(ServiceTest, RefusesACommunityWithForeignPricesOrWithoutAHighestOne) {
  const auto op = Operator();
  v1::Community community;
  auto request = HamletRequest();
  request.mutable_community()->mutable_price_max_per_kwh()->set_currency_code("USD");
  EXPECT_EQ(Call(&op, &Stub::CreateCommunity, request, &community), "FIELD_INVALID");
  request = HamletRequest();
  request.mutable_community()->clear_price_max_per_kwh();
  EXPECT_EQ(Call(&op, &Stub::CreateCommunity, request, &community), "FIELD_INVALID");
  request = HamletRequest();
  request.mutable_community()->clear_trading_start_time();
  EXPECT_EQ(Call(&op, &Stub::CreateCommunity, request, &community), "FIELD_INVALID");
}

TEST_F(ServiceTest, OnlyOperatorsAndAdministratorsCreateCommunities) {
  v1::Community community;
  const auto household = Household("1");
  const auto regulator = Regulator();
  EXPECT_EQ(Call(&household, &Stub::CreateCommunity, HamletRequest(), &community),
            "PERMISSION_DENIED");
  EXPECT_EQ(Call(&regulator, &Stub::CreateCommunity, HamletRequest(), &community),
            "PERMISSION_DENIED");
  EXPECT_EQ(Call(nullptr, &Stub::CreateCommunity, HamletRequest(), &community), "CALLER_UNKNOWN");
}

TEST_F(ServiceTest, AnyoneSignsUpButRolesAreGrantedByAnAdministrator) {
  v1::CreateUserRequest request;
  request.set_user_id("u9");
  request.mutable_user()->set_email("u9@example.org");
  request.set_password("0123456789");
  v1::User user;
  ASSERT_EQ(Call(nullptr, &Stub::CreateUser, request, &user), "OK");
  EXPECT_THAT(user.roles(), ::testing::ElementsAre(access::CONSUMER, access::PROSUMER));
  request.set_user_id("op9");
  request.mutable_user()->set_email("op9@example.org");
  request.mutable_user()->add_roles(access::OPERATOR);
  EXPECT_EQ(Call(nullptr, &Stub::CreateUser, request, &user), "PERMISSION_DENIED");
  const auto op = Operator();
  EXPECT_EQ(Call(&op, &Stub::CreateUser, request, &user), "PERMISSION_DENIED");
  const auto admin = CallerOf("users/admin", {access::ADMIN});
  EXPECT_EQ(Call(&admin, &Stub::CreateUser, request, &user), "OK");
  EXPECT_THAT(AuditOf("users/op9"), ::testing::ElementsAre("ROLES_GRANTED users/admin"));
  request.mutable_user()->add_roles(access::DEVICE);
  EXPECT_EQ(Call(&admin, &Stub::CreateUser, request, &user), "FIELD_INVALID");
}

TEST_F(ServiceTest, TokensVerifyWithTheServedKeys) {
  MustCreateUser("u1");
  v1::SignInRequest request;
  request.set_email("u1@example.org");
  request.set_password("0123456789");
  v1::Session session;
  ASSERT_EQ(Call(nullptr, &Stub::SignIn, request, &session), "OK");
  v1::Jwks jwks;
  ASSERT_EQ(Call(nullptr, &Stub::GetJwks, v1::GetJwksRequest(), &jwks), "OK");
  ASSERT_EQ(jwks.keys_size(), 1);
  const auto verifier =
      crypto::TokenVerifier::FromKeys({{jwks.keys(0).kid(), jwks.keys(0).x(), jwks.keys(0).y()}},
                                      "https://peerwatt.local", "peerwatt")
          .value();
  EXPECT_TRUE(verifier->Verify(session.access_token(), absl::Now()).ok());
  v1::RefreshSessionRequest refresh;
  refresh.set_refresh_token(session.refresh_token());
  EXPECT_EQ(Call(nullptr, &Stub::RefreshSession, refresh, &session), "OK");
  EXPECT_EQ(Call(nullptr, &Stub::RefreshSession, refresh, &session), "REFRESH_TOKEN_INVALID");
  request.set_password("wrong password");
  EXPECT_EQ(Call(nullptr, &Stub::SignIn, request, &session), "CREDENTIALS_INVALID");
}

TEST_F(ServiceTest, NobodyReadsAnothersResources) {
  FillHamlet();
  const auto one = Household("1");
  const auto regulator = Regulator();
  v1::GetParticipantRequest participant;
  v1::Participant found;
  participant.set_name("participants/p1");
  EXPECT_EQ(Call(&one, &Stub::GetParticipant, participant, &found), "OK");
  participant.set_name("participants/p2");
  EXPECT_EQ(Call(&one, &Stub::GetParticipant, participant, &found), "PERMISSION_DENIED");
  EXPECT_EQ(Call(&regulator, &Stub::GetParticipant, participant, &found), "OK");
  participant.set_name("participants/nobody");
  EXPECT_EQ(Call(&one, &Stub::GetParticipant, participant, &found), "PERMISSION_DENIED");
  EXPECT_EQ(Call(&regulator, &Stub::GetParticipant, participant, &found), "NOT_FOUND");

  v1::GetMeteringPointRequest point;
  v1::MeteringPoint place;
  point.set_name("meteringPoints/m1");
  EXPECT_EQ(Call(&one, &Stub::GetMeteringPoint, point, &place), "OK");
  for (const char* name : {"meteringPoints/m2", "meteringPoints/nowhere"}) {
    point.set_name(name);
    EXPECT_EQ(Call(&one, &Stub::GetMeteringPoint, point, &place), "PERMISSION_DENIED") << name;
  }
  EXPECT_EQ(Call(&regulator, &Stub::GetMeteringPoint, point, &place), "NOT_FOUND");

  v1::GetUserRequest user;
  v1::User person;
  user.set_name("users/u2");
  EXPECT_EQ(Call(&one, &Stub::GetUser, user, &person), "PERMISSION_DENIED");
  user.set_name("users/u1");
  EXPECT_EQ(Call(&one, &Stub::GetUser, user, &person), "OK");
}

TEST_F(ServiceTest, AParticipantListsOnlyItsOwnMeteringPoints) {
  FillHamlet();
  v1::ListMeteringPointsRequest request;
  v1::ListMeteringPointsResponse response;
  const auto one = Household("1");
  ASSERT_EQ(Call(&one, &Stub::ListMeteringPoints, request, &response), "OK");
  ASSERT_EQ(response.metering_points_size(), 1);
  EXPECT_EQ(response.metering_points(0).name(), "meteringPoints/m1");
  request.set_participant("participants/p2");
  EXPECT_EQ(Call(&one, &Stub::ListMeteringPoints, request, &response), "PERMISSION_DENIED");
}

TEST_F(ServiceTest, PagesDoNotOverlapAndKeepTheirRequest) {
  FillHamlet();
  const auto op = Operator();
  v1::ListParticipantsRequest request;
  request.set_page_size(1);
  v1::ListParticipantsResponse response;
  ASSERT_EQ(Call(&op, &Stub::ListParticipants, request, &response), "OK");
  ASSERT_EQ(response.participants_size(), 1);
  EXPECT_EQ(response.participants(0).name(), "participants/p1");
  const std::string token = response.next_page_token();
  ASSERT_FALSE(token.empty());
  request.set_page_token(token);
  response.Clear();
  ASSERT_EQ(Call(&op, &Stub::ListParticipants, request, &response), "OK");
  EXPECT_EQ(response.participants(0).name(), "participants/p2");
  EXPECT_EQ(response.next_page_token(), "");
  request.set_kyc_state(v1::Participant::APPROVED);
  EXPECT_EQ(Call(&op, &Stub::ListParticipants, request, &response), "PAGE_TOKEN_INVALID");
}

TEST_F(ServiceTest, TariffsArePagedNewestFirst) {
  FillHamlet();
  const auto op = Operator();
  for (int i = 0; i < 3; ++i) {
    v1::CreateTariffRequest request;
    request.set_parent("communities/hamlet");
    request.set_tariff_id("t" + std::to_string(i));
    *request.mutable_tariff()->mutable_start_time() = rpc::ToProto(kNow + absl::Hours(i));
    *request.mutable_tariff()->mutable_feed_in_price_per_kwh() = rpc::ToProto(Price(), "EUR");
    *request.mutable_tariff()->mutable_retail_price_per_kwh() = rpc::ToProto(Price(), "EUR");
    v1::Tariff tariff;
    ASSERT_EQ(Call(&op, &Stub::CreateTariff, request, &tariff), "OK");
  }
  v1::ListTariffsRequest list;
  list.set_parent("communities/hamlet");
  list.set_page_size(2);
  v1::ListTariffsResponse response;
  ASSERT_EQ(Call(&op, &Stub::ListTariffs, list, &response), "OK");
  ASSERT_EQ(response.tariffs_size(), 2);
  EXPECT_EQ(response.tariffs(0).name(), "communities/hamlet/tariffs/t2");
  list.set_page_token(response.next_page_token());
  response.Clear();
  ASSERT_EQ(Call(&op, &Stub::ListTariffs, list, &response), "OK");
  ASSERT_EQ(response.tariffs_size(), 1);
  EXPECT_EQ(response.tariffs(0).name(), "communities/hamlet/tariffs/t0");
  EXPECT_EQ(response.next_page_token(), "");
}

TEST_F(ServiceTest, OnlyTheParticipantSubmitsAndOnlyARegulatorApproves) {
  FillHamlet();
  v1::SubmitParticipantKycRequest submit;
  submit.set_name("participants/p1");
  submit.set_document_kind("passport");
  submit.set_document_sha256(std::string(64, 'a'));
  v1::Participant participant;
  const auto one = Household("1");
  const auto two = Household("2");
  const auto op = Operator();
  const auto regulator = Regulator();
  EXPECT_EQ(Call(&two, &Stub::SubmitParticipantKyc, submit, &participant), "PERMISSION_DENIED");
  EXPECT_EQ(Call(&op, &Stub::SubmitParticipantKyc, submit, &participant), "PERMISSION_DENIED");
  ASSERT_EQ(Call(&one, &Stub::SubmitParticipantKyc, submit, &participant), "OK");
  EXPECT_EQ(participant.kyc_state(), v1::Participant::SUBMITTED);
  v1::ReviewParticipantKycRequest review;
  review.set_name("participants/p1");
  EXPECT_EQ(Call(&op, &Stub::ReviewParticipantKyc, review, &participant), "PERMISSION_DENIED");
  ASSERT_EQ(Call(&regulator, &Stub::ReviewParticipantKyc, review, &participant), "OK");
  v1::ApproveParticipantKycRequest approve;
  approve.set_name("participants/p1");
  EXPECT_EQ(Call(&one, &Stub::ApproveParticipantKyc, approve, &participant), "PERMISSION_DENIED");
  ASSERT_EQ(Call(&regulator, &Stub::ApproveParticipantKyc, approve, &participant), "OK");
  EXPECT_EQ(participant.kyc_state(), v1::Participant::APPROVED);
  EXPECT_EQ(Call(&one, &Stub::SubmitParticipantKyc, submit, &participant), "KYC_STATE_FORBIDS");
}

TEST_F(ServiceTest, ADeviceRenewsOnlyItself) {
  FillHamlet();
  const auto op = Operator();
  v1::CreateDeviceRequest create;
  create.set_device_id("d1");
  create.mutable_device()->add_metering_points("meteringPoints/m1");
  v1::CreateDeviceResponse created;
  ASSERT_EQ(Call(&op, &Stub::CreateDevice, create, &created), "OK");
  EXPECT_EQ(created.device().state(), v1::Device::ENROLLING);
  v1::EnrolDeviceRequest enrol;
  enrol.set_name("devices/d1");
  enrol.set_enrolment_token(created.enrolment_token());
  enrol.set_csr_pem(crypto::NewSigningRequest(crypto::NewPrivateKey().value(), "x").value());
  v1::DeviceCertificate certificate;
  // The devices' authority of the fixture is dated; only the order of times matters here.
  ASSERT_EQ(Call(nullptr, &Stub::EnrolDevice, enrol, &certificate), "OK");
  EXPECT_LT(certificate.renew_time().seconds(), certificate.expire_time().seconds());
  EXPECT_EQ(certificate.ca_pem(), authority_.authority_pem());
  v1::RenewDeviceCertificateRequest renew;
  renew.set_name("devices/d1");
  renew.set_csr_pem(crypto::NewSigningRequest(crypto::NewPrivateKey().value(), "x").value());
  const auto self = CallerOf("devices/d1", {access::DEVICE});
  const auto other = CallerOf("devices/d2", {access::DEVICE});
  EXPECT_EQ(Call(&other, &Stub::RenewDeviceCertificate, renew, &certificate),
            "PERMISSION_DENIED");
  EXPECT_EQ(Call(&op, &Stub::RenewDeviceCertificate, renew, &certificate), "PERMISSION_DENIED");
  EXPECT_EQ(Call(&self, &Stub::RenewDeviceCertificate, renew, &certificate), "OK");
  renew.set_csr_pem(std::string(8193, 'x'));
  EXPECT_EQ(Call(&self, &Stub::RenewDeviceCertificate, renew, &certificate), "CSR_INVALID");
}

TEST_F(ServiceTest, OnlyServicesReachTheInternalDoor) {
  FillHamlet();
  const auto reason_for = [&](const std::string& peer) {
    const auto stub = v1::RegistryInternal::NewStub(ChannelOf(peer));
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(30));
    v1::GetCommunitySnapshotRequest request;
    request.set_community("communities/hamlet");
    *request.mutable_time() = rpc::ToProto(kNow);
    v1::CommunitySnapshot snapshot;
    const grpc::Status status = stub->GetCommunitySnapshot(&context, request, &snapshot);
    if (!status.ok()) return ReasonOf(rpc::FromGrpcStatus(status));
    EXPECT_EQ(snapshot.members_size(), 2);
    EXPECT_FALSE(snapshot.has_tariff());
    return std::string("OK");
  };
  for (const char* peer : {"gateway", "metering", "market", "settlement"}) {
    EXPECT_EQ(reason_for(peer), "OK") << peer;
  }
  EXPECT_EQ(reason_for("somebody"), "CALLER_UNKNOWN");
}

TEST_F(ServiceTest, OnlyTheGatewayVouchesForACaller) {
  const auto stub = v1::Registry::NewStub(ChannelOf("market"));
  grpc::ClientContext context;
  rpc::SetDeadline(context, absl::Seconds(30));
  rpc::SetPrincipal(context, Operator().SerializeAsString());
  v1::ListDevicesResponse response;
  EXPECT_EQ(ReasonOf(rpc::FromGrpcStatus(
                stub->ListDevices(&context, v1::ListDevicesRequest(), &response))),
            "CALLER_UNKNOWN");
}

}  // namespace
}  // namespace peerwatt::registry
