#include "services/registry/core/participants.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/ids.h"
#include "libs/base/status_macros.h"
#include "services/registry/core/errors.h"
#include "services/registry/core/text.h"

namespace peerwatt::registry {
namespace {

constexpr int kDisplayNameMax = 63;
constexpr int kReasonMax = 500;
constexpr size_t kSha256Digits = 64;

constexpr KycState kAllStates[] = {KycState::kPending,  KycState::kSubmitted, KycState::kInReview,
                                   KycState::kApproved, KycState::kRejected,  KycState::kExpired};

bool IsSha256(absl::string_view text) {
  return text.size() == kSha256Digits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Whether the participant already is what the request would make of it.
bool IsRetry(const Participant& before, const KycRequest& request) {
  if (before.kyc_state != TargetOf(request.action)) return false;
  switch (request.action) {
    case KycAction::kSubmit:
      return before.kyc_document_kind == request.document_kind &&
             before.kyc_document_sha256 == request.document_sha256;
    case KycAction::kReject:
      return before.kyc_reason == request.reason;
    case KycAction::kReview:
    case KycAction::kApprove:
    case KycAction::kExpire:
      return true;
  }
  return false;
}

}  // namespace

absl::string_view NameOf(KycState state) {
  switch (state) {
    case KycState::kPending:
      return "PENDING";
    case KycState::kSubmitted:
      return "SUBMITTED";
    case KycState::kInReview:
      return "IN_REVIEW";
    case KycState::kApproved:
      return "APPROVED";
    case KycState::kRejected:
      return "REJECTED";
    case KycState::kExpired:
      return "EXPIRED";
  }
  return "";
}

absl::string_view AuditNameOf(KycAction action) {
  switch (action) {
    case KycAction::kSubmit:
      return "KYC_SUBMITTED";
    case KycAction::kReview:
      return "KYC_TAKEN_UP";
    case KycAction::kApprove:
      return "KYC_APPROVED";
    case KycAction::kReject:
      return "KYC_REJECTED";
    case KycAction::kExpire:
      return "KYC_EXPIRED";
  }
  return "";
}

absl::StatusOr<KycState> KycStateFromName(absl::string_view name) {
  for (const KycState state : kAllStates) {
    if (NameOf(state) == name) return state;
  }
  return absl::InvalidArgumentError(absl::StrCat("no KYC state ", name));
}

absl::Status CheckNewParticipant(const Participant& participant) {
  if (!IsResourceId(participant.id.value())) {
    return FieldInvalid("participant_id", "must match [a-z][a-z0-9-]{0,61}[a-z0-9]");
  }
  return CheckText(participant.display_name, 1, kDisplayNameMax, "participant.display_name");
}

bool SameContent(const Participant& a, const Participant& b) {
  return a.id == b.id && a.display_name == b.display_name && a.community == b.community &&
         a.user == b.user;
}

absl::Status CheckKycRequest(const KycRequest& request) {
  if (request.action == KycAction::kSubmit) {
    if (!IsResourceId(request.document_kind)) {
      return FieldInvalid("document_kind", "must match [a-z][a-z0-9-]{0,61}[a-z0-9]");
    }
    if (!IsSha256(request.document_sha256)) {
      return FieldInvalid("document_sha256", "must be 64 lower-case hexadecimal digits");
    }
  }
  if (request.action == KycAction::kReject) {
    return CheckText(request.reason, 1, kReasonMax, "reason");
  }
  return absl::OkStatus();
}

KycState TargetOf(KycAction action) {
  switch (action) {
    case KycAction::kSubmit:
      return KycState::kSubmitted;
    case KycAction::kReview:
      return KycState::kInReview;
    case KycAction::kApprove:
      return KycState::kApproved;
    case KycAction::kReject:
      return KycState::kRejected;
    case KycAction::kExpire:
      return KycState::kExpired;
  }
  return KycState::kPending;
}

bool MayTake(KycState state, KycAction action) {
  switch (action) {
    case KycAction::kSubmit:
      return state == KycState::kPending || state == KycState::kRejected ||
             state == KycState::kExpired;
    case KycAction::kReview:
      return state == KycState::kSubmitted;
    case KycAction::kApprove:
    case KycAction::kReject:
      return state == KycState::kInReview;
    case KycAction::kExpire:
      return state == KycState::kApproved;
  }
  return false;
}

absl::StatusOr<std::optional<Participant>> DecideKyc(const Participant& before,
                                                     const KycRequest& request, absl::Time now) {
  if (IsRetry(before, request)) return std::optional<Participant>();
  if (!MayTake(before.kyc_state, request.action)) {
    return Error(kKycStateForbids,
                 absl::StrCat("a check in state ", NameOf(before.kyc_state),
                              " cannot become ", NameOf(TargetOf(request.action))),
                 {{"participant", before.id.value()},
                  {"kyc_state", std::string(NameOf(before.kyc_state))}});
  }
  Participant after = before;
  after.kyc_state = TargetOf(request.action);
  after.kyc_reason = request.reason;
  after.updated_at = now;
  if (request.action == KycAction::kSubmit) {
    after.kyc_document_kind = request.document_kind;
    after.kyc_document_sha256 = request.document_sha256;
  }
  return std::optional<Participant>(after);
}

absl::StatusOr<Participant> TakeKycStep(ParticipantStore& store, const ParticipantId& id,
                                        const KycRequest& request, const Actor& actor) {
  return store.ChangeKyc(id, request.action, actor, [&](const Participant& before) {
    return DecideKyc(before, request, actor.at);
  });
}

}  // namespace peerwatt::registry
