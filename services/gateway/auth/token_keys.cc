#include "services/gateway/auth/token_keys.h"

#include <algorithm>
#include <utility>

#include "libs/base/log.h"

namespace peerwatt::gateway {
namespace {

bool SameKeys(const std::vector<crypto::PublicJwk>& a, const std::vector<crypto::PublicJwk>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const crypto::PublicJwk& left, const crypto::PublicJwk& right) {
                      return left.kid == right.kid && left.x == right.x && left.y == right.y;
                    });
}

}  // namespace

TokenKeys::TokenKeys(TokenPolicy policy, KeySource& source, const Clock& clock)
    : policy_(std::move(policy)), source_(source), clock_(clock) {}

TokenKeys::Verifier TokenKeys::Current() {
  const absl::Time now = clock_.Now();
  bool start = false;
  Verifier verifier;
  {
    const absl::MutexLock lock(&mutex_);
    verifier = verifier_;
    if (verifier_ != nullptr && !fetching_ && now - fetched_at_ > policy_.refresh_interval &&
        now - failed_at_ > policy_.failure_pause) {
      start = fetching_ = true;
    }
  }
  if (start) StartFetch();
  return verifier;
}

bool TokenKeys::MayFetch(absl::Time now) {
  return now - fetched_at_ >= policy_.unknown_key_pause &&
         now - failed_at_ >= policy_.failure_pause;
}

void TokenKeys::Refetch(std::function<void(Verifier)> done) {
  const absl::Time now = clock_.Now();
  Verifier verifier;
  bool start = false;
  bool wait = false;
  {
    const absl::MutexLock lock(&mutex_);
    verifier = verifier_;
    if (fetching_ || MayFetch(now)) {
      start = !fetching_;
      fetching_ = true;
      wait = true;
      waiting_.push_back(std::move(done));
    }
  }
  if (start) StartFetch();
  if (!wait) done(std::move(verifier));
}

int64_t TokenKeys::generation() {
  const absl::MutexLock lock(&mutex_);
  return generation_;
}

void TokenKeys::StartFetch() {
  source_.Fetch([this](absl::StatusOr<std::vector<crypto::PublicJwk>> keys) {
    Finish(std::move(keys));
  });
}

void TokenKeys::Finish(absl::StatusOr<std::vector<crypto::PublicJwk>> keys) {
  absl::Status status = keys.status();
  Verifier fresh;
  if (status.ok()) {
    auto made = crypto::TokenVerifier::FromKeys(*keys, policy_.issuer, policy_.audience);
    status = made.status();
    if (made.ok()) fresh = std::move(*made);
  }
  if (!status.ok()) {
    Log(Severity::kWarning, "token keys could not be fetched; the old ones stay",
        {{"error", status.ToString()}});
  }
  std::vector<std::function<void(Verifier)>> waiting;
  Verifier verifier;
  {
    const absl::MutexLock lock(&mutex_);
    fetching_ = false;
    if (fresh == nullptr) {
      failed_at_ = clock_.Now();
    } else {
      fetched_at_ = clock_.Now();
      if (verifier_ == nullptr || !SameKeys(keys_, *keys)) ++generation_;
      keys_ = *std::move(keys);
      verifier_ = std::move(fresh);
    }
    verifier = verifier_;
    waiting.swap(waiting_);
  }
  for (const auto& done : waiting) done(verifier);
}

}  // namespace peerwatt::gateway
