#include "tools/peerwatt/services.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "tools/peerwatt/files.h"

namespace peerwatt::tool {
namespace {

constexpr char kTokenIssuer[] = "https://registry.peerwatt.dev";
constexpr char kTokenAudience[] = "peerwatt";

/// Collects flags as the environment variables that set them.
class Flags {
 public:
  Flags& Set(absl::string_view flag, absl::string_view value) {
    values_.emplace_back(absl::StrCat("PEERWATT_", absl::AsciiStrToUpper(flag)),
                         std::string(value));
    return *this;
  }
  std::vector<std::pair<std::string, std::string>> Take() { return std::move(values_); }

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

void AddRegistryFlags(const StatePaths& paths, const std::string& admin_password, Flags& flags) {
  flags.Set("token_key_file", paths.secret("token_key.pem"))
      .Set("device_ca_cert_file", paths.secret("ca_cert.pem"))
      .Set("device_ca_key_file", paths.secret("ca_key.pem"))
      .Set("bootstrap_admin_email", kAdminEmail)
      .Set("bootstrap_admin_password", admin_password);
}

void AddGatewayFlags(const StatePaths& paths, const State& state, Flags& flags) {
  flags.Set("http_address", state.Address("gateway_http"))
      .Set("grpc_address", state.Address("gateway_grpc"))
      .Set("device_address", state.Address("gateway_device"))
      .Set("grpc_tls_cert_file", paths.secret("public_cert.pem"))
      .Set("grpc_tls_key_file", paths.secret("public_key.pem"))
      .Set("device_ca_file", paths.secret("ca_cert.pem"));
}

absl::StatusOr<std::string> Program(absl::string_view service) {
  const std::string path = absl::StrCat(OwnDirectory(), "/peerwatt-", service);
  if (access(path.c_str(), X_OK) != 0) {
    return absl::NotFoundError(absl::StrCat("the program ", path, " is missing: build it first"));
  }
  return path;
}

}  // namespace

const std::vector<std::string>& ServiceNames() {
  static const auto& names =
      *new std::vector<std::string>{"registry", "metering", "settlement", "market", "gateway"};
  return names;
}

bool HasDatabase(absl::string_view service) { return service != "gateway"; }

std::vector<std::string> PortNames() {
  std::vector<std::string> names = {"postgres", "gateway_http", "gateway_grpc", "gateway_device"};
  for (const std::string& service : ServiceNames()) {
    if (HasDatabase(service)) names.push_back(service);
    names.push_back(service + "_metrics");
  }
  return names;
}

absl::StatusOr<Command> ServiceCommand(absl::string_view service, const StatePaths& paths,
                                       const State& state, const PostgresCluster& cluster) {
  PW_ASSIGN_OR_RETURN(const std::string program, Program(service));
  Flags flags;
  flags.Set("metrics_address", state.Address(absl::StrCat(service, "_metrics")))
      .Set("tls_cert_file", paths.secret(absl::StrCat(service, "_cert.pem")))
      .Set("tls_key_file", paths.secret(absl::StrCat(service, "_key.pem")))
      .Set("tls_ca_file", paths.secret("service_ca_cert.pem"))
      .Set("token_issuer", kTokenIssuer)
      .Set("token_audience", kTokenAudience);
  for (const std::string& other : ServiceNames()) {
    if (HasDatabase(other)) flags.Set(absl::StrCat(other, "_address"), state.Address(other));
  }
  for (const auto& [flag, value] : state.clock_flags) flags.Set(flag, value);
  if (HasDatabase(service)) {
    PW_ASSIGN_OR_RETURN(const std::string dsn, cluster.Dsn(service, false));
    flags.Set("database_dsn", dsn).Set("listen_address", state.Address(std::string(service)));
  }
  if (service == "registry") {
    PW_ASSIGN_OR_RETURN(const std::string password, SecretInFile(paths.secret("admin_password")));
    AddRegistryFlags(paths, password, flags);
  }
  if (service == "gateway") AddGatewayFlags(paths, state, flags);
  Command command;
  command.argv = {program};
  command.environment = flags.Take();
  command.log_path = paths.log(service);
  return command;
}

absl::StatusOr<Command> MigrationCommand(absl::string_view service, const StatePaths& paths,
                                         const State& state, const PostgresCluster& cluster) {
  PW_ASSIGN_OR_RETURN(Command command, ServiceCommand(service, paths, state, cluster));
  PW_ASSIGN_OR_RETURN(const std::string dsn, cluster.Dsn(service, true));
  command.argv.push_back("--migrate");
  command.environment.emplace_back("PEERWATT_DATABASE_OWNER_DSN", dsn);
  return command;
}

absl::StatusOr<Endpoint> HealthEndpoint(absl::string_view service, const StatePaths& paths,
                                        const State& state) {
  Endpoint endpoint;
  if (service == "gateway") {
    endpoint.address = state.Address("gateway_grpc");
    endpoint.server_name = "localhost";
    PW_ASSIGN_OR_RETURN(endpoint.ca_pem, ReadFile(paths.secret("ca_cert.pem")));
    return endpoint;
  }
  endpoint.address = state.Address(std::string(service));
  endpoint.server_name = absl::StrCat(service, ".peerwatt.internal");
  PW_ASSIGN_OR_RETURN(endpoint.ca_pem, ReadFile(paths.secret("service_ca_cert.pem")));
  PW_ASSIGN_OR_RETURN(endpoint.cert_pem, ReadFile(paths.secret("launcher_cert.pem")));
  PW_ASSIGN_OR_RETURN(endpoint.key_pem, ReadFile(paths.secret("launcher_key.pem")));
  return endpoint;
}

}  // namespace peerwatt::tool
