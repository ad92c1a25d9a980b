#include "services/registry/core/participants.h"

#include <string>

#include <gtest/gtest.h>

#include "libs/base/error.h"

namespace peerwatt::registry {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

constexpr KycState kStates[] = {KycState::kPending,  KycState::kSubmitted, KycState::kInReview,
                                KycState::kApproved, KycState::kRejected,  KycState::kExpired};
constexpr KycAction kActions[] = {KycAction::kSubmit, KycAction::kReview, KycAction::kApprove,
                                  KycAction::kReject, KycAction::kExpire};

Participant In(KycState state) {
  Participant p;
  p.id = ParticipantId("p1");
  p.kyc_state = state;
  return p;
}

TEST(MayTakeTest, AllowsTheStepsOfTheTableAndNoOther) {
  // A row per state: submit, review, approve, reject, expire.
  const bool kAllowed[6][5] = {
      {true, false, false, false, false},   // PENDING
      {false, true, false, false, false},   // SUBMITTED
      {false, false, true, true, false},    // IN_REVIEW
      {false, false, false, false, true},   // APPROVED
      {true, false, false, false, false},   // REJECTED
      {true, false, false, false, false},   // EXPIRED
  };
  for (size_t s = 0; s < std::size(kStates); ++s) {
    for (size_t a = 0; a < std::size(kActions); ++a) {
      EXPECT_EQ(MayTake(kStates[s], kActions[a]), kAllowed[s][a])
          << NameOf(kStates[s]) << " " << AuditNameOf(kActions[a]);
    }
  }
}

TEST(DecideKycTest, TakesAllowedStepsRefusesOthersAndKnowsRetries) {
  for (const KycState state : kStates) {
    for (const KycAction action : kActions) {
      const auto after = DecideKyc(In(state), {action, "", "", ""}, kNow);
      if (state == TargetOf(action)) {
        ASSERT_TRUE(after.ok());
        EXPECT_FALSE(after->has_value()) << "a retry changes nothing";
      } else if (MayTake(state, action)) {
        ASSERT_TRUE(after.ok());
        ASSERT_TRUE(after->has_value());
        EXPECT_EQ((*after)->kyc_state, TargetOf(action));
        EXPECT_EQ((*after)->updated_at, kNow);
      } else {
        EXPECT_EQ(ReasonOf(after.status()), "KYC_STATE_FORBIDS")
            << NameOf(state) << " " << AuditNameOf(action);
        EXPECT_EQ(after.status().code(), absl::StatusCode::kFailedPrecondition);
      }
    }
  }
}

TEST(DecideKycTest, KeepsTheReasonUntilTheNextStep) {
  const auto rejected =
      DecideKyc(In(KycState::kInReview), {KycAction::kReject, "", "", "blurred"}, kNow);
  ASSERT_TRUE(rejected.ok() && rejected->has_value());
  EXPECT_EQ((*rejected)->kyc_reason, "blurred");
  const auto again =
      DecideKyc(**rejected, {KycAction::kSubmit, "passport", std::string(64, 'a'), ""}, kNow);
  ASSERT_TRUE(again.ok() && again->has_value());
  EXPECT_EQ((*again)->kyc_reason, "");
  EXPECT_EQ((*again)->kyc_document_kind, "passport");
}

TEST(DecideKycTest, AnotherDocumentOrReasonIsNoRetry) {
  Participant submitted = In(KycState::kSubmitted);
  submitted.kyc_document_kind = "passport";
  submitted.kyc_document_sha256 = std::string(64, 'a');
  EXPECT_TRUE(
      DecideKyc(submitted, {KycAction::kSubmit, "passport", std::string(64, 'a'), ""}, kNow).ok());
  EXPECT_EQ(ReasonOf(DecideKyc(submitted,
                               {KycAction::kSubmit, "passport", std::string(64, 'b'), ""}, kNow)
                         .status()),
            "KYC_STATE_FORBIDS");
  Participant rejected = In(KycState::kRejected);
  rejected.kyc_reason = "blurred";
  EXPECT_EQ(ReasonOf(DecideKyc(rejected, {KycAction::kReject, "", "", "expired"}, kNow).status()),
            "KYC_STATE_FORBIDS");
}

TEST(CheckKycRequestTest, ChecksWhatTheStepBrings) {
  const std::string sha(64, '0');
  const struct {
    KycRequest request;
    const char* field;
  } kCases[] = {
      {{KycAction::kSubmit, "identity-card", sha, ""}, "OK"},
      {{KycAction::kSubmit, "", "x", ""}, "document_kind"},
      {{KycAction::kSubmit, "Passport", sha, ""}, "document_kind"},
      {{KycAction::kSubmit, "passport", sha.substr(1), ""}, "document_sha256"},
      {{KycAction::kSubmit, "passport", std::string(64, 'A'), ""}, "document_sha256"},
      {{KycAction::kSubmit, "passport", std::string(64, 'g'), ""}, "document_sha256"},
      {{KycAction::kReject, "", "", ""}, "reason"},
      {{KycAction::kReject, "", "", std::string(500, 'x')}, "OK"},
      {{KycAction::kReject, "", "", std::string(501, 'x')}, "reason"},
      {{KycAction::kApprove, "", "", ""}, "OK"},
  };
  for (const auto& c : kCases) {
    const absl::Status status = CheckKycRequest(c.request);
    EXPECT_EQ(status.ok() ? "OK" : DetailOf(status).violations.at(0).field, c.field);
  }
}

TEST(KycStateFromNameTest, ReadsWhatItWrites) {
  for (const KycState state : kStates) {
    EXPECT_EQ(KycStateFromName(NameOf(state)).value(), state);
  }
  EXPECT_FALSE(KycStateFromName("pending").ok());
}

TEST(CheckNewParticipantTest, ChecksIdThenName) {
  Participant p;
  p.id = ParticipantId("p1");
  p.display_name = "Ada";
  EXPECT_TRUE(CheckNewParticipant(p).ok());
  p.display_name = "";
  EXPECT_EQ(DetailOf(CheckNewParticipant(p)).violations.at(0).field, "participant.display_name");
  p.id = ParticipantId("");
  EXPECT_EQ(DetailOf(CheckNewParticipant(p)).violations.at(0).field, "participant_id");
}

}  // namespace
}  // namespace peerwatt::registry
