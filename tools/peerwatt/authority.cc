#include "tools/peerwatt/authority.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/crypto/certificates.h"
#include "tools/peerwatt/files.h"

namespace peerwatt::tool {
namespace {

constexpr absl::Duration kAuthorityLife = absl::Hours(24 * 3650);
constexpr absl::Duration kLeafLife = absl::Hours(24 * 365);
constexpr absl::Duration kRenewBefore = absl::Hours(24 * 30);

struct KeyPair {
  std::string certificate_pem;
  std::string key_pem;
  bool made = false;  ///< just now
};

std::string CertificatePath(const StatePaths& paths, absl::string_view name) {
  return paths.secret(absl::StrCat(name, "_cert.pem"));
}

std::string KeyPath(const StatePaths& paths, absl::string_view name) {
  return paths.secret(absl::StrCat(name, "_key.pem"));
}

/// The pair on disk, or an empty one when it is missing, unreadable or near its end.
KeyPair Kept(const StatePaths& paths, absl::string_view name) {
  const auto certificate = ReadFile(CertificatePath(paths, name));
  const auto key = ReadFile(KeyPath(paths, name));
  if (!certificate.ok() || !key.ok()) return {};
  const auto parsed = crypto::ParseCertificate(*certificate);
  const absl::Time now = absl::Now();
  if (!parsed.ok() || parsed->not_after < now + kRenewBefore || parsed->not_before > now) return {};
  return {*certificate, *key, false};
}

absl::Status Keep(const StatePaths& paths, absl::string_view name, const KeyPair& pair) {
  PW_RETURN_IF_ERROR(WriteFile(KeyPath(paths, name), pair.key_pem, 0600));
  return WriteFile(CertificatePath(paths, name), pair.certificate_pem, 0600);
}

absl::StatusOr<KeyPair> Authority(const StatePaths& paths, absl::string_view name,
                                  absl::string_view common_name) {
  KeyPair pair = Kept(paths, name);
  if (!pair.key_pem.empty()) return pair;
  PW_ASSIGN_OR_RETURN(pair.key_pem, crypto::NewPrivateKey());
  PW_ASSIGN_OR_RETURN(const crypto::Certificate certificate,
                      crypto::NewAuthority(pair.key_pem, common_name,
                                           absl::Now() - absl::Minutes(5), kAuthorityLife));
  pair.certificate_pem = certificate.pem;
  pair.made = true;
  PW_RETURN_IF_ERROR(Keep(paths, name, pair));
  return pair;
}

absl::Status Leaf(const StatePaths& paths, absl::string_view name, const KeyPair& authority,
                  const crypto::LeafSpec& spec) {
  KeyPair pair = Kept(paths, name);
  if (!authority.made && !pair.key_pem.empty()) return absl::OkStatus();
  PW_ASSIGN_OR_RETURN(pair.key_pem, crypto::NewPrivateKey());
  PW_ASSIGN_OR_RETURN(const crypto::Certificate certificate,
                      crypto::IssueLeaf(authority.certificate_pem, authority.key_pem, pair.key_pem,
                                        spec, absl::Now() - absl::Minutes(5), kLeafLife));
  pair.certificate_pem = certificate.pem;
  return Keep(paths, name, pair);
}

}  // namespace

absl::Status PrepareAuthorities(const StatePaths& paths, const std::vector<std::string>& services) {
  PW_ASSIGN_OR_RETURN(const KeyPair outer,
                      Authority(paths, "ca", "PeerWatt development authority"));
  PW_ASSIGN_OR_RETURN(const KeyPair inner,
                      Authority(paths, "service_ca", "PeerWatt development services"));
  for (const std::string& service : services) {
    crypto::LeafSpec spec;
    spec.common_name = service;
    spec.uri_san = absl::StrCat("spiffe://peerwatt/service/", service);
    spec.dns_sans = {absl::StrCat(service, ".peerwatt.internal"), "localhost"};
    spec.ip_sans = {"127.0.0.1"};
    spec.server = true;
    spec.client = true;
    PW_RETURN_IF_ERROR(Leaf(paths, service, inner, spec));
  }
  crypto::LeafSpec front;
  front.common_name = "localhost";
  front.uri_san = "spiffe://peerwatt/service/gateway";
  front.dns_sans = {"localhost", "gateway.peerwatt.internal"};
  front.ip_sans = {"127.0.0.1"};
  front.server = true;
  PW_RETURN_IF_ERROR(Leaf(paths, "public", outer, front));
  if (const auto token = ReadFile(paths.secret("token_key.pem")); token.ok()) {
    return absl::OkStatus();
  }
  PW_ASSIGN_OR_RETURN(const std::string token_key, crypto::NewPrivateKey());
  return WriteFile(paths.secret("token_key.pem"), token_key, 0600);
}

}  // namespace peerwatt::tool
