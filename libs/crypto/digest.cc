#include "libs/crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "libs/base/check.h"

namespace peerwatt::crypto {
namespace {

constexpr size_t kSha256Size = 32;

// Fetched once: a fetch per digest costs more than a small digest.
const EVP_MD* Sha256Algorithm() {
  static const EVP_MD* const kAlgorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  PW_CHECK(kAlgorithm != nullptr, "OpenSSL offers no SHA-256");
  return kAlgorithm;
}

}  // namespace

std::string Sha256(absl::string_view bytes) {
  unsigned char digest[kSha256Size];
  unsigned int size = 0;
  PW_CHECK(EVP_Digest(bytes.data(), bytes.size(), digest, &size, Sha256Algorithm(), nullptr) == 1 &&
               size == kSha256Size,
           "SHA-256 failed");
  return std::string(digest, digest + kSha256Size);
}

std::string Sha256Hex(absl::string_view bytes) { return absl::BytesToHexString(Sha256(bytes)); }

bool EqualInConstantTime(absl::string_view a, absl::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace peerwatt::crypto
