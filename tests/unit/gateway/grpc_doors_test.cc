#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <grpcpp/generic/generic_stub.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "google/rpc/status.pb.h"
#include "services/gateway/api/wire_error.h"
#include "tests/unit/gateway/gateway_fixture.h"

namespace peerwatt::gateway::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string ReasonIn(const grpc::Status& status) {
  google::rpc::Status proto;
  proto.ParseFromString(status.error_details());
  return WireReasonOf(proto);
}

class GrpcDoorTest : public GatewayFixture {
 protected:
  std::unique_ptr<grpc::ClientContext> Context(const std::vector<std::string>& roles = {}) const {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    if (!roles.empty()) {
      context->AddMetadata("authorization", absl::StrCat("Bearer ", Token(roles, absl::Hours(1))));
    }
    return context;
  }
};

TEST_F(GrpcDoorTest, ForwardsAUnaryCallWithItsCallerOnly) {
  const auto stub = registry::v1::Registry::NewStub(PublicChannel());
  const auto context = Context({"OPERATOR"});
  rpc::Principal forged;
  forged.set_subject("users/admin");
  context->AddMetadata("peerwatt-principal-bin", forged.SerializeAsString());
  context->AddMetadata("peerwatt-other", "x");
  registry::v1::CreateCommunityRequest request;
  request.set_community_id("hamlet");
  registry::v1::Community response;
  const grpc::Status status = stub->CreateCommunity(context.get(), request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.name(), "communities/hamlet");
  EXPECT_THAT(registry_.Caller(), HasSubstr("users/u1"));
  EXPECT_EQ(registry_.Metadata().count("peerwatt-other"), 0u);
  EXPECT_EQ(registry_.Metadata().count("authorization"), 0u);
}

TEST_F(GrpcDoorTest, ForwardsAMessageWithoutBytes) {
  const auto stub = registry::v1::Registry::NewStub(PublicChannel());
  registry::v1::Jwks response;
  const grpc::Status status = stub->GetJwks(Context().get(), {}, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.keys(0).kid(), signer_->jwk().kid);
}

TEST_F(GrpcDoorTest, RefusesWithReasons) {
  const auto stub = registry::v1::Registry::NewStub(PublicChannel());
  registry::v1::GetCommunityRequest request;
  registry::v1::Community response;
  grpc::Status status = stub->GetCommunity(Context().get(), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(ReasonIn(status), "TOKEN_MISSING");
  registry::v1::CreateCommunityRequest create;
  status = stub->CreateCommunity(Context({"CONSUMER"}).get(), create, &response);
  EXPECT_EQ(ReasonIn(status), "ROLE_FORBIDS");
  request.set_name("communities/none");
  status = stub->GetCommunity(Context({"CONSUMER"}).get(), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonIn(status), "COMMUNITY_UNKNOWN");
}

TEST_F(GrpcDoorTest, KeepsInternalMethodsAndDeviceStreamsIn) {
  const auto internal = registry::v1::RegistryInternal::NewStub(PublicChannel());
  registry::v1::ResolveDeviceRequest request;
  registry::v1::ResolveDeviceResponse response;
  const grpc::Status status =
      internal->ResolveDevice(Context({"ADMIN"}).get(), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(ReasonIn(status), "METHOD_UNKNOWN");
  const auto metering = metering::v1::Metering::NewStub(PublicChannel());
  const auto context = Context({"OPERATOR"});
  const auto stream = metering->StreamReadings(context.get());
  const grpc::Status ended = stream->Finish();
  EXPECT_EQ(ended.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(ReasonIn(ended), "METHOD_UNKNOWN");
}

TEST_F(GrpcDoorTest, ForwardsAServerStreamAndItsEnd) {
  const auto stub = market::v1::Market::NewStub(PublicChannel());
  market::v1::WatchAuctionRequest request;
  request.set_name("communities/c1/auctions/bad");
  const auto context = Context({"CONSUMER"});
  const auto stream = stub->WatchAuction(context.get(), request);
  std::vector<int64_t> versions;
  market::v1::WatchAuctionResponse response;
  while (stream->Read(&response)) versions.push_back(response.version());
  EXPECT_THAT(versions, ElementsAre(1, 2, 3));
  EXPECT_EQ(ReasonIn(stream->Finish()), "COMMUNITY_UNKNOWN");
}

TEST_F(GrpcDoorTest, CancelsAForwardedStreamWithTheClient) {
  const auto stub = market::v1::Market::NewStub(PublicChannel());
  market::v1::WatchAuctionRequest request;
  request.set_name("communities/c1/auctions/open");
  const auto context = Context({"CONSUMER"});
  const auto stream = stub->WatchAuction(context.get(), request);
  market::v1::WatchAuctionResponse response;
  ASSERT_TRUE(stream->Read(&response));
  context->TryCancel();
  stream->Finish();
  EXPECT_TRUE(market_.cancelled.WaitForNotificationWithTimeout(absl::Seconds(10)));
}

// What the port answers to one message, by bytes: these services ship no generated code.
std::string AskByBytes(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                       const std::string& request, grpc::ClientContext& context) {
  grpc::CompletionQueue queue;
  grpc::GenericStub stub(channel);
  const auto call = stub.PrepareCall(&context, method, &queue);
  void* tag = nullptr;
  bool ok = false;
  call->StartCall(nullptr);
  queue.Next(&tag, &ok);
  const grpc::Slice slice(request);
  call->WriteLast(grpc::ByteBuffer(&slice, 1), {}, nullptr);
  queue.Next(&tag, &ok);
  grpc::ByteBuffer response;
  call->Read(&response, nullptr);
  queue.Next(&tag, &ok);
  std::vector<grpc::Slice> slices;
  std::string out;
  if (ok && response.Dump(&slices).ok()) {
    for (const grpc::Slice& part : slices) {
      out.append(reinterpret_cast<const char*>(part.begin()), part.size());
    }
  }
  grpc::Status status;
  call->Finish(&status, nullptr);
  queue.Next(&tag, &ok);
  return out;
}

TEST_F(GrpcDoorTest, ListsThePublicServicesByReflection) {
  // ServerReflectionRequest{list_services: ""}
  const std::string answer =
      AskByBytes(PublicChannel(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                 std::string("\x3a\x00", 2), *Context());
  for (const char* service :
       {"peerwatt.registry.v1.Registry", "peerwatt.metering.v1.Metering",
        "peerwatt.metering.v1.Validation", "peerwatt.metering.v1.Exchange",
        "peerwatt.metering.v1.Forecasts", "peerwatt.metering.v1.Evidence",
        "peerwatt.market.v1.Market", "peerwatt.market.v1.MarketControls",
        "peerwatt.market.v1.Surveillance", "peerwatt.market.v1.Trading",
        "peerwatt.market.v1.Contracts",
        "peerwatt.market.v1.Autopilot",
        "peerwatt.settlement.v1.Reconciliation", "peerwatt.settlement.v1.Settlement"}) {
    EXPECT_THAT(answer, HasSubstr(service));
  }
  EXPECT_THAT(answer, ::testing::Not(HasSubstr("Internal")));
}

TEST_F(GrpcDoorTest, DescribesAServiceByReflection) {
  // ServerReflectionRequest{file_containing_symbol: "peerwatt.market.v1.Market"}
  const std::string symbol = "peerwatt.market.v1.Market";
  const std::string answer =
      AskByBytes(PublicChannel(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                 absl::StrCat("\x22", std::string(1, static_cast<char>(symbol.size())), symbol),
                 *Context());
  EXPECT_THAT(answer, HasSubstr("WatchAuction"));
}

TEST_F(GrpcDoorTest, AnswersHealthQuestions) {
  // HealthCheckResponse{status: SERVING}
  EXPECT_EQ(AskByBytes(PublicChannel(), "/grpc.health.v1.Health/Check", "", *Context()),
            "\x08\x01");
}

}  // namespace
}  // namespace peerwatt::gateway::testing
