#pragma once

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/enrolment.h"
#include "agent/stop_signal.h"

namespace peerwatt::agent {

/// Whether a certificate should be renewed.
/// not_before: from when it holds. now: of the box's clock, which may be wrong. held: how long the
/// process has used it, by a clock that nobody sets. renewed: whether this process got it.
/// It is due from its renewal time on; when as long as until then has passed on the steady clock;
/// and once when the box's clock stands before the certificate, and so is wrong: a box that starts
/// without knowing the time must not let its certificate run out.
bool RenewalIsDue(absl::Time not_before, absl::Time renew_time, absl::Time now, absl::Duration held,
                  bool renewed);

/// Uses a channel, and the identity that it was made with, from now on.
using ConnectIdentity =
    std::function<absl::Status(std::shared_ptr<grpc::Channel>, const Identity&)>;

/// Where a device's identity stands.
struct IdentityState {
  bool enrolled = false;
  int64_t renewals = 0;
  int64_t failures = 0;  ///< of enrolment and renewal
  absl::Time expires = absl::InfinitePast();
  std::string refusal;  ///< why enrolment was refused for good, or empty
};

/// Enrols a device and renews its certificate before it runs out, in a thread of its own. Failures
/// are tried again after a growing, jittered pause.
class IdentityKeeper {
 public:
  /// connect: called for every new identity, from the keeper's thread; a failure is logged.
  /// check_interval: how often it is asked whether a renewal is due.
  IdentityKeeper(EnrolmentOptions options, absl::Duration check_interval,
                 ConnectIdentity connect);
  ~IdentityKeeper();

  IdentityState state() const;

 private:
  void Run();
  bool Enrol(Identity& identity);
  bool Renew(Identity& identity);
  void Failed(const char* message, const absl::Status& status);
  void Use(const Identity& identity);

  const EnrolmentOptions options_;
  const Enrolment enrolment_;
  const absl::Duration check_interval_;
  const ConnectIdentity connect_;
  StopSignal stop_;
  mutable absl::Mutex mutex_;
  IdentityState state_ ABSL_GUARDED_BY(mutex_);
  absl::Time not_before_;  // of the keeper's thread
  std::thread thread_;
};

}  // namespace peerwatt::agent
