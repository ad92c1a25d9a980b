#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/market/core/contracts/ports.h"

namespace peerwatt::market {

/// Most contracts of one proposer that are offered or active.
inline constexpr int32_t kContractsMax = 500;

/// One party's request about a contract.
struct ContractCall {
  const CommunityRules& rules;
  ContractId contract;
  ParticipantId caller;
  absl::Time now;
  /// Answers what would come of it, and keeps nothing.
  bool validate_only = false;
};

/// What participants do with contracts. Safe for many threads. A contract that the caller is no
/// party of, or that there is not, is PERMISSION_DENIED.
class ContractDesk {
 public:
  ContractDesk(ContractStore& store, Registry& registry) : store_(store), registry_(registry) {}

  /// Offers a contract. Safe to repeat.
  /// offer: buyer, seller, the proposer's metering point, terms as version 1.
  /// Errors, in this order: PERMISSION_DENIED (no party), SELF_DEALING (with oneself),
  /// PERMISSION_DENIED (another's point), METERING_POINT_UNKNOWN, those of CheckTerms,
  /// CONTRACT_NOT_ACTIVE (over already), COUNTERPARTY_UNKNOWN, SELF_DEALING (one beneficial owner),
  /// CONTRACTS_EXCEEDED, CONTENT_DIFFERS.
  absl::StatusOr<Contract> Create(Contract offer, const ContractCall& call);

  /// Accepts the offer, for a metering point of the caller's, or a later version, without one.
  /// Errors: METERING_POINT_UNKNOWN, SELF_DEALING, and those of the step.
  absl::StatusOr<Contract> Accept(const ContractCall& call, int32_t version,
                                  const MeteringPointId& point);
  // Errors of these: those of the steps in agreement.h.
  absl::StatusOr<Contract> Decline(const ContractCall& call, int32_t version);
  absl::StatusOr<Contract> Withdraw(const ContractCall& call, int32_t version);
  absl::StatusOr<Contract> Amend(const ContractCall& call, int32_t version,
                                 const ContractTerms& terms);
  absl::StatusOr<Contract> Cancel(const ContractCall& call, const std::string& reason);

  /// A contract of `viewer`, or any when that is empty. Errors: PERMISSION_DENIED; for the empty
  /// viewer NOT_FOUND.
  absl::StatusOr<Contract> Get(const CommunityId& community, const ContractId& id,
                               const ParticipantId& viewer);

 private:
  using Decide =
      absl::FunctionRef<absl::StatusOr<ContractStep>(const ContractAtHand&, const StepFacts&)>;
  absl::StatusOr<Contract> Step(const ContractCall& call, Decide decide);
  absl::Status CheckPoint(const ContractCall& call, const MeteringPointId& point);

  ContractStore& store_;
  Registry& registry_;
};

}  // namespace peerwatt::market
