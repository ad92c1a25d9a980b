#include "agent/identity_keeper.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/pacing.h"
#include "libs/base/error.h"
#include "libs/base/log.h"
#include "libs/crypto/certificates.h"

namespace peerwatt::agent {
namespace {

constexpr absl::Duration kPauseMin = absl::Seconds(1);
constexpr absl::Duration kPauseMax = absl::Minutes(5);

bool CanPass(const absl::Status& status) {
  return DetailOf(status).retryable || absl::IsUnavailable(status) ||
         absl::IsDeadlineExceeded(status) || absl::IsInternal(status);
}

}  // namespace

bool RenewalIsDue(absl::Time not_before, absl::Time renew_time, absl::Time now, absl::Duration held,
                  bool renewed) {
  return now >= renew_time || (now < not_before && !renewed) || held >= renew_time - not_before;
}

IdentityKeeper::IdentityKeeper(EnrolmentOptions options, absl::Duration check_interval,
                               ConnectIdentity connect)
    : options_(std::move(options)),
      enrolment_(options_),
      check_interval_(check_interval),
      connect_(std::move(connect)),
      thread_([this] { Run(); }) {}

IdentityKeeper::~IdentityKeeper() {
  stop_.Stop();
  thread_.join();
}

IdentityState IdentityKeeper::state() const {
  absl::MutexLock lock(&mutex_);
  return state_;
}

void IdentityKeeper::Failed(const char* message, const absl::Status& status) {
  Log(Severity::kWarning, message,
      {{"device", options_.device}, {"cause", std::string(status.message())}});
  absl::MutexLock lock(&mutex_);
  ++state_.failures;
}

void IdentityKeeper::Use(const Identity& identity) {
  const auto certificate = crypto::ParseCertificate(identity.certificate_pem);
  // What the registry issued is a certificate; one that cannot be read is asked for again.
  not_before_ = certificate.ok() ? certificate->not_before : absl::InfiniteFuture();
  {
    absl::MutexLock lock(&mutex_);
    state_.enrolled = true;
    if (certificate.ok()) state_.expires = certificate->not_after;
  }
  const absl::Status used =
      connect_(DeviceChannel(options_.gateway_device_address, identity), identity);
  if (!used.ok()) Failed("the identity cannot be used", used);
}

bool IdentityKeeper::Enrol(Identity& identity) {
  Backoff backoff(kPauseMin, kPauseMax, KeyOf(1, options_.device));
  while (!stop_.stopped()) {
    absl::StatusOr<Identity> enrolled = enrolment_.LoadOrEnrol();
    if (enrolled.ok()) {
      identity = *std::move(enrolled);
      return true;
    }
    Failed("enrolment did not succeed", enrolled.status());
    if (!CanPass(enrolled.status())) {
      absl::MutexLock lock(&mutex_);
      state_.refusal = absl::StrCat(ReasonOf(enrolled.status()), ": ", enrolled.status().message());
      return false;
    }
    stop_.Pause(backoff.Next());
  }
  return false;
}

bool IdentityKeeper::Renew(Identity& identity) {
  Backoff backoff(kPauseMin, kPauseMax, KeyOf(2, options_.device));
  while (!stop_.stopped()) {
    absl::StatusOr<Identity> renewed = enrolment_.Renew(identity);
    if (renewed.ok()) {
      identity = *std::move(renewed);
      return true;
    }
    Failed("renewal of the certificate is tried again", renewed.status());
    stop_.Pause(backoff.Next());
  }
  return false;
}

void IdentityKeeper::Run() {
  Identity identity;
  if (!Enrol(identity)) return;
  auto used_since = std::chrono::steady_clock::now();
  Use(identity);
  bool renewed = false;
  while (stop_.Pause(check_interval_)) {
    const absl::Duration held = absl::FromChrono(std::chrono::steady_clock::now() - used_since);
    if (!RenewalIsDue(not_before_, identity.renew_time, absl::Now(), held, renewed)) {
      continue;
    }
    if (!Renew(identity)) return;
    renewed = true;
    used_since = std::chrono::steady_clock::now();
    Use(identity);
    absl::MutexLock lock(&mutex_);
    ++state_.renewals;
  }
}

}  // namespace peerwatt::agent
