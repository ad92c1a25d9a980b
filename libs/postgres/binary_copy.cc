#include "libs/postgres/binary_copy.h"

#include <libpq-fe.h>

#include <memory>

#include "libs/postgres/binary_form.h"
#include "libs/postgres/connection.h"

namespace peerwatt::postgres {
namespace {

// Sent in pieces of about this size.
constexpr size_t kPieceSize = 64 * 1024;
// A signature, no flags, no extension.
constexpr absl::string_view kHeader("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

[[noreturn]] void Throw(PGconn* connection, const PGresult* result) {
  ThrowFailure(connection, result, "COPY");
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
  AppendInteger(field_count, buffer_);
}

void BinaryCopy::AddNull() { AppendInteger(int32_t{-1}, buffer_); }

void BinaryCopy::Add(absl::string_view value) {
  AppendInteger(static_cast<int32_t>(value.size()), buffer_);
  buffer_.append(value.data(), value.size());
}

void BinaryCopy::Add(int64_t value) {
  AppendInteger(int32_t{8}, buffer_);
  AppendInteger(value, buffer_);
}

void BinaryCopy::Add(int32_t value) {
  AppendInteger(int32_t{4}, buffer_);
  AppendInteger(value, buffer_);
}

void BinaryCopy::Add(absl::Time value) { Add(TimestampOf(value)); }

void BinaryCopy::Add(absl::Span<const int64_t> values) { AddArray(values); }
void BinaryCopy::Add(absl::Span<const int32_t> values) { AddArray(values); }

template <typename Integer>
void BinaryCopy::AddArray(absl::Span<const Integer> values) {
  const size_t size = values.empty() ? 12 : 20 + values.size() * (4 + sizeof(Integer));
  AppendInteger(static_cast<int32_t>(size), buffer_);
  AppendArray(values, buffer_);
}

void BinaryCopy::End() {
  AppendInteger(int16_t{-1}, buffer_);
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
