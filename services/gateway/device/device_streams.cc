#include "services/gateway/device/device_streams.h"

#include <utility>

#include "services/gateway/device/device_stream.h"

namespace peerwatt::gateway {

DeviceStreams::DeviceStreams(DeviceGate& gate, absl::Duration recheck_interval,
                             telemetry::Metrics& metrics)
    : gate_(gate),
      recheck_interval_(recheck_interval),
      count_(metrics.AddGauge("peerwatt_gateway_device_streams", "Device streams that are open.")),
      thread_([this] { Run(); }) {}

DeviceStreams::~DeviceStreams() {
  {
    const absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  thread_.join();
  // An answer that is still to come names this object.
  const absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(+[](int* count) { return *count == 0; }, &rechecks_));
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
    RecheckAll();
  }
}

void DeviceStreams::RecheckAll() {
  const std::vector<std::shared_ptr<DeviceStream>> open = Open();
  {
    const absl::MutexLock lock(&mutex_);
    rechecks_ = static_cast<int>(open.size());
  }
  for (const auto& stream : open) {
    gate_.Recheck(stream->identity(), [this, weak = std::weak_ptr<DeviceStream>(stream)](
                                          absl::StatusOr<DevicePoints> points) {
      if (const auto still_open = weak.lock(); still_open != nullptr) {
        still_open->Judged(std::move(points));
      }
      const absl::MutexLock lock(&mutex_);
      --rechecks_;
    });
  }
  const absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(
      +[](DeviceStreams* self) ABSL_NO_THREAD_SAFETY_ANALYSIS {
        return self->stop_ || self->rechecks_ == 0;
      },
      this));
}

}  // namespace peerwatt::gateway
