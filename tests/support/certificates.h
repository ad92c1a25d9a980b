#pragma once

#include <string>

#include "absl/time/clock.h"
#include "libs/crypto/certificates.h"
#include "libs/rpc/security.h"

namespace peerwatt::testing {

/// An authority and certificates of services, made once.
class Certificates {
 public:
  static Certificates& Instance() {
    static Certificates certificates;
    return certificates;
  }
  rpc::TlsFiles Of(const std::string& service) {
    const std::string key = *crypto::NewPrivateKey();
    crypto::LeafSpec spec;
    spec.common_name = service;
    spec.uri_san = rpc::kServiceIdentityPrefix + service;
    spec.dns_sans = {service + ".peerwatt.internal"};
    spec.server = true;
    spec.client = true;
    const auto leaf = crypto::IssueLeaf(authority_.pem, key_, key, spec,
                                        absl::Now() - absl::Minutes(1), absl::Hours(1));
    return {.cert_pem = leaf->pem, .key_pem = key, .ca_pem = authority_.pem};
  }

 private:
  std::string key_ = *crypto::NewPrivateKey();
  crypto::Certificate authority_ =
      *crypto::NewAuthority(key_, "test", absl::Now() - absl::Hours(1), absl::Hours(2));
};

}  // namespace peerwatt::testing
