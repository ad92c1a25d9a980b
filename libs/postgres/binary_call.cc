#include "libs/postgres/binary_call.h"

#include <libpq-fe.h>

#include <cstdlib>
#include <memory>

#include "libs/postgres/binary_form.h"
#include "libs/postgres/connection.h"

namespace peerwatt::postgres {
namespace {

template <typename Integer>
Integer IntegerFrom(const char* bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(Integer); ++i) {
    value = value << 8U | static_cast<unsigned char>(bytes[i]);
  }
  return static_cast<Integer>(value);
}

/// The elements of an array of one dimension, or none; see `AppendArray`.
template <typename Integer>
std::vector<Integer> IntegersFrom(const char* bytes) {
  constexpr size_t kHead = 12;
  constexpr size_t kDimension = 8;
  std::vector<Integer> values;
  if (IntegerFrom<int32_t>(bytes) == 0) return values;
  values.resize(static_cast<size_t>(IntegerFrom<int32_t>(bytes + kHead)));
  const char* at = bytes + kHead + kDimension;
  for (Integer& value : values) {
    value = IntegerFrom<Integer>(at + sizeof(int32_t));
    at += sizeof(int32_t) + sizeof(Integer);
  }
  return values;
}

}  // namespace

void BinaryCall::End() { ends_.push_back(bytes_.size()); }

void BinaryCall::Add(absl::string_view value) {
  bytes_.append(value.data(), value.size());
  End();
}

void BinaryCall::Add(int64_t value) {
  AppendInteger(value, bytes_);
  End();
}

void BinaryCall::Add(bool value) {
  bytes_.push_back(value ? '\1' : '\0');
  End();
}

void BinaryCall::Add(absl::Time value) { Add(TimestampOf(value)); }

void BinaryCall::Add(absl::Span<const int64_t> values) {
  AppendArray(values, bytes_);
  End();
}

void BinaryCall::Add(absl::Span<const int32_t> values) {
  AppendArray(values, bytes_);
  End();
}

void BinaryCall::AddTexts(absl::Span<const absl::string_view> values) {
  AppendArray(values, kTextType, bytes_);
  End();
}

void BinaryCall::AddBytes(absl::Span<const absl::string_view> values) {
  AppendArray(values, kByteaType, bytes_);
  End();
}

pg_result* BinaryCall::Execute(pqxx::transaction_base& tx, int wanted_status) const {
  // The library prepares a statement when it first needs it.
  tx.conn().prepare_now(query_.name);
  pg_conn* const connection = Connection::RawOf(tx);
  std::vector<const char*> values;
  std::vector<int> lengths;
  size_t begin = 0;
  for (const size_t end : ends_) {
    values.push_back(bytes_.data() + begin);
    lengths.push_back(static_cast<int>(end - begin));
    begin = end;
  }
  const std::vector<int> formats(ends_.size(), 1);
  std::unique_ptr<PGresult, decltype(&PQclear)> result(
      PQexecPrepared(connection, query_.name, static_cast<int>(ends_.size()), values.data(),
                     lengths.data(), formats.data(), 1),
      &PQclear);
  if (PQresultStatus(result.get()) != wanted_status) {
    ThrowFailure(connection, result.get(), query_.name);
  }
  return result.release();
}

int64_t BinaryCall::Run(pqxx::transaction_base& tx) const {
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(Execute(tx, PGRES_COMMAND_OK),
                                                             &PQclear);
  return std::atoll(PQcmdTuples(result.get()));
}

std::unique_ptr<const BinaryRows> BinaryCall::Read(pqxx::transaction_base& tx) const {
  return std::make_unique<const BinaryRows>(Execute(tx, PGRES_TUPLES_OK));
}

BinaryRows::BinaryRows(pg_result* result) : result_(result) {}
BinaryRows::~BinaryRows() { PQclear(result_); }

int BinaryRows::size() const { return PQntuples(result_); }

int64_t BinaryRows::Int64At(int row, int column) const {
  return IntegerFrom<int64_t>(PQgetvalue(result_, row, column));
}

std::vector<int64_t> BinaryRows::Int64sAt(int row, int column) const {
  return IntegersFrom<int64_t>(PQgetvalue(result_, row, column));
}

std::vector<int32_t> BinaryRows::Int32sAt(int row, int column) const {
  return IntegersFrom<int32_t>(PQgetvalue(result_, row, column));
}

}  // namespace peerwatt::postgres
