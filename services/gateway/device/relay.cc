#include "services/gateway/device/relay.h"

#include <utility>

namespace peerwatt::gateway {

Relay::Relay(std::vector<std::shared_ptr<grpc::Channel>> channels) {
  const absl::MutexLock lock(&mutex_);
  for (auto& channel : channels) {
    Line line;
    line.channel = std::move(channel);
    line.stub = std::make_unique<RelayCall::Stub>(line.channel);
    lines_.push_back(std::move(line));
  }
}

Relay::~Relay() {
  const absl::MutexLock lock(&mutex_);
  for (const Line& line : lines_) {
    if (line.call != nullptr) line.call->Cancel();
  }
  mutex_.Await(absl::Condition(
      +[](int* count) { return *count == 0; }, &call_count_));
}

RelayPlace Relay::Open(const std::weak_ptr<RelayedStream>& stream, const std::string& device,
                       int32_t batches_in_flight_max) {
  const absl::MutexLock lock(&mutex_);
  Line& line = lines_[next_line_++ % lines_.size()];
  while (true) {
    if (line.call == nullptr || line.call->ended()) {
      ++call_count_;
      line.call = RelayCall::Start(*line.stub, [this] {
        const absl::MutexLock done(&mutex_);
        --call_count_;
      });
    }
    const auto number = line.call->Open(stream, device, batches_in_flight_max);
    if (number.has_value()) return {line.call, *number};
  }
}

}  // namespace peerwatt::gateway
