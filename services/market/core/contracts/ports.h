#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "services/market/core/contracts/agreement.h"
#include "services/market/core/contracts/values.h"
#include "services/market/core/ports.h"

namespace peerwatt::market {

/// How far the execution of a contract in one auction has come.
enum class ExecutionState { kPending, kExecuted, kSkipped };

/// An execution as its parties look at it.
struct ExecutionResult {
  absl::Time delivery_start;
  int32_t version = 0;
  Energy energy;
  ExecutionState state = ExecutionState::kPending;
  /// Why it was skipped.
  std::string reason;
  /// Number and price of the trade; of an executed one.
  int32_t trade_number = 0;
  Price price;
};

/// What a step meets in its transaction.
struct ContractAtHand {
  const Contract& contract;
  /// The last delivery of the community whose book is frozen; InfinitePast when there is none.
  absl::Time frozen;
  /// Who stands behind the parties, where it is not themselves.
  const std::map<ParticipantId, ParticipantId>& owners;
};

/// The contracts. Each method is one transaction; what was agreed is only ever added to.
class ContractStore {
 public:
  virtual ~ContractStore() = default;
  /// Keeps an offer unless there is a contract of this id, which is then returned as it is.
  /// check: gets how many contracts of the proposer are offered or active, and owners.
  virtual absl::StatusOr<Contract> Create(
      const Contract& offer,
      absl::FunctionRef<absl::Status(int32_t, const std::map<ParticipantId, ParticipantId>&)>
          check) = 0;
  /// Adds what `decide` returns, while no auction of the community closes and nobody else adds to
  /// the contract. Returns the contract then. Errors: NOT_FOUND.
  virtual absl::StatusOr<Contract> Add(
      const CommunityId& community, const ContractId& id,
      absl::FunctionRef<absl::StatusOr<ContractStep>(const ContractAtHand&)> decide) = 0;
  /// Errors: NOT_FOUND.
  virtual absl::StatusOr<Contract> Get(const CommunityId& community, const ContractId& id) = 0;
  /// Contracts by id; only those of `party` unless that is empty.
  virtual absl::StatusOr<std::vector<Contract>> List(const CommunityId& community,
                                                     const ParticipantId& party,
                                                     const ListSpan& span) = 0;
  /// Executions by delivery, after one.
  virtual absl::StatusOr<std::vector<ExecutionResult>> ListExecutions(const CommunityId& community,
                                                                      const ContractId& id,
                                                                      absl::Time after,
                                                                      int32_t limit) = 0;
};

}  // namespace peerwatt::market
