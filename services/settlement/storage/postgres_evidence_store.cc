#include "services/settlement/storage/postgres_evidence_store.h"

#include <string>
#include <utility>

#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/settlement/storage/postgres_books_reader.h"
#include "services/settlement/storage/statement_queries.h"

namespace peerwatt::settlement {
namespace {

using postgres::Exec;
using postgres::TextFrom;
using postgres::ToSql;

RunEvidence EvidenceFrom(const pqxx::row& row) {
  RunEvidence evidence;
  evidence.readings_cursor = postgres::Int64From(row["readings_cursor"]);
  const std::vector<std::string> points = postgres::TextArrayFrom(row["metering_point_ids"]);
  const std::vector<int64_t> revisions = postgres::Int64ArrayFrom(row["revisions"]);
  const std::vector<int64_t> day_before = postgres::Int64ArrayFrom(row["day_before_revisions"]);
  for (size_t i = 0; i < points.size(); ++i) {
    evidence.revisions.push_back({MeteringPointId(points[i]), static_cast<int32_t>(revisions.at(i)),
                                  static_cast<int32_t>(day_before.at(i))});
  }
  evidence.tariff = TextFrom(row["tariff_name"]);
  evidence.scheme = SchemeId(TextFrom(row["scheme_id"]));
  evidence.posted_at = postgres::TimeFrom(row["created_at"]);
  return evidence;
}

}  // namespace

absl::StatusOr<std::optional<RunEvidence>> PostgresEvidenceStore::FindRun(
    const CommunityId& community, absl::Time period_start, int32_t run) {
  std::optional<RunEvidence> found;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    found.reset();
    const pqxx::result rows =
        Exec(tx, kSelectRunEvidence, community.value(), ToSql(period_start), run);
    if (!rows.empty()) found = EvidenceFrom(rows[0]);
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::vector<PostedBillLine>> PostgresEvidenceStore::ListLinesOfPeriod(
    const CommunityId& community, absl::Time period_start, const ParticipantId& participant) {
  std::vector<PostedBillLine> lines;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    lines.clear();
    for (const auto& row : Exec(tx, kListLinesOfPeriod, community.value(), ToSql(period_start),
                                participant.value())) {
      lines.push_back(BillLineFrom(row));
    }
    return absl::OkStatus();
  }));
  return lines;
}

}  // namespace peerwatt::settlement
