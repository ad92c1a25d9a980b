#include "tools/devsim/simulator.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/disk.h"
#include "agent/random.h"
#include "libs/base/error.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"

namespace peerwatt::devsim {
namespace {

constexpr absl::Duration kStatusPauseMin = absl::Milliseconds(2);
constexpr absl::Duration kEnrolPauseMin = absl::Milliseconds(50);
constexpr absl::Duration kEnrolPauseMax = absl::Seconds(2);
constexpr absl::Duration kRenewalPause = absl::Seconds(5);

}  // namespace

absl::StatusOr<std::unique_ptr<Simulator>> Simulator::New(SimulatorOptions options, Fleet fleet,
                                                          const Clock& clock) {
  std::unique_ptr<Simulator> simulator(
      new Simulator(std::move(options), std::move(fleet), clock));
  PW_RETURN_IF_ERROR(simulator->MakeDevices());
  return simulator;
}

absl::Status Simulator::MakeDevices() {
  for (const FleetDevice& device : fleet_.devices) {
    const std::string id = device.device.substr(device.device.find('/') + 1);
    const std::string folder = absl::StrCat(options_.state_folder, "/", id);
    PW_RETURN_IF_ERROR(agent::MakeFolder(folder));
    agent::AgentOptions options;
    options.device = device.device;
    options.interval = fleet_.interval;
    options.points = device.points;
    options.buffer.folder = folder + "/buffer";
    options.buffer.bytes_max = options_.buffer_bytes_max;
    options.buffer.sync = options_.sync;
    options.stream.device = device.device;
    options.stream.jitter_key = agent::KeyOf(0, device.device);
    options.intervals_per_series_max = options_.intervals_per_series_max;
    options.sign_batches = options_.sign_batches;
    PW_ASSIGN_OR_RETURN(std::unique_ptr<agent::Agent> agent,
                        agent::Agent::New(std::move(options), [this] { OnProgress(); }));
    agent::EnrolmentOptions enrolment;
    enrolment.device = device.device;
    enrolment.folder = folder;
    enrolment.enrolment_token = device.enrolment_token;
    enrolment.gateway_grpc_address = fleet_.gateway_grpc_address;
    enrolment.gateway_device_address = fleet_.gateway_device_address;
    enrolment.ca_pem = fleet_.ca_pem;
    devices_.push_back({std::make_unique<agent::Enrolment>(std::move(enrolment)),
                        std::move(agent)});
  }
  return absl::OkStatus();
}

Simulator::~Simulator() {
  Stop();
  for (std::thread& thread : threads_) thread.join();
  devices_.clear();
}

void Simulator::Stop() {
  absl::MutexLock lock(&mutex_);
  stopping_ = true;
}

void Simulator::OnProgress() {
  absl::MutexLock lock(&mutex_);
  progressed_ = true;
}

bool Simulator::Pause(absl::Duration pause) {
  absl::MutexLock lock(&mutex_);
  return !mutex_.AwaitWithTimeout(absl::Condition(&stopping_), pause);
}

bool Simulator::EnrolOne(size_t index, agent::Identity& identity) {
  Device& device = devices_[index];
  const std::string& name = fleet_.devices[index].device;
  absl::Duration pause = kEnrolPauseMin;
  while (true) {
    auto enrolled = device.enrolment->LoadOrEnrol();
    absl::Status status = enrolled.status();
    if (status.ok()) {
      identity = *std::move(enrolled);
      status = device.agent->Connect(
          agent::DeviceChannel(fleet_.gateway_device_address, identity), identity);
    }
    if (status.ok()) {
      absl::MutexLock lock(&mutex_);
      ++devices_enrolled_;
      progressed_ = true;
      return true;
    }
    const bool again = DetailOf(status).retryable || absl::IsUnavailable(status) ||
                       absl::IsDeadlineExceeded(status) || absl::IsInternal(status);
    if (!again) {
      Log(Severity::kError, "a device cannot enrol and reports nothing",
          {{"device", name}, {"cause", std::string(status.message())}});
      absl::MutexLock lock(&mutex_);
      failures_[name] = absl::StrCat(ReasonOf(status), ": ", status.message());
      progressed_ = true;
      return false;
    }
    Log(Severity::kInfo, "enrolment is tried again",
        {{"device", name}, {"cause", std::string(status.message())}});
    if (!Pause(pause)) return false;
    pause = std::min(2 * pause, kEnrolPauseMax);
  }
}

void Simulator::KeepIdentities(size_t first, size_t step) {
  std::map<size_t, agent::Identity> identities;
  for (size_t i = first; i < devices_.size(); i += step) {
    agent::Identity identity;
    if (EnrolOne(i, identity)) identities[i] = std::move(identity);
  }
  while (Pause(kRenewalPause)) {
    for (auto& [i, identity] : identities) {
      // Certificates live in real time, whatever the simulated clock says.
      if (absl::Now() < identity.renew_time) continue;
      auto renewed = devices_[i].enrolment->Renew(identity);
      absl::Status status = renewed.status();
      if (status.ok()) {
        identity = *std::move(renewed);
        status = devices_[i].agent->Connect(
            agent::DeviceChannel(fleet_.gateway_device_address, identity), identity);
      }
      if (!status.ok()) {
        Log(Severity::kWarning, "renewal is tried again",
            {{"device", fleet_.devices[i].device}, {"cause", std::string(status.message())}});
      }
    }
  }
}

FleetStatus Simulator::status() const {
  FleetStatus status;
  for (const Device& device : devices_) status.Add(device.agent->status());
  absl::MutexLock lock(&mutex_);
  status.devices_enrolled = devices_enrolled_;
  status.failures = failures_;
  return status;
}

void Simulator::WriteStatus() {
  if (options_.status_file.empty()) return;
  const absl::Status written =
      agent::ReplaceFile(options_.status_file, status().ToJson(), 0644, false);
  if (!written.ok()) {
    Log(Severity::kError, "the status cannot be written",
        {{"cause", std::string(written.message())}});
  }
}

void Simulator::Run(bool until_finished) {
  const auto workers = static_cast<size_t>(std::max(options_.enrolment_threads, 1));
  for (size_t i = 0; i < workers; ++i) {
    threads_.emplace_back([this, i, workers] { KeepIdentities(i, workers); });
  }
  absl::Time tick_at = absl::InfinitePast();
  absl::Time write_at = absl::InfinitePast();
  absl::Time clock_seen = absl::InfinitePast();
  bool dirty = true;
  while (true) {
    const absl::Time now = absl::Now();
    if (now >= tick_at) {
      const absl::Time clock_now = clock_.Now();
      for (Device& device : devices_) device.agent->Tick(clock_now, now);
      // A step of the clock may pass an interval in which nothing is due.
      const absl::Time interval = FloorToGrid(clock_now, fleet_.interval);
      dirty = dirty || interval != std::exchange(clock_seen, interval);
      tick_at = now + options_.poll_interval;
    }
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) break;
      dirty = std::exchange(progressed_, false) || dirty;
    }
    if (dirty && now >= write_at) {
      WriteStatus();
      dirty = false;
      // Of a large fleet, the sum itself takes its time.
      write_at = absl::Now() + std::max(kStatusPauseMin, 4 * (absl::Now() - now));
      if (until_finished && status().finished) break;
    }
    absl::MutexLock lock(&mutex_);
    const absl::Time wake_at = dirty ? std::min(tick_at, write_at) : tick_at;
    mutex_.AwaitWithDeadline(
        absl::Condition(
            +[](Simulator* self) ABSL_NO_THREAD_SAFETY_ANALYSIS {
              return self->stopping_ || self->progressed_;
            },
            this),
        wake_at);
  }
  Stop();
  WriteStatus();
}

}  // namespace peerwatt::devsim
