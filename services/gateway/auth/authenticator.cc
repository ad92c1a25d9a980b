#include "services/gateway/auth/authenticator.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/crypto/digest.h"
#include "services/gateway/core/errors.h"

namespace peerwatt::gateway {
namespace {

constexpr char kKeyUnknown[] = "TOKEN_KEY_UNKNOWN";

// The token of `Bearer <token>`, or empty.
absl::string_view TokenOf(absl::string_view authorization) {
  constexpr absl::string_view kScheme = "bearer ";
  if (!absl::StartsWithIgnoreCase(authorization, kScheme)) return {};
  return absl::StripAsciiWhitespace(authorization.substr(kScheme.size()));
}

absl::Status KeysUnavailable() {
  return Error(kTokenKeysUnavailable, "the keys that verify tokens are not available yet");
}

}  // namespace

std::optional<crypto::TokenClaims> VerifiedTokens::Find(const std::string& hash,
                                                        int64_t generation, absl::Time now) {
  const absl::MutexLock lock(&mutex_);
  const auto found = by_hash_.find(hash);
  if (found == by_hash_.end()) return std::nullopt;
  if (found->second->generation != generation || now >= found->second->claims.expires_at) {
    entries_.erase(found->second);
    by_hash_.erase(found);
    return std::nullopt;
  }
  entries_.splice(entries_.begin(), entries_, found->second);
  return entries_.front().claims;
}

void VerifiedTokens::Put(const std::string& hash, int64_t generation,
                         crypto::TokenClaims claims) {
  const absl::MutexLock lock(&mutex_);
  if (by_hash_.contains(hash)) return;
  if (entries_.size() >= size_max_) {
    by_hash_.erase(entries_.back().hash);
    entries_.pop_back();
  }
  entries_.push_front({hash, generation, std::move(claims)});
  by_hash_[hash] = entries_.begin();
}

Authenticator::Authenticator(TokenKeys& keys, const Clock& clock, telemetry::Metrics& metrics)
    : keys_(keys), clock_(clock) {
  const auto counter = [&metrics](const std::string& result) {
    return &metrics.AddCounter("peerwatt_gateway_tokens_total", "Tokens checked, by result.",
                               {{"result", result}});
  };
  for (const char* result :
       {"cached", "verified", "TOKEN_MISSING", "TOKEN_MALFORMED", "TOKEN_ALGORITHM_REFUSED",
        kKeyUnknown, "TOKEN_SIGNATURE_INVALID", "TOKEN_CLAIMS_INVALID", "TOKEN_EXPIRED",
        "TOKEN_KEYS_UNAVAILABLE", "ROLE_FORBIDS"}) {
    results_[result] = counter(absl::AsciiStrToLower(result));
  }
  other_ = counter("other");
}

void Authenticator::Count(absl::string_view result) {
  const auto found = results_.find(std::string(result));
  (found == results_.end() ? other_ : found->second)->Increment();
}

absl::StatusOr<crypto::TokenClaims> Authenticator::Verify(const TokenKeys::Verifier& verifier,
                                                          const std::string& token,
                                                          const std::string& hash) {
  if (verifier == nullptr) return KeysUnavailable();
  // Read before verifying: a change of keys meanwhile makes the entry void, not the reverse.
  const int64_t generation = keys_.generation();
  auto claims = verifier->Verify(token, clock_.Now());
  if (claims.ok()) {
    Count("verified");
    verified_.Put(hash, generation, *claims);
  }
  return claims;
}

absl::StatusOr<Authenticator::Caller> Authenticator::Decide(
    const ApiMethod& method, const absl::StatusOr<crypto::TokenClaims>& claims) {
  if (!claims.ok()) {
    Count(ReasonOf(claims.status()));
    if (method.access.public_()) return Caller{};
    return claims.status();
  }
  rpc::Principal caller = PrincipalOf(*claims);
  if (method.access.public_()) return Caller{std::move(caller)};
  for (const int role : method.access.roles()) {
    if (rpc::HasRole(caller, static_cast<rpc::Role>(role))) return Caller{std::move(caller)};
  }
  Count(kRoleForbids.name);
  return Error(kRoleForbids, "none of the caller's roles may call this method");
}

void Authenticator::Authorize(const ApiMethod& method, absl::string_view authorization,
                              Done done) {
  if (!method.has_access || (!method.access.public_() && method.access.roles().empty())) {
    done(Error(kAccessRuleMissing, "the method declares no access rule"));
    return;
  }
  const std::string token(TokenOf(authorization));
  if (token.empty()) {
    if (method.access.public_()) {
      done(Caller{});
      return;
    }
    Count(kTokenMissing.name);
    done(Error(kTokenMissing, "send an access token as 'Authorization: Bearer <token>'"));
    return;
  }
  const std::string hash = crypto::Sha256(token);
  const TokenKeys::Verifier verifier = keys_.Current();
  if (auto cached = verified_.Find(hash, keys_.generation(), clock_.Now()); cached.has_value()) {
    Count("cached");
    done(Decide(method, *std::move(cached)));
    return;
  }
  if (verifier != nullptr) {
    const auto claims = Verify(verifier, token, hash);
    if (claims.ok() || ReasonOf(claims.status()) != kKeyUnknown) {
      done(Decide(method, claims));
      return;
    }
  }
  keys_.Refetch([this, &method, token, hash, done = std::move(done)](
                    const TokenKeys::Verifier& fresh) {
    done(Decide(method, Verify(fresh, token, hash)));
  });
}

rpc::Principal PrincipalOf(const crypto::TokenClaims& claims) {
  rpc::Principal principal;
  principal.set_subject(claims.subject);
  principal.set_participant(claims.participant);
  for (const std::string& name : claims.roles) {
    rpc::Role role = peerwatt::access::v1::ROLE_UNSPECIFIED;
    // A device proves itself by its certificate, never by a token.
    if (peerwatt::access::v1::Role_Parse(name, &role) &&
        role != peerwatt::access::v1::ROLE_UNSPECIFIED && role != peerwatt::access::v1::DEVICE) {
      principal.add_roles(role);
    }
  }
  return principal;
}

}  // namespace peerwatt::gateway
