#include "services/market/core/contracts/desk.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "services/market/core/contracts/errors.h"
#include "services/market/core/contracts/terms.h"
#include "services/market/core/errors.h"
#include "services/market/core/order_rules.h"

namespace peerwatt::market {
namespace {

using Owners = std::map<ParticipantId, ParticipantId>;

absl::Status NoSuchContract() {
  return Error(kPermissionDenied, "the caller has no such contract");
}

absl::Status CheckDistinct(const Contract& contract, const Owners& owners) {
  const auto owner_of = [&](const ParticipantId& participant) {
    const auto found = owners.find(participant);
    return found == owners.end() ? participant : found->second;
  };
  return owner_of(contract.buyer) == owner_of(contract.seller)
             ? Error(kSelfDealing, "buyer and seller are, or belong to, the same")
             : absl::OkStatus();
}

const MeteringPointId& PointOf(const Contract& contract, const ParticipantId& party) {
  return contract.SideOf(party) == Party::kBuyer ? contract.buyer_point : contract.seller_point;
}

bool SameOffer(const Contract& kept, const Contract& offer) {
  return kept.proposer == offer.proposer && kept.buyer == offer.buyer &&
         kept.seller == offer.seller &&
         PointOf(kept, kept.proposer) == PointOf(offer, offer.proposer) &&
         kept.offer().terms == offer.offer().terms;
}

}  // namespace

absl::Status ContractDesk::CheckPoint(const ContractCall& call, const MeteringPointId& point) {
  PW_ASSIGN_OR_RETURN(const std::optional<Member> member, registry_.FindMember(point));
  if (member.has_value() && member->participant != call.caller) {
    return Error(kPermissionDenied, "the metering point is not the caller's");
  }
  if (!member.has_value() || member->community != call.rules.id) {
    return Error(kMeteringPointUnknown, "the community has no such metering point",
                 {{"metering_point", point.value()}});
  }
  return CheckTrades(*member);
}

absl::StatusOr<Contract> ContractDesk::Create(Contract offer, const ContractCall& call) {
  if (!offer.IsParty(call.caller)) {
    return Error(kPermissionDenied, "the caller is neither buyer nor seller");
  }
  PW_RETURN_IF_ERROR(CheckDistinct(offer, {}));
  offer.community = call.rules.id;
  offer.id = call.contract;
  offer.proposer = call.caller;
  offer.create_time = call.now;
  ContractVersion& first = offer.versions.front();
  first.version = 1;
  first.proposer = call.caller;
  first.create_time = call.now;
  PW_RETURN_IF_ERROR(CheckPoint(call, PointOf(offer, call.caller)));
  PW_RETURN_IF_ERROR(CheckTerms(first.terms, call.rules, "contract.terms"));
  if (call.now >= first.terms.end) {
    return Error(kContractNotActive, "the contract would be over");
  }
  const ParticipantId& other = offer.buyer == call.caller ? offer.seller : offer.buyer;
  const absl::StatusOr<ParticipantContext> counterparty = registry_.GetParticipant(other);
  if (ReasonOf(counterparty.status()) == kNotFound.name ||
      (counterparty.ok() && counterparty->community != call.rules.id)) {
    return Error(kCounterpartyUnknown, "the community has no such participant",
                 {{"participant", other.value()}});
  }
  PW_RETURN_IF_ERROR(counterparty.status());
  const auto check = [&](int32_t open, const Owners& owners) -> absl::Status {
    PW_RETURN_IF_ERROR(CheckDistinct(offer, owners));
    if (open >= kContractsMax) {
      return Error(kContractsExceeded, "the participant has too many contracts",
                   {{"contracts_max", absl::StrCat(kContractsMax)}});
    }
    // An error ends the transaction: nothing is kept.
    return call.validate_only ? absl::CancelledError() : absl::OkStatus();
  };
  absl::StatusOr<Contract> kept = store_.Create(offer, check);
  if (absl::IsCancelled(kept.status())) {
    return offer;
  }
  PW_RETURN_IF_ERROR(kept.status());
  if (!SameOffer(*kept, offer)) {
    return Error(kContentDiffers, "another contract has this id");
  }
  return kept;
}

absl::StatusOr<Contract> ContractDesk::Step(const ContractCall& call, Decide decide) {
  std::optional<Contract> shown;
  absl::StatusOr<Contract> changed = store_.Add(
      call.rules.id, call.contract,
      [&](const ContractAtHand& at_hand) -> absl::StatusOr<ContractStep> {
        if (!at_hand.contract.IsParty(call.caller)) {
          return NoSuchContract();
        }
        PW_ASSIGN_OR_RETURN(ContractStep step,
                            decide(at_hand, {call.caller, call.now, call.rules, at_hand.frozen}));
        if (call.validate_only) {
          shown = After(at_hand.contract, step);
          step = ContractStep();
        }
        return step;
      });
  if (ReasonOf(changed.status()) == kNotFound.name &&
      !DetailOf(changed.status()).metadata.contains("version")) {
    return NoSuchContract();
  }
  PW_RETURN_IF_ERROR(changed.status());
  return shown.has_value() ? *std::move(shown) : *std::move(changed);
}

absl::StatusOr<Contract> ContractDesk::Accept(const ContractCall& call, int32_t version,
                                              const MeteringPointId& point) {
  // A stranger learns nothing of points either.
  PW_RETURN_IF_ERROR(Get(call.rules.id, call.contract, call.caller).status());
  if ((version == 1) == point.empty()) {
    return FieldInvalid("metering_point", "must be set for version 1, the offer, and only for it");
  }
  if (!point.empty()) {
    PW_RETURN_IF_ERROR(CheckPoint(call, point));
  }
  return Step(
      call,
      [&](const ContractAtHand& at_hand, const StepFacts& facts) -> absl::StatusOr<ContractStep> {
        PW_RETURN_IF_ERROR(CheckDistinct(at_hand.contract, at_hand.owners));
        return market::Accept(at_hand.contract, version, point, facts);
      });
}

absl::StatusOr<Contract> ContractDesk::Decline(const ContractCall& call, int32_t version) {
  return Step(call, [&](const ContractAtHand& at_hand, const StepFacts& facts) {
    return market::Decline(at_hand.contract, version, facts);
  });
}

absl::StatusOr<Contract> ContractDesk::Withdraw(const ContractCall& call, int32_t version) {
  return Step(call, [&](const ContractAtHand& at_hand, const StepFacts& facts) {
    return market::Withdraw(at_hand.contract, version, facts);
  });
}

absl::StatusOr<Contract> ContractDesk::Amend(const ContractCall& call, int32_t version,
                                             const ContractTerms& terms) {
  return Step(call, [&](const ContractAtHand& at_hand, const StepFacts& facts) {
    return market::Amend(at_hand.contract, version, terms, facts);
  });
}

absl::StatusOr<Contract> ContractDesk::Cancel(const ContractCall& call, const std::string& reason) {
  return Step(call, [&](const ContractAtHand& at_hand, const StepFacts& facts) {
    return market::Cancel(at_hand.contract, reason, facts);
  });
}

absl::StatusOr<Contract> ContractDesk::Get(const CommunityId& community, const ContractId& id,
                                           const ParticipantId& viewer) {
  absl::StatusOr<Contract> contract = store_.Get(community, id);
  const bool is_hidden =
      contract.ok() ? !contract->IsParty(viewer) : ReasonOf(contract.status()) == kNotFound.name;
  if (!viewer.empty() && is_hidden) {
    return NoSuchContract();
  }
  return contract;
}

}  // namespace peerwatt::market
