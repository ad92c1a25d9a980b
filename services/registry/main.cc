#include <memory>
#include <string>
#include <thread>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "libs/base/clock.h"
#include "libs/base/flags.h"
#include "libs/base/log.h"
#include "libs/postgres/migrator.h"
#include "libs/postgres/pool.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "libs/telemetry/metrics.h"
#include "services/registry/clients/access_tokens.h"
#include "services/registry/clients/device_authority.h"
#include "services/registry/clients/password_hasher.h"
#include "services/registry/clients/system_secrets.h"
#include "services/registry/rpc/internal_service.h"
#include "services/registry/rpc/registry_service.h"
#include "services/registry/rpc/handovers_service.h"
#include "services/registry/rpc/schemes_service.h"
#include "services/registry/rpc/tariffs_service.h"
#include "services/registry/storage/community_store.h"
#include "services/registry/storage/device_store.h"
#include "services/registry/storage/metering_point_store.h"
#include "services/registry/storage/migrations.h"
#include "services/registry/storage/network_store.h"
#include "services/registry/storage/participant_store.h"
#include "services/registry/storage/queries.h"
#include "services/registry/storage/handover_store.h"
#include "services/registry/storage/scheme_store.h"
#include "services/registry/storage/tariff_version_store.h"
#include "services/registry/storage/user_store.h"

ABSL_FLAG(std::string, listen_address, "127.0.0.1:0", "Where gRPC is served, host:port");
ABSL_FLAG(std::string, health_address, "",
          "Where the health service alone is served without TLS, host:port; empty for nowhere");
ABSL_FLAG(std::string, metrics_address, "", "Where /metrics is served, host:port; empty: nowhere");
ABSL_FLAG(std::string, database_dsn, "", "Connection string of the application role");
ABSL_FLAG(std::string, database_owner_dsn, "", "Connection string of the owner, for --migrate");
ABSL_FLAG(bool, migrate, false, "Apply the migrations and exit");
ABSL_FLAG(int, database_connections, 8, "Most connections to the database, 1 to 1000");
ABSL_FLAG(std::string, token_issuer, "https://peerwatt.local", "Issuer of the access tokens");
ABSL_FLAG(std::string, token_audience, "peerwatt", "Audience of the access tokens");
ABSL_FLAG(absl::Duration, token_lifetime, absl::Minutes(15),
          "How long an access token works, 1 minute to 1 day");
ABSL_FLAG(std::string, token_key_file, "", "Key that signs access tokens, P-256, PKCS #8 PEM");
ABSL_FLAG(std::string, device_ca_cert_file, "", "Authority of the devices' certificates, PEM");
ABSL_FLAG(std::string, device_ca_key_file, "", "Key of that authority, P-256, PKCS #8 PEM");
ABSL_FLAG(absl::Duration, device_certificate_lifetime, absl::Hours(720),
          "How long a device's certificate works, 10 seconds to 1 year");
ABSL_FLAG(std::string, bootstrap_admin_email, "",
          "When given, users/admin is created with this email unless it exists");
ABSL_FLAG(std::string, bootstrap_admin_password, "", "Password of that user; 10 to 128 bytes");

namespace peerwatt::registry {
namespace {

// Passwords are hashed by this many threads at most; the others keep the service answering.
constexpr int kPasswordsWorkingMax = 2;
constexpr int kPasswordsWaitingMax = 24;
constexpr absl::Duration kHealthPeriod = absl::Seconds(1);
constexpr absl::Duration kDrainGrace = absl::Seconds(10);

void RequireRange(absl::string_view flag, absl::Duration value, absl::Duration min,
                  absl::Duration max) {
  if (value >= min && value <= max) return;
  StopForConfiguration(absl::StrCat("--", flag, " must be between ", absl::FormatDuration(min),
                                    " and ", absl::FormatDuration(max)));
}

int Migrate() {
  const absl::Status status =
      postgres::Migrate(absl::GetFlag(FLAGS_database_owner_dsn), Migrations());
  if (status.ok()) {
    Log(Severity::kInfo, "the schema is up to date");
    FlushLog();
    return 0;
  }
  Log(Severity::kError, "the migrations failed", {{"error", status.ToString()}});
  FlushLog();
  return 1;
}

std::unique_ptr<JwtAccessTokens> TokensFromFlags() {
  const absl::Duration life = absl::GetFlag(FLAGS_token_lifetime);
  RequireRange("token_lifetime", life, absl::Minutes(1), absl::Hours(24));
  auto signer = crypto::TokenSigner::FromPem(
      ReadConfigurationFile("token_key_file", absl::GetFlag(FLAGS_token_key_file)));
  if (!signer.ok()) {
    StopForConfiguration(absl::StrCat("--token_key_file: ", signer.status().message()));
  }
  return std::make_unique<JwtAccessTokens>(*std::move(signer), absl::GetFlag(FLAGS_token_issuer),
                                           absl::GetFlag(FLAGS_token_audience), life);
}

std::unique_ptr<DeviceAuthority> AuthorityFromFlags(absl::Time now) {
  const absl::Duration life = absl::GetFlag(FLAGS_device_certificate_lifetime);
  RequireRange("device_certificate_lifetime", life, absl::Seconds(10), absl::Hours(24 * 366));
  auto authority = std::make_unique<DeviceAuthority>(
      ReadConfigurationFile("device_ca_cert_file", absl::GetFlag(FLAGS_device_ca_cert_file)),
      ReadConfigurationFile("device_ca_key_file", absl::GetFlag(FLAGS_device_ca_key_file)), life);
  if (const absl::Status status = authority->Check(now); !status.ok()) {
    StopForConfiguration(absl::StrCat("--device_ca_cert_file: ", status.message()));
  }
  return authority;
}

std::unique_ptr<Clock> ClockOrStop() {
  auto clock = ClockFromFlags();
  if (!clock.ok()) StopForConfiguration(clock.status().message());
  return *std::move(clock);
}

// Creates the first administrator when the flags ask for one. Returns whether that is settled;
// a database that is away is asked again, a wrong value stops the process.
bool AdministratorExists(Accounts& accounts, const Clock& real_clock) {
  const std::string email = absl::GetFlag(FLAGS_bootstrap_admin_email);
  if (email.empty()) return true;
  const absl::Status status = accounts.EnsureAdministrator(
      email, absl::GetFlag(FLAGS_bootstrap_admin_password), real_clock.Now());
  if (absl::IsInvalidArgument(status) || absl::IsAlreadyExists(status)) {
    StopForConfiguration(absl::StrCat("--bootstrap_admin_email: ", status.message()));
  }
  if (!status.ok()) {
    Log(Severity::kWarning, "the first administrator waits for the database",
        {{"error", status.ToString()}});
  }
  return status.ok();
}

// Tells the health service each second whether the database answers.
void WatchHealth(rpc::Server& server, postgres::Pool& pool, Accounts& accounts,
                 const Clock& real_clock, absl::Notification& stop) {
  bool administrator_exists = false;
  bool serving = false;
  do {
    const bool database_answers = pool.Ping().ok();
    if (database_answers && !administrator_exists) {
      administrator_exists = AdministratorExists(accounts, real_clock);
    }
    const bool ready = database_answers && administrator_exists;
    if (ready != serving) {
      Log(ready ? Severity::kInfo : Severity::kWarning,
          ready ? "serving" : "not serving: the database does not answer");
    }
    serving = ready;
    server.SetServing(serving);
  } while (!stop.WaitForNotificationWithTimeout(kHealthPeriod));
}

int Serve() {
  const int connections = absl::GetFlag(FLAGS_database_connections);
  if (connections < 1 || connections > 1000) {
    StopForConfiguration("--database_connections must be 1 to 1000");
  }
  const SystemClock real_clock;
  const std::unique_ptr<Clock> clock = ClockOrStop();
  const std::unique_ptr<JwtAccessTokens> tokens = TokensFromFlags();
  const std::unique_ptr<DeviceAuthority> authority = AuthorityFromFlags(real_clock.Now());
  postgres::Pool pool(absl::GetFlag(FLAGS_database_dsn), Queries(), connections);
  PostgresUserStore users(pool);
  PostgresCommunityStore communities(pool);
  PostgresParticipantStore participants(pool);
  PostgresMeteringPointStore metering_points(pool);
  PostgresDeviceStore device_store(pool);
  PostgresNetworkStore networks(pool);
  PostgresSchemeStore schemes(pool);
  PostgresTariffVersionStore tariffs(pool);
  PostgresHandoverStore handovers(pool);
  ArgonPasswordHasher hasher(kPasswordsWorkingMax, kPasswordsWaitingMax);
  SystemSecrets secrets;
  Accounts accounts(users, users, hasher, *tokens, secrets);
  Devices devices(device_store, *authority, secrets);
  RegistryService service({accounts, *tokens, communities, participants, metering_points, devices,
                           device_store, networks, *clock, real_clock});
  RegistryInternalService internal(communities, participants, metering_points, device_store,
                                   networks, real_clock);
  SchemesService schemes_service(communities, schemes, *clock);
  SchemesInternalService schemes_internal(communities, schemes);
  TariffsService tariffs_service(communities, tariffs, *clock);
  TariffsInternalService tariffs_internal(communities, tariffs);
  HandoversService handovers_service(handovers, *clock);
  HandoversInternalService handovers_internal(handovers);

  telemetry::Metrics metrics;
  if (const std::string address = absl::GetFlag(FLAGS_metrics_address); !address.empty()) {
    const absl::Status exposed = metrics.Expose(address);
    if (!exposed.ok()) StopForConfiguration(exposed.message());
  }
  rpc::ServerOptions options;
  options.address = absl::GetFlag(FLAGS_listen_address);
  options.health_address = absl::GetFlag(FLAGS_health_address);
  options.credentials = rpc::MutualTlsServer(rpc::TlsFromFlags());
  auto server = rpc::Server::Start(
      options,
      {&service, &internal, &schemes_service, &schemes_internal, &handovers_service,
       &handovers_internal, &tariffs_service, &tariffs_internal},
      metrics);
  if (!server.ok()) StopForConfiguration(server.status().message());

  absl::Notification stop;
  std::thread health(WatchHealth, std::ref(**server), std::ref(pool), std::ref(accounts),
                     std::cref(real_clock), std::ref(stop));
  WaitForStopSignal();
  Log(Severity::kInfo, "stopping: running calls may end");
  stop.Notify();
  health.join();
  (*server)->Drain(kDrainGrace);
  FlushLog();
  return 0;
}

}  // namespace
}  // namespace peerwatt::registry

int main(int argc, char** argv) {
  peerwatt::BlockStopSignals();
  peerwatt::StartProcess(argc, argv, "registry", "Keeps who takes part and under which rules.",
                         {"bootstrap_admin_password", "database_dsn", "database_owner_dsn"});
  return absl::GetFlag(FLAGS_migrate) ? peerwatt::registry::Migrate()
                                      : peerwatt::registry::Serve();
}
