#include <memory>
#include <string>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/base/flags.h"
#include "libs/base/log.h"
#include "libs/base/poll_loop.h"
#include "libs/crypto/digest.h"
#include "libs/postgres/migrator.h"
#include "libs/postgres/pool.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/telemetry/metrics.h"
#include "services/settlement/clients/bank_payment_provider.h"
#include "services/settlement/clients/market_client.h"
#include "services/settlement/clients/metering_client.h"
#include "services/settlement/clients/registry_client.h"
#include "services/settlement/clients/sandbox_payment_provider.h"
#include "services/settlement/core/batch_settler.h"
#include "services/settlement/core/change_follower.h"
#include "services/settlement/core/deposits.h"
#include "services/settlement/core/explain/line_explainer.h"
#include "services/settlement/core/hold_queue.h"
#include "services/settlement/core/ledger/transfers.h"
#include "services/settlement/core/ledgers.h"
#include "services/settlement/core/payments/payment_desk.h"
#include "services/settlement/core/payments/payment_job.h"
#include "services/settlement/core/reconciliation/reconciler.h"
#include "services/settlement/core/run_desk.h"
#include "services/settlement/core/runner.h"
#include "services/settlement/core/tariff_follower.h"
#include "services/settlement/formats/payment_files.h"
#include "services/settlement/formats/pdf_document.h"
#include "services/settlement/rpc/kpis_service.h"
#include "services/settlement/rpc/ledger_service.h"
#include "services/settlement/rpc/metrics_probe.h"
#include "services/settlement/rpc/payments_service.h"
#include "services/settlement/rpc/reconciliation_metrics.h"
#include "services/settlement/rpc/reconciliation_service.h"
#include "services/settlement/rpc/runs_service.h"
#include "services/settlement/rpc/settlement_internal_service.h"
#include "services/settlement/rpc/settlement_service.h"
#include "services/settlement/rpc/statements_service.h"
#include "services/settlement/storage/ledger_cache.h"
#include "services/settlement/storage/ledger_reader.h"
#include "services/settlement/storage/migrations.h"
#include "services/settlement/storage/postgres_bank_store.h"
#include "services/settlement/storage/postgres_books_file.h"
#include "services/settlement/storage/postgres_books_reader.h"
#include "services/settlement/storage/postgres_deposit_store.h"
#include "services/settlement/storage/postgres_evidence_store.h"
#include "services/settlement/storage/postgres_hold_store.h"
#include "services/settlement/storage/postgres_kpi_reader.h"
#include "services/settlement/storage/postgres_payment_store.h"
#include "services/settlement/storage/postgres_reconciliation_store.h"
#include "services/settlement/storage/postgres_round_store.h"
#include "services/settlement/storage/postgres_run_log.h"
#include "services/settlement/storage/postgres_run_store.h"
#include "services/settlement/storage/postgres_statement_store.h"
#include "services/settlement/storage/postgres_transfer_store.h"
#include "services/settlement/storage/queries.h"

ABSL_FLAG(std::string, listen_address, "127.0.0.1:7104", "gRPC, host:port");
ABSL_FLAG(std::string, health_address, "", "Health service without TLS, host:port; empty for none");
ABSL_FLAG(std::string, metrics_address, "127.0.0.1:9104", "Metrics, host:port");
ABSL_FLAG(std::string, database_dsn, "", "PostgreSQL connection string of the service's role");
ABSL_FLAG(std::string, database_owner_dsn, "", "PostgreSQL connection string of the owner");
ABSL_FLAG(bool, migrate, false, "Apply the migrations and end");
ABSL_FLAG(int, database_connections, 8, "Connections to the database, 2 to 1000");
ABSL_FLAG(std::string, registry_address, "127.0.0.1:7101", "Registry, host:port");
ABSL_FLAG(std::string, metering_address, "127.0.0.1:7102", "Metering, host:port");
ABSL_FLAG(std::string, market_address, "127.0.0.1:7103", "Market, host:port");
ABSL_FLAG(absl::Duration, poll_interval, absl::Milliseconds(200),
          "How often the clock is looked at, 1ms to 1m");
ABSL_FLAG(absl::Duration, rules_refresh_interval, absl::Seconds(1),
          "How often the registry is asked for communities, 10ms to 1h");
ABSL_FLAG(std::string, payment_provider, "sandbox",
          "How money is paid: sandbox (no money moves) or bank (files and account statements)");
ABSL_FLAG(absl::Duration, payments_interval, absl::Seconds(5),
          "How often payments that settlement leaves are made, 10ms to 1h");
ABSL_FLAG(std::string, font_folder, "/usr/share/fonts/truetype/dejavu",
          "Holds DejaVuSans.ttf and DejaVuSans-Bold.ttf, for statements as PDF");
ABSL_FLAG(absl::Duration, drain_time, absl::Seconds(10), "Time for running calls to end");

namespace peerwatt::settlement {
namespace {

constexpr absl::Duration kReconnectInterval = absl::Milliseconds(100);
constexpr absl::Duration kReadinessInterval = absl::Milliseconds(500);
constexpr absl::Duration kAuditInterval = absl::Seconds(10);
constexpr absl::Duration kExpiryInterval = absl::Seconds(1);
constexpr absl::Duration kReconciliationInterval = absl::Seconds(1);
constexpr absl::Duration kRecoveryInterval = absl::Minutes(1);

template <typename T>
void RequireRange(const absl::Flag<T>& flag, T low, T high) {
  const T value = absl::GetFlag(flag);
  if (value < low || value > high) {
    StopForConfiguration(absl::StrCat("--", flag.Name(), " is out of bounds"));
  }
}

void LogFailure(const char* message, const absl::Status& status) {
  if (!status.ok()) Log(Severity::kWarning, message, {{"error", status.ToString()}});
}

/// The provider that the flag names.
std::unique_ptr<PaymentProvider> ProviderFromFlags() {
  const std::string name = absl::GetFlag(FLAGS_payment_provider);
  if (name == "sandbox") return std::make_unique<SandboxPaymentProvider>();
  if (name == "bank") return std::make_unique<BankPaymentProvider>();
  StopForConfiguration("--payment_provider must be sandbox or bank");
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

/// Looks whether all ledgers sum to zero, and where prices are missing, for the metrics.
void Audit(BooksReader& books, MetricsProbe& probe) {
  const absl::StatusOr<int64_t> unpriced = books.CountPriceMissing();
  LogFailure("periods without a price could not be counted; trying again", unpriced.status());
  if (unpriced.ok()) probe.PriceMissing(*unpriced);
  const absl::StatusOr<Money> imbalance = books.ImbalanceOfAll();
  LogFailure("the ledgers could not be summed; trying again", imbalance.status());
  if (!imbalance.ok()) return;
  probe.Imbalance(*imbalance);
  if (*imbalance == Money()) return;
  Log(Severity::kError, "the ledgers do not sum to zero; compare them with their journals",
      {{"imbalance_micros", imbalance->micros()}});
}

/// All parts of the service that outlive its threads.
struct Parts {
  Parts(const rpc::TlsFiles& tls, const Clock& the_clock, telemetry::Metrics& metrics)
      : clock(the_clock),
        probe(metrics),
        reconciliation_probe(metrics),
        pool(absl::GetFlag(FLAGS_database_dsn), AllQueries(),
             absl::GetFlag(FLAGS_database_connections)),
        registry(rpc::MutualTlsChannel(absl::GetFlag(FLAGS_registry_address), tls, "registry")),
        market(rpc::MutualTlsChannel(absl::GetFlag(FLAGS_market_address), tls, "market")),
        metering(rpc::MutualTlsChannel(absl::GetFlag(FLAGS_metering_address), tls, "metering")) {
    runs_watch.Tell(reconciler);
  }

  const Clock& clock;
  const SystemClock real_clock;
  MetricsProbe probe;
  ReconciliationMetrics reconciliation_probe;
  reconciliation::RunWatch runs_watch{probe};
  postgres::Pool pool;
  LedgerCache cache{crypto::Sha256};
  PostgresRunStore runs{pool, cache};
  PostgresRunLog run_log{pool};
  PostgresHoldStore holds{pool, cache};
  HoldQueue hold_queue{holds};
  PostgresTransferStore transfers{pool, cache, clock};
  ledger::TransferQueue transfer_queue{transfers};
  PostgresDepositStore deposits{pool, cache};
  PostgresBooksReader books{pool, cache};
  PostgresBooksFile files{pool};
  PostgresReconciliationStore checks{pool};
  PostgresStatementStore statements{pool, cache};
  PostgresEvidenceStore evidence{pool};
  LedgerReader accounts{pool, cache};
  PostgresKpiReader kpis{pool};
  RegistryClient registry;
  MarketClient market;
  MeteringClient metering;
  const std::unique_ptr<PaymentProvider> provider = ProviderFromFlags();
  PostgresPaymentStore payments{pool, cache};
  PostgresBankStore bank{pool, cache, {WriteCreditTransfers, WriteDirectDebits}};
  PostgresRoundStore rounds{pool, cache, crypto::Sha256};
  Ledgers ledgers{registry, runs};
  reconciliation::Reconciler reconciler{ledgers, checks, clock, real_clock, reconciliation_probe};
  BatchSettler settler{{registry, market, metering}, runs, clock, real_clock, runs_watch};
  DepositDesk desk{ledgers, *provider, deposits, clock};
  PaymentDesk payment_desk{ledgers, *provider, payments, crypto::Sha256, clock};
  BankDesk bank_desk{ledgers, bank, provider->uses_files(), crypto::Sha256, clock};
  PaymentJob payment_job{ledgers, registry, rounds, payment_desk, clock};
  Runner runner{ledgers, settler, runs, clock, real_clock, probe};
  RunDesk run_desk{ledgers, settler, runs, clock, real_clock};
  LineExplainer explainer{{registry, market, metering}, metering, market, evidence, books};
  const PdfWriter pdf{absl::GetFlag(FLAGS_font_folder)};
  ChangeFollower follower{metering, runs, ledgers, runner};
  TariffFollower tariff_follower{registry, runs, ledgers, runner};
};

/// Runs the threads of the service until it is told to stop.
void RunUntilStopped(Parts& parts, rpc::Server& server) {
  PollLoop readiness(kReadinessInterval, [&] { server.SetServing(parts.pool.Ping().ok()); });
  PollLoop rules(absl::GetFlag(FLAGS_rules_refresh_interval), [&] {
    LogFailure("the communities could not be listed; trying again", parts.ledgers.Refresh());
  });
  PollLoop runner(absl::GetFlag(FLAGS_poll_interval), [&] { parts.runner.Step(); });
  PollLoop follower(kReconnectInterval, [&] {
    const absl::Status ended = parts.follower.Follow();
    if (!absl::IsCancelled(ended)) {
      LogFailure("the changes of readings could not be followed; trying again", ended);
    }
  });
  PollLoop tariffs(absl::GetFlag(FLAGS_rules_refresh_interval), [&] {
    LogFailure("new tariffs could not be looked for; trying again",
               parts.tariff_follower.Follow());
  });
  PollLoop audit(kAuditInterval, [&] { Audit(parts.books, parts.probe); });
  PollLoop reconciler(kReconciliationInterval, [&] { parts.reconciler.Step(); });
  PollLoop expiry(kExpiryInterval, [&] {
    LogFailure("holds whose time is over could not be ended; trying again",
               parts.transfers.ExpireDue());
  });
  PollLoop payments(absl::GetFlag(FLAGS_payments_interval), [&] {
    LogFailure("a payment could not be made; trying again", parts.payment_job.Step());
  });
  PollLoop recovery(kRecoveryInterval, [&] {
    LogFailure("a deposit could not be finished; trying again", parts.desk.FinishPending());
  });
  WaitForStopSignal();
  parts.metering.CancelWatch();
}

int Serve() {
  RequireRange(FLAGS_database_connections, 2, 1000);
  RequireRange(FLAGS_poll_interval, absl::Milliseconds(1), absl::Minutes(1));
  RequireRange(FLAGS_rules_refresh_interval, absl::Milliseconds(10), absl::Hours(1));
  RequireRange(FLAGS_payments_interval, absl::Milliseconds(10), absl::Hours(1));
  RequireRange(FLAGS_drain_time, absl::ZeroDuration(), absl::Minutes(10));
  const absl::StatusOr<std::unique_ptr<Clock>> clock = ClockFromFlags();
  if (!clock.ok()) StopForConfiguration(clock.status().message());
  const rpc::TlsFiles tls = rpc::TlsFromFlags();
  telemetry::Metrics metrics;
  Parts parts(tls, **clock, metrics);
  SettlementService service(parts.books, parts.ledgers, parts.desk, parts.deposits, **clock);
  LedgerService ledger(parts.transfer_queue, parts.transfers, parts.accounts, parts.ledgers,
                       crypto::Sha256);
  KpisService kpis(parts.kpis, parts.ledgers);
  RunsService runs({parts.runs, parts.run_log, parts.run_desk, parts.runner, parts.ledgers},
                   **clock);
  PaymentsService payments({parts.ledgers, parts.accounts, parts.payment_desk, parts.payments,
                            parts.bank_desk, parts.bank, **clock});
  StatementsService statements(parts.statements, parts.explainer, parts.ledgers, parts.pdf,
                               **clock);
  SettlementInternalService internal(parts.hold_queue, parts.ledgers);
  ReconciliationService reconciliation(parts.reconciler, parts.checks, parts.files,
                                       parts.ledgers);
  rpc::ServerOptions options;
  options.address = absl::GetFlag(FLAGS_listen_address);
  options.health_address = absl::GetFlag(FLAGS_health_address);
  options.credentials = rpc::MutualTlsServer(tls);
  const absl::StatusOr<std::unique_ptr<rpc::Server>> server =
      rpc::Server::Start(options,
                         {&service, &kpis, &ledger, &payments, &reconciliation, &runs,
                          &statements, &internal},
                         metrics);
  absl::Status started = server.status();
  started.Update(metrics.Expose(absl::GetFlag(FLAGS_metrics_address)));
  if (!started.ok()) StopForConfiguration(started.message());
  Log(Severity::kInfo, "settlement serves", {{"address", options.address}});
  RunUntilStopped(parts, **server);
  (*server)->Drain(absl::GetFlag(FLAGS_drain_time));
  Log(Severity::kInfo, "settlement has stopped");
  FlushLog();
  return 0;
}

}  // namespace
}  // namespace peerwatt::settlement

int main(int argc, char** argv) {
  peerwatt::BlockStopSignals();
  peerwatt::StartProcess(argc, argv, "settlement",
                         "Settles periods and keeps the books: peerwatt-settlement --flag=value …",
                         {"database_dsn", "database_owner_dsn"});
  return absl::GetFlag(FLAGS_migrate) ? peerwatt::settlement::RunMigrations()
                                      : peerwatt::settlement::Serve();
}
