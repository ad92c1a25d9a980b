#pragma once

#include <grpcpp/grpcpp.h>

#include <string>

#include "absl/functional/function_ref.h"
#include "libs/base/clock.h"
#include "peerwatt/market/v1/contracts.grpc.pb.h"
#include "services/market/core/contracts/desk.h"
#include "services/market/core/runner.h"

namespace peerwatt::market {

/// Bilateral contracts.
class ContractsService final : public peerwatt::market::v1::Contracts::Service {
 public:
  ContractsService(RulesBook& rules, ContractDesk& desk, ContractStore& store, const Clock& clock)
      : rules_(rules), desk_(desk), store_(store), clock_(clock) {}

  grpc::Status CreateContract(grpc::ServerContext* context,
                              const peerwatt::market::v1::CreateContractRequest* request,
                              peerwatt::market::v1::Contract* response) override;
  grpc::Status GetContract(grpc::ServerContext* context,
                           const peerwatt::market::v1::GetContractRequest* request,
                           peerwatt::market::v1::Contract* response) override;
  grpc::Status ListContracts(grpc::ServerContext* context,
                             const peerwatt::market::v1::ListContractsRequest* request,
                             peerwatt::market::v1::ListContractsResponse* response) override;
  grpc::Status AcceptContract(grpc::ServerContext* context,
                              const peerwatt::market::v1::AcceptContractRequest* request,
                              peerwatt::market::v1::Contract* response) override;
  grpc::Status DeclineContract(grpc::ServerContext* context,
                               const peerwatt::market::v1::DeclineContractRequest* request,
                               peerwatt::market::v1::Contract* response) override;
  grpc::Status WithdrawContract(grpc::ServerContext* context,
                                const peerwatt::market::v1::WithdrawContractRequest* request,
                                peerwatt::market::v1::Contract* response) override;
  grpc::Status AmendContract(grpc::ServerContext* context,
                             const peerwatt::market::v1::AmendContractRequest* request,
                             peerwatt::market::v1::Contract* response) override;
  grpc::Status CancelContract(grpc::ServerContext* context,
                              const peerwatt::market::v1::CancelContractRequest* request,
                              peerwatt::market::v1::Contract* response) override;
  grpc::Status ListContractExecutions(
      grpc::ServerContext* context,
      const peerwatt::market::v1::ListContractExecutionsRequest* request,
      peerwatt::market::v1::ListContractExecutionsResponse* response) override;

 private:
  /// Runs one step of a party and answers with the contract after it.
  grpc::Status Step(const grpc::ServerContext& context, const std::string& name, bool validate_only,
                    absl::FunctionRef<absl::StatusOr<Contract>(const ContractCall&)> step,
                    peerwatt::market::v1::Contract& response);

  RulesBook& rules_;
  ContractDesk& desk_;
  ContractStore& store_;
  const Clock& clock_;
};

}  // namespace peerwatt::market
