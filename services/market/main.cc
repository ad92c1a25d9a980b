#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/flags/flag.h"
#include "absl/time/clock.h"
#include "libs/base/clock.h"
#include "libs/base/error.h"
#include "libs/base/flags.h"
#include "libs/base/log.h"
#include "libs/postgres/migrator.h"
#include "libs/postgres/pool.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/telemetry/metrics.h"
#include "services/market/clients/peers.h"
#include "services/market/rpc/market_service.h"
#include "services/market/rpc/metrics_probe.h"
#include "services/market/rpc/survey_metrics.h"
#include "services/market/rpc/surveillance_service.h"
#include "services/market/rpc/surveyor_thread.h"
#include "services/market/storage/migrations.h"
#include "services/market/storage/queries.h"
#include "services/market/storage/store.h"
#include "services/market/storage/surveillance_store.h"

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

namespace peerwatt::market {
namespace {

constexpr absl::Duration kBackOffMin = absl::Milliseconds(50);
constexpr absl::Duration kBackOffMax = absl::Seconds(1);
constexpr absl::Duration kReadinessInterval = absl::Milliseconds(500);
constexpr absl::Duration kDrainGrace = absl::Seconds(5);

template <typename T>
void RequireRange(const char* flag, T value, T min, T max) {
  if (value < min || value > max) {
    StopForConfiguration(std::string("--") + flag + " is out of bounds");
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

/// Serves only while the database answers.
class ReadinessThread {
 public:
  ReadinessThread(rpc::Server& server, postgres::Pool& pool)
      : server_(server), pool_(pool), thread_([this] { Loop(); }) {}
  ~ReadinessThread() {
    stop_ = true;
    thread_.join();
  }

 private:
  void Loop() {
    while (!stop_) {
      server_.SetServing(pool_.Ping().ok());
      absl::SleepFor(kReadinessInterval);
    }
    server_.SetServing(false);
  }

  rpc::Server& server_;
  postgres::Pool& pool_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

int RunMigrations() {
  const absl::Status status =
      postgres::Migrate(absl::GetFlag(FLAGS_database_owner_dsn), Migrations());
  if (!status.ok()) {
    Log(Severity::kError, "the migrations could not be applied", {{"error", status.ToString()}});
  }
  FlushLog();
  return status.ok() ? 0 : 1;
}

int Serve() {
  RequireRange("database_connections", absl::GetFlag(FLAGS_database_connections), 2, 1000);
  RequireRange("poll_interval", absl::GetFlag(FLAGS_poll_interval), absl::Milliseconds(1),
               absl::Minutes(1));
  RequireRange("rules_refresh_interval", absl::GetFlag(FLAGS_rules_refresh_interval),
               absl::Milliseconds(10), absl::Hours(1));
  absl::StatusOr<std::unique_ptr<Clock>> clock = ClockFromFlags();
  if (!clock.ok()) {
    StopForConfiguration(std::string(clock.status().message()));
  }
  const rpc::TlsFiles tls = rpc::TlsFromFlags();
  telemetry::Metrics metrics;
  MetricsProbe probe(metrics);
  postgres::Pool pool(absl::GetFlag(FLAGS_database_dsn), Queries(),
                      absl::GetFlag(FLAGS_database_connections));
  PostgresAuctionStore auctions(pool);
  PostgresOrderStore orders(pool);
  PostgresMarketView view(pool);
  RegistryClient registry(
      rpc::MutualTlsChannel(absl::GetFlag(FLAGS_registry_address), tls, "registry"));
  MeteringClient metering(
      rpc::MutualTlsChannel(absl::GetFlag(FLAGS_metering_address), tls, "metering"));
  SettlementClient settlement(
      rpc::MutualTlsChannel(absl::GetFlag(FLAGS_settlement_address), tls, "settlement"));
  RulesBook rules(registry);
  OrderDesk desk(orders, registry, settlement, probe);
  GateClosure gate_closure(auctions, registry, metering, settlement, probe);
  Runner runner(rules, auctions, gate_closure, probe);

  MarketService service({rules, desk, orders, view, registry, **clock});
  MarketInternalService internal(rules, view);
  PostgresSurveyStore survey_store(pool);
  PostgresSurveyView survey_view(pool);
  PostgresExportSource export_source(pool);
  SurveyMetrics survey_metrics(metrics);
  Surveyor surveyor(rules, survey_store, survey_metrics);
  SurveillanceService surveillance(rules, survey_view, export_source, **clock);
  rpc::ServerOptions options;
  options.address = absl::GetFlag(FLAGS_listen_address);
  options.health_address = absl::GetFlag(FLAGS_health_address);
  options.credentials = rpc::MutualTlsServer(tls);
  absl::StatusOr<std::unique_ptr<rpc::Server>> server =
      rpc::Server::Start(options, {&service, &internal, &surveillance}, metrics);
  absl::Status started = server.status();
  started.Update(metrics.Expose(absl::GetFlag(FLAGS_metrics_address)));
  if (!started.ok()) {
    StopForConfiguration(std::string(started.message()));
  }
  {
    const ReadinessThread readiness(**server, pool);
    const RunnerThread running(rules, runner, **clock);
    const SurveyorThread surveying(surveyor, **clock);
    Log(Severity::kInfo, "the market serves", {{"address", options.address}});
    WaitForStopSignal();
  }
  (*server)->Drain(kDrainGrace);
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
