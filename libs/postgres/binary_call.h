#pragma once

#include <cstdint>
#include <pqxx/pqxx>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/postgres/pool.h"

// What libpq knows of a statement's outcome.
struct pg_result;

namespace peerwatt::postgres {

/// Rows that a statement returned in PostgreSQL's binary form.
class BinaryRows {
 public:
  explicit BinaryRows(pg_result* result);
  ~BinaryRows();
  BinaryRows(const BinaryRows&) = delete;
  BinaryRows& operator=(const BinaryRows&) = delete;

  int size() const;
  /// A `bigint`.
  int64_t Int64At(int row, int column) const;
  /// A `bigint[]` of one dimension without NULLs.
  std::vector<int64_t> Int64sAt(int row, int column) const;
  /// An `integer[]` of one dimension without NULLs.
  std::vector<int32_t> Int32sAt(int row, int column) const;

 private:
  pg_result* const result_;
};

/// Runs a prepared statement with parameters in PostgreSQL's binary form: neither side writes or
/// reads numbers and arrays as text. For statements that are run often, with long arrays.
class BinaryCall {
 public:
  /// query: prepared by the `Pool`.
  explicit BinaryCall(const Query& query) : query_(query) {}

  // Parameters, in the order of their numbers and with the types that the statement has for them.

  /// `text` or `bytea`.
  void Add(absl::string_view value);
  /// `bigint`.
  void Add(int64_t value);
  /// `boolean`.
  void Add(bool value);
  /// `timestamptz`, exact to the microsecond.
  void Add(absl::Time value);
  /// `bigint[]`.
  void Add(absl::Span<const int64_t> values);
  /// `integer[]`.
  void Add(absl::Span<const int32_t> values);
  /// `text[]`.
  void AddTexts(absl::Span<const absl::string_view> values);
  /// `bytea[]`.
  void AddBytes(absl::Span<const absl::string_view> values);

  /// Runs the statement, which returns no rows, and returns how many rows it changed. tx: of a
  /// `Pool`. Throws what libpqxx throws: `Pool::Run` makes statuses of it.
  int64_t Run(pqxx::transaction_base& tx) const;
  /// Runs the statement and returns its rows. The rest as above.
  std::unique_ptr<const BinaryRows> Read(pqxx::transaction_base& tx) const;

 private:
  void End();
  pg_result* Execute(pqxx::transaction_base& tx, int wanted_status) const;

  const Query query_;
  std::string bytes_;         // of all parameters
  std::vector<size_t> ends_;  // of each
};

}  // namespace peerwatt::postgres
