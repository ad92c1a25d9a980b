#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "google/rpc/status.pb.h"
#include "services/gateway/api/wire_error.h"
#include "tests/unit/gateway/gateway_fixture.h"

namespace peerwatt::gateway::testing {
namespace {

using ::testing::HasSubstr;

std::string ReasonIn(const grpc::Status& status) {
  google::rpc::Status proto;
  proto.ParseFromString(status.error_details());
  return WireReasonOf(proto);
}

/// Files through the gateway: up as a client stream, down as a body of HTTP.
class FilesTest : public GatewayFixture {
 protected:
  using Request = metering::v1::ImportReadingsRequest;

  FilesTest() : stub_(metering::v1::Exchange::NewStub(PublicChannel())) {}

  std::unique_ptr<grpc::ClientContext> Context(const std::vector<std::string>& roles,
                                               absl::Duration timeout = absl::Seconds(20)) const {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    if (!roles.empty()) {
      context->AddMetadata("authorization", absl::StrCat("Bearer ", Token(roles, absl::Hours(1))));
    }
    return context;
  }
  static Request Spec(const std::string& point = "") {
    Request request;
    request.mutable_spec()->set_metering_point(point);
    return request;
  }
  static Request Piece(size_t bytes) {
    Request request;
    request.set_content(std::string(bytes, 'x'));
    return request;
  }
  static Request End() {
    Request request;
    request.mutable_end();
    return request;
  }

  std::unique_ptr<metering::v1::Exchange::Stub> stub_;
  metering::v1::ImportReadingsResponse response_;
};

TEST_F(FilesTest, ForwardsAClientStreamAndItsAnswer) {
  const auto context = Context({"OPERATOR"});
  const auto writer = stub_->ImportReadings(context.get(), &response_);
  ASSERT_TRUE(writer->Write(Spec()));
  for (int i = 0; i < 64; ++i) {
    ASSERT_TRUE(writer->Write(Piece(256 << 10)));
  }
  ASSERT_TRUE(writer->Write(End()));
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response_.stored_count(), int64_t{64} * (256 << 10));
  EXPECT_TRUE(response_.complete());
  EXPECT_GT(exchange_.deadline_seconds, 5) << "a stream has more time than the 5 s of a unary call";
  EXPECT_LE(exchange_.deadline_seconds, 20) << "and no more than the client gives";
}

TEST_F(FilesTest, ForwardsAnAnswerThatComesBeforeTheEnd) {
  const auto context = Context({"OPERATOR"});
  const auto writer = stub_->ImportReadings(context.get(), &response_);
  ASSERT_TRUE(writer->Write(Spec("meteringPoints/early")));
  // Neither another message nor the end of the stream.
  const grpc::Status status = writer->Finish();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response_.refused_count(), 1);
}

TEST_F(FilesTest, ForwardsAnErrorWithItsReason) {
  const auto context = Context({"OPERATOR"});
  const auto writer = stub_->ImportReadings(context.get(), &response_);
  ASSERT_TRUE(writer->Write(Spec("meteringPoints/bad")));
  EXPECT_EQ(ReasonIn(writer->Finish()), "COMMUNITY_UNKNOWN");
}

TEST_F(FilesTest, AnswersAStreamWithoutMessages) {
  const auto context = Context({"OPERATOR"});
  const auto writer = stub_->ImportReadings(context.get(), &response_);
  writer->WritesDone();
  EXPECT_TRUE(writer->Finish().ok());
}

TEST_F(FilesTest, AdmitsUploadsLikeAnyOtherCall) {
  for (const auto& [roles, reason] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{}, "TOKEN_MISSING"}, {{"CONSUMER"}, "ROLE_FORBIDS"}}) {
    const auto context = Context(roles);
    const auto writer = stub_->ImportReadings(context.get(), &response_);
    EXPECT_EQ(ReasonIn(writer->Finish()), reason);
  }
}

TEST_F(FilesTest, EndsTheUploadWithItsClient) {
  const auto context = Context({"OPERATOR"});
  const auto writer = stub_->ImportReadings(context.get(), &response_);
  ASSERT_TRUE(writer->Write(Spec()));
  ASSERT_TRUE(writer->Write(Piece(1000)));
  ASSERT_TRUE(exchange_.begun.WaitForNotificationWithTimeout(absl::Seconds(10)));
  context->TryCancel();
  EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(exchange_.ended.WaitForNotificationWithTimeout(absl::Seconds(10)));
}

TEST_F(FilesTest, SaysUnavailableWhenTheServiceIsAway) {
  // The gateway knows the registry's keys from a call before.
  EXPECT_EQ(Send("GET", "/v1/communities/c1", "", {Bearer({"OPERATOR"})}).code, 200);
  StopServices();
  const auto context = Context({"OPERATOR"});
  const auto writer = stub_->ImportReadings(context.get(), &response_);
  writer->Write(Spec());
  const grpc::Status status = writer->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonIn(status), "PEER_UNAVAILABLE");
}

TEST_F(FilesTest, SendsAFileByRestAsItIs) {
  const HttpAnswer answer = Send("GET", "/v1/meteringPoints/m1/readings:export?format=CSV", "",
                                 {Bearer({"OPERATOR"})});
  EXPECT_EQ(answer.code, 200);
  EXPECT_EQ(answer.headers.at("content-type"), "text/csv");
  EXPECT_EQ(answer.headers.at("content-disposition"), "attachment");
  // Three chunks and the last, empty one.
  EXPECT_EQ(answer.body, "5\r\na,b\r\n\r\n5\r\n1,2\r\n\r\n5\r\n3,4\r\n\r\n0\r\n\r\n");
}

TEST_F(FilesTest, BreaksAFileOffThatCannotBeEnded) {
  const HttpAnswer answer = Send("GET", "/v1/meteringPoints/broken/readings:export?format=CSV", "",
                                 {Bearer({"OPERATOR"})});
  EXPECT_EQ(answer.code, 200);
  EXPECT_THAT(answer.body, HasSubstr("3,4"));
  EXPECT_THAT(answer.body, ::testing::Not(HasSubstr("0\r\n\r\n")));
}

TEST_F(FilesTest, AnswersAnErrorBeforeTheFileAsJson) {
  const HttpAnswer answer = Send("GET", "/v1/meteringPoints/none/readings:export?format=CSV", "",
                                 {Bearer({"OPERATOR"})});
  EXPECT_EQ(answer.code, 404);
  EXPECT_EQ(answer.headers.at("content-type"), "application/json");
  EXPECT_THAT(answer.body, HasSubstr("COMMUNITY_UNKNOWN"));
}

}  // namespace
}  // namespace peerwatt::gateway::testing
