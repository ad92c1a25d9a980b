#include "libs/postgres/binary_form.h"

#include <libpq-fe.h>

#include <limits>
#include <pqxx/pqxx>

namespace peerwatt::postgres {
namespace {

// The beginning of an array: dimensions, no NULLs, what its elements are; the one dimension counts
// from 1.
void AppendArrayHead(size_t size, int32_t element_type, std::string& out) {
  AppendInteger(int32_t{size == 0 ? 0 : 1}, out);
  AppendInteger(int32_t{0}, out);
  AppendInteger(element_type, out);
  if (size == 0) return;
  AppendInteger(static_cast<int32_t>(size), out);
  AppendInteger(int32_t{1}, out);
}

template <typename Integer>
void AppendIntegers(absl::Span<const Integer> values, int32_t element_type, std::string& out) {
  AppendArrayHead(values.size(), element_type, out);
  for (const Integer value : values) {
    AppendInteger(static_cast<int32_t>(sizeof(Integer)), out);
    AppendInteger(value, out);
  }
}

}  // namespace

int64_t TimestampOf(absl::Time value) {
  if (value == absl::InfiniteFuture()) return std::numeric_limits<int64_t>::max();
  if (value == absl::InfinitePast()) return std::numeric_limits<int64_t>::min();
  return absl::ToUnixMicros(value) - 946'684'800'000'000;
}

void AppendArray(absl::Span<const int64_t> values, std::string& out) {
  AppendIntegers(values, kInt8Type, out);
}

void AppendArray(absl::Span<const int32_t> values, std::string& out) {
  AppendIntegers(values, kInt4Type, out);
}

void AppendArray(absl::Span<const absl::string_view> values, int32_t element_type,
                 std::string& out) {
  AppendArrayHead(values.size(), element_type, out);
  for (const absl::string_view value : values) {
    AppendInteger(static_cast<int32_t>(value.size()), out);
    out.append(value.data(), value.size());
  }
}

void ThrowFailure(pg_conn* connection, const pg_result* result, const char* what) {
  if (result == nullptr || PQstatus(connection) != CONNECTION_OK) {
    throw pqxx::broken_connection(PQerrorMessage(connection));
  }
  const char* found = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string state = found == nullptr ? "" : found;
  const std::string message = PQresultErrorMessage(result);
  if (state == "23505") throw pqxx::unique_violation(message, what, state.c_str());
  throw pqxx::sql_error(message, what, state.c_str());
}

}  // namespace peerwatt::postgres
