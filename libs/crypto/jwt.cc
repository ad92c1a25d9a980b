#include "libs/crypto/jwt.h"

#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "libs/base/check.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/crypto/digest.h"
#include "libs/crypto/openssl_handles.h"

namespace peerwatt::crypto {
namespace {

using Json = nlohmann::json;

constexpr size_t kTokenBytesMax = 4096;
constexpr size_t kCoordinateBytes = 32;
constexpr size_t kSignatureBytes = 2 * kCoordinateBytes;
constexpr absl::Duration kLeeway = absl::Seconds(60);
constexpr int64_t kYear9999EndSeconds = 253402300799;

constexpr absl::StatusCode kRefused = absl::StatusCode::kUnauthenticated;
constexpr ErrorReason kMalformed{"TOKEN_MALFORMED", kRefused};
constexpr ErrorReason kAlgorithmRefused{"TOKEN_ALGORITHM_REFUSED", kRefused};
constexpr ErrorReason kKeyUnknown{"TOKEN_KEY_UNKNOWN", kRefused};
constexpr ErrorReason kSignatureInvalid{"TOKEN_SIGNATURE_INVALID", kRefused};
constexpr ErrorReason kClaimsInvalid{"TOKEN_CLAIMS_INVALID", kRefused};
constexpr ErrorReason kExpired{"TOKEN_EXPIRED", kRefused};

std::string EncodeBase64Url(absl::string_view bytes) { return absl::WebSafeBase64Escape(bytes); }

// Accepts the one canonical spelling only: no padding, no white space, no stray last bits.
std::optional<std::string> DecodeBase64Url(absl::string_view text) {
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(text, &bytes) || EncodeBase64Url(bytes) != text) {
    return std::nullopt;
  }
  return bytes;
}

// Reads one JSON object; nothing when it is malformed or a member occurs twice at any depth.
std::optional<Json> ParseObject(absl::string_view text) {
  std::vector<std::set<std::string>> keys_of_open_objects;
  bool duplicate = false;
  const auto watch = [&](int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) keys_of_open_objects.emplace_back();
    if (event == Json::parse_event_t::object_end) keys_of_open_objects.pop_back();
    if (event == Json::parse_event_t::key) {
      duplicate |= !keys_of_open_objects.back().insert(value.get<std::string>()).second;
    }
    return true;
  };
  Json object = Json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  if (duplicate || !object.is_object()) return std::nullopt;
  return object;
}

std::optional<std::string> TextMember(const Json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end() || !member->is_string()) return std::nullopt;
  return member->get<std::string>();
}

std::optional<absl::Time> TimeMember(const Json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end() || !member->is_number_unsigned()) return std::nullopt;
  const auto seconds = member->get<uint64_t>();
  if (seconds > static_cast<uint64_t>(kYear9999EndSeconds)) return std::nullopt;
  return absl::FromUnixSeconds(static_cast<int64_t>(seconds));
}

std::string Coordinate(const EVP_PKEY* key, const char* parameter) {
  BIGNUM* number = nullptr;
  PW_CHECK(EVP_PKEY_get_bn_param(key, parameter, &number) == 1, "key without a public point");
  const BignumHandle owner(number);
  std::array<unsigned char, kCoordinateBytes> bytes{};
  PW_CHECK(BN_bn2binpad(number, bytes.data(), kCoordinateBytes) == kCoordinateBytes,
           "coordinate does not fit");
  return std::string(bytes.begin(), bytes.end());
}

// RFC 7638: SHA-256 of the required members in lexical order without white space.
std::string Thumbprint(const PublicJwk& jwk) {
  return EncodeBase64Url(Sha256(
      absl::StrCat(R"({"crv":"P-256","kty":"EC","x":")", jwk.x, R"(","y":")", jwk.y, R"("})")));
}

class EcTokenSigner final : public TokenSigner {
 public:
  explicit EcTokenSigner(KeyHandle key) : key_(std::move(key)) {
    jwk_.x = EncodeBase64Url(Coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X));
    jwk_.y = EncodeBase64Url(Coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y));
    jwk_.kid = Thumbprint(jwk_);
    header_ = EncodeBase64Url(Json{{"alg", "ES256"}, {"typ", "at+jwt"}, {"kid", jwk_.kid}}.dump());
  }

  std::string Sign(const TokenClaims& claims) const override {
    Json payload{{"iss", claims.issuer},
                 {"aud", claims.audience},
                 {"sub", claims.subject},
                 {"roles", claims.roles},
                 {"jti", claims.token_id},
                 {"iat", absl::ToUnixSeconds(claims.issued_at)},
                 {"exp", absl::ToUnixSeconds(claims.expires_at)}};
    if (!claims.participant.empty()) payload["participant"] = claims.participant;
    const std::string input = absl::StrCat(header_, ".", EncodeBase64Url(payload.dump()));
    return absl::StrCat(input, ".", EncodeBase64Url(RawSignature(input)));
  }

  PublicJwk jwk() const override { return jwk_; }

 private:
  // OpenSSL speaks DER; JWS (RFC 7518, 3.4) wants r and s side by side, 32 bytes each.
  std::string RawSignature(absl::string_view input) const {
    const DigestContextHandle context(EVP_MD_CTX_new());
    std::array<unsigned char, 128> der{};
    size_t der_size = der.size();
    PW_CHECK(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
                 EVP_DigestSign(context.get(), der.data(), &der_size,
                                reinterpret_cast<const unsigned char*>(input.data()),
                                input.size()) == 1,
             "signing failed");
    const unsigned char* in = der.data();
    const EcdsaSignatureHandle signature(
        d2i_ECDSA_SIG(nullptr, &in, static_cast<long>(der_size)));
    std::array<unsigned char, kSignatureBytes> raw{};
    PW_CHECK(signature != nullptr, "signature is not DER");
    const BIGNUM* r = ECDSA_SIG_get0_r(signature.get());
    const BIGNUM* s = ECDSA_SIG_get0_s(signature.get());
    PW_CHECK(BN_bn2binpad(r, raw.data(), kCoordinateBytes) > 0 &&
                 BN_bn2binpad(s, raw.data() + kCoordinateBytes, kCoordinateBytes) > 0,
             "signature has no 64-byte form");
    return std::string(raw.begin(), raw.end());
  }

  KeyHandle key_;
  PublicJwk jwk_;
  std::string header_;
};

absl::StatusOr<KeyHandle> KeyFromJwk(const PublicJwk& jwk) {
  const auto x = DecodeBase64Url(jwk.x);
  const auto y = DecodeBase64Url(jwk.y);
  if (!x || !y || x->size() != kCoordinateBytes || y->size() != kCoordinateBytes) {
    return absl::InvalidArgumentError("JWK coordinates are not 32 bytes of base64url");
  }
  std::string point = absl::StrCat("\x04", *x, *y);
  std::string group = "prime256v1";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  const KeyContextHandle context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY,
                        const_cast<OSSL_PARAM*>(parameters)) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError("JWK is no point of curve P-256");
  }
  return KeyHandle(key);
}

bool SignatureHolds(EVP_PKEY* key, absl::string_view input, const std::string& raw) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(raw.data());
  BignumHandle r(BN_bin2bn(bytes, kCoordinateBytes, nullptr));
  BignumHandle s(BN_bin2bn(bytes + kCoordinateBytes, kCoordinateBytes, nullptr));
  const EcdsaSignatureHandle signature(ECDSA_SIG_new());
  PW_CHECK(r && s && signature && ECDSA_SIG_set0(signature.get(), r.get(), s.get()) == 1,
           "no memory for a signature");
  // The signature owns the two numbers now.
  static_cast<void>(r.release());
  static_cast<void>(s.release());
  std::array<unsigned char, 128> der{};
  unsigned char* out = der.data();
  const int der_size = i2d_ECDSA_SIG(signature.get(), &out);
  const DigestContextHandle context(EVP_MD_CTX_new());
  const bool holds =
      der_size > 0 &&
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
      EVP_DigestVerify(context.get(), der.data(), static_cast<size_t>(der_size),
                       reinterpret_cast<const unsigned char*>(input.data()), input.size()) == 1;
  ERR_clear_error();
  return holds;
}

class EcTokenVerifier final : public TokenVerifier {
 public:
  EcTokenVerifier(std::map<std::string, KeyHandle> keys, std::string issuer, std::string audience)
      : keys_(std::move(keys)), issuer_(std::move(issuer)), audience_(std::move(audience)) {}

  absl::StatusOr<TokenClaims> Verify(absl::string_view token, absl::Time now) const override {
    if (token.size() > kTokenBytesMax) return Error(kMalformed, "token is longer than 4 KiB");
    const std::vector<absl::string_view> parts = absl::StrSplit(token, '.');
    if (parts.size() != 3) return Error(kMalformed, "token does not have three parts");
    const auto header = Decoded(parts[0]);
    if (!header) return Error(kMalformed, "token header is no base64url JSON object");
    PW_ASSIGN_OR_RETURN(EVP_PKEY * key, KeyFor(*header));
    const auto signature = DecodeBase64Url(parts[2]);
    if (!signature || signature->size() != kSignatureBytes) {
      return Error(kSignatureInvalid, "token signature does not have the form of ES256");
    }
    if (!SignatureHolds(key, token.substr(0, parts[0].size() + 1 + parts[1].size()), *signature)) {
      return Error(kSignatureInvalid, "token signature is wrong");
    }
    const auto payload = Decoded(parts[1]);
    if (!payload) return Error(kMalformed, "token payload is no base64url JSON object");
    return CheckedClaims(*payload, now);
  }

 private:
  static std::optional<Json> Decoded(absl::string_view part) {
    const auto text = DecodeBase64Url(part);
    return text ? ParseObject(*text) : std::nullopt;
  }

  // The algorithm is ours to choose, never the token's: anything but ES256 ends here.
  absl::StatusOr<EVP_PKEY*> KeyFor(const Json& header) const {
    if (TextMember(header, "alg") != "ES256") {
      return Error(kAlgorithmRefused, "token algorithm is not ES256");
    }
    if (TextMember(header, "typ") != "at+jwt" || header.contains("crit")) {
      return Error(kMalformed, "token is no access token");
    }
    const auto kid = TextMember(header, "kid");
    const auto key = kid ? keys_.find(*kid) : keys_.end();
    if (key == keys_.end()) return Error(kKeyUnknown, "token is signed with an unknown key");
    return key->second.get();
  }

  absl::StatusOr<TokenClaims> CheckedClaims(const Json& payload, absl::Time now) const {
    const auto subject = TextMember(payload, "sub");
    const auto token_id = TextMember(payload, "jti");
    const auto issued_at = TimeMember(payload, "iat");
    const auto expires_at = TimeMember(payload, "exp");
    const auto roles = payload.find("roles");
    if (!subject || subject->empty() || !token_id || !issued_at || !expires_at ||
        *expires_at <= *issued_at || roles == payload.end() || !roles->is_array()) {
      return Error(kClaimsInvalid, "token claims are missing or malformed");
    }
    if (TextMember(payload, "iss") != issuer_ || TextMember(payload, "aud") != audience_) {
      return Error(kClaimsInvalid, "token is of another issuer or for another audience");
    }
    TokenClaims claims{issuer_, audience_, *subject, "", {}, *token_id, *issued_at, *expires_at};
    for (const Json& role : *roles) {
      if (!role.is_string()) return Error(kClaimsInvalid, "token roles are not text");
      claims.roles.push_back(role.get<std::string>());
    }
    if (payload.contains("participant")) {
      const auto participant = TextMember(payload, "participant");
      if (!participant) return Error(kClaimsInvalid, "token participant is not text");
      claims.participant = *participant;
    }
    const auto not_before = payload.contains("nbf") ? TimeMember(payload, "nbf") : issued_at;
    if (!not_before || *issued_at > now + kLeeway || *not_before > now + kLeeway) {
      return Error(kClaimsInvalid, "token is not valid yet");
    }
    if (now >= *expires_at + kLeeway) return Error(kExpired, "token has expired");
    return claims;
  }

  const std::map<std::string, KeyHandle> keys_;
  const std::string issuer_;
  const std::string audience_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TokenSigner>> TokenSigner::FromPem(const std::string& key_pem) {
  PW_ASSIGN_OR_RETURN(KeyHandle key, ParsePrivateKey(key_pem));
  return std::make_unique<EcTokenSigner>(std::move(key));
}

absl::StatusOr<std::unique_ptr<TokenVerifier>> TokenVerifier::FromKeys(std::vector<PublicJwk> keys,
                                                                       std::string issuer,
                                                                       std::string audience) {
  std::map<std::string, KeyHandle> by_kid;
  for (const PublicJwk& jwk : keys) {
    PW_ASSIGN_OR_RETURN(by_kid[jwk.kid], KeyFromJwk(jwk));
  }
  return std::make_unique<EcTokenVerifier>(std::move(by_kid), std::move(issuer),
                                           std::move(audience));
}

}  // namespace peerwatt::crypto
