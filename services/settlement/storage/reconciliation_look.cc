#include "services/settlement/storage/reconciliation_look.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/domain/interval.h"
#include "libs/postgres/codec.h"
#include "services/settlement/storage/reconciliation_queries.h"

namespace peerwatt::settlement {
namespace {

using postgres::BoolFrom;
using postgres::Exec;
using postgres::Int32From;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::ToSql;
using postgres::ToSqlArray;
using reconciliation::Check;
using reconciliation::Examined;
using reconciliation::Finding;
using reconciliation::FindingChanges;
using reconciliation::OpenFinding;
using reconciliation::Plan;
using reconciliation::Report;

// The walk over entries when they are new, and that of the pass over everything.
constexpr int kNewWalk = 1;
constexpr int kFullWalk = 2;
// As many findings as a check gives at most. Beyond, it does not say what it looked at.
constexpr size_t kFindingsMax = 100;
// After every name, and every number of `PositionOf`.
constexpr char kEnd[] = "\x7f";

/// The position of a number, in the order of the numbers.
std::string PositionOf(int64_t number) { return absl::StrCat(absl::Dec(number, absl::kZeroPad20)); }

std::vector<absl::Time> TimesOf(const std::vector<int64_t>& micros) {
  std::vector<absl::Time> times;
  times.reserve(micros.size());
  for (const int64_t instant : micros) times.push_back(absl::FromUnixMicros(instant));
  return times;
}

Finding FindingFrom(Check check, const pqxx::row& row) {
  return {check, TextFrom(row["position"]), TextFrom(row["subject"]), TextFrom(row["detail"])};
}

}  // namespace

template <typename... Args>
void ReconciliationLook::Do(Check check, const postgres::Query& query, std::string after,
                            std::string through, Args&&... args) {
  const pqxx::result rows = Exec(tx_, query, community_.value(), std::forward<Args>(args)...);
  for (const auto& row : rows) found_.push_back(FindingFrom(check, row));
  if (rows.size() < kFindingsMax) {
    examined_.push_back({check, std::move(after), std::move(through), std::nullopt});
  }
}

bool ReconciliationLook::Lock(absl::Time not_since) {
  Exec(tx_, kEnsureReconciliation, community_.value());
  const pqxx::result rows = Exec(tx_, kLockReconciliation, community_.value());
  if (rows.empty()) return false;
  const pqxx::row row = rows[0];
  at_.checked_entry = Int64From(row["checked_entry_no"]);
  at_.paged_entry = Int64From(row["paged_entry_no"]);
  at_.full_entry = Int64From(row["full_entry_no"]);
  at_.full_account = Int32From(row["full_account_no"]);
  at_.full_key = TextFrom(row["full_key"]);
  at_.full_keys_done = BoolFrom(row["full_keys_done"]);
  at_.full_period = postgres::TimeFrom(row["full_period_at"]);
  at_.full_periods_done = BoolFrom(row["full_periods_done"]);
  at_.full_passes = Int64From(row["full_pass_count"]);
  at_.full_pass_at = postgres::OptionalTimeFrom(row["full_pass_at"]);
  at_.records = Int64From(row["record_count"]);
  at_.runs = Int64From(row["run_count"]);
  at_.run_at = postgres::TimeFrom(row["run_at"]);
  if (at_.run_at >= not_since) return false;
  const pqxx::row ledger = Exec(tx_, kSelectReconciledLedger, community_.value())[0];
  entry_count_ = Int64From(ledger["entry_count"]);
  account_count_ = Int32From(ledger["account_count"]);
  folded_entry_ = Int64From(ledger["folded_entry_no"]);
  return true;
}

Report ReconciliationLook::Run(const Plan& plan) {
  Report report;
  report.done = true;
  if (plan.restarts) Restart();
  ReadNewEntries();
  report.caught_up = at_.checked_entry >= entry_count_;
  ReadPages();
  ReadLedger(plan);
  if (plan.goes_on) report.full_pass_ended = GoOn(plan.now);
  report.changes = Record(plan.now);
  ++at_.runs;
  at_.run_at = std::max(at_.run_at, plan.now);
  SavePositions();
  return report;
}

void ReconciliationLook::ReadNewEntries() {
  // A journal that is shorter than it was begins anew: a finding of `journal_changed` says so.
  if (at_.checked_entry > entry_count_) {
    found_.push_back({Check::kJournalChanged, PositionOf(at_.checked_entry), "ledger",
                      absl::StrCat("had ", at_.checked_entry, " entries, has ", entry_count_)});
    Restart();
    Exec(tx_, kForgetTallies, community_.value(), kNewWalk);
    at_.checked_entry = 0;
    at_.paged_entry = 0;
  }
  for (int64_t i = 0; i < sizes_.new_slices && at_.checked_entry < entry_count_; ++i) {
    const int64_t through = std::min(at_.checked_entry + sizes_.entries, entry_count_);
    ReadEntries(at_.checked_entry, through, kNewWalk);
    const pqxx::row periods =
        Exec(tx_, kSelectPeriodsOfEntries, community_.value(), at_.checked_entry, through)[0];
    ReadPeriods(postgres::Int64ArrayFrom(periods["periods"]));
    at_.checked_entry = through;
  }
}

void ReconciliationLook::ReadEntries(int64_t after, int64_t through, int walk) {
  const std::string from = PositionOf(after);
  const std::string to = PositionOf(through);
  Do(Check::kEntryGap, kCheckEntryGaps, from, to, after, through);
  Do(Check::kEntryBalance, kCheckEntryBalances, from, to, after, through);
  Do(Check::kClosingSum, kCheckClosingSums, from, to, after, through, walk);
  Do(Check::kClearingAccount, kCheckClearingAccounts, from, to, after, through);
  Do(Check::kLinePosting, kCheckLinePostings, from, to, after, through);
  Exec(tx_, kTallyEntries, community_.value(), after, through, walk);
}

void ReconciliationLook::ReadPages() {
  const int64_t through = std::min(
      {at_.paged_entry + sizes_.entries * sizes_.new_slices, folded_entry_, at_.checked_entry});
  if (through <= at_.paged_entry) return;
  Do(Check::kAccountPage, kCheckAccountPages, PositionOf(at_.paged_entry), PositionOf(through),
     at_.paged_entry, through);
  at_.paged_entry = through;
}

void ReconciliationLook::ReadPeriods(const std::vector<int64_t>& period_micros) {
  if (period_micros.empty()) return;
  const std::vector<absl::Time> periods = TimesOf(period_micros);
  std::set<std::string> positions;
  for (const absl::Time period : periods) positions.insert(TimeSegment(period));
  const std::pair<Check, const postgres::Query*> checks[] = {
      {Check::kLineAmount, &kCheckLineAmounts},
      {Check::kTradeTransfer, &kCheckTradeTransfers},
      {Check::kPeriodEnergy, &kCheckPeriodEnergies}};
  for (const auto& [check, query] : checks) {
    const pqxx::result rows = Exec(tx_, *query, community_.value(), ToSqlArray(periods));
    for (const auto& row : rows) found_.push_back(FindingFrom(check, row));
    if (rows.size() < kFindingsMax) examined_.push_back({check, "", "", positions});
  }
}

void ReconciliationLook::ReadLedger(const Plan& plan) {
  Do(Check::kLedgerBalance, kCheckLedgerBalance, "", kEnd);
  Do(Check::kHoldOrphan, kCheckOrphanHolds, "", kEnd);
  if (plan.expired_before.has_value()) {
    Do(Check::kHoldExpired, kCheckExpiredHolds, "", kEnd, ToSql(*plan.expired_before));
  }
}

void ReconciliationLook::Restart() {
  at_.full_entry = 0;
  at_.full_account = 0;
  at_.full_key.clear();
  at_.full_keys_done = false;
  at_.full_period = absl::InfinitePast();
  at_.full_periods_done = false;
  Exec(tx_, kForgetTallies, community_.value(), kFullWalk);
}

bool ReconciliationLook::GoOn(absl::Time now) {
  if (at_.checked_entry < entry_count_) return false;  // What is new comes first.
  GoOnWithEntries();
  GoOnWithAccounts();
  GoOnWithKeys();
  GoOnWithPeriods();
  const bool ended = at_.full_entry >= entry_count_ && at_.full_account >= account_count_ &&
                     at_.full_keys_done && at_.full_periods_done;
  if (!ended) return false;
  Do(Check::kJournalChanged, kCheckJournalChanged, "", kEnd);
  Restart();
  ++at_.full_passes;
  at_.full_pass_at = now;
  return true;
}

void ReconciliationLook::GoOnWithEntries() {
  if (at_.full_entry >= entry_count_) return;
  const int64_t through = std::min(at_.full_entry + sizes_.entries, entry_count_);
  ReadEntries(at_.full_entry, through, kFullWalk);
  const int64_t folded = std::min(through, folded_entry_);
  if (folded > at_.full_entry) {
    Do(Check::kAccountPage, kCheckAccountPages, PositionOf(at_.full_entry), PositionOf(folded),
       at_.full_entry, folded);
  }
  at_.full_entry = through;
}

void ReconciliationLook::GoOnWithAccounts() {
  if (at_.full_account >= account_count_) return;
  const int32_t after = at_.full_account;
  const int32_t through = std::min(after + sizes_.accounts, account_count_);
  Do(Check::kAccountBalance, kCheckAccountBalances, PositionOf(after), PositionOf(through), after,
     through);
  Do(Check::kPendingSum, kCheckPendingSums, PositionOf(after), PositionOf(through), after, through);
  at_.full_account = through;
}

void ReconciliationLook::GoOnWithKeys() {
  if (at_.full_keys_done) return;
  const pqxx::row slice =
      Exec(tx_, kSelectKeySlice, community_.value(), at_.full_key, sizes_.keys)[0];
  at_.full_keys_done = Int64From(slice["key_count"]) < sizes_.keys;
  if (slice["last_key"].is_null()) return;
  const std::string last = TextFrom(slice["last_key"]);
  Do(Check::kTransferKey, kCheckTransferKeys, at_.full_key, last, at_.full_key, last);
  at_.full_key = last;
}

void ReconciliationLook::GoOnWithPeriods() {
  if (at_.full_periods_done) return;
  const auto next = [&] {
    const pqxx::row slice =
        Exec(tx_, kSelectPeriodSlice, community_.value(), ToSql(at_.full_period), sizes_.lines)[0];
    return postgres::Int64ArrayFrom(slice["periods"]);
  };
  const std::vector<int64_t> periods = next();
  ReadPeriods(periods);
  if (!periods.empty()) at_.full_period = absl::FromUnixMicros(periods.back());
  at_.full_periods_done = periods.empty() || next().empty();
}

FindingChanges ReconciliationLook::Record(absl::Time now) {
  std::vector<OpenFinding> open;
  for (const auto& row : Exec(tx_, kSelectOpenFindings, community_.value())) {
    const std::optional<Check> check = reconciliation::CheckNamed(TextFrom(row["check_name"]));
    if (check.has_value()) open.push_back({Int64From(row["record_no"]), FindingFrom(*check, row)});
  }
  FindingChanges changes = DecideFindings(open, found_, examined_);
  std::vector<int64_t> numbers, resolves;
  std::vector<std::string> checks, positions, subjects, details;
  const auto add = [&](const Finding& finding, int64_t resolved) {
    numbers.push_back(++at_.records);
    checks.emplace_back(NameOf(finding.check));
    positions.push_back(finding.position);
    subjects.push_back(finding.subject);
    details.push_back(finding.detail);
    resolves.push_back(resolved);
  };
  for (const Finding& finding : changes.found) add(finding, 0);
  for (const OpenFinding& finding : changes.resolved) add(finding.finding, finding.number);
  if (!numbers.empty()) {
    Exec(tx_, kInsertRecords, community_.value(), ToSql(now), ToSqlArray(numbers),
         ToSqlArray(checks), ToSqlArray(positions), ToSqlArray(subjects), ToSqlArray(details),
         ToSqlArray(resolves));
  }
  return changes;
}

void ReconciliationLook::SavePositions() {
  Exec(tx_, kUpdateReconciliation, community_.value(), at_.checked_entry, at_.paged_entry,
       at_.full_entry, at_.full_account, at_.full_key, at_.full_keys_done, ToSql(at_.full_period),
       at_.full_periods_done, at_.full_passes, ToSql(at_.full_pass_at), at_.records, at_.runs,
       ToSql(at_.run_at));
}

}  // namespace peerwatt::settlement
