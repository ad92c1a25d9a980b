#include "libs/crypto/signature.h"

#include <array>
#include <utility>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "libs/base/check.h"
#include "libs/base/status_macros.h"

namespace peerwatt::crypto {
namespace {

constexpr size_t kDigestSize = 32;
// A signature is two numbers of the curve's size with their headers; 521 bits are the most.
constexpr size_t kSignatureBytesMax = 160;
constexpr size_t kKeyBytesMax = 1024;

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Signer>> Signer::FromPem(const std::string& key_pem) {
  PW_ASSIGN_OR_RETURN(KeyHandle key, ParsePrivateKey(key_pem));
  return std::unique_ptr<Signer>(new Signer(std::move(key)));
}

std::string Signer::Sign(absl::string_view bytes) const {
  const DigestContextHandle context(EVP_MD_CTX_new());
  std::array<unsigned char, kSignatureBytesMax> der{};
  size_t size = der.size();
  PW_CHECK(context != nullptr &&
               EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
               EVP_DigestSign(context.get(), der.data(), &size, Bytes(bytes), bytes.size()) == 1,
           "signing failed");
  return std::string(der.begin(), der.begin() + static_cast<std::ptrdiff_t>(size));
}

absl::StatusOr<VerificationKey> VerificationKey::From(KeyHandle key) {
  std::array<char, 64> group{};
  size_t size = 0;
  const bool named = key != nullptr && EVP_PKEY_is_a(key.get(), "EC") == 1 &&
                     EVP_PKEY_get_group_name(key.get(), group.data(), group.size(), &size) == 1;
  unsigned char* der = nullptr;
  const int der_size = named ? i2d_PUBKEY(key.get(), &der) : 0;
  ERR_clear_error();
  if (der_size <= 0) {
    return absl::InvalidArgumentError("no public key on a named elliptic curve");
  }
  VerificationKey made;
  made.key_ = std::move(key);
  made.der_.assign(der, der + der_size);
  made.curve_.assign(group.data(), size);
  OPENSSL_free(der);
  return made;
}

absl::StatusOr<VerificationKey> VerificationKey::FromCertificate(
    const std::string& certificate_pem) {
  const BioHandle bio = BioOver(certificate_pem);
  const CertificateHandle certificate(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  KeyHandle key(certificate == nullptr ? nullptr : X509_get_pubkey(certificate.get()));
  ERR_clear_error();
  return From(std::move(key));
}

absl::StatusOr<VerificationKey> VerificationKey::FromDer(absl::string_view der) {
  if (der.empty() || der.size() > kKeyBytesMax) {
    return absl::InvalidArgumentError("no public key on a named elliptic curve");
  }
  const unsigned char* in = Bytes(der);
  KeyHandle key(d2i_PUBKEY(nullptr, &in, static_cast<long>(der.size())));
  ERR_clear_error();
  if (in != Bytes(der) + der.size()) {
    return absl::InvalidArgumentError("no public key on a named elliptic curve");
  }
  return From(std::move(key));
}

bool VerificationKey::VerifiesDigest(absl::string_view digest, absl::string_view signature) const {
  if (digest.size() != kDigestSize || signature.size() > kSignatureBytesMax) {
    return false;
  }
  const KeyContextHandle context(EVP_PKEY_CTX_new(key_.get(), nullptr));
  const bool holds = context != nullptr && EVP_PKEY_verify_init(context.get()) == 1 &&
                     EVP_PKEY_verify(context.get(), Bytes(signature), signature.size(),
                                     Bytes(digest), digest.size()) == 1;
  ERR_clear_error();
  return holds;
}

}  // namespace peerwatt::crypto
