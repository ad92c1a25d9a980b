#include "agent/box_metrics.h"

#include <functional>

#include "absl/strings/str_cat.h"
#include "libs/base/log.h"

namespace peerwatt::agent {
namespace {

// One family: its head, then its samples.
class Family {
 public:
  Family(std::string& out, absl::string_view name, absl::string_view type, absl::string_view help)
      : out_(out), name_(absl::StrCat("peerwatt_agent_", name)) {
    absl::StrAppend(&out_, "# HELP ", name_, " ", help, "\n# TYPE ", name_, " ", type, "\n");
  }
  void Sample(int64_t value) { absl::StrAppend(&out_, name_, " ", value, "\n"); }
  // A JSON string escapes as a label value does, for the names that a configuration may hold.
  void Sample(absl::string_view label, absl::string_view of, int64_t value) {
    absl::StrAppend(&out_, name_, "{", label, "=", JsonQuote(of), "} ", value, "\n");
  }

 private:
  std::string& out_;
  std::string name_;
};

int64_t SecondsOf(absl::Time time) {
  return time == absl::InfinitePast() ? 0 : absl::ToUnixSeconds(time);
}

}  // namespace

std::string BoxMetrics(const MeterBoxState& box, const IdentityState& identity) {
  std::string out;
  const auto one = [&](absl::string_view name, absl::string_view type, absl::string_view help,
                       int64_t value) { Family(out, name, type, help).Sample(value); };
  one("buffer_bytes", "gauge", "Size of the buffer on disk.", box.buffer.bytes);
  one("buffer_batches", "gauge", "Batches that wait for an acknowledgement.",
      box.buffer.last_index - box.buffer.acknowledged_index);
  one("batches_dropped_total", "counter", "Batches dropped unsent for want of room.",
      box.buffer.batches_dropped);
  one("readings_acknowledged_total", "counter", "Readings and register values acknowledged.",
      box.buffer.readings_acknowledged);
  one("readings_refused_total", "counter", "Readings and register values refused for good.",
      box.buffer.readings_refused);
  one("disk_failures_total", "counter", "Attempts at the disk that failed.", box.disk_failures);
  one("connected", "gauge", "Whether the stream to the gateway is open.",
      box.stream.connected ? 1 : 0);
  one("stream_failures_total", "counter", "Streams that ended or could not be made.",
      box.stream.failures);
  one("certificate_expiry_timestamp_seconds", "gauge", "When the certificate runs out.",
      SecondsOf(identity.expires));
  one("certificate_renewals_total", "counter", "Certificates that were renewed.",
      identity.renewals);
  one("certificate_failures_total", "counter", "Enrolments and renewals that failed.",
      identity.failures);
  const auto by_source = [&](absl::string_view name, absl::string_view type, absl::string_view help,
                             const std::function<int64_t(const SourceState&)>& value) {
    Family family(out, name, type, help);
    for (const auto& [source, state] : box.sources) family.Sample("source", source, value(state));
  };
  by_source("source_connected", "gauge", "Whether a meter is being read.",
            [](const SourceState& state) { return state.connected ? 1 : 0; });
  by_source("source_observations_total", "counter", "Times a meter was read.",
            [](const SourceState& state) { return state.observations; });
  by_source("source_malformed_total", "counter", "Telegrams and answers that cannot be used.",
            [](const SourceState& state) { return state.malformed; });
  by_source("source_failures_total", "counter", "Connections to a meter that failed.",
            [](const SourceState& state) { return state.failures; });
  const auto by_point = [&](absl::string_view name, absl::string_view type, absl::string_view help,
                            const std::function<int64_t(const RecorderState&)>& value) {
    Family family(out, name, type, help);
    for (const auto& [point, state] : box.points) {
      family.Sample("metering_point", point, value(state));
    }
  };
  by_point("recorded_through_timestamp_seconds", "gauge", "Newest register value on the grid.",
           [](const RecorderState& state) { return SecondsOf(state.recorded_through); });
  by_point("observations_unused_total", "counter", "Observations that cannot be true.",
           [](const RecorderState& state) { return state.unused_observations; });
  by_point("register_restarts_total", "counter", "Times a register began anew.",
           [](const RecorderState& state) { return state.restarts; });
  by_point("boundaries_given_up_total", "counter", "Register values given up for want of room.",
           [](const RecorderState& state) { return state.boundaries_given_up; });
  return out;
}

}  // namespace peerwatt::agent
