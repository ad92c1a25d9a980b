#include "services/metering/core/evidence/ocmf_gate.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "services/metering/core/errors.h"
#include "services/metering/core/evidence/errors.h"

namespace peerwatt::metering {
namespace {

/// Reads all records of a batch.
absl::StatusOr<std::vector<OcmfRecord>> RecordsOf(const Batch& batch) {
  if (batch.ocmf_records.size() > kOcmfRecordsMax) {
    return Error(kBatchTooLarge,
                 absl::StrCat("a batch has at most ", kOcmfRecordsMax, " OCMF records"), {},
                 {{"ocmf_records", "too many"}});
  }
  std::vector<OcmfRecord> records;
  records.reserve(batch.ocmf_records.size());
  for (const std::string& text : batch.ocmf_records) {
    PW_ASSIGN_OR_RETURN(records.emplace_back(), ParseOcmf(text));
  }
  return records;
}

/// Attributes each record to the point of its meter.
absl::StatusOr<std::vector<OcmfEntry>> EntriesOf(
    const Batch& batch, const std::vector<OcmfRecord>& records,
    const absl::flat_hash_map<std::string, OcmfMeter>& meters, OcmfSignatures& signatures,
    absl::Time now) {
  std::vector<OcmfEntry> entries;
  entries.reserve(records.size());
  for (size_t i = 0; i < records.size(); ++i) {
    const std::string field = absl::StrCat("ocmf_records[", i, "]");
    const auto meter = meters.find(records[i].serial());
    if (meter == meters.end()) {
      return Error(kOcmfMeterUnknown, "no metering point has the meter of the OCMF record",
                   {{"serial_number", records[i].serial()}}, {{field, "names an unknown meter"}});
    }
    const std::string& key = meter->second.public_key_der;
    if (!key.empty() && !signatures.Holds(key, records[i])) {
      return Error(kOcmfSignatureInvalid, "the OCMF record is not signed by its meter's key",
                   {{"serial_number", records[i].serial()}}, {{field, "has a wrong signature"}});
    }
    const MeteringPointId& point = meter->second.metering_point;
    for (const OcmfRegisterValue& value : RegisterValuesOf(records[i])) {
      if (value.time > now + kOcmfClockAheadMax) {
        return Error(kReadingInFuture, "the OCMF record has a value of the future",
                     {{"metering_point", point.value()}}, {{field, "lies in the future"}});
      }
    }
    entries.push_back({.metering_point = point,
                       .content = batch.ocmf_records[i],
                       .verified = !key.empty()});
  }
  return entries;
}

/// Fills what the points' members and the records say into the entries.
void AddValues(const std::vector<OcmfRecord>& records, const MemberLookup& lookup,
               std::vector<OcmfEntry>& entries, absl::Status& status) {
  for (size_t i = 0; i < entries.size(); ++i) {
    OcmfEntry& entry = entries[i];
    const auto member = lookup.members.find(entry.metering_point);
    if (member == lookup.members.end()) {
      if (!lookup.failure.ok()) {
        status = lookup.failure;
      }
      continue;
    }
    entry.member = member->second;
    for (const OcmfRegisterValue& value : RegisterValuesOf(records[i])) {
      entry.registers.push_back({.metering_point = entry.metering_point,
                                 .meter = records[i].serial(),
                                 .kind = value.kind == OcmfRegister::kImport
                                             ? RegisterKind::kImport
                                             : RegisterKind::kExport,
                                 .start = value.time,
                                 .resolution = member->second.interval,
                                 .energy_wh = {value.energy.wh()},
                                 .rollover_wh = 0});
    }
  }
}

}  // namespace

MemberLookup OcmfJudge::MembersOf(const absl::flat_hash_map<std::string, OcmfMeter>& meters) {
  std::vector<MeteringPointId> points;
  for (const auto& [serial, meter] : meters) {
    points.push_back(meter.metering_point);
  }
  return directory_.Find(points);
}

void OcmfJudge::Pass(absl::Span<const IngestRequest> requests, const MemberLookup&, absl::Time now,
                     std::vector<BatchOutcome>& outcomes) {
  absl::flat_hash_map<size_t, std::vector<OcmfRecord>> read;
  absl::flat_hash_set<std::string> serials;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].batch->ocmf_records.empty() || !outcomes[i].status.ok()) {
      continue;
    }
    auto records = RecordsOf(*requests[i].batch);
    outcomes[i].status = records.status();
    if (records.ok()) {
      for (const OcmfRecord& record : *records) {
        serials.insert(record.serial());
      }
      read.emplace(i, *std::move(records));
    }
  }
  if (read.empty()) {
    return;
  }
  const auto meters = store_.FindMeters({serials.begin(), serials.end()});
  const MemberLookup lookup = meters.ok() ? MembersOf(*meters) : MemberLookup();
  for (const auto& [i, records] : read) {
    if (!meters.ok()) {
      outcomes[i].status = meters.status();
      continue;
    }
    auto entries = EntriesOf(*requests[i].batch, records, *meters, signatures_, now);
    outcomes[i].status = entries.status();
    if (entries.ok()) {
      AddValues(records, lookup, *entries, outcomes[i].status);
      outcomes[i].ocmf = *std::move(entries);
    }
  }
  HoldLanes(requests, outcomes);
}

void OcmfKeeper::Pass(absl::Span<const IngestRequest> requests, const MemberLookup&,
                      absl::Time now, std::vector<BatchOutcome>& outcomes) {
  std::vector<OcmfEntry> entries;
  for (BatchOutcome& outcome : outcomes) {
    if (outcome.status.ok()) {
      entries.insert(entries.end(), outcome.ocmf.begin(), outcome.ocmf.end());
    }
  }
  if (entries.empty()) {
    return;
  }
  const absl::Status kept = store_.Keep(entries, now);
  for (BatchOutcome& outcome : outcomes) {
    if (outcome.status.ok() && !outcome.ocmf.empty()) {
      outcome.status = kept;
    }
  }
  HoldLanes(requests, outcomes);
}

}  // namespace peerwatt::metering
