#include "libs/crypto/jwt.h"

#include <array>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "libs/base/error.h"
#include "libs/crypto/certificates.h"
#include "libs/crypto/openssl_handles.h"

namespace peerwatt::crypto {
namespace {

using Json = nlohmann::json;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

std::string Encode(const std::string& text) { return absl::WebSafeBase64Escape(text); }

// Signs any bytes with the key, so that a test can make well-signed nonsense.
std::string SignedRaw(EVP_PKEY* key, const std::string& input) {
  const DigestContextHandle context(EVP_MD_CTX_new());
  std::array<unsigned char, 128> der{};
  size_t size = der.size();
  EXPECT_EQ(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key), 1);
  EXPECT_EQ(EVP_DigestSign(context.get(), der.data(), &size,
                           reinterpret_cast<const unsigned char*>(input.data()), input.size()),
            1);
  const unsigned char* in = der.data();
  const EcdsaSignatureHandle signature(d2i_ECDSA_SIG(nullptr, &in, static_cast<long>(size)));
  std::array<unsigned char, 64> raw{};
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), raw.data(), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), raw.data() + 32, 32);
  return std::string(raw.begin(), raw.end());
}

class JwtTest : public ::testing::Test {
 protected:
  JwtTest() {
    key_pem_ = NewPrivateKey().value();
    signer_ = TokenSigner::FromPem(key_pem_).value();
    key_ = ParsePrivateKey(key_pem_).value();
    verifier_ = TokenVerifier::FromKeys({signer_->jwk()}, "https://peerwatt.local", "peerwatt")
                    .value();
  }

  static TokenClaims Claims() {
    return {"https://peerwatt.local", "peerwatt",  "users/u1",
            "participants/p1",        {"CONSUMER", "PROSUMER"},
            "token-1",                kNow,        kNow + absl::Minutes(15)};
  }

  Json Header() const {
    return {{"alg", "ES256"}, {"typ", "at+jwt"}, {"kid", signer_->jwk().kid}};
  }

  static Json Payload() {
    return {{"iss", "https://peerwatt.local"},
            {"aud", "peerwatt"},
            {"sub", "users/u1"},
            {"roles", {"CONSUMER"}},
            {"jti", "token-1"},
            {"iat", 1'800'000'000},
            {"exp", 1'800'000'900}};
  }

  std::string Token(const std::string& header, const std::string& payload) const {
    const std::string input = absl::StrCat(Encode(header), ".", Encode(payload));
    return absl::StrCat(input, ".", Encode(SignedRaw(key_.get(), input)));
  }
  std::string Token(const Json& header, const Json& payload) const {
    return Token(header.dump(), payload.dump());
  }

  std::string ReasonFor(const std::string& token, absl::Time now = kNow) const {
    const auto claims = verifier_->Verify(token, now);
    if (claims.ok()) return "OK";
    EXPECT_EQ(claims.status().code(), absl::StatusCode::kUnauthenticated);
    return ReasonOf(claims.status());
  }

  std::string key_pem_;
  std::unique_ptr<TokenSigner> signer_;
  KeyHandle key_;
  std::unique_ptr<TokenVerifier> verifier_;
};

TEST_F(JwtTest, VerifiesWhatItSigned) {
  const auto claims = verifier_->Verify(signer_->Sign(Claims()), kNow);
  ASSERT_TRUE(claims.ok()) << claims.status();
  EXPECT_EQ(claims->issuer, "https://peerwatt.local");
  EXPECT_EQ(claims->audience, "peerwatt");
  EXPECT_EQ(claims->subject, "users/u1");
  EXPECT_EQ(claims->participant, "participants/p1");
  EXPECT_EQ(claims->roles, (std::vector<std::string>{"CONSUMER", "PROSUMER"}));
  EXPECT_EQ(claims->token_id, "token-1");
  EXPECT_EQ(claims->issued_at, kNow);
  EXPECT_EQ(claims->expires_at, kNow + absl::Minutes(15));
}

TEST_F(JwtTest, VerifiesManySignatures) {
  // r or s starts with a zero byte in one of 128 signatures; it must keep its 64 bytes.
  for (int i = 0; i < 600; ++i) {
    TokenClaims claims = Claims();
    claims.token_id = absl::StrCat(i);
    ASSERT_EQ(ReasonFor(signer_->Sign(claims)), "OK") << i;
  }
}

TEST_F(JwtTest, LeavesOutAnEmptyParticipant) {
  TokenClaims claims = Claims();
  claims.participant.clear();
  const std::string token = signer_->Sign(claims);
  std::string payload;
  const std::vector<std::string> parts = absl::StrSplit(token, '.');
  ASSERT_TRUE(absl::WebSafeBase64Unescape(parts[1], &payload));
  EXPECT_FALSE(Json::parse(payload).contains("participant"));
  EXPECT_EQ(verifier_->Verify(token, kNow).value().participant, "");
}

TEST_F(JwtTest, HandmadeTokenIsAccepted) {
  // The base of the tables below: without a change it passes.
  EXPECT_EQ(ReasonFor(Token(Header(), Payload())), "OK");
}

TEST_F(JwtTest, RefusesBadHeaders) {
  const struct {
    const char* name;
    std::function<void(Json&)> change;
    const char* reason;
  } kCases[] = {
      {"alg none", [](Json& h) { h["alg"] = "none"; }, "TOKEN_ALGORITHM_REFUSED"},
      {"alg RS256", [](Json& h) { h["alg"] = "RS256"; }, "TOKEN_ALGORITHM_REFUSED"},
      {"alg lower case", [](Json& h) { h["alg"] = "es256"; }, "TOKEN_ALGORITHM_REFUSED"},
      {"alg number", [](Json& h) { h["alg"] = 256; }, "TOKEN_ALGORITHM_REFUSED"},
      {"no alg", [](Json& h) { h.erase("alg"); }, "TOKEN_ALGORITHM_REFUSED"},
      {"typ JWT", [](Json& h) { h["typ"] = "JWT"; }, "TOKEN_MALFORMED"},
      {"no typ", [](Json& h) { h.erase("typ"); }, "TOKEN_MALFORMED"},
      {"crit", [](Json& h) { h["crit"] = {"exp"}; }, "TOKEN_MALFORMED"},
      {"kid of another key", [](Json& h) { h["kid"] = "x"; }, "TOKEN_KEY_UNKNOWN"},
      {"no kid", [](Json& h) { h.erase("kid"); }, "TOKEN_KEY_UNKNOWN"},
  };
  for (const auto& c : kCases) {
    Json header = Header();
    c.change(header);
    EXPECT_EQ(ReasonFor(Token(header, Payload())), c.reason) << c.name;
  }
}

TEST_F(JwtTest, RefusesBadClaims) {
  const char* kInvalid = "TOKEN_CLAIMS_INVALID";
  const struct {
    const char* name;
    std::function<void(Json&)> change;
    const char* reason;
  } kCases[] = {
      {"other issuer", [](Json& p) { p["iss"] = "https://evil.test"; }, kInvalid},
      {"no issuer", [](Json& p) { p.erase("iss"); }, kInvalid},
      {"other audience", [](Json& p) { p["aud"] = "other"; }, kInvalid},
      {"audience list", [](Json& p) { p["aud"] = {"peerwatt", "other"}; }, kInvalid},
      {"no subject", [](Json& p) { p.erase("sub"); }, kInvalid},
      {"empty subject", [](Json& p) { p["sub"] = ""; }, kInvalid},
      {"no token id", [](Json& p) { p.erase("jti"); }, kInvalid},
      {"no roles", [](Json& p) { p.erase("roles"); }, kInvalid},
      {"roles text", [](Json& p) { p["roles"] = "ADMIN"; }, kInvalid},
      {"role number", [](Json& p) { p["roles"] = {5}; }, kInvalid},
      {"participant number", [](Json& p) { p["participant"] = 1; }, kInvalid},
      {"no iat", [](Json& p) { p.erase("iat"); }, kInvalid},
      {"iat text", [](Json& p) { p["iat"] = "1800000000"; }, kInvalid},
      {"iat fraction", [](Json& p) { p["iat"] = 1.8e9; }, kInvalid},
      {"iat negative", [](Json& p) { p["iat"] = -1; }, kInvalid},
      {"iat leeway", [](Json& p) { p["iat"] = 1'800'000'060; }, "OK"},
      {"iat in the future", [](Json& p) { p["iat"] = 1'800'000'061; }, kInvalid},
      {"nbf in the future", [](Json& p) { p["nbf"] = 1'800'000'061; }, kInvalid},
      {"nbf text", [](Json& p) { p["nbf"] = "now"; }, kInvalid},
      {"no exp", [](Json& p) { p.erase("exp"); }, kInvalid},
      {"exp beyond 64 bits", [](Json& p) { p["exp"] = 18446744073709551615ULL; }, kInvalid},
      {"exp beyond the year 9999", [](Json& p) { p["exp"] = 253402300800; }, kInvalid},
      {"exp before iat", [](Json& p) { p["exp"] = 1'799'999'999; }, kInvalid},
  };
  for (const auto& c : kCases) {
    Json payload = Payload();
    c.change(payload);
    EXPECT_EQ(ReasonFor(Token(Header(), payload)), c.reason) << c.name;
  }
}

TEST_F(JwtTest, ExpiresAfterTheLeeway) {
  const std::string token = signer_->Sign(Claims());
  const absl::Time end = kNow + absl::Minutes(15);
  EXPECT_EQ(ReasonFor(token, end), "OK");
  EXPECT_EQ(ReasonFor(token, end + absl::Seconds(59)), "OK");
  EXPECT_EQ(ReasonFor(token, end + absl::Seconds(60)), "TOKEN_EXPIRED");
}

TEST_F(JwtTest, RefusesBadForms) {
  const std::string good = signer_->Sign(Claims());
  const std::vector<std::string> parts = absl::StrSplit(good, '.');
  const std::string header = Header().dump();
  const std::string payload = Payload().dump();
  const struct {
    const char* name;
    std::string token;
    const char* reason;
  } kCases[] = {
      {"empty", "", "TOKEN_MALFORMED"},
      {"two parts", parts[0] + "." + parts[1], "TOKEN_MALFORMED"},
      {"four parts", good + ".x", "TOKEN_MALFORMED"},
      {"no signature", parts[0] + "." + parts[1] + ".", "TOKEN_SIGNATURE_INVALID"},
      {"huge", std::string(4097, 'a'), "TOKEN_MALFORMED"},
      {"padded header", parts[0] + "=." + parts[1] + "." + parts[2], "TOKEN_MALFORMED"},
      {"padded signature", good + "==", "TOKEN_SIGNATURE_INVALID"},
      {"white space", " " + good, "TOKEN_MALFORMED"},
      {"line break in the signature", good + "\n", "TOKEN_SIGNATURE_INVALID"},
      {"header no object", Token("[]", payload), "TOKEN_MALFORMED"},
      {"header no JSON", Token("{", payload), "TOKEN_MALFORMED"},
      {"payload no JSON", Token(header, "{'sub':1}"), "TOKEN_MALFORMED"},
      {"payload with a tail", Token(header, payload + "x"), "TOKEN_MALFORMED"},
      {"payload not UTF-8", Token(header, "{\"sub\":\"\xff\"}"), "TOKEN_MALFORMED"},
      {"duplicate claim", Token(header, R"({"sub":"users/admin",)" + payload.substr(1)),
       "TOKEN_MALFORMED"},
      {"duplicate in a claim", Token(header, R"({"x":{"a":1,"a":1},)" + payload.substr(1)),
       "TOKEN_MALFORMED"},
      {"same member name in two objects",
       Token(header, R"({"x":{"a":1},"y":{"a":1},)" + payload.substr(1)), "OK"},
  };
  for (const auto& c : kCases) EXPECT_EQ(ReasonFor(c.token), c.reason) << c.name;
}

TEST_F(JwtTest, RefusesATamperedPayload) {
  const std::vector<std::string> parts = absl::StrSplit(Token(Header(), Payload()), '.');
  Json payload = Payload();
  payload["roles"] = {"ADMIN"};
  EXPECT_EQ(ReasonFor(absl::StrCat(parts[0], ".", Encode(payload.dump()), ".", parts[2])),
            "TOKEN_SIGNATURE_INVALID");
}

TEST_F(JwtTest, RefusesASignatureOfZeros) {
  const std::vector<std::string> parts = absl::StrSplit(Token(Header(), Payload()), '.');
  EXPECT_EQ(ReasonFor(absl::StrCat(parts[0], ".", parts[1], ".", Encode(std::string(64, '\0')))),
            "TOKEN_SIGNATURE_INVALID");
}

TEST_F(JwtTest, RefusesAMacKeyedWithThePublicKey) {
  // The classic confusion: a verifier that believes `alg` takes the public key for a shared secret.
  Json header = Header();
  header["alg"] = "HS256";
  const std::string input = absl::StrCat(Encode(header.dump()), ".", Encode(Payload().dump()));
  const std::string secret = signer_->jwk().x;
  std::array<unsigned char, 32> mac{};
  unsigned int size = 0;
  ASSERT_NE(HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                 reinterpret_cast<const unsigned char*>(input.data()), input.size(), mac.data(),
                 &size),
            nullptr);
  EXPECT_EQ(ReasonFor(absl::StrCat(input, ".", Encode(std::string(mac.begin(), mac.end())))),
            "TOKEN_ALGORITHM_REFUSED");
}

TEST_F(JwtTest, RefusesAnotherKeyUnderTheSameKid) {
  const KeyHandle other = ParsePrivateKey(NewPrivateKey().value()).value();
  const std::string input = absl::StrCat(Encode(Header().dump()), ".", Encode(Payload().dump()));
  EXPECT_EQ(ReasonFor(absl::StrCat(input, ".", Encode(SignedRaw(other.get(), input)))),
            "TOKEN_SIGNATURE_INVALID");
}

TEST(TokenSignerTest, RefusesWhatIsNoP256Key) {
  EXPECT_EQ(TokenSigner::FromPem("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(TokenSigner::FromPem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(TokenVerifierTest, RefusesAPointOffTheCurve) {
  PublicJwk jwk = TokenSigner::FromPem(NewPrivateKey().value()).value()->jwk();
  jwk.y = jwk.x;
  EXPECT_EQ(TokenVerifier::FromKeys({jwk}, "i", "a").status().code(),
            absl::StatusCode::kInvalidArgument);
  jwk.x = "short";
  EXPECT_EQ(TokenVerifier::FromKeys({jwk}, "i", "a").status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(TokenVerifierTest, ReadsTheKeyOfRfc7515) {
  // Key of appendix A.3.1; its thumbprint is what kid must be for a token to be looked up.
  const PublicJwk jwk{"k", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                      "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"};
  EXPECT_TRUE(TokenVerifier::FromKeys({jwk}, "i", "a").ok());
}

}  // namespace
}  // namespace peerwatt::crypto
