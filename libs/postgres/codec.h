#pragma once

#include <cstdint>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "libs/domain/quantities.h"

namespace peerwatt::postgres {

/// A `timestamptz` parameter, exact to the microsecond; the infinite past and future as such.
std::string ToSql(absl::Time time);
/// A nullable parameter: nothing becomes NULL.
std::optional<std::string> ToSql(const std::optional<absl::Time>& time);

/// A `bytea` parameter, sent as it is.
inline pqxx::binarystring ToSqlBytes(const std::string& bytes) {
  return pqxx::binarystring(bytes);
}

/// Array parameters, as PostgreSQL's text form. Cast in SQL: `$1::bigint[]`.
std::string ToSqlArray(const std::vector<int64_t>& values);
std::string ToSqlArray(const std::vector<int32_t>& values);
std::string ToSqlArray(const std::vector<std::string>& values);
std::string ToSqlArray(const std::vector<absl::string_view>& values);
std::string ToSqlArray(const std::vector<absl::Time>& values);

/// One value of each row of a batch, as an array parameter. rows: anything to loop over; get: a
/// number, text or time of a row, called once for each, in order.
template <typename Rows, typename Get>
std::string ToSqlColumn(const Rows& rows, Get get) {
  std::vector<std::decay_t<decltype(get(*rows.begin()))>> values;
  values.reserve(rows.size());
  for (const auto& row : rows) {
    values.push_back(get(row));
  }
  return ToSqlArray(values);
}

/// Reads a `timestamptz` column; the session's time zone is UTC.
absl::Time TimeFrom(const pqxx::field& field);
std::optional<absl::Time> OptionalTimeFrom(const pqxx::field& field);
/// Reads a `date` column that is not null.
absl::CivilDay DayFrom(const pqxx::field& field);
int64_t Int64From(const pqxx::field& field);
std::optional<int64_t> OptionalInt64From(const pqxx::field& field);
int32_t Int32From(const pqxx::field& field);
bool BoolFrom(const pqxx::field& field);
std::string TextFrom(const pqxx::field& field);
/// Reads a one-dimensional `bigint[]` or `text[]` column without NULLs.
/// Reads a `bytea` column; empty when NULL.
std::string BytesFrom(const pqxx::field& field);
std::vector<int64_t> Int64ArrayFrom(const pqxx::field& field);
std::vector<std::string> TextArrayFrom(const pqxx::field& field);

}  // namespace peerwatt::postgres
