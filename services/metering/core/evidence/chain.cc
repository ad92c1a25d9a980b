#include "services/metering/core/evidence/chain.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/metering/core/evidence/errors.h"

namespace peerwatt::metering {

absl::StatusOr<ChainDecision> DecideLink(const ChainLink& link, const ChainSurroundings& kept) {
  ChainDecision decision;
  if (kept.same.has_value()) {
    if (kept.same->digest != link.digest) {
      return Error(kSignatureCounterReused,
                   absl::StrCat("the device has signed another batch with counter ", link.counter),
                   {{"counter", absl::StrCat(link.counter)}});
    }
    decision.known = true;
    decision.kept = kept.same_events;
    return decision;
  }
  decision.events.counter_gap = link.counter > kept.last_counter + 1;
  const bool first_differs = link.counter == 1 &&
                             link.previous_digest != std::string(kBatchDigestSize, '\0');
  decision.events.chain_broken =
      first_differs || (kept.before.has_value() && kept.before->digest != link.previous_digest) ||
      (kept.after.has_value() && kept.after->previous_digest != link.digest);
  decision.kept = decision.events;
  return decision;
}

SignedBatchContent ContentOf(const Batch& batch) {
  SignedBatchContent content;
  content.device = batch.device.value();
  content.counter = batch.signature->counter;
  content.previous_digest = batch.signature->previous_digest;
  content.series.reserve(batch.series.size());
  for (const Series& series : batch.series) {
    SignedSeries one{.metering_point = series.metering_point.value(),
                     .start_s = absl::ToUnixSeconds(series.start),
                     .resolution_s = absl::ToInt64Seconds(series.resolution),
                     .method = static_cast<uint8_t>(series.method),
                     .import_wh = series.import_wh,
                     .export_wh = series.export_wh,
                     .qualities = {}};
    for (const Quality quality : series.qualities) {
      one.qualities.push_back(static_cast<uint8_t>(quality));
    }
    content.series.push_back(std::move(one));
  }
  content.registers.reserve(batch.registers.size());
  for (const RegisterSeries& series : batch.registers) {
    content.registers.push_back({.metering_point = series.metering_point.value(),
                                 .meter = series.meter,
                                 .register_kind = static_cast<uint8_t>(series.kind),
                                 .start_s = absl::ToUnixSeconds(series.start),
                                 .resolution_s = absl::ToInt64Seconds(series.resolution),
                                 .rollover_wh = series.rollover_wh,
                                 .energy_wh = series.energy_wh});
  }
  content.ocmf_records = batch.ocmf_records;
  return content;
}

absl::Status CheckForm(const BatchSignature& signature) {
  if (signature.counter < 1) {
    return Error(kSignatureMalformed, "a signature's counter starts at 1", {},
                 {{"signature.counter", "must count up from 1"}});
  }
  if (signature.previous_digest.size() != kBatchDigestSize) {
    return Error(kSignatureMalformed, "a previous digest has 32 bytes", {},
                 {{"signature.previous_digest", "must have 32 bytes"}});
  }
  return absl::OkStatus();
}

}  // namespace peerwatt::metering
