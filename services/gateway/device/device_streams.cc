#include "services/gateway/device/device_streams.h"

#include "services/gateway/device/device_stream.h"

namespace peerwatt::gateway {

DeviceStreams::DeviceStreams(absl::Duration recheck_interval, telemetry::Metrics& metrics)
    : recheck_interval_(recheck_interval),
      count_(metrics.AddGauge("peerwatt_gateway_device_streams", "Device streams that are open.")),
      thread_([this] { Run(); }) {}

DeviceStreams::~DeviceStreams() {
  {
    const absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  thread_.join();
}

void DeviceStreams::Add(const std::shared_ptr<DeviceStream>& stream) {
  absl::Status ending;
  {
    const absl::MutexLock lock(&mutex_);
    streams_[stream.get()] = stream;
    count_.Set(static_cast<double>(streams_.size()));
    ending = ending_;
  }
  if (!ending.ok()) stream->End(ending);
}

void DeviceStreams::Remove(DeviceStream* stream) {
  const absl::MutexLock lock(&mutex_);
  streams_.erase(stream);
  count_.Set(static_cast<double>(streams_.size()));
}

void DeviceStreams::EndAll(const absl::Status& status) {
  {
    const absl::MutexLock lock(&mutex_);
    ending_ = status;
  }
  for (const auto& stream : Open()) stream->End(status);
}

std::vector<std::shared_ptr<DeviceStream>> DeviceStreams::Open() {
  std::vector<std::shared_ptr<DeviceStream>> open;
  const absl::MutexLock lock(&mutex_);
  for (const auto& [key, weak] : streams_) {
    if (auto stream = weak.lock(); stream != nullptr) open.push_back(std::move(stream));
  }
  return open;
}

void DeviceStreams::Run() {
  while (true) {
    {
      const absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stop_), recheck_interval_)) return;
    }
    for (const auto& stream : Open()) stream->Recheck();
  }
}

}  // namespace peerwatt::gateway
