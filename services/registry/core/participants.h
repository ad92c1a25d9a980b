#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "services/registry/core/audit.h"

namespace peerwatt::registry {

/// Where the identity check (know your customer) of a participant stands.
enum class KycState { kPending, kSubmitted, kInReview, kApproved, kRejected, kExpired };
/// What moves the check on.
enum class KycAction { kSubmit, kReview, kApprove, kReject, kExpire };

/// `PENDING`, …, as in the database.
absl::string_view NameOf(KycState state);
/// `KYC_SUBMITTED`, …, as in the audit trail.
absl::string_view AuditNameOf(KycAction action);
/// Reads a name. Errors: kInvalidArgument.
absl::StatusOr<KycState> KycStateFromName(absl::string_view name);

/// A registered person or firm.
struct Participant {
  ParticipantId id;
  std::string display_name;
  CommunityId community;
  KycState kyc_state = KycState::kPending;
  std::string kyc_reason;           ///< why it was refused, when it was
  std::string kyc_document_kind;    ///< of the newest submission
  std::string kyc_document_sha256;  ///< of the newest submission
  UserId user;
  absl::Time created_at;
  absl::Time updated_at;
};

/// Errors: FIELD_INVALID for participant_id, then participant.display_name.
absl::Status CheckNewParticipant(const Participant& participant);
/// Whether a creation asks for what exists: the state of the check does not count.
bool SameContent(const Participant& a, const Participant& b);

/// A step of the identity check with what it brings along.
struct KycRequest {
  KycAction action = KycAction::kSubmit;
  std::string document_kind;    ///< for kSubmit
  std::string document_sha256;  ///< for kSubmit
  std::string reason;           ///< for kReject
};

/// Errors: FIELD_INVALID for document_kind, document_sha256 or reason.
absl::Status CheckKycRequest(const KycRequest& request);

/// The state that an action leads to.
KycState TargetOf(KycAction action);
/// Whether a check in this state may take this step.
bool MayTake(KycState state, KycAction action);

/// Decides about a step. Returns the participant after it, or nothing when the same step was taken
/// already: a retry. Errors: KYC_STATE_FORBIDS.
absl::StatusOr<std::optional<Participant>> DecideKyc(const Participant& before,
                                                     const KycRequest& request, absl::Time now);

/// Which participants to list.
struct ParticipantFilter {
  CommunityId community;  ///< empty: all
  std::optional<KycState> kyc_state;
};

/// What the books need of a participant.
struct ParticipantContext {
  ParticipantId participant;
  CommunityId community;
  std::string currency_code;
  bool approved = false;
};

/// Participants.
class ParticipantStore {
 public:
  using Decision =
      absl::FunctionRef<absl::StatusOr<std::optional<Participant>>(const Participant&)>;

  virtual ~ParticipantStore() = default;
  /// Errors: CALLER_UNKNOWN (no such user), COMMUNITY_UNKNOWN, CONTENT_DIFFERS,
  /// PARTICIPANT_EXISTS.
  virtual absl::StatusOr<Participant> Create(const Participant& participant) = 0;
  /// Errors: NOT_FOUND.
  virtual absl::StatusOr<Participant> Get(const ParticipantId& id) = 0;
  /// At most `limit` participants whose ids follow `after`, by id.
  virtual absl::StatusOr<std::vector<Participant>> List(const ParticipantFilter& filter,
                                                        const ParticipantId& after, int limit) = 0;
  /// Stores what `decide` makes of the locked participant, and the audit event, at once. Returns
  /// the participant as stored. Errors: NOT_FOUND and those of `decide`.
  virtual absl::StatusOr<Participant> ChangeKyc(const ParticipantId& id, KycAction action,
                                                const Actor& actor, Decision decide) = 0;
  /// Errors: NOT_FOUND.
  virtual absl::StatusOr<ParticipantContext> GetContext(const ParticipantId& id) = 0;
};

/// Takes a step of the identity check. Errors: NOT_FOUND, KYC_STATE_FORBIDS.
absl::StatusOr<Participant> TakeKycStep(ParticipantStore& store, const ParticipantId& id,
                                        const KycRequest& request, const Actor& actor);

}  // namespace peerwatt::registry
