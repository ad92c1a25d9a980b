#pragma once

#include <string>

#include <pqxx/pqxx>

// A connection of libpq.
struct pg_conn;

namespace peerwatt::postgres {

/// A connection of libpqxx that lets `BinaryCopy` use the connection of libpq below it, for what
/// libpqxx does not offer.
class Connection final : public pqxx::connection_base {
 public:
  /// dsn: libpq connection string. Throws what libpqxx throws.
  explicit Connection(const std::string& dsn);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// The connection of libpq that a transaction uses. Stops the process when the transaction is
  /// not one of a `Connection`.
  static pg_conn* RawOf(const pqxx::transaction_base& tx);

 private:
  // Remembers what it connects.
  class Policy final : public pqxx::connect_direct {
   public:
    using connect_direct::connect_direct;
    handle do_startconnect(handle before) override {
      raw = connect_direct::do_startconnect(before);
      return raw;
    }
    handle do_disconnect(handle before) noexcept override {
      raw = nullptr;
      return connect_direct::do_disconnect(before);
    }
    handle raw = nullptr;
  };

  Policy policy_;
};

}  // namespace peerwatt::postgres
