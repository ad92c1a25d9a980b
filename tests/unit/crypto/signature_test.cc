#include "libs/crypto/signature.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "libs/crypto/certificates.h"
#include "libs/crypto/digest.h"

namespace peerwatt::crypto {
namespace {

// Of a charge point in the field, as published with the transparency software for OCMF: the key,
// and its signature over a record of 2019.
constexpr char kFieldKey[] =
    "3059301306072A8648CE3D020106082A8648CE3D030107034200043AEEB45C392357820A58FDFB0857BD77ADA31585"
    "C61C430531DFA53B440AFBFDD95AC887C658EA55260F808F55CA948DF235C2108A0D6DC7D4AB1A5E1A7955BE";

TEST(SignatureTest, HoldsForWhatWasSignedByItsKeyOnly) {
  const std::string key_pem = *NewPrivateKey();
  const auto signer = Signer::FromPem(key_pem);
  ASSERT_TRUE(signer.ok()) << signer.status();
  const std::string signature = (*signer)->Sign("content");
  const auto authority =
      NewAuthority(key_pem, "test", absl::UnixEpoch() + absl::Hours(1), absl::Hours(1));
  const auto key = VerificationKey::FromCertificate(authority->pem);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->curve(), "prime256v1");
  EXPECT_TRUE(key->VerifiesDigest(Sha256("content"), signature));
  EXPECT_FALSE(key->VerifiesDigest(Sha256("other"), signature));
  EXPECT_FALSE(key->VerifiesDigest("content", signature)) << "no digest";
  for (size_t i = 0; i < signature.size(); ++i) {
    std::string changed = signature;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(key->VerifiesDigest(Sha256("content"), changed)) << "byte " << i;
  }
  EXPECT_FALSE(key->VerifiesDigest(Sha256("content"), ""));
  EXPECT_FALSE(key->VerifiesDigest(Sha256("content"), signature + '\0'));
  EXPECT_FALSE(key->VerifiesDigest(Sha256("content"), std::string(10'000, '0')));

  const auto other_certificate = NewAuthority(*NewPrivateKey(), "test",
                                              absl::UnixEpoch() + absl::Hours(1), absl::Hours(1));
  const auto other = VerificationKey::FromCertificate(other_certificate->pem);
  EXPECT_FALSE(other->VerifiesDigest(Sha256("content"), signature));
  EXPECT_NE(other->der(), key->der());
}

TEST(SignatureTest, AKeyIsReadFromItsOwnDer) {
  const auto key = VerificationKey::FromDer(absl::HexStringToBytes(kFieldKey));
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->der(), absl::HexStringToBytes(kFieldKey));
  EXPECT_EQ(key->curve(), "prime256v1");
}

TEST(SignatureTest, RefusesWhatIsNoKey) {
  std::string key = absl::HexStringToBytes(kFieldKey);
  EXPECT_FALSE(VerificationKey::FromDer("").ok());
  EXPECT_FALSE(VerificationKey::FromDer(key + "x").ok()) << "more after the key";
  EXPECT_FALSE(VerificationKey::FromDer(key.substr(0, key.size() - 1)).ok());
  EXPECT_FALSE(VerificationKey::FromDer(std::string(2000, '0')).ok());
  key.back() = static_cast<char>(key.back() ^ 1);
  EXPECT_FALSE(VerificationKey::FromDer(key).ok()) << "not on the curve";
  EXPECT_FALSE(VerificationKey::FromCertificate("no certificate").ok());
  EXPECT_FALSE(Signer::FromPem("no key").ok());
}

}  // namespace
}  // namespace peerwatt::crypto
