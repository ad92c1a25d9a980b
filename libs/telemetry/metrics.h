#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peerwatt::telemetry {

using Labels = std::map<std::string, std::string>;

/// Handles to single time series; cheap to use, safe for many threads, valid as long as Metrics.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Increment(double by = 1) = 0;
};
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
};
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(double value) = 0;
};

/// Bucket edges for durations in seconds, 0.5 ms to 10 s.
std::vector<double> DurationBuckets();

/// The metrics of a process. Names follow `peerwatt_<service>_<noun>_<unit>[_total]`.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  /// Returns the series of this name and labels, the same for the same arguments.
  Counter& AddCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& AddGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  Histogram& AddHistogram(const std::string& name, const std::string& help,
                          const Labels& labels = {},
                          std::vector<double> buckets = DurationBuckets());
  /// Serves `/metrics` at `address` (`host:port`). Errors: kUnavailable when it cannot bind.
  absl::Status Expose(const std::string& address);
  /// The text that `/metrics` serves.
  std::string Serialize() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace peerwatt::telemetry
