#pragma once

#include <map>
#include <vector>

#include "libs/postgres/pool.h"
#include "services/market/core/contracts/ports.h"

namespace peerwatt::market {

/// The contracts in PostgreSQL.
class PostgresContractStore final : public ContractStore {
 public:
  explicit PostgresContractStore(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<Contract> Create(
      const Contract& offer,
      absl::FunctionRef<absl::Status(int32_t, const std::map<ParticipantId, ParticipantId>&)> check)
      override;
  absl::StatusOr<Contract> Add(
      const CommunityId& community, const ContractId& id,
      absl::FunctionRef<absl::StatusOr<ContractStep>(const ContractAtHand&)> decide) override;
  absl::StatusOr<Contract> Get(const CommunityId& community, const ContractId& id) override;
  absl::StatusOr<std::vector<Contract>> List(const CommunityId& community,
                                             const ParticipantId& party,
                                             const ListSpan& span) override;
  absl::StatusOr<std::vector<ExecutionResult>> ListExecutions(const CommunityId& community,
                                                              const ContractId& id,
                                                              absl::Time after,
                                                              int32_t limit) override;

 private:
  postgres::Pool& pool_;
};

/// Contracts that were accepted and are not over at a delivery.
std::vector<Contract> ReadActiveContracts(pqxx::work& tx, const AuctionKey& key);

/// The same, kept as they are until the transaction ends, and who stands behind their parties.
/// gate_closure: records from then on do not count.
void LockActiveContracts(pqxx::work& tx, const AuctionKey& key, absl::Time gate_closure,
                         Closing& closing);

/// Adds the orders of contracts and their executions in the transaction given.
void InsertExecutions(pqxx::work& tx, const AuctionKey& key, const std::vector<Order>& orders,
                      const std::vector<ContractExecution>& executions);

}  // namespace peerwatt::market
