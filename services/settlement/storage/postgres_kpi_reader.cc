#include "services/settlement/storage/postgres_kpi_reader.h"

#include <string>

#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/settlement/storage/kpi_queries.h"

namespace peerwatt::settlement {
namespace {

using postgres::Exec;
using postgres::Int64From;
using postgres::TextFrom;
using postgres::ToSql;
using postgres::ToSqlArray;

HouseholdSums HouseholdFrom(const pqxx::row& row) {
  const auto energy = [&](const char* column) { return Energy::WattHours(Int64From(row[column])); };
  const auto money = [&](const char* column) { return Money::Micros(Int64From(row[column])); };
  HouseholdSums sums;
  sums.participant = ParticipantId(TextFrom(row["participant_id"]));
  sums.energy = {energy("drawn_wh"), energy("fed_in_wh"), energy("self_consumed_wh"),
                 energy("bought_wh"), energy("sold_wh")};
  sums.money = {money("with_micros"), money("without_micros"),
                postgres::BoolFrom(row["is_price_missing"])};
  return sums;
}

/// rows: by part; each part repeats what its periods sum to.
KpiSums SumsFrom(const pqxx::result& rows) {
  KpiSums sums;
  for (const auto& row : rows) {
    const auto part = static_cast<size_t>(Int64From(row["part"]) - 1);
    if (sums.periods.empty() || sums.periods.back().part != part) {
      sums.periods.push_back({part, postgres::Int32From(row["period_count"]),
                              Money::Micros(Int64From(row["optimum_micros"])),
                              Money::Micros(Int64From(row["delivered_micros"]))});
    }
    if (row["participant_id"].is_null()) continue;
    sums.households.push_back(HouseholdFrom(row));
    sums.households.back().part = part;
  }
  return sums;
}

}  // namespace

absl::StatusOr<KpiSums> PostgresKpiReader::SumHousehold(const CommunityId& community,
                                                        const ParticipantId& participant,
                                                        const KpiSpan& span) {
  KpiSums sums;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    sums = SumsFrom(Exec(tx, kSumHouseholdKpis, community.value(), ToSqlArray(span.starts),
                         ToSql(span.whole.end), participant.value()));
    return absl::OkStatus();
  }));
  return sums;
}

absl::StatusOr<KpiSums> PostgresKpiReader::SumCommunity(const CommunityId& community,
                                                        const KpiSpan& span) {
  KpiSums sums;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    sums = SumsFrom(Exec(tx, kSumCommunityKpis, community.value(), ToSqlArray(span.starts),
                         ToSql(span.whole.end)));
    return absl::OkStatus();
  }));
  return sums;
}

absl::StatusOr<std::vector<HouseholdSums>> PostgresKpiReader::ListHouseholds(
    const CommunityId& community, const Interval& span, const ParticipantId& after, int32_t limit) {
  std::vector<HouseholdSums> households;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    households.clear();
    for (const auto& row : Exec(tx, kListHouseholdKpis, community.value(), ToSql(span.start),
                                ToSql(span.end), after.value(), limit)) {
      households.push_back(HouseholdFrom(row));
    }
    return absl::OkStatus();
  }));
  return households;
}

}  // namespace peerwatt::settlement
