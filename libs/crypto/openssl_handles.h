#pragma once

#include <memory>
#include <string>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peerwatt::crypto {

/// Calls an OpenSSL free function; the deleter of the handles below.
template <auto kFree>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

using BignumHandle = std::unique_ptr<BIGNUM, FreeWith<BN_free>>;
using BioHandle = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using KeyHandle = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using KeyContextHandle = std::unique_ptr<EVP_PKEY_CTX, FreeWith<EVP_PKEY_CTX_free>>;
using DigestContextHandle = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
using EcdsaSignatureHandle = std::unique_ptr<ECDSA_SIG, FreeWith<ECDSA_SIG_free>>;
using CertificateHandle = std::unique_ptr<X509, FreeWith<X509_free>>;
using RequestHandle = std::unique_ptr<X509_REQ, FreeWith<X509_REQ_free>>;
using ExtensionHandle = std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>>;
using GeneralNamesHandle = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;

/// kInternal with what failed and OpenSSL's own reason; empties OpenSSL's queue of errors.
absl::Status OpensslFailure(absl::string_view what);
/// A readable stream over `text`, which must live as long.
BioHandle BioOver(absl::string_view text);
/// What was written to a memory stream.
std::string TextOf(BIO* bio);

/// Reads a private key. Errors: kInvalidArgument unless it is an unencrypted P-256 key.
absl::StatusOr<KeyHandle> ParsePrivateKey(const std::string& pem);
/// Whether the key is an elliptic-curve key on P-256.
bool IsP256(const EVP_PKEY* key);

}  // namespace peerwatt::crypto
