#include "agent/pacing.h"

#include "google/rpc/error_details.pb.h"

namespace peerwatt::agent {

absl::Duration RetryDelayOf(const google::rpc::Status& status) {
  constexpr absl::Duration kDelayMax = absl::Hours(1);
  google::rpc::RetryInfo retry;
  for (const auto& detail : status.details()) {
    if (!detail.UnpackTo(&retry)) continue;
    const absl::Duration delay = absl::Seconds(retry.retry_delay().seconds()) +
                                 absl::Nanoseconds(retry.retry_delay().nanos());
    return std::clamp(delay, absl::ZeroDuration(), kDelayMax);
  }
  return absl::ZeroDuration();
}

absl::Duration RetryDelayOf(const std::string& error_details) {
  google::rpc::Status status;
  if (error_details.empty() || !status.ParseFromString(error_details)) return absl::ZeroDuration();
  return RetryDelayOf(status);
}

}  // namespace peerwatt::agent
