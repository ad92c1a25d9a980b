#include "libs/postgres/binary_copy.h"

#include <concepts>
#include <cstring>
#include <limits>
#include <memory>

#include <libpq-fe.h>

#include "libs/base/check.h"
#include "libs/postgres/connection.h"

namespace peerwatt::postgres {
namespace {

// Sent in pieces of about this size.
constexpr size_t kPieceSize = 64 * 1024;
// A signature, no flags, no extension.
constexpr absl::string_view kHeader("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
// Types of elements: fixed numbers of PostgreSQL's catalog.
constexpr int32_t kInt8Type = 20;
constexpr int32_t kInt4Type = 23;

template <std::integral Integer>
void Append(Integer value, std::string& out) {
  char bytes[sizeof(Integer)];
  for (size_t i = 0; i < sizeof(Integer); ++i) {
    bytes[i] = static_cast<char>(value >> (8 * (sizeof(Integer) - 1 - i)));
  }
  out.append(bytes, sizeof(Integer));
}

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

[[noreturn]] void Throw(PGconn* connection, const PGresult* result) {
  if (result == nullptr || PQstatus(connection) != CONNECTION_OK) {
    throw pqxx::broken_connection(PQerrorMessage(connection));
  }
  const char* found = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string state = found == nullptr ? "" : found;
  const std::string message = PQresultErrorMessage(result);
  if (state == "23505") throw pqxx::unique_violation(message, "COPY", state.c_str());
  throw pqxx::sql_error(message, "COPY", state.c_str());
}

}  // namespace

BinaryCopy::BinaryCopy(pqxx::transaction_base& tx, const Query& copy)
    : connection_(Connection::RawOf(tx)) {
  const Result result(PQexec(connection_, copy.sql), &PQclear);
  if (PQresultStatus(result.get()) != PGRES_COPY_IN) Throw(connection_, result.get());
  buffer_.reserve(2 * kPieceSize);
  buffer_.append(kHeader.data(), kHeader.size());
}

BinaryCopy::~BinaryCopy() {
  try {
    if (is_open_) Finish("given up");
  } catch (const std::exception&) {
    // That it fails is what was asked for.
  }
}

void BinaryCopy::BeginRow(int16_t field_count) {
  if (buffer_.size() >= kPieceSize) Send();
  Append(field_count, buffer_);
}

void BinaryCopy::AddNull() { Append(int32_t{-1}, buffer_); }

void BinaryCopy::Add(absl::string_view value) {
  Append(static_cast<int32_t>(value.size()), buffer_);
  buffer_.append(value.data(), value.size());
}

void BinaryCopy::Add(int64_t value) {
  Append(int32_t{8}, buffer_);
  Append(value, buffer_);
}

void BinaryCopy::Add(int32_t value) {
  Append(int32_t{4}, buffer_);
  Append(value, buffer_);
}

void BinaryCopy::Add(absl::Time value) {
  // Since 2000.
  if (value == absl::InfiniteFuture()) return Add(std::numeric_limits<int64_t>::max());
  if (value == absl::InfinitePast()) return Add(std::numeric_limits<int64_t>::min());
  Add(absl::ToUnixMicros(value) - 946'684'800'000'000);
}

void BinaryCopy::Add(absl::Span<const int64_t> values) { AddArray(values, kInt8Type); }
void BinaryCopy::Add(absl::Span<const int32_t> values) { AddArray(values, kInt4Type); }

template <typename Integer>
void BinaryCopy::AddArray(absl::Span<const Integer> values, int32_t element_type) {
  constexpr size_t kSize = sizeof(Integer);
  const size_t size = values.empty() ? 12 : 20 + values.size() * (4 + kSize);
  Append(static_cast<int32_t>(size), buffer_);
  // Dimensions, no NULLs; the one dimension counts from 1.
  Append(int32_t{values.empty() ? 0 : 1}, buffer_);
  Append(int32_t{0}, buffer_);
  Append(element_type, buffer_);
  if (values.empty()) return;
  Append(static_cast<int32_t>(values.size()), buffer_);
  Append(int32_t{1}, buffer_);
  for (const Integer value : values) Add(value);
}

void BinaryCopy::End() {
  Append(int16_t{-1}, buffer_);
  Send();
  Finish(nullptr);
}

void BinaryCopy::Send() {
  if (PQputCopyData(connection_, buffer_.data(), static_cast<int>(buffer_.size())) != 1) {
    Throw(connection_, nullptr);
  }
  buffer_.clear();
}

void BinaryCopy::Finish(const char* given_up) {
  is_open_ = false;
  if (PQputCopyEnd(connection_, given_up) != 1) Throw(connection_, nullptr);
  const Result result(PQgetResult(connection_), &PQclear);
  // What is left of the answer; there is nothing more in it.
  for (Result rest(PQgetResult(connection_), &PQclear); rest != nullptr;
       rest.reset(PQgetResult(connection_))) {
  }
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) Throw(connection_, result.get());
}

}  // namespace peerwatt::postgres
