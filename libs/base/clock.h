#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace peerwatt {

/// The only source of time for the services: what the clock says is when things happen.
class Clock {
 public:
  virtual ~Clock() = default;
  /// The instant now, in the clock's own time.
  virtual absl::Time Now() const = 0;
};

/// The machine's clock.
class SystemClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
};

/// Runs `factor` times as fast as the machine's clock since `real_start`, from `epoch` on.
class ScaledClock final : public Clock {
 public:
  ScaledClock(absl::Time epoch, absl::Time real_start, double factor)
      : epoch_(epoch), real_start_(real_start), factor_(factor) {}
  absl::Time Now() const override { return epoch_ + (absl::Now() - real_start_) * factor_; }

 private:
  absl::Time epoch_;
  absl::Time real_start_;
  double factor_;
};

/// Shows the instant that one writer puts into a file that all processes map. It lets a rehearsal
/// set the pace: time moves on when the writer says so, and survives the death of any process.
class SharedClock final : public Clock {
 public:
  /// Maps `path`; with `create`, makes the file first. Errors: kUnavailable when it cannot.
  static absl::StatusOr<std::unique_ptr<SharedClock>> Open(const std::string& path, bool create);
  ~SharedClock() override;
  SharedClock(const SharedClock&) = delete;
  SharedClock& operator=(const SharedClock&) = delete;

  absl::Time Now() const override;
  /// Moves the time. Only the one writer calls it.
  void Set(absl::Time time);

 private:
  explicit SharedClock(std::atomic<int64_t>* micros) : micros_(micros) {}
  std::atomic<int64_t>* micros_;
};

/// Stands still until told; for tests.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(absl::Time now) : micros_(absl::ToUnixMicros(now)) {}
  absl::Time Now() const override { return absl::FromUnixMicros(micros_.load()); }
  void Set(absl::Time now) { micros_.store(absl::ToUnixMicros(now)); }
  void Advance(absl::Duration by) { micros_ += absl::ToInt64Microseconds(by); }

 private:
  std::atomic<int64_t> micros_;
};

/// Builds the clock that the flags name: `--clock=system`, `--clock=scaled` with
/// `--clock_epoch`, `--clock_real_start` and `--clock_factor`, or `--clock=shared` with
/// `--clock_file`. Errors: kInvalidArgument with the flag at fault.
absl::StatusOr<std::unique_ptr<Clock>> ClockFromFlags();

}  // namespace peerwatt
