#pragma once

#include <cstdint>
#include <string>

#include <pqxx/pqxx>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/postgres/pool.h"

// A connection of libpq.
struct pg_conn;

namespace peerwatt::postgres {

/// Copies rows into a table in PostgreSQL's binary form: neither side writes or reads numbers as
/// text. The rows go out while more are added; nothing else may be asked of the connection before
/// `End`. Functions throw what libpqxx throws: `Pool::Run` makes statuses of it.
class BinaryCopy {
 public:
  /// tx: of a `Pool`. copy: `COPY table (columns) FROM STDIN (FORMAT binary)`.
  BinaryCopy(pqxx::transaction_base& tx, const Query& copy);
  /// Gives up what was not ended; the transaction cannot go on then.
  ~BinaryCopy();
  BinaryCopy(const BinaryCopy&) = delete;
  BinaryCopy& operator=(const BinaryCopy&) = delete;

  /// Begins a row of so many fields, which follow in the order and with the types of the columns.
  void BeginRow(int16_t field_count);
  void AddNull();
  /// `text` or `bytea`.
  void Add(absl::string_view value);
  /// `bigint`.
  void Add(int64_t value);
  /// `integer`.
  void Add(int32_t value);
  /// `timestamptz`, exact to the microsecond.
  void Add(absl::Time value);
  /// `bigint[]`.
  void Add(absl::Span<const int64_t> values);
  /// `integer[]`.
  void Add(absl::Span<const int32_t> values);

  /// Ends the copy: all rows are in the table, in this transaction.
  void End();

 private:
  template <typename Integer>
  void AddArray(absl::Span<const Integer> values, int32_t element_type);
  void Send();
  void Finish(const char* given_up);

  pg_conn* const connection_;
  std::string buffer_;
  bool is_open_ = true;
};

}  // namespace peerwatt::postgres
