#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/error.h"
#include "libs/crypto/digest.h"
#include "services/market/core/order_desk.h"
#include "services/market/core/ports.h"
#include "services/market/core/runner.h"
#include "services/market/core/trading/trading_desk.h"
#include "services/market/storage/migrations.h"
#include "services/market/storage/queries.h"
#include "services/market/storage/store.h"
#include "services/market/storage/trading_store.h"
#include "tests/support/postgres_fixture.h"

namespace peerwatt::market {

/// Decides whether a call to a peer fails, before or after it took effect.
class Weather {
 public:
  /// Fails the call number `call` (from 0): before its effect, or after it, as a lost answer.
  void FailAt(int call, bool after_effect) {
    const std::lock_guard lock(mutex_);
    fail_at_ = call;
    after_effect_ = after_effect;
    calls_ = 0;
  }
  /// Runs the effect of a call unless it fails.
  absl::Status Call(const std::function<void()>& effect) {
    const std::lock_guard lock(mutex_);
    const bool fails = calls_++ == fail_at_;
    if (!fails || after_effect_) {
      effect();
    }
    return fails ? Error(kPeerUnavailable, "the peer is away") : absl::OkStatus();
  }
  int calls() const { return calls_; }

 private:
  std::mutex mutex_;
  int calls_ = 0;
  int fail_at_ = -1;
  bool after_effect_ = false;
};

/// The registry in memory.
class InMemoryRegistry final : public Registry {
 public:
  explicit InMemoryRegistry(Weather& weather) : weather_(weather) {}
  absl::StatusOr<std::vector<CommunityRules>> ListCommunityRules() override {
    return std::vector<CommunityRules>{snapshot.rules};
  }
  absl::StatusOr<CommunitySnapshot> GetSnapshot(const CommunityId&, absl::Time) override {
    const absl::Status status = weather_.Call([] {});
    if (!status.ok()) {
      return status;
    }
    return snapshot;
  }
  absl::StatusOr<std::optional<Member>> FindMember(const MeteringPointId& point) override {
    for (const Member& member : snapshot.members) {
      if (member.metering_point == point) {
        return std::optional(member);
      }
    }
    return std::nullopt;
  }
  absl::StatusOr<ParticipantContext> GetParticipant(const ParticipantId& participant) override {
    return ParticipantContext{participant, snapshot.rules.id, snapshot.rules.currency, true};
  }
  absl::StatusOr<std::vector<NetworkVersion>> ListNetworks(const CommunityRules&,
                                                           Interval span) override {
    if (networks_are_away) {
      return Error(kPeerUnavailable, "the peer is away");
    }
    std::vector<NetworkVersion> found;
    for (const NetworkVersion& network : networks) {
      if (network.start < span.end) {
        found.push_back(network);
      }
    }
    return found;
  }
  absl::StatusOr<std::vector<TradingPhase>> ListPhases(const CommunityRules&, Interval) override {
    return phases;
  }

  CommunitySnapshot snapshot;
  /// By start.
  std::vector<NetworkVersion> networks;
  bool networks_are_away = false;
  /// By start.
  std::vector<TradingPhase> phases;

 private:
  Weather& weather_;
};

/// Metering in memory: the same forecasts for every day and interval.
class InMemoryMetering final : public Metering {
 public:
  explicit InMemoryMetering(Weather& weather) : weather_(weather) {}
  absl::StatusOr<ForecastsByPoint> ForecastInterval(const std::vector<MeteringPointId>& points,
                                                    Interval interval,
                                                    absl::Time data_end) override {
    const absl::Status status = weather_.Call([&] { asked.emplace_back(interval, data_end); });
    if (!status.ok()) {
      return status;
    }
    ForecastsByPoint found;
    for (const MeteringPointId& point : points) {
      const auto forecast = forecasts.find(point);
      if (forecast != forecasts.end()) {
        found.insert(*forecast);
      }
    }
    return found;
  }

  ForecastsByPoint forecasts;
  /// What was asked for, and by readings up to when.
  std::vector<std::pair<Interval, absl::Time>> asked;

 private:
  Weather& weather_;
};

/// Settlement in memory: holds against balances.
class InMemorySettlement final : public Settlement {
 public:
  explicit InMemorySettlement(Weather& weather) : weather_(weather) {}
  absl::StatusOr<std::vector<std::string>> CreateHolds(const CommunityId&,
                                                       const std::vector<Hold>& wanted) override {
    std::vector<std::string> reasons;
    const absl::Status status = weather_.Call([&] {
      for (const Hold& hold : wanted) {
        const std::pair key(hold.delivery_start, hold.order);
        int64_t& balance = balances[hold.participant];
        if (!holds.contains(key) && balance < hold.amount.micros()) {
          reasons.push_back("FUNDS_INSUFFICIENT");
          continue;
        }
        if (holds.try_emplace(key, hold.participant, hold.amount.micros()).second) {
          balance -= hold.amount.micros();
        }
        reasons.push_back("");
      }
    });
    if (!status.ok()) {
      return status;
    }
    return reasons;
  }
  absl::StatusOr<std::vector<std::string>> CheckHolds(const CommunityId&,
                                                      const std::vector<Hold>& wanted) override {
    std::vector<std::string> reasons;
    for (const Hold& hold : wanted) {
      const bool stands = balances[hold.participant] >= hold.amount.micros();
      reasons.push_back(stands ? "" : "FUNDS_INSUFFICIENT");
    }
    return reasons;
  }
  absl::Status ReduceHolds(const AuctionKey& auction,
                           const std::vector<HoldReduction>& reductions) override {
    return weather_.Call([&] {
      for (const HoldReduction& reduction : reductions) {
        const auto hold = holds.find({auction.delivery_start, reduction.order});
        if (hold != holds.end() && hold->second.second > reduction.amount.micros()) {
          balances[hold->second.first] += hold->second.second - reduction.amount.micros();
          hold->second.second = reduction.amount.micros();
        }
      }
    });
  }
  int64_t HeldFor(absl::Time delivery, const std::string& order) {
    const auto hold = holds.find({delivery, OrderId(order)});
    return hold == holds.end() ? -1 : hold->second.second;
  }

  std::map<ParticipantId, int64_t> balances;
  std::map<std::pair<absl::Time, OrderId>, std::pair<ParticipantId, int64_t>> holds;

 private:
  Weather& weather_;
};

/// Every community is this replica's.
class SoleReplica final : public CommunityLeases {
 public:
  std::optional<int64_t> Enter(const CommunityId&) override { return 1; }
};

/// Watches nothing.
class BlindProbe final : public Probe {
 public:
  void OrderDecided(Side, bool) override {}
  void ClearingStarted() override {}
  void ClearingEnded() override {}
  void AuctionCleared(const AuctionOutcome&) override {}
  void LagSeen(absl::Duration) override {}
  void WriteRefused() override { ++writes_refused; }

  int writes_refused = 0;
};

/// A community of three households in a fresh database: `p1` and `p2` draw 400 and 300 Wh per
/// interval, `p3` feeds in 500 Wh net through a consumption and a generation point.
struct World {
  static constexpr int64_t kFunds = 1'000'000'000;

  World()
      : database(testing::TestDatabase::Create("market", Migrations())),
        pool(database->dsn(), Queries(), 8),
        auctions(pool),
        orders(pool),
        view(pool),
        registry(weather),
        metering(weather),
        settlement(weather),
        rules(registry),
        book_store(pool),
        books(pool),
        clock(start - absl::Hours(3)),
        trading(book_store, orders, registry, settlement, clock, real_clock),
        desk(orders, registry, settlement, probe, real_clock, trading),
        gate_closure(auctions, registry, metering, settlement, probe, crypto::Sha256Hex),
        runner(rules, auctions, gate_closure, leases, probe) {
    CommunityRules& r = registry.snapshot.rules;
    r.id = community;
    r.currency = "EUR";
    r.interval = absl::Minutes(15);
    r.trading_start = start;
    r.opening_lead = absl::Hours(24);
    r.gate_closure_lead = absl::Hours(1);
    r.network_fee = Price::MicrosPerKwh(50'000);
    r.price_max = Price::MicrosPerKwh(400'000);
    AddPoint("m1", "p1", "g1", 8'000, 0, 400, 0);
    AddPoint("m2", "p2", "g2", 8'000, 0, 300, 0);
    AddPoint("m3", "p3", "g3", 8'000, 0, 100, 0);
    AddPoint("m4", "p3", "g3", 0, 4'000, 0, 600);
  }

  void AddPoint(const std::string& point, const std::string& participant,
                const std::string& connection, int64_t import_w, int64_t export_w,
                int64_t imported, int64_t exported) {
    Member member;
    member.metering_point = MeteringPointId(point);
    member.participant = ParticipantId(participant);
    member.community = community;
    member.grid_connection = GridConnectionId(connection);
    member.approved = true;
    member.import_capacity_w = import_w;
    member.export_capacity_w = export_w;
    registry.snapshot.members.push_back(member);
    metering.forecasts[member.metering_point] = {Energy::WattHours(imported),
                                                Energy::WattHours(exported)};
    settlement.balances[member.participant] = kFunds;
  }

  /// Gives every household an autopilot.
  void AddStandingOrders() {
    for (const auto& [participant, point] :
         {std::pair("p1", "m1"), std::pair("p2", "m2"), std::pair("p3", "m4")}) {
      StandingOrder order;
      order.participant = ParticipantId(participant);
      order.id = StandingOrderId("auto");
      order.metering_point = MeteringPointId(point);
      order.bid_price = Price::MicrosPerKwh(participant == std::string("p1") ? 300'000 : 280'000);
      order.offer_price = Price::MicrosPerKwh(80'000);
      order.create_time = start - absl::Hours(48);
      const auto kept = desk.CreateStanding(order);
      Require(kept.status());
    }
  }
  static void Require(const absl::Status& status) {
    if (!status.ok()) {
      throw std::runtime_error(status.ToString());
    }
  }

  /// Runs all that is due at `now`, trying again as the service does.
  void RunUntilDone(absl::Time now) {
    Require(rules.Refresh());
    for (int i = 0; i < 100; ++i) {
      if (runner.RunOnce(now, [] { return false; }).ok()) {
        return;
      }
    }
    throw std::runtime_error("the runner never succeeds");
  }

  AuctionKey Key(int interval = 0) const {
    return {community, start + absl::Minutes(15) * interval};
  }

  const CommunityId community{"c1"};
  const absl::Time start = absl::FromUnixSeconds(1'800'000'000);
  Weather weather;
  std::unique_ptr<testing::TestDatabase> database;
  postgres::Pool pool;
  PostgresAuctionStore auctions;
  PostgresOrderStore orders;
  PostgresMarketView view;
  InMemoryRegistry registry;
  InMemoryMetering metering;
  InMemorySettlement settlement;
  BlindProbe probe;
  SoleReplica leases;
  SystemClock real_clock;
  RulesBook rules;
  PostgresTradingStore book_store;
  PostgresTradingView books;
  /// The market's time, for continuous trading.
  ManualClock clock;
  TradingDesk trading;
  OrderDesk desk;
  GateClosure gate_closure;
  Runner runner;
};

}  // namespace peerwatt::market
