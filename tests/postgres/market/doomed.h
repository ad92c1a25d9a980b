#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/crypto/digest.h"
#include "tests/postgres/market/peers.h"
#include "tests/support/cutting_proxy.h"

namespace peerwatt::market {

/// A market process whose calls to the database go through a proxy that cuts at one of them.
struct Doomed {
  Doomed(World& world, int cut_at, bool after_effect)
      : proxy(world.database->dsn(), {.call = cut_at, .after_effect = after_effect}),
        pool(proxy.dsn(), Prepared(), 2),
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
  // libpqxx prepares a statement when it is first run: that is a message of its own, not a call.
  static std::vector<postgres::Query> Prepared() { return Queries(); }

  peerwatt::testing::CuttingProxy proxy;
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
