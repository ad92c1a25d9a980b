#include "services/settlement/storage/postgres_reconciliation_store.h"

#include <string>
#include <utility>

#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/settlement/storage/ledger_session.h"
#include "services/settlement/storage/queries.h"
#include "services/settlement/storage/reconciliation_look.h"
#include "services/settlement/storage/reconciliation_queries.h"

namespace peerwatt::settlement {

std::vector<Query> ReconciliationQueries() {
  std::vector<Query> queries = {kEnsureReconciliation,
                                kLockReconciliation,
                                kSelectReconciledLedger,
                                kUpdateReconciliation,
                                kSelectReconciliation,
                                kSelectUnreconciled,
                                kSelectOpenFindings,
                                kInsertRecords,
                                kListFindings,
                                kCountFindings,
                                kSelectOldestReconciliation,
                                kExportEntries,
                                kSelectAccountNames,
                                kExportAccounts};
  for (const std::vector<Query>& part :
       {ReconciliationLedgerQueries(), ReconciliationPeriodQueries()}) {
    queries.insert(queries.end(), part.begin(), part.end());
  }
  return queries;
}

using postgres::Exec;
using postgres::Int64From;
using postgres::OptionalTimeFrom;
using postgres::TextFrom;
using reconciliation::Check;
using reconciliation::ListedFinding;
using reconciliation::Plan;
using reconciliation::Report;
using reconciliation::Status;

absl::StatusOr<Report> PostgresReconciliationStore::Look(const CommunityId& community,
                                                         const Plan& plan) {
  Report report;
  postgres::TransactionOptions options;
  options.one_snapshot = true;
  PW_RETURN_IF_ERROR(pool_.Run(options, [&](pqxx::work& tx) -> absl::Status {
    report = Report();
    if (Exec(tx, kSelectReconciledLedger, community.value()).empty()) {
      return LedgerNotFound(community);
    }
    ReconciliationLook look(tx, community, sizes_);
    if (look.Lock(plan.not_since)) report = look.Run(plan);
    return absl::OkStatus();
  }));
  return report;
}

absl::StatusOr<std::vector<CommunityId>> PostgresReconciliationStore::ListUnchecked() {
  std::vector<CommunityId> communities;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    communities.clear();
    for (const auto& row : Exec(tx, kSelectUnreconciled)) {
      communities.emplace_back(TextFrom(row["community_id"]));
    }
    return absl::OkStatus();
  }));
  return communities;
}

absl::StatusOr<std::vector<ListedFinding>> PostgresReconciliationStore::ListFindings(
    const CommunityId& community, int64_t after, int32_t limit, bool open_only) {
  std::vector<ListedFinding> findings;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    findings.clear();
    for (const auto& row : Exec(tx, kListFindings, community.value(), after, limit, open_only)) {
      const std::optional<Check> check = reconciliation::CheckNamed(TextFrom(row["check_name"]));
      if (!check.has_value()) continue;  // Of a newer version of the service.
      findings.push_back({Int64From(row["record_no"]), *check, TextFrom(row["subject"]),
                          TextFrom(row["detail"]), postgres::TimeFrom(row["recorded_at"]),
                          OptionalTimeFrom(row["resolved_at"])});
    }
    return absl::OkStatus();
  }));
  return findings;
}

absl::StatusOr<Status> PostgresReconciliationStore::GetStatus(const CommunityId& community) {
  Status status;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    const pqxx::result rows = Exec(tx, kSelectReconciliation, community.value());
    if (rows.empty()) return LedgerNotFound(community);
    const pqxx::row row = rows[0];
    status = Status();
    status.entry_count = Int64From(row["entry_count"]);
    if (row["run_count"].is_null()) return absl::OkStatus();
    status.checked_entry_no = Int64From(row["checked_entry_no"]);
    status.full_entry_no = Int64From(row["full_entry_no"]);
    status.full_pass_count = Int64From(row["full_pass_count"]);
    status.full_pass_at = OptionalTimeFrom(row["full_pass_at"]);
    status.run_count = Int64From(row["run_count"]);
    status.run_at = OptionalTimeFrom(row["run_at"]);
    status.open_count = Int64From(row["open_count"]);
    return absl::OkStatus();
  }));
  return status;
}

absl::StatusOr<std::map<Check, int64_t>> PostgresReconciliationStore::CountOpen() {
  std::map<Check, int64_t> counts;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    counts.clear();
    for (const auto& row : Exec(tx, kCountFindings)) {
      const std::optional<Check> check = reconciliation::CheckNamed(TextFrom(row["check_name"]));
      if (check.has_value()) counts[*check] = Int64From(row["open_count"]);
    }
    return absl::OkStatus();
  }));
  return counts;
}

absl::StatusOr<std::optional<absl::Time>> PostgresReconciliationStore::OldestRun() {
  std::optional<absl::Time> oldest;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    oldest = OptionalTimeFrom(Exec(tx, kSelectOldestReconciliation)[0]["run_at"]);
    return absl::OkStatus();
  }));
  return oldest;
}

}  // namespace peerwatt::settlement
