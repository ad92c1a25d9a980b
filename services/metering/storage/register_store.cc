#include "services/metering/storage/register_store.h"

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/metering/storage/vee_queries.h"

namespace peerwatt::metering {
namespace {

/// Times that two writers may collide on the same new values before the caller is to try again.
constexpr int kCollisionsMax = 5;

RegisterValue ValueFrom(const pqxx::row& row) {
  return {.meter = postgres::TextFrom(row[0]),
          .kind = static_cast<RegisterKind>(postgres::Int32From(row[1])),
          .at = postgres::TimeFrom(row[2]),
          .energy_wh = postgres::Int64From(row[3]),
          .rollover_wh = postgres::Int64From(row[4]),
          .revision = postgres::Int32From(row[5]),
          .created_at = postgres::TimeFrom(row[6])};
}

/// Values as columns of one statement. A value that occurs in several batches of one group is
/// taken as the last one says.
struct RegisterColumns {
  std::vector<std::string> points;
  std::vector<int32_t> kinds;
  std::vector<absl::Time> times;
  std::vector<std::string> meters;
  std::vector<int64_t> energy_wh;
  std::vector<int64_t> rollover_wh;

  explicit RegisterColumns(absl::Span<const RegisterSeries* const> series) {
    std::vector<std::pair<const RegisterSeries*, size_t>> values;
    for (const RegisterSeries* one : series) {
      for (size_t i = 0; i < one->size(); ++i) {
        values.emplace_back(one, i);
      }
    }
    const auto key = [](const std::pair<const RegisterSeries*, size_t>& value) {
      return std::tuple(value.first->metering_point.value(), value.first->kind,
                        value.first->TimeOf(value.second), value.first->meter);
    };
    std::stable_sort(values.begin(), values.end(),
                     [&](const auto& a, const auto& b) { return key(a) < key(b); });
    for (size_t i = 0; i < values.size(); ++i) {
      if (i + 1 < values.size() && key(values[i]) == key(values[i + 1])) {
        continue;
      }
      const auto& [one, at] = values[i];
      points.push_back(one->metering_point.value());
      kinds.push_back(static_cast<int32_t>(one->kind));
      times.push_back(one->TimeOf(at));
      meters.push_back(one->meter);
      energy_wh.push_back(one->energy_wh[at]);
      rollover_wh.push_back(one->rollover_wh);
    }
  }
};

}  // namespace

absl::Status PostgresRegisterStore::Keep(absl::Span<const RegisterSeries* const> series,
                                         absl::Time now) {
  const RegisterColumns columns(series);
  absl::Status status;
  for (int collision = 0; collision < kCollisionsMax; ++collision) {
    status = pool_.Run([&](pqxx::work& tx) {
      postgres::Exec(tx, kKeepRegisters, postgres::ToSqlArray(columns.points),
                     postgres::ToSqlArray(columns.kinds), postgres::ToSqlArray(columns.times),
                     postgres::ToSqlArray(columns.meters), postgres::ToSqlArray(columns.energy_wh),
                     postgres::ToSqlArray(columns.rollover_wh), postgres::ToSql(now));
      return absl::OkStatus();
    });
    if (!absl::IsAlreadyExists(status)) {
      return status;
    }
  }
  return Error(kDatabaseUnavailable, "another writer keeps storing the same register values");
}

absl::StatusOr<std::vector<RegisterValue>> PostgresRegisterStore::Around(
    const MeteringPointId& point, Interval span) {
  std::vector<RegisterValue> values;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    values.clear();
    for (const pqxx::row& row :
         postgres::Exec(tx, kSelectRegistersAround, point.value(), postgres::ToSql(span.start),
                        postgres::ToSql(span.end))) {
      values.push_back(ValueFrom(row));
    }
    return absl::OkStatus();
  }));
  return values;
}

absl::StatusOr<std::vector<MeteringPointId>> PostgresRegisterStore::PointsWithValues(
    const std::vector<MeteringPointId>& points) {
  std::vector<std::string> ids;
  for (const MeteringPointId& point : points) {
    ids.push_back(point.value());
  }
  std::vector<MeteringPointId> found;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    found.clear();
    for (const pqxx::row& row :
         postgres::Exec(tx, kSelectPointsWithRegisters, postgres::ToSqlArray(ids))) {
      found.emplace_back(postgres::TextFrom(row[0]));
    }
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::vector<RegisterValue>> PostgresRegisterStore::List(const RegisterQuery& query) {
  std::optional<absl::Time> after;
  std::optional<int32_t> kind;
  std::optional<std::string> meter;
  if (query.after.has_value()) {
    after = query.after->at;
    kind = static_cast<int32_t>(query.after->kind);
    meter = query.after->meter;
  }
  std::vector<RegisterValue> values;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    values.clear();
    for (const pqxx::row& row : postgres::Exec(
             tx, kListRegisters, query.metering_point.value(), postgres::ToSql(query.start),
             postgres::ToSql(query.end), postgres::ToSql(after), kind, meter,
             static_cast<int64_t>(query.limit))) {
      values.push_back(ValueFrom(row));
    }
    return absl::OkStatus();
  }));
  return values;
}

}  // namespace peerwatt::metering
