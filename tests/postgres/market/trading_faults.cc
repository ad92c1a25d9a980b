#include "tests/postgres/market/trading_faults.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/market/core/order_rules.h"
#include "tests/postgres/market/trading_audit.h"
#include "tests/postgres/market/trading_fixture.h"

namespace peerwatt::market {
namespace {

constexpr int kThreads = 4;
constexpr int kIntervals = 2;

class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}
  int64_t Draw(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }

 private:
  std::mt19937_64 random_;
};

// Books whose transactions fail now and then.
class FlakyStore final : public TradingStore {
 public:
  FlakyStore(TradingStore& inner, uint64_t seed, std::atomic<int64_t>& failures)
      : inner_(inner), dice_(seed), failures_(failures) {}

  absl::Status Change(
      const std::vector<Order>& orders, bool with_rules,
      absl::FunctionRef<absl::StatusOr<std::vector<BookWrites>>(BookAccess&)> decide) override {
    const absl::Status away = Error(kDatabaseUnavailable, "the database is away");
    int64_t throw_of_dice = 0;
    {
      const std::lock_guard lock(mutex_);
      throw_of_dice = dice_.Draw(0, 99);
    }
    failures_ += throw_of_dice < 24 ? 1 : 0;
    const auto decide_and_fail =
        [&](BookAccess& access) -> absl::StatusOr<std::vector<BookWrites>> {
      (void)decide(access);
      return away;
    };
    if (throw_of_dice < 6) {
      return away;
    }
    if (throw_of_dice < 12) {
      return inner_.Change(orders, with_rules, decide_and_fail);
    }
    if (throw_of_dice < 18) {
      // Tried again by the pool.
      (void)inner_.Change(orders, with_rules, decide_and_fail);
      return inner_.Change(orders, with_rules, decide);
    }
    const absl::Status kept = inner_.Change(orders, with_rules, decide);
    return throw_of_dice < 24 ? away : kept;
  }

 private:
  TradingStore& inner_;
  std::mutex mutex_;
  Dice dice_;
  std::atomic<int64_t>& failures_;
};

// An instance of the service.
struct Replica {
  Replica(TradingWorld& world, uint64_t seed, std::atomic<int64_t>& failures)
      : pool(world.database->dsn(), Queries(), 6),
        orders(pool),
        books(pool),
        flaky(books, seed, failures),
        trading(flaky, orders, world.registry, world.settlement, world.clock, world.real_clock),
        desk(orders, world.registry, world.settlement, world.probe, world.real_clock, trading) {}

  postgres::Pool pool;
  PostgresOrderStore orders;
  PostgresTradingStore books;
  FlakyStore flaky;
  TradingDesk trading;
  OrderDesk desk;
};

// One of many who send commands.
class Client {
 public:
  Client(TradingWorld& world, Replica& replica, int number, uint64_t seed)
      : world_(world), replica_(replica), number_(number), dice_(seed) {}

  void Run(int commands) {
    for (int i = 0; i < commands && fault_.empty(); ++i) {
      const int64_t kind = dice_.Draw(0, 99);
      if (kind < 60 || placed_.empty()) {
        Place(i);
      } else if (kind < 78) {
        Cancel();
      } else if (kind < 98) {
        Amend();
      } else {
        SwitchOff();
      }
    }
  }

  const std::vector<Order>& placed() const { return placed_; }
  const std::string& fault() const { return fault_; }

 private:
  // As a client does that gets no answer.
  template <typename Ask>
  absl::StatusOr<Order> Insist(const Ask& ask) {
    for (int i = 0; i < 100; ++i) {
      absl::StatusOr<Order> answer = ask();
      if (ReasonOf(answer.status()) != kDatabaseUnavailable.name) {
        return answer;
      }
    }
    return absl::InternalError("no answer ever");
  }

  void Expect(const absl::StatusOr<Order>& answer, const std::set<std::string>& reasons) {
    if (!answer.ok() && !reasons.contains(ReasonOf(answer.status()))) {
      fault_ = absl::StrCat("a command failed: ", answer.status().ToString());
    }
  }

  void Place(int i) {
    constexpr TimeInForce kTimes[] = {TimeInForce::kGoodTillClosure, TimeInForce::kGoodTillClosure,
                                      TimeInForce::kGoodTillClosure,
                                      TimeInForce::kImmediateOrCancel, TimeInForce::kFillOrKill};
    const TimeInForce time_in_force = kTimes[dice_.Draw(0, 4)];
    const bool is_market = time_in_force != TimeInForce::kGoodTillClosure && dice_.Draw(0, 2) == 0;
    const Order order =
        world_.Wanted(absl::StrCat("p", dice_.Draw(5, 8)), absl::StrCat("n", number_, "-", i),
                      dice_.Draw(0, 1) == 0 ? Side::kBid : Side::kOffer, dice_.Draw(1, 40),
                      is_market ? std::nullopt : std::optional(dice_.Draw(195, 205)), time_in_force,
                      static_cast<int>(dice_.Draw(0, kIntervals - 1)));
    const absl::StatusOr<Order> placed =
        Insist([&] { return replica_.desk.Create(order, false, world_.clock.Now()); });
    Expect(placed, {"EXPORT_CAPACITY_EXCEEDED", "TRADING_BLOCKED"});
    if (placed.ok()) {
      placed_.push_back(*placed);
    }
  }

  void Cancel() {
    const Order& order = Any();
    Expect(Insist([&] {
             return replica_.desk.Cancel(order.auction, order.id, order.participant,
                                         world_.clock.Now());
           }),
           {"ORDER_NOT_ACTIVE"});
  }

  void Amend() {
    const Order& order = Any();
    const Energy energy = Energy::WattHours(dice_.Draw(1, 40));
    const Price limit = Price::MicrosPerKwh(1000 * dice_.Draw(195, 205));
    Expect(Insist([&] {
             return replica_.trading.Amend(order.auction, order.id, order.participant, energy,
                                           limit);
           }),
           {"ORDER_NOT_ACTIVE", "HOLD_TOO_SMALL", "EXPORT_CAPACITY_EXCEEDED", "TRADING_BLOCKED"});
  }

  void SwitchOff() {
    const ParticipantId participant("p8");
    World::Require(KillAndRelease(world_.controls, world_.settlement, world_.community, participant,
                                  world_.ByOperator())
                       .status());
    World::Require(world_.controls.Lift(world_.community, participant, world_.ByOperator()));
  }

  const Order& Any() {
    return placed_[static_cast<size_t>(dice_.Draw(0, static_cast<int64_t>(placed_.size()) - 1))];
  }

  TradingWorld& world_;
  Replica& replica_;
  const int number_;
  Dice dice_;
  std::vector<Order> placed_;
  std::string fault_;
};

// What an acknowledged order may have become: anything but gone.
std::string FaultOfPlaced(TradingWorld& world, const Client& client) {
  for (const Order& order : client.placed()) {
    const auto kept = world.orders.GetOrder(order.auction, order.id);
    if (!kept.ok() || kept->state == OrderState::kPending || kept->state == OrderState::kRejected) {
      return absl::StrCat("an order was lost: ", order.id.value());
    }
  }
  return "";
}

// After gate closure: what is held beyond what the trades need.
std::string FaultOfHolds(TradingWorld& world, int interval) {
  const std::vector<Order> orders = *world.auctions.OrdersOf(world.Key(interval));
  const std::vector<Trade> trades = *world.auctions.TradesOf(world.Key(interval));
  std::map<OrderId, Energy> filled;
  for (const Trade& trade : trades) {
    filled[trade.bid] += trade.energy;
    filled[trade.offer] += trade.energy;
  }
  for (Order order : orders) {
    order.hold = Money::Micros(1);  // Whatever the service thinks is held.
    const Money needed = HoldsNeeded({order}, trades).front().amount;
    if (world.Held(order.id.value(), interval) > needed.micros()) {
      return absl::StrCat("a hold is left: ", order.id.value());
    }
    if (filled[order.id] != order.filled) {
      return absl::StrCat("trades and order differ: ", order.id.value());
    }
    filled.erase(order.id);
  }
  return filled.empty() ? "" : "a trade without an order";
}

}  // namespace

TradingTrial TryTrading(uint64_t seed, int commands) {
  TradingTrial trial;
  std::atomic<int64_t> failures = 0;
  TradingWorld world;
  world.Do("p6 belongs p5");
  Replica one(world, seed + 1, failures);
  Replica two(world, seed + 2, failures);
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::thread> threads;
  std::atomic<int> running = kThreads;
  for (int i = 0; i < kThreads; ++i) {
    clients.push_back(std::make_unique<Client>(world, i % 2 == 0 ? one : two, i,
                                               seed * 31 + static_cast<uint64_t>(i)));
  }
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      clients[static_cast<size_t>(i)]->Run(commands);
      --running;
    });
  }
  // Somebody begins to follow in the middle.
  std::vector<BookOrders> middles;
  for (int i = 0; i < kIntervals; ++i) {
    middles.push_back(*world.books.GetOrders(world.Key(i)));
    while (middles.back().last_event < commands / 2 && running > 0) {
      middles.back() = *world.books.GetOrders(world.Key(i));
    }
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  trial.failures = failures;
  trial.commands = int64_t{kThreads} * commands;
  const auto first = [&](const std::string& fault) {
    if (trial.fault.empty()) {
      trial.fault = fault;
    }
  };
  World::Require(world.desk.Sweep(world.community, world.clock.Now() + absl::Hours(1)).status());
  for (const auto& client : clients) {
    first(client->fault());
    first(FaultOfPlaced(world, *client));
  }
  for (int i = 0; i < kIntervals; ++i) {
    const Audit audit = AuditBook(world, i, middles[static_cast<size_t>(i)]);
    first(audit.fault);
    trial.events += audit.events;
    trial.trades += audit.trades;
  }
  world.clock.Set(world.Key(kIntervals - 1).delivery_start - absl::Hours(1));
  world.RunUntilDone(world.clock.Now());
  for (int i = 0; i < kIntervals; ++i) {
    first(FaultOfHolds(world, i));
  }
  return trial;
}

}  // namespace peerwatt::market
