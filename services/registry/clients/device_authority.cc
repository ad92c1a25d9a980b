#include "services/registry/clients/device_authority.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/crypto/certificates.h"
#include "services/registry/core/errors.h"

namespace peerwatt::registry {
namespace {

crypto::LeafSpec SpecOf(const DeviceId& device) {
  crypto::LeafSpec spec;
  spec.common_name = device.value();
  spec.uri_san = absl::StrCat("spiffe://peerwatt/device/", device.value());
  spec.client = true;
  return spec;
}

}  // namespace

DeviceAuthority::DeviceAuthority(std::string authority_pem, std::string authority_key_pem,
                                 absl::Duration life)
    : authority_pem_(std::move(authority_pem)),
      authority_key_pem_(std::move(authority_key_pem)),
      life_(life) {}

absl::Status DeviceAuthority::Check(absl::Time now) const {
  // The honest test is to do it: one certificate for a key of our own, thrown away.
  PW_ASSIGN_OR_RETURN(const std::string key, crypto::NewPrivateKey());
  const auto leaf = crypto::IssueLeaf(authority_pem_, authority_key_pem_, key,
                                      SpecOf(DeviceId("check")), now, life_);
  if (!leaf.ok()) return absl::FailedPreconditionError(leaf.status().message());
  return absl::OkStatus();
}

absl::StatusOr<IssuedCertificate> DeviceAuthority::Issue(const DeviceId& device,
                                                         const std::string& csr_pem,
                                                         absl::Time now) {
  // Certificates count in whole seconds.
  const absl::Time issued_at = absl::FromUnixSeconds(absl::ToUnixSeconds(now));
  const auto leaf = crypto::IssueLeafForRequest(authority_pem_, authority_key_pem_, csr_pem,
                                                SpecOf(device), issued_at, life_);
  if (absl::IsInvalidArgument(leaf.status())) {
    return Error(kCsrInvalid, leaf.status().message());
  }
  PW_RETURN_IF_ERROR(leaf.status());
  return IssuedCertificate{leaf->serial, leaf->pem, "", issued_at, leaf->not_after};
}

}  // namespace peerwatt::registry
