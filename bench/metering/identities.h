#pragma once

#include <memory>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

namespace peerwatt::bench {

/// Devices `bench-1` to `bench-<count>` with one private key and a certificate each.
struct Identities {
  std::string root_pem;  ///< who signed the server's certificate
  std::string key_pem;
  std::vector<std::string> certificate_pems;
};

/// Makes them, signed by the authority, writes them to `path` and a line
/// `<device id>,<certificate serial>` for each to `path`.csv.
void MakeIdentities(const std::string& ca_pem, const std::string& ca_key_pem, int count,
                    const std::string& path);
/// Reads what `MakeIdentities` wrote.
Identities ReadIdentities(const std::string& path);
/// Credentials of a server named `localhost`, signed by the authority, that wants certificates.
std::shared_ptr<grpc::ServerCredentials> LocalServer(const std::string& ca_pem,
                                                     const std::string& ca_key_pem);

}  // namespace peerwatt::bench
