#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/time/clock.h"
#include "libs/base/clock.h"
#include "libs/base/error.h"
#include "libs/base/flags.h"
#include "libs/base/log.h"
#include "libs/base/poll_loop.h"
#include "libs/crypto/digest.h"
#include "libs/postgres/leases.h"
#include "libs/postgres/migrator.h"
#include "libs/postgres/pool.h"
#include "libs/rpc/callback_threads.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/telemetry/metrics.h"
#include "services/market/autopilot_parts.h"
#include "services/market/clients/peers.h"
#include "services/market/core/surveillance/surveyor.h"
#include "services/market/core/trading/book_feed.h"
#include "services/market/core/trading/trading_desk.h"
#include "services/market/rpc/clearing_service.h"
#include "services/market/rpc/contracts_service.h"
#include "services/market/rpc/controls_service.h"
#include "services/market/rpc/market_service.h"
#include "services/market/rpc/metrics_probe.h"
#include "services/market/rpc/surveillance_service.h"
#include "services/market/rpc/survey_metrics.h"
#include "services/market/rpc/trading_service.h"
#include "services/market/storage/contract_store.h"
#include "services/market/storage/control_store.h"
#include "services/market/storage/migrations.h"
#include "services/market/storage/queries.h"
#include "services/market/storage/store.h"
#include "services/market/storage/surveillance_store.h"
#include "services/market/storage/trading_store.h"

ABSL_FLAG(std::string, listen_address, "127.0.0.1:7103", "Address of the gRPC server, host:port");
ABSL_FLAG(std::string, health_address, "", "Health service without TLS, host:port; empty for none");
ABSL_FLAG(std::string, metrics_address, "127.0.0.1:9103", "Address of /metrics, host:port");
ABSL_FLAG(std::string, database_dsn, "", "Database as the application role");
ABSL_FLAG(std::string, database_owner_dsn, "", "Database as the owner, for --migrate");
ABSL_FLAG(bool, migrate, false, "Apply the migrations and end");
ABSL_FLAG(int, database_connections, 8, "Most database connections, 2 to 1000");
ABSL_FLAG(std::string, registry_address, "127.0.0.1:7101", "Registry, host:port");
ABSL_FLAG(std::string, metering_address, "127.0.0.1:7102", "Metering, host:port");
ABSL_FLAG(std::string, settlement_address, "127.0.0.1:7104", "Settlement, host:port");
ABSL_FLAG(absl::Duration, poll_interval, absl::Milliseconds(200),
          "How often the clock is looked at, 1ms to 1m");
ABSL_FLAG(absl::Duration, rules_refresh_interval, absl::Seconds(2),
          "How often the registry is asked for communities, 10ms to 1h");
ABSL_FLAG(absl::Duration, lease_term, absl::Seconds(10),
          "How long a replica that is silent keeps its communities, 1s to 5m");
ABSL_FLAG(absl::Duration, autopilot_plan_time, absl::Hours(20),
          "When standing orders plan the next day, after local midnight, 0m to 1439m");
ABSL_FLAG(std::string, replica_name, "", "Names this replica; host and --listen_address if empty");

namespace peerwatt::market {
namespace {

constexpr absl::Duration kBackOffMin = absl::Milliseconds(50);
constexpr absl::Duration kBackOffMax = absl::Seconds(1);
constexpr absl::Duration kReadinessInterval = absl::Milliseconds(500);
// An order that is pending for longer was cut off; deciding it twice would do no harm.
constexpr absl::Duration kCutOffAfter = absl::Seconds(30);
constexpr absl::Duration kSweepInterval = absl::Minutes(1);
constexpr absl::Duration kSurveyPause = absl::Seconds(1);
constexpr absl::Duration kDrainGrace = absl::Seconds(5);

template <typename T>
void RequireRange(const char* flag, T value, T min, T max) {
  if (value < min || value > max) {
    StopForConfiguration(std::string("--") + flag + " is out of bounds");
  }
}

void LogFailure(absl::string_view what, const absl::Status& status) {
  if (!status.ok()) {
    Log(Severity::kWarning, what,
        {{"error", std::string(status.message())}, {"reason", ReasonOf(status)}});
  }
}

/// Drives the runner by the clock until told to stop. What fails is tried again with back-off.
class RunnerThread {
 public:
  RunnerThread(RulesBook& rules, Runner& runner, const Clock& clock)
      : rules_(rules), runner_(runner), clock_(clock), thread_([this] { Loop(); }) {}
  ~RunnerThread() {
    stop_ = true;
    thread_.join();
  }

 private:
  // One turn: refreshes the rules when that is due, then does what the clock says.
  absl::Status Turn() {
    if (absl::Now() >= next_refresh_) {
      const absl::Status refreshed = rules_.Refresh();
      if (!refreshed.ok()) {
        return refreshed;
      }
      next_refresh_ = absl::Now() + absl::GetFlag(FLAGS_rules_refresh_interval);
    }
    return runner_.RunOnce(clock_.Now(), [this] { return stop_.load(); });
  }

  void Loop() {
    absl::Duration back_off = kBackOffMin;
    while (!stop_) {
      const absl::Status status = Turn();
      if (status.ok()) {
        back_off = kBackOffMin;
        absl::SleepFor(absl::GetFlag(FLAGS_poll_interval));
        continue;
      }
      Log(Severity::kWarning, "the market cannot go on; trying again",
          {{"error", std::string(status.message())},
           {"reason", ReasonOf(status)},
           {"pause_ms", absl::ToInt64Milliseconds(back_off)}});
      absl::SleepFor(back_off);
      back_off = std::min(back_off * 2, kBackOffMax);
    }
  }

  RulesBook& rules_;
  Runner& runner_;
  const Clock& clock_;
  absl::Time next_refresh_ = absl::InfinitePast();
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

/// Keeps the leases of all communities until told to stop; then gives them back.
class LeaseThread {
 public:
  LeaseThread(RulesBook& rules, postgres::Leases& leases, MetricsProbe& probe)
      : rules_(rules), leases_(leases), probe_(probe), thread_([this] { Loop(); }) {}
  ~LeaseThread() {
    stop_ = true;
    thread_.join();
  }

 private:
  void Keep() {
    std::vector<std::string> communities;
    for (const CommunityRules& rules : rules_.All()) {
      communities.push_back(rules.id.value());
    }
    // A new community does not wait for the next renewal.
    if (communities == kept_ && absl::Now() < next_) {
      return;
    }
    const absl::Status status = leases_.Keep(communities);
    if (!status.ok()) {
      Log(Severity::kWarning, "the leases cannot be renewed; trying again",
          {{"error", std::string(status.message())}});
      return;
    }
    kept_ = std::move(communities);
    next_ = absl::Now() + absl::GetFlag(FLAGS_lease_term) / 4;
    const postgres::LeaseCounts counts = leases_.counts();
    probe_.LeasesSeen(counts.held, counts.taken, counts.lost);
  }

  void Loop() {
    while (!stop_) {
      Keep();
      absl::SleepFor(
          std::min(absl::GetFlag(FLAGS_poll_interval), absl::GetFlag(FLAGS_lease_term) / 8));
    }
    const absl::Status status = leases_.Release();
    if (!status.ok()) {
      Log(Severity::kWarning, "the leases could not be given back; they end with their term",
          {{"error", std::string(status.message())}});
    }
  }

  RulesBook& rules_;
  postgres::Leases& leases_;
  MetricsProbe& probe_;
  std::vector<std::string> kept_;
  absl::Time next_ = absl::InfinitePast();
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

/// Decides orders that were cut off while they were placed, of the communities this replica drives.
class SweepThread {
 public:
  SweepThread(RulesBook& rules, postgres::Leases& leases, OrderDesk& desk, const Clock& clock)
      : rules_(rules), leases_(leases), desk_(desk), clock_(clock), thread_([this] { Loop(); }) {}
  ~SweepThread() {
    stop_ = true;
    thread_.join();
  }

 private:
  void Sweep() {
    for (const CommunityRules& rules : rules_.All()) {
      if (stop_ || !leases_.TokenOf(rules.id.value()).has_value()) {
        continue;
      }
      const absl::StatusOr<int64_t> swept = desk_.Sweep(rules.id, clock_.Now() - kCutOffAfter);
      if (!swept.ok()) {
        Log(Severity::kWarning, "pending orders cannot be decided; trying again",
            {{"error", std::string(swept.status().message())}});
      } else if (*swept > 0) {
        Log(Severity::kInfo, "orders that were cut off are decided", {{"orders", *swept}});
      }
    }
  }

  void Loop() {
    absl::Time next = absl::Now() + kSweepInterval;
    while (!stop_) {
      if (absl::Now() >= next) {
        Sweep();
        next = absl::Now() + kSweepInterval;
      }
      absl::SleepFor(absl::GetFlag(FLAGS_poll_interval));
    }
  }

  RulesBook& rules_;
  postgres::Leases& leases_;
  OrderDesk& desk_;
  const Clock& clock_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

/// Names this process among the replicas: the flag, or host and address, which no other process
/// has while this one listens.
std::string ReplicaName() {
  const std::string name = absl::GetFlag(FLAGS_replica_name);
  if (!name.empty()) {
    return name;
  }
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return std::string(host.data()) + "/" + absl::GetFlag(FLAGS_listen_address);
}

int RunMigrations() {
  const absl::Status status =
      postgres::Migrate(absl::GetFlag(FLAGS_database_owner_dsn), Migrations());
  if (!status.ok()) {
    Log(Severity::kError, "the migrations could not be applied", {{"error", status.ToString()}});
  }
  FlushLog();
  return status.ok() ? 0 : 1;
}

void CheckFlags() {
  RequireRange("database_connections", absl::GetFlag(FLAGS_database_connections), 2, 1000);
  RequireRange("poll_interval", absl::GetFlag(FLAGS_poll_interval), absl::Milliseconds(1),
               absl::Minutes(1));
  RequireRange("rules_refresh_interval", absl::GetFlag(FLAGS_rules_refresh_interval),
               absl::Milliseconds(10), absl::Hours(1));
  RequireRange("lease_term", absl::GetFlag(FLAGS_lease_term), absl::Seconds(1), absl::Minutes(5));
  RequireRange("autopilot_plan_time", absl::GetFlag(FLAGS_autopilot_plan_time),
               absl::ZeroDuration(), absl::Minutes(1439));
}

// Serves until it is drained; ends the process when it cannot begin.
std::unique_ptr<rpc::Server> StartServer(const rpc::TlsFiles& tls,
                                         const std::vector<grpc::Service*>& services,
                                         telemetry::Metrics& metrics) {
  rpc::ServerOptions options;
  options.address = absl::GetFlag(FLAGS_listen_address);
  options.health_address = absl::GetFlag(FLAGS_health_address);
  options.credentials = rpc::MutualTlsServer(tls);
  absl::StatusOr<std::unique_ptr<rpc::Server>> server =
      rpc::Server::Start(options, services, metrics);
  absl::Status started = server.status();
  started.Update(metrics.Expose(absl::GetFlag(FLAGS_metrics_address)));
  if (!started.ok()) {
    StopForConfiguration(std::string(started.message()));
  }
  return *std::move(server);
}

int Serve() {
  CheckFlags();
  absl::StatusOr<std::unique_ptr<Clock>> clock = ClockFromFlags();
  if (!clock.ok()) {
    StopForConfiguration(std::string(clock.status().message()));
  }
  // It decodes orders and gives answers; nothing there waits (rpc/create_order.cc).
  if (!rpc::KeepOneCallbackThread()) {
    Log(Severity::kWarning, "gRPC keeps several threads for callbacks; orders cost more", {});
  }
  const rpc::TlsFiles tls = rpc::TlsFromFlags();
  telemetry::Metrics metrics;
  MetricsProbe probe(metrics);
  postgres::Pool pool(absl::GetFlag(FLAGS_database_dsn), Queries(),
                      absl::GetFlag(FLAGS_database_connections));
  postgres::Leases leases(pool, ReplicaName(), absl::GetFlag(FLAGS_lease_term));
  PostgresCommunityLeases community_leases(leases);
  PostgresAuctionStore auctions(pool, &community_leases);
  PostgresOrderStore orders(pool);
  PostgresMarketView view(pool);
  RegistryClient registry(
      rpc::MutualTlsChannel(absl::GetFlag(FLAGS_registry_address), tls, "registry"));
  MeteringClient metering(
      rpc::MutualTlsChannel(absl::GetFlag(FLAGS_metering_address), tls, "metering"));
  SettlementClient settlement(
      rpc::MutualTlsChannel(absl::GetFlag(FLAGS_settlement_address), tls, "settlement"));
  RulesBook rules(registry);
  const SystemClock real_clock;
  PostgresTradingStore books(pool);
  PostgresTradingView book_view(pool);
  TradingDesk trading(books, orders, registry, settlement, **clock, real_clock);
  OrderDesk desk(orders, registry, settlement, probe, real_clock, trading);
  IntakeOptions intake_options;
  intake_options.run_answers = rpc::RunOnCallbackThread;
  OrderIntake intake(desk, **clock, intake_options);
  GateClosure gate_closure(auctions, registry, metering, settlement, probe, crypto::Sha256Hex);
  Runner runner(rules, auctions, gate_closure, community_leases, probe);

  const MarketBackends backends = {rules, desk, intake, orders, view, registry, **clock};
  MarketService service(backends);
  BookFeed book_feed(book_view, real_clock);
  TradingService trading_service(backends, trading, book_feed);
  PostgresControlStore controls(pool);
  ControlsService controls_service(rules, controls, registry, settlement, **clock);
  MarketInternalService internal(rules, view);
  Replay replay(auctions, view, crypto::Sha256Hex);
  ClearingService clearings(rules, auctions, view, replay);
  PostgresContractStore contract_store(pool);
  ContractDesk contract_desk(contract_store, registry);
  ContractsService contracts(rules, contract_desk, contract_store, **clock);
  PostgresSurveyStore survey_store(pool);
  PostgresSurveyView survey_view(pool);
  PostgresExportSource export_source(pool);
  SurveyMetrics survey_metrics(metrics);
  Surveyor surveyor(rules, survey_store, survey_metrics);
  SurveillanceService surveillance(rules, survey_view, export_source, **clock);
  AutopilotParts autopilot(
      {pool, leases, rules, desk, view, registry, metering, settlement,
       rpc::MutualTlsChannel(absl::GetFlag(FLAGS_metering_address), tls, "metering"),
       rpc::MutualTlsChannel(absl::GetFlag(FLAGS_registry_address), tls, "registry"), **clock,
       absl::GetFlag(FLAGS_autopilot_plan_time)});
  const std::unique_ptr<rpc::Server> server =
      StartServer(tls,
                  {&service, &autopilot.service, &trading_service, &clearings, &contracts,
                   &controls_service, &internal, &surveillance},
                  metrics);
  {
    // Serves only while the database answers.
    const PollLoop readiness(kReadinessInterval, [&] { server->SetServing(pool.Ping().ok()); });
    const LeaseThread leasing(rules, leases, probe);
    const SweepThread sweeping(rules, leases, desk, **clock);
    const RunnerThread running(rules, runner, **clock);
    // Apart from the runner: neither a large day nor the plans of many delay a gate closure.
    const PollLoop surveying(kSurveyPause, [&](PollLoop::Ends ends) {
      LogFailure("surveillance waits and will be tried again",
                 surveyor.RunOnce((*clock)->Now(), ends));
    });
    const PollLoop piloting(absl::GetFlag(FLAGS_poll_interval), [&](PollLoop::Ends ends) {
      absl::Status status = autopilot.quoter.RunOnce((*clock)->Now(), ends);
      status.Update(autopilot.planner.RunOnce((*clock)->Now(), ends));
      LogFailure("standing orders wait and will be tried again", status);
    });
    Log(Severity::kInfo, "the market serves", {{"address", absl::GetFlag(FLAGS_listen_address)}});
    WaitForStopSignal();
  }
  server->SetServing(false);
  server->Drain(kDrainGrace);
  Log(Severity::kInfo, "the market has stopped");
  FlushLog();
  return 0;
}

}  // namespace
}  // namespace peerwatt::market

int main(int argc, char** argv) {
  peerwatt::BlockStopSignals();
  peerwatt::StartProcess(argc, argv, "market",
                         "Runs the auctions of communities: peerwatt-market --flag=value …",
                         {"database_dsn", "database_owner_dsn"});
  return absl::GetFlag(FLAGS_migrate) ? peerwatt::market::RunMigrations()
                                      : peerwatt::market::Serve();
}
