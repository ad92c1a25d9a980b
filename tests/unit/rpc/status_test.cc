#include "libs/rpc/status.h"

#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/error_info.pb.h"
#include "libs/base/error.h"

namespace peerwatt::rpc {
namespace {

TEST(StatusTest, TravelsWithReasonMetadataAndViolations) {
  const absl::Status sent = Error(kFieldInvalid, "energy_wh must be above zero", {{"a", "b"}},
                                  {{"order.energy_wh", "must be above zero"}});
  const grpc::Status wire = ToGrpcStatus(sent, "market.peerwatt.dev");
  EXPECT_EQ(wire.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  google::rpc::Status proto;
  ASSERT_TRUE(proto.ParseFromString(wire.error_details()));
  ASSERT_EQ(proto.details_size(), 2);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(proto.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "FIELD_INVALID");
  EXPECT_EQ(info.domain(), "market.peerwatt.dev");
  const absl::Status back = FromGrpcStatus(wire);
  EXPECT_EQ(back.code(), sent.code());
  EXPECT_EQ(ReasonOf(back), "FIELD_INVALID");
  EXPECT_EQ(DetailOf(back).violations.at(0).field, "order.energy_wh");
  EXPECT_EQ(DetailOf(back).metadata.at("a"), "b");
}

TEST(StatusTest, HidesTheCauseOfAnInternalError) {
  const grpc::Status wire = ToGrpcStatus(absl::InternalError("secret path"), "x.peerwatt.dev");
  EXPECT_EQ(wire.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(wire.error_message(), "internal error");
  EXPECT_EQ(wire.error_details().find("secret"), std::string::npos);
  EXPECT_EQ(ReasonOf(FromGrpcStatus(wire)), "INTERNAL");
}

TEST(StatusTest, AnErrorWithoutAReasonIsABugAndBecomesInternal) {
  EXPECT_EQ(ToGrpcStatus(absl::NotFoundError("x"), "d").error_code(), grpc::StatusCode::INTERNAL);
}

TEST(StatusTest, SaysWhenARetryHelps) {
  const grpc::Status wire = ToGrpcStatus(Error(kDatabaseUnavailable, "down"), "d");
  EXPECT_TRUE(DetailOf(FromGrpcStatus(wire)).retryable);
  const grpc::Status lost(grpc::StatusCode::UNAVAILABLE, "connection refused");
  EXPECT_EQ(ReasonOf(FromGrpcStatus(lost)), "PEER_UNAVAILABLE");
  EXPECT_TRUE(DetailOf(FromGrpcStatus(lost)).retryable);
}

}  // namespace
}  // namespace peerwatt::rpc
