#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/peerwatt/api.h"
#include "tools/peerwatt/progress.h"
#include "tools/peerwatt/scenario.h"

namespace peerwatt::tool {

/// Who signs in where after the set-up.
struct Neighbourhood {
  Account operator_account;
  std::map<std::string, Account> accounts;              ///< by household
  std::map<std::string, std::string> enrolment_tokens;  ///< by household
};

/// Sets the neighbourhood up through the public API: the community with its tariff; for each
/// household an account, a participant whose identity is approved, metering points, a deposit, a
/// standing order and a device that waits for its certificate. Shows progress.
absl::StatusOr<Neighbourhood> SetUp(const Scenario& scenario, Account operator_account, Api& api,
                                    Progress& progress);

/// The fleet file that makes `peerwatt-devsim` play the scenario's devices.
Json FleetOf(const Scenario& scenario, const Neighbourhood& neighbourhood,
             const std::string& gateway_device_address, const std::string& gateway_grpc_address,
             const std::string& ca_file);

}  // namespace peerwatt::tool
