#include "libs/postgres/connection.h"

#include <mutex>
#include <unordered_map>

#include "libs/base/check.h"

namespace peerwatt::postgres {
namespace {

// libpqxx hands out connections as a base class that cannot be asked what it is.
struct Known {
  std::mutex mutex;
  std::unordered_map<const pqxx::connection_base*, const Connection*> connections;
};
Known& AllKnown() {
  static Known known;
  return known;
}

}  // namespace

Connection::Connection(const std::string& dsn) : connection_base(policy_), policy_(dsn) {
  init();
  const std::lock_guard lock(AllKnown().mutex);
  AllKnown().connections.emplace(this, this);
}

Connection::~Connection() {
  {
    const std::lock_guard lock(AllKnown().mutex);
    AllKnown().connections.erase(this);
  }
  close();
}

pg_conn* Connection::RawOf(const pqxx::transaction_base& tx) {
  const std::lock_guard lock(AllKnown().mutex);
  const auto found = AllKnown().connections.find(&tx.conn());
  PW_CHECK(found != AllKnown().connections.end(), "the transaction is one of a pool");
  return found->second->policy_.raw;
}

}  // namespace peerwatt::postgres
