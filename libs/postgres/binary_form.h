#pragma once

#include <concepts>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

struct pg_conn;
struct pg_result;

namespace peerwatt::postgres {

// Types of the elements of arrays: fixed numbers of PostgreSQL's catalog.
inline constexpr int32_t kByteaType = 17;
inline constexpr int32_t kInt8Type = 20;
inline constexpr int32_t kInt4Type = 23;
inline constexpr int32_t kTextType = 25;

/// Appends a number in the order of bytes that PostgreSQL's binary form has.
template <std::integral Integer>
void AppendInteger(Integer value, std::string& out) {
  char bytes[sizeof(Integer)];
  for (size_t i = 0; i < sizeof(Integer); ++i) {
    bytes[i] = static_cast<char>(value >> (8 * (sizeof(Integer) - 1 - i)));
  }
  out.append(bytes, sizeof(Integer));
}

/// A `timestamptz` as PostgreSQL counts it: microseconds since 2000; the infinite past and future
/// as such.
int64_t TimestampOf(absl::Time value);

/// Appends an array of one dimension without NULLs, of `bigint` or `integer`.
void AppendArray(absl::Span<const int64_t> values, std::string& out);
void AppendArray(absl::Span<const int32_t> values, std::string& out);
/// Appends an array of `text` or `bytea`: kTextType or kByteaType.
void AppendArray(absl::Span<const absl::string_view> values, int32_t element_type,
                 std::string& out);

/// Throws what libpqxx throws for a result that is a failure, or none.
/// what: names the statement.
[[noreturn]] void ThrowFailure(pg_conn* connection, const pg_result* result, const char* what);

}  // namespace peerwatt::postgres
