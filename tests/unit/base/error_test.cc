#include "libs/base/error.h"

#include <gtest/gtest.h>

namespace peerwatt {
namespace {

constexpr ErrorReason kGateClosed{"GATE_CLOSED", absl::StatusCode::kFailedPrecondition, false};
constexpr ErrorReason kBusy{"BUSY", absl::StatusCode::kUnavailable, true};

TEST(ErrorTest, CarriesReasonMetadataAndViolationsUnchanged) {
  const absl::Status status = Error(kGateClosed, "the gate has closed",
                                    {{"auction", "a:1"}, {"", "12:x"}, {"time", "10\n:"}},
                                    {{"order.energy_wh", "must be 1 or more"}, {"", ""}});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), "the gate has closed");
  const ErrorDetail detail = DetailOf(status);
  EXPECT_EQ(detail.reason, "GATE_CLOSED");
  EXPECT_FALSE(detail.retryable);
  EXPECT_EQ(detail.metadata.size(), 3u);
  EXPECT_EQ(detail.metadata.at("time"), "10\n:");
  ASSERT_EQ(detail.violations.size(), 2u);
  EXPECT_EQ(detail.violations[0].field, "order.energy_wh");
  EXPECT_EQ(detail.violations[0].description, "must be 1 or more");
}

TEST(ErrorTest, KeepsWhetherARetryCanHelp) {
  EXPECT_TRUE(DetailOf(Error(kBusy, "busy")).retryable);
}

TEST(ErrorTest, HasNoReasonWhenTheStatusWasBuiltElsewhere) {
  EXPECT_EQ(ReasonOf(absl::InternalError("x")), "");
  EXPECT_EQ(ReasonOf(absl::OkStatus()), "");
}

}  // namespace
}  // namespace peerwatt
