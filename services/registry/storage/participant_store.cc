#include "services/registry/storage/participant_store.h"

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/registry/core/errors.h"
#include "services/registry/storage/audit_trail.h"
#include "services/registry/storage/queries.h"

namespace peerwatt::registry {
namespace {

using postgres::Exec;
using postgres::TextFrom;
using postgres::TimeFrom;
using postgres::ToSql;

absl::StatusOr<Participant> ParticipantFrom(const pqxx::row& row) {
  Participant p;
  p.id = ParticipantId(TextFrom(row["participant_id"]));
  p.display_name = TextFrom(row["display_name"]);
  p.community = CommunityId(TextFrom(row["community_id"]));
  p.user = UserId(TextFrom(row["user_id"]));
  PW_ASSIGN_OR_RETURN(p.kyc_state, KycStateFromName(TextFrom(row["kyc_state"])));
  p.kyc_reason = TextFrom(row["kyc_reason"]);
  p.kyc_document_kind = TextFrom(row["kyc_document_kind"]);
  p.kyc_document_sha256 = TextFrom(row["kyc_document_sha256"]);
  p.created_at = TimeFrom(row["created_at"]);
  p.updated_at = TimeFrom(row["updated_at"]);
  return p;
}

absl::Status NoSuchParticipant(const ParticipantId& id) {
  return Error(kNotFound, "there is no such participant", {{"participant", id.value()}});
}

}  // namespace

absl::StatusOr<Participant> PostgresParticipantStore::Create(const Participant& p) {
  Participant stored;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    if (Exec(tx, kSelectUser, p.user.value()).empty()) {
      return Error(kUnauthenticated, "the calling user does not exist");
    }
    if (Exec(tx, kSelectCommunity, p.community.value()).empty()) {
      return Error(kCommunityUnknown, "there is no such community",
                   {{"community", p.community.value()}});
    }
    Exec(tx, kInsertParticipant, p.id.value(), p.display_name, p.community.value(),
         p.user.value(), std::string(NameOf(KycState::kPending)), ToSql(p.created_at));
    const pqxx::result rows = Exec(tx, kSelectParticipant, p.id.value());
    if (rows.empty()) {
      return Error(kParticipantExists, "the user stands for a participant already");
    }
    PW_ASSIGN_OR_RETURN(stored, ParticipantFrom(rows[0]));
    if (!SameContent(stored, p)) {
      return Error(kContentDiffers, "the participant exists with other content",
                   {{"participant", p.id.value()}});
    }
    return absl::OkStatus();
  }));
  return stored;
}

absl::StatusOr<Participant> PostgresParticipantStore::Get(const ParticipantId& id) {
  Participant participant;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    const pqxx::result rows = Exec(tx, kSelectParticipant, id.value());
    if (rows.empty()) return NoSuchParticipant(id);
    PW_ASSIGN_OR_RETURN(participant, ParticipantFrom(rows[0]));
    return absl::OkStatus();
  }));
  return participant;
}

absl::StatusOr<std::vector<Participant>> PostgresParticipantStore::List(
    const ParticipantFilter& filter, const ParticipantId& after, int limit) {
  const std::string state =
      filter.kyc_state ? std::string(NameOf(*filter.kyc_state)) : std::string();
  std::vector<Participant> participants;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    participants.clear();
    for (const pqxx::row& row : Exec(tx, kListParticipants, after.value(),
                                     filter.community.value(), state, limit)) {
      PW_ASSIGN_OR_RETURN(participants.emplace_back(), ParticipantFrom(row));
    }
    return absl::OkStatus();
  }));
  return participants;
}

absl::StatusOr<Participant> PostgresParticipantStore::ChangeKyc(const ParticipantId& id,
                                                                KycAction action,
                                                                const Actor& actor,
                                                                Decision decide) {
  Participant result;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    const pqxx::result rows = Exec(tx, kLockParticipant, id.value());
    if (rows.empty()) return NoSuchParticipant(id);
    PW_ASSIGN_OR_RETURN(result, ParticipantFrom(rows[0]));
    PW_ASSIGN_OR_RETURN(const std::optional<Participant> after, decide(result));
    if (!after) return absl::OkStatus();
    result = *after;
    Exec(tx, kUpdateKyc, id.value(), std::string(NameOf(result.kyc_state)), result.kyc_reason,
         result.kyc_document_kind, result.kyc_document_sha256, ToSql(result.updated_at));
    const std::string& detail =
        action == KycAction::kSubmit ? result.kyc_document_sha256 : result.kyc_reason;
    WriteAuditEvent(tx, actor, AuditNameOf(action), absl::StrCat("participants/", id.value()),
                    detail);
    return absl::OkStatus();
  }));
  return result;
}

absl::StatusOr<ParticipantContext> PostgresParticipantStore::GetContext(const ParticipantId& id) {
  ParticipantContext context;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    const pqxx::result rows = Exec(tx, kSelectParticipantContext, id.value());
    if (rows.empty()) return NoSuchParticipant(id);
    context = {ParticipantId(TextFrom(rows[0]["participant_id"])),
               CommunityId(TextFrom(rows[0]["community_id"])),
               TextFrom(rows[0]["currency_code"]), postgres::BoolFrom(rows[0]["approved"])};
    return absl::OkStatus();
  }));
  return context;
}

}  // namespace peerwatt::registry
