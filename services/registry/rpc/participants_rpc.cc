#include "absl/strings/strip.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/names.h"
#include "libs/rpc/server.h"
#include "services/registry/rpc/codec.h"
#include "services/registry/rpc/registry_service.h"

namespace peerwatt::registry {
namespace {

namespace access = peerwatt::access::v1;

}  // namespace

grpc::Status RegistryService::CreateParticipant(grpc::ServerContext* context,
                                                const v1::CreateParticipantRequest* request,
                                                v1::Participant* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(Participant participant, ParticipantFrom(*request));
    PW_RETURN_IF_ERROR(CheckNewParticipant(participant));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(RequireRole(caller, {access::CONSUMER, access::PROSUMER}));
    absl::string_view user = caller.subject();
    if (!absl::ConsumePrefix(&user, "users/")) {
      return Error(kPermissionDenied, "only a user stands for a participant");
    }
    participant.user = UserId(std::string(user));
    participant.created_at = participant.updated_at = StoredNow(rooms_.clock);
    PW_ASSIGN_OR_RETURN(const Participant stored, rooms_.participants.Create(participant));
    *response = ToProto(stored);
    return absl::OkStatus();
  });
}

grpc::Status RegistryService::GetParticipant(grpc::ServerContext* context,
                                             const v1::GetParticipantRequest* request,
                                             v1::Participant* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->name(), kParticipantPattern, "name"));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(rpc::RequireOwnerOrStaff(caller, request->name()));
    PW_ASSIGN_OR_RETURN(const Participant found, rooms_.participants.Get(ParticipantId(id)));
    *response = ToProto(found);
    return absl::OkStatus();
  });
}

grpc::Status RegistryService::ListParticipants(grpc::ServerContext* context,
                                               const v1::ListParticipantsRequest* request,
                                               v1::ListParticipantsResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const ParticipantFilter filter, FilterFrom(*request));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, ReadIdPage(*request));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(
        RequireRole(caller, {access::OPERATOR, access::REGULATOR, access::ADMIN}));
    PW_ASSIGN_OR_RETURN(auto participants,
                        rooms_.participants.List(filter, ParticipantId(page.after),
                                                 page.limit()));
    response->set_next_page_token(CutToIdPage(*request, page, participants));
    for (const Participant& participant : participants) {
      *response->add_participants() = ToProto(participant);
    }
    return absl::OkStatus();
  });
}

absl::Status RegistryService::TakeStep(const rpc::Principal& caller,
                                       const std::string& participant, const KycRequest& request,
                                       v1::Participant* response) {
  PW_ASSIGN_OR_RETURN(const Participant after,
                      TakeKycStep(rooms_.participants, ParticipantId(participant), request,
                                  Actor{caller.subject(), StoredNow(rooms_.clock)}));
  *response = ToProto(after);
  return absl::OkStatus();
}

grpc::Status RegistryService::SubmitParticipantKyc(grpc::ServerContext* context,
                                                   const v1::SubmitParticipantKycRequest* request,
                                                   v1::Participant* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->name(), kParticipantPattern, "name"));
    const KycRequest step{KycAction::kSubmit, request->document_kind(),
                          request->document_sha256(), ""};
    PW_RETURN_IF_ERROR(CheckKycRequest(step));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    // Staff may look at a check but not file documents for somebody.
    if (caller.participant() != request->name()) {
      return Error(kPermissionDenied, "only the participant submits documents");
    }
    return TakeStep(caller, id, step, response);
  });
}

grpc::Status RegistryService::ReviewParticipantKyc(grpc::ServerContext* context,
                                                   const v1::ReviewParticipantKycRequest* request,
                                                   v1::Participant* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->name(), kParticipantPattern, "name"));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(RequireRole(caller, {access::REGULATOR}));
    return TakeStep(caller, id, {KycAction::kReview, "", "", ""}, response);
  });
}

grpc::Status RegistryService::ApproveParticipantKyc(
    grpc::ServerContext* context, const v1::ApproveParticipantKycRequest* request,
    v1::Participant* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->name(), kParticipantPattern, "name"));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(RequireRole(caller, {access::REGULATOR}));
    return TakeStep(caller, id, {KycAction::kApprove, "", "", ""}, response);
  });
}

grpc::Status RegistryService::RejectParticipantKyc(grpc::ServerContext* context,
                                                   const v1::RejectParticipantKycRequest* request,
                                                   v1::Participant* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->name(), kParticipantPattern, "name"));
    const KycRequest step{KycAction::kReject, "", "", request->reason()};
    PW_RETURN_IF_ERROR(CheckKycRequest(step));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(RequireRole(caller, {access::REGULATOR}));
    return TakeStep(caller, id, step, response);
  });
}

grpc::Status RegistryService::ExpireParticipantKyc(grpc::ServerContext* context,
                                                   const v1::ExpireParticipantKycRequest* request,
                                                   v1::Participant* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::string id,
                        rpc::ParseName1(request->name(), kParticipantPattern, "name"));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_RETURN_IF_ERROR(RequireRole(caller, {access::REGULATOR}));
    return TakeStep(caller, id, {KycAction::kExpire, "", "", ""}, response);
  });
}

}  // namespace peerwatt::registry
