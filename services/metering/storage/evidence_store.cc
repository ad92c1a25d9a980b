#include "services/metering/storage/evidence_store.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/metering/storage/evidence_queries.h"

namespace peerwatt::metering {
namespace {

using postgres::Exec;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::ToSqlArray;

std::string BytesFrom(const pqxx::field& field) { return absl::HexStringToBytes(TextFrom(field)); }

/// The chains that one transaction touches: what is kept of them, and what it adds.
class Chains {
 public:
  explicit Chains(absl::Span<const SignedBatch> batches) : batches_(batches) {}

  /// Locks the chains and reads what surrounds each batch.
  void Load(pqxx::work& tx) {
    for (const SignedBatch& batch : batches_) {
      last_counters_[batch.device.value()] = 0;
    }
    std::vector<std::string> devices;
    for (const auto& [device, counter] : last_counters_) {
      devices.push_back(device);
    }
    const std::string array = ToSqlArray(devices);
    if (Lock(tx, array) < devices.size()) {
      Exec(tx, kInsertChains, array);
      Lock(tx, array);
    }
    std::vector<std::string> asked_devices;
    std::vector<int64_t> asked_counters;
    for (const SignedBatch& batch : batches_) {
      const int64_t counter = batch.link.counter;
      const int64_t last = last_counters_[batch.device.value()];
      for (int64_t near = std::max<int64_t>(counter, 2) - 1; near <= counter + 1; ++near) {
        if (near <= last && near >= 1) {
          asked_devices.push_back(batch.device.value());
          asked_counters.push_back(near);
        }
      }
    }
    if (asked_devices.empty()) {
      return;
    }
    for (const pqxx::row& row :
         Exec(tx, kSelectLinks, ToSqlArray(asked_devices), ToSqlArray(asked_counters))) {
      links_.insert_or_assign(
          {TextFrom(row[0]), Int64From(row[1])},
          Kept{{Int64From(row[1]), BytesFrom(row[2]), BytesFrom(row[3])}, TextFrom(row[4]),
               {postgres::BoolFrom(row[5]), postgres::BoolFrom(row[6])}});
    }
  }

  /// Decides about a batch and takes it over when it is new.
  absl::StatusOr<ChainDecision> Decide(size_t i) {
    const SignedBatch& batch = batches_[i];
    const std::string& device = batch.device.value();
    const int64_t counter = batch.link.counter;
    int64_t& last = last_counters_[device];
    PW_ASSIGN_OR_RETURN(
        const ChainDecision decision,
        DecideLink(batch.link, {.last_counter = last,
                                .same = Find(device, counter),
                                .same_events = EventsOf(device, counter),
                                .before = counter > 1 ? Find(device, counter - 1) : std::nullopt,
                                .after = counter < last ? Find(device, counter + 1)
                                                        : std::nullopt}));
    Kept& kept = links_[{device, counter}];
    if (!decision.known) {
      added_.emplace_back(i, decision.events);
      last = std::max(last, counter);
      kept = {batch.link, batch.refusal_reason, decision.events};
    } else if (!kept.refusal_reason.empty() && kept.refusal_reason != batch.refusal_reason) {
      // What was stored once stays stored, whatever a later judgement says.
      kept.refusal_reason = batch.refusal_reason;
      changed_[{device, counter}] = batch.refusal_reason;
    }
    return decision;
  }

  /// Writes what was added and changed.
  void Write(pqxx::work& tx, absl::Time now) const {
    if (!added_.empty()) {
      Insert(tx, now);
    }
    for (const auto& [key, reason] : changed_) {
      Exec(tx, kUpdateRefusal, key.first, key.second, reason);
    }
  }

 private:
  using Key = std::pair<std::string, int64_t>;
  struct Kept {
    ChainLink link;
    std::string refusal_reason;
    ChainEvents events;
  };

  size_t Lock(pqxx::work& tx, const std::string& devices) {
    const pqxx::result rows = Exec(tx, kLockChains, devices);
    for (const pqxx::row& row : rows) {
      last_counters_[TextFrom(row[0])] = Int64From(row[1]);
    }
    return rows.size();
  }

  std::optional<ChainLink> Find(const std::string& device, int64_t counter) const {
    const auto kept = links_.find({device, counter});
    return kept == links_.end() ? std::nullopt : std::optional<ChainLink>(kept->second.link);
  }

  ChainEvents EventsOf(const std::string& device, int64_t counter) const {
    const auto kept = links_.find({device, counter});
    return kept == links_.end() ? ChainEvents() : kept->second.events;
  }

  void Insert(pqxx::work& tx, absl::Time now) const {
    std::vector<std::string> devices, digests, previous, signatures, keys, reasons, encodings;
    std::vector<int64_t> counters;
    std::vector<int32_t> gaps, broken;
    for (const auto& [i, events] : added_) {
      const SignedBatch& batch = batches_[i];
      devices.push_back(batch.device.value());
      counters.push_back(batch.link.counter);
      digests.push_back(absl::BytesToHexString(batch.link.digest));
      previous.push_back(absl::BytesToHexString(batch.link.previous_digest));
      signatures.push_back(absl::BytesToHexString(batch.signature));
      keys.push_back(absl::BytesToHexString(batch.public_key_der));
      // The last word on a batch that comes twice in one transaction.
      const auto changed = changed_.find({batch.device.value(), batch.link.counter});
      reasons.push_back(changed == changed_.end() ? batch.refusal_reason : changed->second);
      gaps.push_back(events.counter_gap ? 1 : 0);
      broken.push_back(events.chain_broken ? 1 : 0);
      encodings.push_back(absl::BytesToHexString(batch.encoding));
    }
    Exec(tx, kInsertSignedBatches, ToSqlArray(devices), ToSqlArray(counters), ToSqlArray(digests),
         ToSqlArray(previous), ToSqlArray(signatures), ToSqlArray(keys), ToSqlArray(reasons),
         ToSqlArray(gaps), ToSqlArray(broken), ToSqlArray(encodings), postgres::ToSql(now));
    std::vector<std::string> moved;
    std::vector<int64_t> to;
    for (const auto& [device, counter] : last_counters_) {
      moved.push_back(device);
      to.push_back(counter);
    }
    Exec(tx, kMoveChains, ToSqlArray(moved), ToSqlArray(to));
  }

  absl::Span<const SignedBatch> batches_;
  std::map<std::string, int64_t> last_counters_;
  std::map<Key, Kept> links_;
  std::vector<std::pair<size_t, ChainEvents>> added_;
  std::map<Key, std::string> changed_;
};

}  // namespace

absl::StatusOr<std::vector<absl::StatusOr<ChainDecision>>> PostgresEvidenceStore::Keep(
    absl::Span<const SignedBatch> batches, absl::Time now) {
  std::vector<absl::StatusOr<ChainDecision>> decisions;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    decisions.clear();
    Chains chains(batches);
    chains.Load(tx);
    for (size_t i = 0; i < batches.size(); ++i) {
      decisions.push_back(chains.Decide(i));
    }
    chains.Write(tx, now);
    return absl::OkStatus();
  }));
  return decisions;
}

absl::StatusOr<std::vector<SignedBatch>> PostgresEvidenceStore::List(
    const SignedBatchQuery& query) {
  std::vector<SignedBatch> batches;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    batches.clear();
    for (const pqxx::row& row :
         Exec(tx, kListSignedBatches, query.device.value(), query.after_counter,
              query.events_only, static_cast<int64_t>(query.limit))) {
      batches.push_back({.device = query.device,
                         .link = {Int64From(row[0]), BytesFrom(row[1]), BytesFrom(row[2])},
                         .encoding = BytesFrom(row[3]),
                         .signature = BytesFrom(row[4]),
                         .public_key_der = BytesFrom(row[5]),
                         .refusal_reason = TextFrom(row[6]),
                         .events = {.counter_gap = postgres::BoolFrom(row[7]),
                                    .chain_broken = postgres::BoolFrom(row[8])},
                         .created_at = postgres::TimeFrom(row[9])});
    }
    return absl::OkStatus();
  }));
  return batches;
}

}  // namespace peerwatt::metering
