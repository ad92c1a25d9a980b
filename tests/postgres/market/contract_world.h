#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/market/core/contracts/desk.h"
#include "services/market/storage/contract_store.h"
#include "tests/postgres/market/peers.h"

namespace peerwatt::market {

/// Terms of a contract that delivers in every interval of the first week.
inline ContractTerms EveryInterval(const World& world, int64_t wh, int64_t price) {
  ContractTerms terms;
  terms.valid_from = world.start;
  terms.end = world.start + absl::Hours(24 * 7);
  terms.profile.time_zone = "Europe/Berlin";
  ContractWindow window;
  window.weekdays = 0x7f;
  window.energy = Energy::WattHours(wh);
  terms.profile.windows = {window};
  terms.price.fixed = Price::MicrosPerKwh(price);
  terms.cancellation.right = CancellationRight::kEither;
  return terms;
}

/// Contracts of the world's households: `p3` sells behind `m4`, `p1` and `p2` buy.
struct Agreements {
  Agreements(World& served, postgres::Pool& pool)
      : world(served), store(pool), desk(store, served.registry) {}
  explicit Agreements(World& served) : Agreements(served, served.pool) {}

  ContractCall By(const std::string& participant, const std::string& id, absl::Time now) const {
    return {world.registry.snapshot.rules, ContractId(id), ParticipantId(participant), now};
  }
  absl::StatusOr<Contract> Offer(const std::string& id, const std::string& buyer,
                                 const ContractTerms& terms, absl::Time now) {
    Contract offer;
    offer.buyer = ParticipantId(buyer);
    offer.seller = ParticipantId("p3");
    offer.seller_point = MeteringPointId("m4");
    offer.versions.emplace_back().terms = terms;
    return desk.Create(offer, By("p3", id, now));
  }
  absl::StatusOr<Contract> Accept(const std::string& id, const std::string& buyer, absl::Time now) {
    return desk.Accept(By(buyer, id, now), 1, MeteringPointId(buyer == "p1" ? "m1" : "m2"));
  }
  /// Offers and accepts two days before the first delivery.
  void Agree(const std::string& id, const std::string& buyer, const ContractTerms& terms) {
    const absl::Time now = world.start - absl::Hours(48);
    World::Require(Offer(id, buyer, terms, now).status());
    World::Require(Accept(id, buyer, now).status());
  }
  /// Five contracts: one fixed, one indexed, one of a share, one of a buyer without money, one that
  /// finds the connection sold out.
  void AgreeOnMany() {
    Agree("fixed", "p1", EveryInterval(world, 100, 200'000));
    ContractTerms indexed = EveryInterval(world, 60, 0);
    indexed.price.is_indexed = true;
    indexed.price.offset = Price::MicrosPerKwh(-10'000);
    Agree("indexed", "p1", indexed);
    ContractTerms share = EveryInterval(world, 0, 150'000);
    share.profile.windows[0].output_share_ppm = 200'000;
    Agree("share", "p1", share);
    Agree("poor", "p2", EveryInterval(world, 50, 200'000));
    Agree("too-much", "p1", EveryInterval(world, 1'000, 200'000));
  }

  /// What became of a contract, a line for each interval.
  std::string Told(const std::string& id) {
    std::string told;
    const std::vector<ExecutionResult> results =
        *store.ListExecutions(world.community, ContractId(id), absl::UnixEpoch(), 1000);
    for (const ExecutionResult& result : results) {
      absl::StrAppend(&told, result.version, " ", result.energy.wh(), " ",
                      static_cast<int>(result.state), " ", result.reason);
      if (result.state == ExecutionState::kExecuted) {
        absl::StrAppend(&told, "t", result.trade_number, " ", result.price.micros_per_kwh());
      }
      absl::StrAppend(&told, "\n");
    }
    return told;
  }

  World& world;
  PostgresContractStore store;
  ContractDesk desk;
};

/// Auctions, orders with their holds, trades and executions, as text to compare.
inline std::string ContractStory(World& world, int auctions) {
  std::string story;
  for (int i = 0; i < auctions; ++i) {
    const AuctionKey key = world.Key(i);
    const Auction auction = *world.view.GetAuction(key);
    absl::StrAppend(&story, i, " final ", auction.holds_reduced, " energy ",
                    auction.cleared_energy.wh(), "\n");
    const std::vector<Order> orders = *world.auctions.OrdersOf(key);
    for (const Order& order : orders) {
      absl::StrAppend(&story, "  ", order.id.value(), " ", static_cast<int>(order.state), " ",
                      order.filled.wh(), " of ", order.energy.wh(), " held ",
                      world.settlement.HeldFor(key.delivery_start, order.id.value()), " ",
                      order.rejection_reason, "\n");
    }
    const std::vector<Trade> trades = *world.auctions.TradesOf(key);
    for (const Trade& trade : trades) {
      absl::StrAppend(&story, "  t", trade.number, " ", static_cast<int>(trade.origin), " ",
                      trade.bid.value(), " ", trade.energy.wh(), " at ",
                      trade.price.micros_per_kwh(), "\n");
    }
  }
  Agreements agreements(world);
  const std::vector<Contract> contracts =
      *agreements.store.List(world.community, ParticipantId(), {"", 1000});
  for (const Contract& contract : contracts) {
    absl::StrAppend(&story, contract.id.value(), "\n", agreements.Told(contract.id.value()));
  }
  return absl::StrCat(story, "holds ", world.settlement.holds.size(), "\n");
}

}  // namespace peerwatt::market
