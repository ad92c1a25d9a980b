#include "agent/meter_source.h"

#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/log.h"

namespace peerwatt::agent {
namespace {

constexpr absl::Duration kPauseMin = absl::Seconds(1);
constexpr absl::Duration kPauseMax = absl::Seconds(30);

}  // namespace

MeterSource::MeterSource(std::string name, ObservationSink sink)
    : name_(std::move(name)), sink_(std::move(sink)) {}

MeterSource::~MeterSource() { PW_CHECK(!thread_.joinable(), "a source is stopped first"); }

void MeterSource::Start() {
  thread_ = std::thread([this] { Run(); });
}

void MeterSource::Stop() {
  stop_.Stop();
  if (thread_.joinable()) thread_.join();
}

SourceState MeterSource::state() const {
  absl::MutexLock lock(&mutex_);
  return state_;
}

void MeterSource::Observed(const Observation& observation) {
  {
    absl::MutexLock lock(&mutex_);
    state_.connected = true;
    ++state_.observations;
    state_.observed_at = observation.time;
  }
  sink_(observation);
}

void MeterSource::Malformed(const absl::Status& why) {
  {
    absl::MutexLock lock(&mutex_);
    ++state_.malformed;
    if (std::exchange(complained_, true)) return;
  }
  Log(Severity::kWarning, "a meter's answer is not used; the next is awaited",
      {{"source", name_}, {"cause", std::string(why.message())}});
}

// What a library throws ends the session, not the agent.
absl::Status MeterSource::RunSession() {
  try {
    return Session();
  } catch (const std::exception& thrown) {
    return absl::InternalError(absl::StrCat("a session threw: ", thrown.what()));
  }
}

void MeterSource::Run() {
  Backoff backoff(kPauseMin, kPauseMax, KeyOf(0, name_));
  while (!stop_.stopped()) {
    const absl::Status ended = RunSession();
    if (stop_.stopped()) return;
    bool worked = false;
    {
      absl::MutexLock lock(&mutex_);
      worked = std::exchange(state_.connected, false);
      complained_ = false;
      ++state_.failures;
    }
    if (worked) backoff.Reset();
    const absl::Duration pause = backoff.Next();
    Log(backoff.failures() == 1 ? Severity::kWarning : Severity::kDebug,
        "a meter cannot be read and is tried again",
        {{"source", name_},
         {"cause", std::string(ended.message())},
         {"retry_in_ms", absl::ToInt64Milliseconds(pause)}});
    if (!stop_.Pause(pause)) return;
  }
}

}  // namespace peerwatt::agent
