#include "services/metering/clients/ocmf_signatures.h"

#include <algorithm>
#include <iterator>

#include "libs/base/error.h"
#include "libs/crypto/digest.h"
#include "libs/crypto/signature.h"

namespace peerwatt::metering {
namespace {

/// An algorithm of OCMF 1.2, table 22, and OpenSSL's name of its curve.
struct Algorithm {
  absl::string_view name;
  absl::string_view curve;
};
constexpr Algorithm kAlgorithms[] = {
    {"ECDSA-secp256r1-SHA256", "prime256v1"},
    {"ECDSA-secp384r1-SHA256", "secp384r1"},
    {"ECDSA-secp192r1-SHA256", "prime192v1"},
    {"ECDSA-secp192k1-SHA256", "secp192k1"},
    {"ECDSA-secp256k1-SHA256", "secp256k1"},
    {"ECDSA-brainpool256r1-SHA256", "brainpoolP256r1"},
    {"ECDSA-brainpool384r1-SHA256", "brainpoolP384r1"},
};

}  // namespace

absl::Status EcdsaOcmfSignatures::CheckKey(absl::string_view public_key_der) {
  const auto key = crypto::VerificationKey::FromDer(public_key_der);
  const bool known = key.ok() && std::any_of(std::begin(kAlgorithms), std::end(kAlgorithms),
                                             [&](const Algorithm& algorithm) {
                                               return algorithm.curve == key->curve();
                                             });
  return known ? absl::OkStatus()
               : FieldInvalid("ocmf_meter.public_key_der",
                              "must be a public key, DER, on a curve of OCMF");
}

bool EcdsaOcmfSignatures::Holds(absl::string_view public_key_der, const OcmfRecord& record) {
  const auto key = crypto::VerificationKey::FromDer(public_key_der);
  const auto algorithm = std::find_if(
      std::begin(kAlgorithms), std::end(kAlgorithms),
      [&](const Algorithm& one) { return one.name == record.signature_algorithm; });
  return key.ok() && algorithm != std::end(kAlgorithms) && algorithm->curve == key->curve() &&
         key->VerifiesDigest(crypto::Sha256(record.payload), record.signature);
}

}  // namespace peerwatt::metering
