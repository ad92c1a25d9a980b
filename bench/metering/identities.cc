#include "bench/metering/identities.h"

#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/flags.h"
#include "libs/crypto/certificates.h"
#include "libs/rpc/security.h"

namespace peerwatt::bench {
namespace {

constexpr char kEnd[] = "-----END CERTIFICATE-----\n";
constexpr absl::Duration kLife = absl::Hours(24);

crypto::Certificate Issue(const std::string& ca_pem, const std::string& ca_key_pem,
                          const std::string& key_pem, const crypto::LeafSpec& spec) {
  auto leaf = crypto::IssueLeaf(ca_pem, ca_key_pem, key_pem, spec,
                                absl::Now() - absl::Minutes(1), kLife);
  if (!leaf.ok()) StopForConfiguration(leaf.status().ToString());
  return *std::move(leaf);
}

}  // namespace

void MakeIdentities(const std::string& ca_pem, const std::string& ca_key_pem, int count,
                    const std::string& path) {
  std::ofstream pems(path);
  std::ofstream serials(path + ".csv");
  const std::string key_pem = crypto::NewPrivateKey().value();
  pems << ca_pem << key_pem;
  for (int i = 1; i <= count; ++i) {
    const std::string id = absl::StrCat("bench-", i);
    crypto::LeafSpec spec;
    spec.common_name = id;
    spec.uri_san = absl::StrCat(rpc::kDeviceIdentityPrefix, id);
    spec.client = true;
    const crypto::Certificate leaf = Issue(ca_pem, ca_key_pem, key_pem, spec);
    pems << leaf.pem;
    serials << id << ',' << leaf.serial << '\n';
  }
}

Identities ReadIdentities(const std::string& path) {
  const std::string text = ReadConfigurationFile("identities", path);
  Identities out;
  const size_t root_end = text.find(kEnd) + sizeof(kEnd) - 1;
  out.root_pem = text.substr(0, root_end);
  size_t at = text.find("-----BEGIN CERTIFICATE", root_end);
  out.key_pem = text.substr(root_end, at - root_end);
  while (at < text.size()) {
    const size_t end = text.find(kEnd, at) + sizeof(kEnd) - 1;
    out.certificate_pems.push_back(text.substr(at, end - at));
    at = end;
  }
  return out;
}

std::shared_ptr<grpc::ServerCredentials> LocalServer(const std::string& ca_pem,
                                                     const std::string& ca_key_pem) {
  crypto::LeafSpec spec;
  spec.common_name = "localhost";
  spec.uri_san = absl::StrCat(rpc::kServiceIdentityPrefix, "echo");
  spec.dns_sans = {"localhost"};
  spec.server = true;
  rpc::TlsFiles tls;
  tls.ca_pem = ca_pem;
  tls.key_pem = crypto::NewPrivateKey().value();
  tls.cert_pem = Issue(ca_pem, ca_key_pem, tls.key_pem, spec).pem;
  return rpc::MutualTlsServer(tls);
}

}  // namespace peerwatt::bench
