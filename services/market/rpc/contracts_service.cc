#include "services/market/rpc/contracts_service.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/names.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/market/core/contracts/execution.h"
#include "services/market/rpc/caller.h"
#include "services/market/rpc/codec.h"
#include "services/market/rpc/contract_codec.h"
#include "services/market/rpc/listing.h"
#include "services/market/rpc/market_service.h"

namespace peerwatt::market {
namespace {

constexpr size_t kReasonMax = 500;

struct ContractName {
  CommunityId community;
  ContractId contract;
};

absl::StatusOr<ContractName> NameFrom(const std::string& name, const char* field) {
  PW_ASSIGN_OR_RETURN(const std::vector<std::string> ids,
                      rpc::ParseName(name, "communities/*/contracts/*", field));
  return ContractName{CommunityId(ids[0]), ContractId(ids[1])};
}

absl::Status CheckContractId(const std::string& id) {
  PW_RETURN_IF_ERROR(rpc::CheckResourceId(id, "contract_id"));
  return id.size() <= kContractIdMax
             ? absl::OkStatus()
             : FieldInvalid("contract_id", absl::StrCat("at most ", kContractIdMax));
}

}  // namespace

grpc::Status ContractsService::Step(
    const grpc::ServerContext& context, const std::string& name, bool validate_only,
    absl::FunctionRef<absl::StatusOr<Contract>(const ContractCall&)> step, v1::Contract& response) {
  return rpc::Handle(context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, Trader(context));
    PW_ASSIGN_OR_RETURN(const ContractName parsed, NameFrom(name, "name"));
    PW_ASSIGN_OR_RETURN(const ParticipantId participant, ParticipantOf(caller));
    PW_ASSIGN_OR_RETURN(const CommunityRules rules, rules_.Find(parsed.community));
    const absl::Time now = clock_.Now();
    PW_ASSIGN_OR_RETURN(const Contract contract,
                        step({rules, parsed.contract, participant, now, validate_only}));
    response = ToProto(contract, rules.currency, now);
    return absl::OkStatus();
  });
}

grpc::Status ContractsService::CreateContract(grpc::ServerContext* context,
                                              const v1::CreateContractRequest* request,
                                              v1::Contract* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, Trader(*context));
    PW_ASSIGN_OR_RETURN(const std::string community,
                        rpc::ParseName1(request->parent(), "communities/*", "parent"));
    PW_RETURN_IF_ERROR(CheckContractId(request->contract_id()));
    PW_ASSIGN_OR_RETURN(const ParticipantId participant, ParticipantOf(caller));
    PW_ASSIGN_OR_RETURN(const CommunityRules rules, rules_.Find(CommunityId(community)));
    PW_ASSIGN_OR_RETURN(Contract offer, OfferFrom(request->contract(), rules.currency));
    const absl::Time now = clock_.Now();
    PW_ASSIGN_OR_RETURN(
        const Contract kept,
        desk_.Create(std::move(offer), {rules, ContractId(request->contract_id()), participant, now,
                                        request->validate_only()}));
    *response = ToProto(kept, rules.currency, now);
    return absl::OkStatus();
  });
}

grpc::Status ContractsService::GetContract(grpc::ServerContext* context,
                                           const v1::GetContractRequest* request,
                                           v1::Contract* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_ASSIGN_OR_RETURN(const ContractName name, NameFrom(request->name(), "name"));
    PW_ASSIGN_OR_RETURN(const ParticipantId viewer, VisibleTo(caller));
    PW_ASSIGN_OR_RETURN(const CommunityRules rules, rules_.Find(name.community));
    PW_ASSIGN_OR_RETURN(const Contract contract, desk_.Get(name.community, name.contract, viewer));
    *response = ToProto(contract, rules.currency, clock_.Now());
    return absl::OkStatus();
  });
}

grpc::Status ContractsService::ListContracts(grpc::ServerContext* context,
                                             const v1::ListContractsRequest* request,
                                             v1::ListContractsResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_ASSIGN_OR_RETURN(const std::string community,
                        rpc::ParseName1(request->parent(), "communities/*", "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_ASSIGN_OR_RETURN(const ParticipantId viewer, VisibleTo(caller));
    PW_ASSIGN_OR_RETURN(const CommunityRules rules, rules_.Find(CommunityId(community)));
    PW_ASSIGN_OR_RETURN(std::vector<Contract> contracts,
                        store_.List(rules.id, viewer, {page.after, page.limit()}));
    if (rpc::CutToPage(page, contracts)) {
      response->set_next_page_token(rpc::NextPageToken(*request, contracts.back().id.value()));
    }
    for (const Contract& contract : contracts) {
      *response->add_contracts() = ToProto(contract, rules.currency, clock_.Now());
    }
    return absl::OkStatus();
  });
}

grpc::Status ContractsService::AcceptContract(grpc::ServerContext* context,
                                              const v1::AcceptContractRequest* request,
                                              v1::Contract* response) {
  const auto accept = [&](const ContractCall& call) -> absl::StatusOr<Contract> {
    MeteringPointId point;
    if (!request->metering_point().empty()) {
      PW_ASSIGN_OR_RETURN(std::string id, rpc::ParseName1(request->metering_point(),
                                                          "meteringPoints/*", "metering_point"));
      point = MeteringPointId(std::move(id));
    }
    return desk_.Accept(call, request->version(), point);
  };
  return Step(*context, request->name(), false, accept, *response);
}

grpc::Status ContractsService::DeclineContract(grpc::ServerContext* context,
                                               const v1::DeclineContractRequest* request,
                                               v1::Contract* response) {
  const auto decline = [&](const ContractCall& call) {
    return desk_.Decline(call, request->version());
  };
  return Step(*context, request->name(), false, decline, *response);
}

grpc::Status ContractsService::WithdrawContract(grpc::ServerContext* context,
                                                const v1::WithdrawContractRequest* request,
                                                v1::Contract* response) {
  const auto withdraw = [&](const ContractCall& call) {
    return desk_.Withdraw(call, request->version());
  };
  return Step(*context, request->name(), false, withdraw, *response);
}

grpc::Status ContractsService::AmendContract(grpc::ServerContext* context,
                                             const v1::AmendContractRequest* request,
                                             v1::Contract* response) {
  const auto amend = [&](const ContractCall& call) -> absl::StatusOr<Contract> {
    PW_ASSIGN_OR_RETURN(const ContractTerms terms,
                        TermsFrom(request->terms(), call.rules.currency, "terms"));
    return desk_.Amend(call, request->version(), terms);
  };
  return Step(*context, request->name(), request->validate_only(), amend, *response);
}

grpc::Status ContractsService::CancelContract(grpc::ServerContext* context,
                                              const v1::CancelContractRequest* request,
                                              v1::Contract* response) {
  const auto cancel = [&](const ContractCall& call) -> absl::StatusOr<Contract> {
    if (request->reason().size() > kReasonMax) {
      return FieldInvalid("reason", "must have at most 500 characters");
    }
    return desk_.Cancel(call, request->reason());
  };
  return Step(*context, request->name(), request->validate_only(), cancel, *response);
}

grpc::Status ContractsService::ListContractExecutions(
    grpc::ServerContext* context, const v1::ListContractExecutionsRequest* request,
    v1::ListContractExecutionsResponse* response) {
  return rpc::Handle(*context, kErrorDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    PW_ASSIGN_OR_RETURN(const ContractName name, NameFrom(request->parent(), "parent"));
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    absl::Time after = absl::UnixEpoch();
    if (!page.after.empty()) {
      const absl::StatusOr<absl::Time> parsed = ParseTimeSegment(page.after);
      if (!parsed.ok()) {
        return Error(kPageTokenInvalid, "the page token is malformed");
      }
      after = *parsed;
    }
    PW_ASSIGN_OR_RETURN(const ParticipantId viewer, VisibleTo(caller));
    PW_ASSIGN_OR_RETURN(const CommunityRules rules, rules_.Find(name.community));
    PW_RETURN_IF_ERROR(desk_.Get(name.community, name.contract, viewer).status());
    PW_ASSIGN_OR_RETURN(std::vector<ExecutionResult> executions,
                        store_.ListExecutions(name.community, name.contract, after, page.limit()));
    if (rpc::CutToPage(page, executions)) {
      response->set_next_page_token(
          rpc::NextPageToken(*request, TimeSegment(executions.back().delivery_start)));
    }
    for (const ExecutionResult& execution : executions) {
      *response->add_executions() = ToProto(execution, name.community, rules.currency);
    }
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::market
