#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "libs/base/clock.h"
#include "libs/base/flags.h"
#include "libs/base/log.h"
#include "libs/postgres/migrator.h"
#include "libs/postgres/pool.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/telemetry/metrics.h"
#include "services/metering/clients/device_keys.h"
#include "services/metering/clients/member_directory.h"
#include "services/metering/clients/ocmf_signatures.h"
#include "services/metering/core/evidence/ocmf_gate.h"
#include "services/metering/core/evidence/signature_gate.h"
#include "services/metering/core/ingest.h"
#include "services/metering/core/vee/validator.h"
#include "services/metering/rpc/change_signal.h"
#include "services/metering/rpc/counted_findings.h"
#include "services/metering/rpc/evidence_service.h"
#include "services/metering/rpc/exchange_service.h"
#include "services/metering/rpc/forecast_service.h"
#include "services/metering/rpc/ingest_queue.h"
#include "services/metering/rpc/ingest_workers.h"
#include "services/metering/rpc/internal_service.h"
#include "services/metering/rpc/metering_service.h"
#include "services/metering/rpc/new_readings_feed.h"
#include "services/metering/rpc/probe.h"
#include "services/metering/rpc/relay_service.h"
#include "services/metering/rpc/validation_service.h"
#include "services/metering/rpc/validator_thread.h"
#include "services/metering/storage/all_queries.h"
#include "services/metering/storage/compactor.h"
#include "services/metering/storage/evidence_store.h"
#include "services/metering/storage/finding_store.h"
#include "services/metering/storage/migrations.h"
#include "services/metering/storage/ocmf_store.h"
#include "services/metering/storage/reading_store.h"
#include "services/metering/storage/register_store.h"

ABSL_FLAG(std::string, listen_address, "127.0.0.1:7102", "gRPC, host:port");
ABSL_FLAG(std::string, health_address, "", "Health service without TLS, host:port; empty for none");
ABSL_FLAG(std::string, metrics_address, "127.0.0.1:9102", "Metrics, host:port");
ABSL_FLAG(std::string, database_dsn, "", "PostgreSQL connection string of the service's role");
ABSL_FLAG(std::string, database_owner_dsn, "", "PostgreSQL connection string of the owner");
ABSL_FLAG(bool, migrate, false, "Apply the migrations and end");
ABSL_FLAG(int, database_connections, 8, "Connections to the database, 2 to 100");
ABSL_FLAG(std::string, registry_address, "127.0.0.1:7101", "Registry, host:port");
ABSL_FLAG(int, ingest_workers, 2, "Threads that store batches, 1 to 64");
ABSL_FLAG(int, ingest_batches_per_commit, 1000,
          "Batches in one transaction at most, 1 to 10000");
ABSL_FLAG(int, ingest_readings_per_commit, 100'000,
          "Readings at which a transaction is full, 1 to 1000000");
ABSL_FLAG(int, ingest_queue_readings_max, 2'000'000,
          "Readings that may wait before streams are no longer read, 1000 to 100000000");
ABSL_FLAG(int, compaction_days, 4096,
          "Days of metering points in a shard at which it is compacted, 1 to 25000");
ABSL_FLAG(absl::Duration, compaction_delay, absl::Minutes(15),
          "Age of readings at which their shard is compacted, 1ms to 24h");
ABSL_FLAG(absl::Duration, poll_interval, absl::Milliseconds(20),
          "How often a watch looks for changes of other processes, 1ms to 10s");
ABSL_FLAG(int, new_readings_streams_max, 10'000,
          "Streams of new readings open at a time, 1 to 100000");
ABSL_FLAG(absl::Duration, permission_check_interval, absl::Seconds(5),
          "How often it is asked whether open streams of new readings may go on, 100ms to 5min");
ABSL_FLAG(absl::Duration, validation_grace, absl::Hours(6),
          "How long a day is waited for before its missing end is a gap, 0s to 720h");
ABSL_FLAG(absl::Duration, validation_poll_interval, absl::Seconds(1),
          "How often validation looks for something to do, 10ms to 1h");
ABSL_FLAG(absl::Duration, drain_time, absl::Seconds(10), "Time for running calls to end");

namespace peerwatt::metering {
namespace {

/// A gateway's message is a little larger than the largest that it takes of a device.
constexpr int kMessageBytesMax = 72 << 20;

/// The value of a flag; ends the process when it is out of bounds.
template <typename T>
T Bounded(const absl::Flag<T>& flag, T low, T high) {
  const T value = absl::GetFlag(flag);
  if (value < low || value > high) {
    StopForConfiguration(absl::StrCat("--", flag.Name(), " is out of bounds"));
  }
  return value;
}

/// Reports the service as serving while its database answers; looks every half second.
class Readiness {
 public:
  Readiness(postgres::Pool& pool, rpc::Server& server)
      : thread_([this, &pool, &server] {
          std::unique_lock lock(mutex_);
          do {
            server.SetServing(pool.Ping().ok());
          } while (!ended_.wait_for(lock, std::chrono::milliseconds(500), [this] { return end_; }));
          server.SetServing(false);
        }) {}
  ~Readiness() {
    {
      const std::lock_guard lock(mutex_);
      end_ = true;
    }
    ended_.notify_all();
    thread_.join();
  }
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  bool end_ = false;
  std::thread thread_;
};

IngestOptions IngestOptionsFromFlags() {
  return {.workers = Bounded(FLAGS_ingest_workers, 1, 64),
          .batches_per_commit =
              static_cast<size_t>(Bounded(FLAGS_ingest_batches_per_commit, 1, 10'000)),
          .readings_per_commit =
              static_cast<size_t>(Bounded(FLAGS_ingest_readings_per_commit, 1, 1'000'000))};
}

CompactionOptions CompactionOptionsFromFlags() {
  return {.days = static_cast<size_t>(Bounded(FLAGS_compaction_days, 1, 25'000)),
          .delay =
              Bounded(FLAGS_compaction_delay, absl::Milliseconds(1), absl::Hours(24))};
}

ValidatorOptions ValidatorOptionsFromFlags() {
  return {.grace = Bounded(FLAGS_validation_grace, absl::ZeroDuration(), absl::Hours(720))};
}

/// What keeps and checks signed batches and OCMF records.
class EvidenceParts {
 public:
  EvidenceParts(postgres::Pool& pool, const std::shared_ptr<grpc::Channel>& registry,
                MemberDirectory& directory)
      : batches(pool),
        records(pool),
        device_keys_(registry),
        batch_gate_(device_keys_, batches),
        record_judge_(records, record_signatures, directory),
        record_keeper_(records) {}
  /// In the order of their passing.
  std::vector<BatchGate*> Gates() { return {&record_judge_, &batch_gate_, &record_keeper_}; }

  PostgresEvidenceStore batches;
  PostgresOcmfStore records;
  EcdsaOcmfSignatures record_signatures;

 private:
  RegistryDeviceKeys device_keys_;
  SignatureGate batch_gate_;
  OcmfJudge record_judge_;
  OcmfKeeper record_keeper_;
};

int MigrateAndEnd() {
  const absl::Status status =
      postgres::Migrate(absl::GetFlag(FLAGS_database_owner_dsn), Migrations());
  if (!status.ok()) {
    Log(Severity::kError, "migrations failed", {{"error", status.ToString()}});
    return 1;
  }
  Log(Severity::kInfo, "the schema is up to date");
  return 0;
}

int Serve() {
  auto clock = ClockFromFlags();
  if (!clock.ok()) {
    StopForConfiguration(clock.status().message());
  }
  const rpc::TlsFiles tls = rpc::TlsFromFlags();
  telemetry::Metrics metrics;
  IngestProbe probe(metrics);
  postgres::Pool pool(absl::GetFlag(FLAGS_database_dsn), AllQueries(),
                      Bounded(FLAGS_database_connections, 2, 100));
  PostgresReadingStore store(pool);
  const auto registry =
      rpc::MutualTlsChannel(absl::GetFlag(FLAGS_registry_address), tls, "registry");
  RegistryMemberDirectory directory(registry);
  PostgresRegisterStore registers(pool);
  PostgresFindingStore finding_store(pool);
  CountedFindings findings(finding_store, metrics);
  EvidenceParts evidence(pool, registry, directory);
  Ingest ingest(directory, store, &registers, &findings, evidence.Gates());
  ChangeSignal changed;
  IngestQueue queue(
      static_cast<size_t>(Bounded(FLAGS_ingest_queue_readings_max, 1000, 100'000'000)));
  RelayCalls relay_calls;
  RelayService relay_service(queue, relay_calls);
  const absl::Duration poll_interval =
      Bounded(FLAGS_poll_interval, absl::Milliseconds(1), absl::Seconds(10));
  const absl::Duration permission_interval =
      Bounded(FLAGS_permission_check_interval, absl::Milliseconds(100), absl::Minutes(5));
  // It does not remember for longer than until it is asked again.
  RegistryMemberDirectory watched_directory(registry, permission_interval / 2);
  NewReadingsFeed feed(store, watched_directory, changed,
                       {.streams_max = static_cast<size_t>(
                            Bounded(FLAGS_new_readings_streams_max, 1, 100'000)),
                        .idle_poll = poll_interval,
                        .permission_interval = permission_interval});
  MeteringService public_service(queue, store, directory, feed);
  ExchangeService exchange_service(queue, store, directory, **clock);
  InternalService internal_service(store, changed, poll_interval);
  ValidationService validation_service(store, registers, findings, directory, ingest, **clock);
  Validator validator(store, registers, findings, directory, ValidatorOptionsFromFlags());
  ForecastService forecasts(directory, store, **clock);
  InternalForecastService internal_forecasts(directory, store);
  EvidenceService evidence_service(evidence.batches, evidence.records,
                                   evidence.record_signatures, directory, **clock);
  IngestWorkers workers(IngestOptionsFromFlags(), queue, ingest, store, **clock, probe, changed);

  const Compactor compactor(
      CompactionOptionsFromFlags(), pool, store.cache(),
      [&](const absl::StatusOr<size_t>& days, absl::Duration elapsed) {
        probe.Compacted(days, elapsed);
      });

  auto server = rpc::Server::Start({.address = absl::GetFlag(FLAGS_listen_address),
                                    .health_address = absl::GetFlag(FLAGS_health_address),
                                    .credentials = rpc::MutualTlsServer(tls),
                                    .message_bytes_max = kMessageBytesMax},
                                   {
                                       &public_service,
                                       &exchange_service,
                                       &internal_service,
                                       &relay_service,
                                       &validation_service,
                                       &forecasts,
                                       &internal_forecasts,
                                       &evidence_service,
                                   },
                                   metrics);
  absl::Status status = server.status();
  if (status.ok()) {
    status = metrics.Expose(absl::GetFlag(FLAGS_metrics_address));
  }
  if (!status.ok()) {
    Log(Severity::kError, "the service cannot start", {{"error", status.ToString()}});
    return 1;
  }
  {
    const Readiness readiness(pool, **server);
    const ValidatorThread validation(
        validator, **clock,
        Bounded(FLAGS_validation_poll_interval, absl::Milliseconds(10), absl::Hours(1)));
    WaitForStopSignal();
  }
  Log(Severity::kInfo, "stopping: streams answer what they have read and end");
  relay_calls.Drain();
  feed.Stop();
  (*server)->Drain(absl::GetFlag(FLAGS_drain_time));
  workers.Stop();
  return 0;
}

}  // namespace
}  // namespace peerwatt::metering

int main(int argc, char** argv) {
  peerwatt::BlockStopSignals();
  peerwatt::StartProcess(argc, argv, "metering", "Keeps the readings of PeerWatt.",
                         {"database_dsn", "database_owner_dsn"});
  return absl::GetFlag(FLAGS_migrate) ? peerwatt::metering::MigrateAndEnd()
                                      : peerwatt::metering::Serve();
}
