#include "libs/crypto/password.h"

#include <array>

#include <sodium.h>

#include "absl/strings/string_view.h"

#include "libs/base/check.h"

namespace peerwatt::crypto {
namespace {

void StartSodium() {
  static const bool kStarted = sodium_init() >= 0;
  PW_CHECK(kStarted, "libsodium does not start");
}

}  // namespace

absl::StatusOr<std::string> HashPassword(absl::string_view password) {
  StartSodium();
  std::array<char, crypto_pwhash_STRBYTES> phc{};
  if (crypto_pwhash_str_alg(phc.data(), password.data(), password.size(),
                            crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE,
                            crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return absl::ResourceExhaustedError("no memory to hash a password");
  }
  return std::string(phc.data());
}

bool VerifyPassword(absl::string_view password, const std::string& phc) {
  StartSodium();
  // The library reads a fixed buffer; a longer text is no hash of ours.
  if (phc.size() >= crypto_pwhash_STRBYTES) return false;
  return crypto_pwhash_str_verify(phc.c_str(), password.data(), password.size()) == 0;
}

}  // namespace peerwatt::crypto
