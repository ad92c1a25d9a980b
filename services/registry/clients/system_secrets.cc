#include "services/registry/clients/system_secrets.h"

#include "absl/strings/escaping.h"
#include "libs/base/ids.h"
#include "libs/crypto/digest.h"

namespace peerwatt::registry {
namespace {

constexpr size_t kSecretBytes = 32;

}  // namespace

std::string SystemSecrets::NewSecret() {
  return absl::WebSafeBase64Escape(RandomBytes(kSecretBytes));
}

std::string SystemSecrets::Fingerprint(absl::string_view text) const {
  return crypto::Sha256Hex(text);
}

bool SystemSecrets::Equal(absl::string_view a, absl::string_view b) const {
  return crypto::EqualInConstantTime(a, b);
}

}  // namespace peerwatt::registry
