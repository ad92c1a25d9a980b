#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/peerwatt/health.h"
#include "tools/peerwatt/postgres_cluster.h"
#include "tools/peerwatt/process.h"
#include "tools/peerwatt/state.h"

namespace peerwatt::tool {

/// The services in the order they start; they stop in the opposite order.
const std::vector<std::string>& ServiceNames();
/// Whether a service has a database of its own.
bool HasDatabase(absl::string_view service);
/// Names of all ports of a set-up.
std::vector<std::string> PortNames();

/// What runs a service. Its whole configuration goes through the environment, secrets only there or
/// in files. Errors: kNotFound when its program is not beside ours.
absl::StatusOr<Command> ServiceCommand(absl::string_view service, const StatePaths& paths,
                                       const State& state, const PostgresCluster& cluster);
/// What applies a service's migrations and ends.
absl::StatusOr<Command> MigrationCommand(absl::string_view service, const StatePaths& paths,
                                         const State& state, const PostgresCluster& cluster);
/// Where a service answers health checks.
absl::StatusOr<Endpoint> HealthEndpoint(absl::string_view service, const StatePaths& paths,
                                        const State& state);
/// The bootstrap admin's email, in the secret `admin_email`.
inline constexpr char kAdminEmail[] = "admin@peerwatt.example";

}  // namespace peerwatt::tool
