#include "services/metering/core/evidence/signature_gate.h"

#include <algorithm>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "services/metering/core/evidence/errors.h"

namespace peerwatt::metering {

bool MustBeSigned(const Batch& batch,
                  const absl::flat_hash_map<MeteringPointId, Member>& members) {
  if (batch.device.empty() && !batch.by_device) {
    return false;
  }
  const auto asks = [&](const auto& series) {
    const auto member = members.find(series.metering_point);
    return member != members.end() && member->second.signed_readings_required;
  };
  return std::any_of(batch.series.begin(), batch.series.end(), asks) ||
         std::any_of(batch.registers.begin(), batch.registers.end(), asks);
}

bool MustBeVerified(const Batch& batch, const std::vector<OcmfEntry>& records) {
  return (!batch.device.empty() || batch.by_device) &&
         std::any_of(records.begin(), records.end(), [](const OcmfEntry& record) {
           return !record.verified && record.member.has_value() &&
                  record.member->signed_readings_required;
         });
}

absl::Status SignatureGate::Examine(const Batch& batch, const MemberLookup& lookup,
                                    const absl::Status& judgement,
                                    const std::vector<OcmfEntry>& records,
                                    std::vector<SignedBatch>& batches) {
  if (!batch.signature.has_value()) {
    if (judgement.ok() && (MustBeSigned(batch, lookup.members) || MustBeVerified(batch, records))) {
      return Error(kSignatureMissing, "the community asks for signed readings");
    }
    return judgement;
  }
  PW_RETURN_IF_ERROR(CheckForm(*batch.signature));
  SignedBatch one;
  one.device = batch.device;
  one.encoding = EncodeSignedBatch(ContentOf(batch));
  PW_ASSIGN_OR_RETURN(CheckedSignature checked,
                      checker_.Check(batch.device, one.encoding, batch.signature->signature));
  one.link = {batch.signature->counter, batch.signature->previous_digest,
              std::move(checked.digest)};
  one.signature = batch.signature->signature;
  one.public_key_der = std::move(checked.public_key_der);
  one.refusal_reason = judgement.ok() ? "" : ReasonOf(judgement);
  batches.push_back(std::move(one));
  return judgement;
}

void SignatureGate::Pass(absl::Span<const IngestRequest> requests, const MemberLookup& lookup,
                         absl::Time now, std::vector<BatchOutcome>& outcomes) {
  std::vector<SignedBatch> batches;
  std::vector<size_t> positions;
  LaneOrder order;
  for (size_t i = 0; i < requests.size(); ++i) {
    absl::Status& status = outcomes[i].status;
    if (order.Holds(requests[i].lane, status)) {
      continue;
    }
    const absl::Status judgement = status;
    const absl::Status examined =
        Examine(*requests[i].batch, lookup, judgement, outcomes[i].ocmf, batches);
    // The first broken rule wins; that nothing is known yet beats both.
    if (judgement.ok() || IsUndecided(examined)) {
      status = examined;
    }
    if (positions.size() < batches.size()) {
      positions.push_back(i);
    }
    order.Holds(requests[i].lane, status);
  }
  if (batches.empty()) {
    return;
  }
  KeepAll(batches, positions, now, outcomes);
  HoldLanes(requests, outcomes);
}

void SignatureGate::KeepAll(absl::Span<const SignedBatch> batches,
                            absl::Span<const size_t> positions, absl::Time now,
                            std::vector<BatchOutcome>& outcomes) {
  const auto kept = store_.Keep(batches, now);
  if (!kept.ok() && !IsUndecided(kept.status()) && batches.size() > 1) {
    // A batch that the database refuses must not spoil the others.
    for (size_t i = 0; i < batches.size(); ++i) {
      KeepAll(batches.subspan(i, 1), positions.subspan(i, 1), now, outcomes);
    }
    return;
  }
  for (size_t i = 0; i < batches.size(); ++i) {
    BatchOutcome& outcome = outcomes[positions[i]];
    const absl::Status status = kept.ok() ? (*kept)[i].status() : kept.status();
    if (!status.ok()) {
      if (outcome.status.ok() || IsUndecided(status)) {
        outcome.status = status;
      }
      continue;
    }
    outcome.events = (*kept)[i]->events;
    outcome.kept_events = (*kept)[i]->kept;
    if (outcome.events != ChainEvents()) {
      Log(Severity::kWarning, "a signed batch does not follow the one before; it is kept",
          {{"device", batches[i].device.value()},
           {"counter", batches[i].link.counter},
           {"counter_gap", outcome.events.counter_gap},
           {"chain_broken", outcome.events.chain_broken}});
    }
  }
}

}  // namespace peerwatt::metering
