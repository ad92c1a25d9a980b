#pragma once

#include <regex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/crypto/digest.h"
#include "tests/postgres/market/cutting_proxy.h"
#include "tests/postgres/market/peers.h"

namespace peerwatt::market {

/// A market process whose calls to the database go through a proxy that cuts at one of them.
struct Doomed {
  Doomed(World& world, int cut_at, bool after_effect)
      : proxy(PortOf(world.database->dsn()), cut_at, after_effect),
        pool(Through(world.database->dsn(), proxy.port()), Prepared(), 2),
        auctions(pool),
        orders(pool),
        books(pool),
        trading(books, orders, world.registry, world.settlement, world.clock, world.real_clock),
        desk(orders, world.registry, world.settlement, probe, world.real_clock, trading),
        rules(world.registry),
        gate_closure(auctions, world.registry, world.metering, world.settlement, probe,
                     crypto::Sha256Hex),
        runner(rules, auctions, gate_closure, leases, probe) {
    World::Require(rules.Refresh());
  }
  static int PortOf(const std::string& dsn) {
    std::smatch found;
    return std::regex_search(dsn, found, std::regex("port=(\\d+)")) ? std::stoi(found[1]) : 0;
  }
  static std::string Through(const std::string& dsn, int port) {
    return std::regex_replace(dsn, std::regex("port=\\d+"), absl::StrCat("port=", port)) +
           " sslmode=disable gssencmode=disable";
  }
  // libpqxx prepares a statement when it is first run: that is a message of its own, not a call.
  static std::vector<postgres::Query> Prepared() { return Queries(); }

  CuttingProxy proxy;
  postgres::Pool pool;
  BlindProbe probe;
  SoleReplica leases;
  PostgresAuctionStore auctions;
  PostgresOrderStore orders;
  PostgresTradingStore books;
  TradingDesk trading;
  OrderDesk desk;
  RulesBook rules;
  GateClosure gate_closure;
  Runner runner;
};

}  // namespace peerwatt::market
