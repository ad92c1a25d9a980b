#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace peerwatt::crypto {

/// A new P-256 private key, PKCS #8 PEM.
absl::StatusOr<std::string> NewPrivateKey();

/// A certificate and what is known of it.
struct Certificate {
  std::string pem;
  std::string serial;  ///< lower-case hexadecimal without leading zeros
  absl::Time not_before;
  absl::Time not_after;
};

/// What a leaf certificate says.
struct LeafSpec {
  std::string common_name;
  std::string uri_san;                ///< `spiffe://peerwatt/device/d1`; exactly one
  std::vector<std::string> dns_sans;  ///< names a server proves
  std::vector<std::string> ip_sans;
  bool server = false;  ///< extended key usage serverAuth
  bool client = false;  ///< extended key usage clientAuth
};

/// A self-signed authority for `key_pem`.
absl::StatusOr<Certificate> NewAuthority(const std::string& key_pem, absl::string_view common_name,
                                         absl::Time not_before, absl::Duration life);
/// A leaf for the key `leaf_key_pem`, signed by the authority.
absl::StatusOr<Certificate> IssueLeaf(const std::string& authority_pem,
                                      const std::string& authority_key_pem,
                                      const std::string& leaf_key_pem, const LeafSpec& spec,
                                      absl::Time not_before, absl::Duration life);
/// A leaf for the key of a signing request; its subject and extensions are not copied.
/// Errors: kInvalidArgument when the request is malformed, its signature is wrong or its key is
/// not P-256.
absl::StatusOr<Certificate> IssueLeafForRequest(const std::string& authority_pem,
                                                const std::string& authority_key_pem,
                                                const std::string& csr_pem, const LeafSpec& spec,
                                                absl::Time not_before, absl::Duration life);
/// A PKCS #10 signing request for a key, PEM.
absl::StatusOr<std::string> NewSigningRequest(const std::string& key_pem,
                                              absl::string_view common_name);
/// Reads a certificate. Errors: kInvalidArgument.
absl::StatusOr<Certificate> ParseCertificate(const std::string& pem);

}  // namespace peerwatt::crypto
