#include "services/market/core/contracts/agreement.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "services/market/core/contracts/errors.h"
#include "services/market/core/contracts/mutant.h"
#include "services/market/core/contracts/terms.h"
#include "services/market/core/errors.h"

namespace peerwatt::market {
namespace {

const ContractVersion* Find(const Contract& contract, int32_t number) {
  for (const ContractVersion& version : contract.versions) {
    if (version.version == number) {
      return &version;
    }
  }
  return nullptr;
}

absl::Status NotActive() {
  return Error(kContractNotActive, "the contract is not in force: never accepted, or over");
}

absl::Status CheckActive(const Contract& contract, absl::Time now) {
  const bool is_active = contract.offer().state == VersionState::kAccepted &&
                         !contract.cancellation.has_value() && now < OverAt(contract);
  return is_active ? absl::OkStatus() : NotActive();
}

absl::Status CheckGate(const ContractTerms& terms, const StepFacts& facts) {
  const absl::Time first = FirstOpenDelivery(facts.rules, facts.now, facts.frozen);
  if (terms.valid_from >= first) {
    return absl::OkStatus();
  }
  return Error(
      kGateClosed, "terms do not change for intervals whose gate is closed",
      {{"first_open_delivery", absl::FormatTime(absl::RFC3339_full, first, absl::UTCTimeZone())}});
}

// Who may decide a version so, and whether it is decided otherwise. Returns the version, or null
// when it is decided so already.
absl::StatusOr<const ContractVersion*> ToDecide(const Contract& contract, int32_t number,
                                                VersionState wanted, const StepFacts& facts) {
  const ContractVersion* version = Find(contract, number);
  if (version == nullptr) {
    return Error(kNotFound, "the contract has no such version",
                 {{"version", absl::StrCat(number)}});
  }
  const bool is_own = version->proposer == facts.by;
  if (is_own != (wanted == VersionState::kWithdrawn) &&
      PW_CONTRACT_MUTANT(kProposerAccepts, false, true)) {
    return Error(kPermissionDenied, is_own ? "only the other party decides about a proposal"
                                           : "only its proposer withdraws a proposal");
  }
  if (version->state == wanted) {
    return nullptr;
  }
  if (version->state != VersionState::kOffered) {
    return Error(kVersionDecided, "the version was decided already");
  }
  return version;
}

absl::StatusOr<ContractStep> Decide(const Contract& contract, int32_t number, VersionState wanted,
                                    const StepFacts& facts) {
  PW_ASSIGN_OR_RETURN(const ContractVersion* version, ToDecide(contract, number, wanted, facts));
  ContractStep step;
  if (version != nullptr) {
    step.decision = ContractDecision{number, wanted, facts.by, MeteringPointId(), facts.now};
  }
  return step;
}

bool MayCancel(CancellationRight right, Party party) {
  switch (right) {
    case CancellationRight::kNobody:
      return false;
    case CancellationRight::kBuyer:
      return party == Party::kBuyer;
    case CancellationRight::kSeller:
      return party == Party::kSeller;
    case CancellationRight::kEither:
      return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<ContractStep> Accept(const Contract& contract, int32_t number,
                                    const MeteringPointId& point, const StepFacts& facts) {
  PW_ASSIGN_OR_RETURN(ContractStep step, Decide(contract, number, VersionState::kAccepted, facts));
  if (!step.decision.has_value()) {
    const MeteringPointId& kept =
        contract.SideOf(facts.by) == Party::kBuyer ? contract.buyer_point : contract.seller_point;
    return point.empty() || kept == point
               ? absl::StatusOr<ContractStep>(step)
               : Error(kVersionDecided, "the offer was accepted for another metering point");
  }
  if (number == 1) {
    if (facts.now >= contract.offer().terms.end) {
      return NotActive();
    }
    step.decision->point = point;
    return step;
  }
  PW_RETURN_IF_ERROR(CheckActive(contract, facts.now));
  PW_RETURN_IF_ERROR(CheckGate(Find(contract, number)->terms, facts));
  return step;
}

absl::StatusOr<ContractStep> Decline(const Contract& contract, int32_t version,
                                     const StepFacts& facts) {
  return Decide(contract, version, VersionState::kDeclined, facts);
}

absl::StatusOr<ContractStep> Withdraw(const Contract& contract, int32_t version,
                                      const StepFacts& facts) {
  return Decide(contract, version, VersionState::kWithdrawn, facts);
}

absl::StatusOr<ContractStep> Amend(const Contract& contract, int32_t number,
                                   const ContractTerms& terms, const StepFacts& facts) {
  ContractStep step;
  if (const ContractVersion* kept = Find(contract, number); kept != nullptr) {
    if (kept->proposer != facts.by || kept->terms != terms) {
      return Error(kContentDiffers, "other terms have this version");
    }
    return step;
  }
  PW_RETURN_IF_ERROR(CheckActive(contract, facts.now));
  const int32_t next = contract.versions.back().version + 1;
  if (number != next) {
    return Error(kContractVersionStale, "this is not the next version of the contract",
                 {{"next_version", absl::StrCat(next)}});
  }
  if (contract.versions.back().state == VersionState::kOffered) {
    return Error(kProposalOpen, "another version waits for an answer");
  }
  PW_RETURN_IF_ERROR(CheckTerms(terms, facts.rules, "terms"));
  if (terms.valid_from < contract.offer().terms.valid_from) {
    return FieldInvalid("terms.valid_from_time", "must not lie before the start of the contract");
  }
  PW_RETURN_IF_ERROR(CheckGate(terms, facts));
  ContractVersion version;
  version.version = number;
  version.terms = terms;
  version.proposer = facts.by;
  version.create_time = facts.now;
  step.version = std::move(version);
  return step;
}

absl::StatusOr<ContractStep> Cancel(const Contract& contract, const std::string& reason,
                                    const StepFacts& facts) {
  ContractStep step;
  if (contract.cancellation.has_value()) {
    return step;
  }
  PW_RETURN_IF_ERROR(CheckActive(contract, facts.now));
  const ContractTerms& terms = VersionAt(contract, facts.now).terms;
  if (!MayCancel(terms.cancellation.right, contract.SideOf(facts.by))) {
    return Error(kCancellationRefused, "the terms do not let this party cancel");
  }
  const absl::Time first = FirstOpenDelivery(facts.rules, facts.now, facts.frozen);
  const absl::Time agreed = EffectOf(terms, facts.now);
  step.cancellation = ContractCancellation{
      facts.by, reason, facts.now,
      PW_CONTRACT_MUTANT(kFrozenIntervalsCanBeCancelled, agreed, std::max(agreed, first))};
  return step;
}

Contract After(Contract contract, const ContractStep& step) {
  if (step.version.has_value()) {
    contract.versions.push_back(*step.version);
  }
  if (step.cancellation.has_value()) {
    contract.cancellation = step.cancellation;
  }
  if (step.decision.has_value()) {
    for (ContractVersion& version : contract.versions) {
      if (version.version == step.decision->version) {
        version.state = step.decision->state;
        version.decide_time = step.decision->time;
      }
    }
    if (!step.decision->point.empty()) {
      (contract.SideOf(step.decision->by) == Party::kBuyer ? contract.buyer_point
                                                           : contract.seller_point) =
          step.decision->point;
    }
  }
  return contract;
}

}  // namespace peerwatt::market
