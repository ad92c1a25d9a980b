#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tools/peerwatt/state.h"

namespace peerwatt::tool {

/// Makes what a development set-up needs to trust itself, in the secrets directory; keeps what is
/// there and still valid for 30 days:
/// - `ca_cert.pem`, `ca_key.pem`: the public authority, which signs the gateway's public
/// certificate
///   and the devices' certificates;
/// - `service_ca_cert.pem`, `service_ca_key.pem`: the authority behind mTLS between the services;
/// - `<service>_cert.pem`, `<service>_key.pem` for each name in `services`;
/// - `public_cert.pem`, `public_key.pem`: what the gateway shows to the outside;
/// - `token_key.pem`: signs access tokens.
/// Keys are readable only by their owner.
absl::Status PrepareAuthorities(const StatePaths& paths, const std::vector<std::string>& services);

}  // namespace peerwatt::tool
