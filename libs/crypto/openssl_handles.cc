#include "libs/crypto/openssl_handles.h"

#include <array>
#include <cstddef>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "libs/base/check.h"

namespace peerwatt::crypto {
namespace {

// Without it OpenSSL would ask at the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

}  // namespace

absl::Status OpensslFailure(absl::string_view what) {
  std::array<char, 256> reason{};
  ERR_error_string_n(ERR_get_error(), reason.data(), reason.size());
  ERR_clear_error();
  return absl::InternalError(absl::StrCat(what, ": ", reason.data()));
}

BioHandle BioOver(absl::string_view text) {
  PW_CHECK(text.size() < 1U << 30, "text is too long for a stream");
  BioHandle bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  PW_CHECK(bio != nullptr, "no memory for a stream");
  return bio;
}

std::string TextOf(BIO* bio) {
  std::string text(BIO_ctrl_pending(bio), '\0');
  size_t read = 0;
  if (!text.empty()) {
    PW_CHECK(BIO_read_ex(bio, text.data(), text.size(), &read) == 1, "memory stream is unreadable");
  }
  text.resize(read);
  return text;
}

absl::StatusOr<KeyHandle> ParsePrivateKey(const std::string& pem) {
  const BioHandle bio = BioOver(pem);
  KeyHandle key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  if (key == nullptr) return absl::InvalidArgumentError("no unencrypted private key in PEM form");
  if (!IsP256(key.get())) return absl::InvalidArgumentError("the key is not on curve P-256");
  return key;
}

bool IsP256(const EVP_PKEY* key) {
  std::array<char, 64> group{};
  size_t size = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 &&
         EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1 &&
         absl::string_view(group.data()) == "prime256v1";
}

}  // namespace peerwatt::crypto
