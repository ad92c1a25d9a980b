#include "services/metering/rpc/import_lane.h"

#include <chrono>
#include <utility>

#include "libs/base/error.h"
#include "services/metering/core/errors.h"

namespace peerwatt::metering {

void ImportLane::Sink::OnAnswers(std::vector<LaneAnswer> answers) {
  const std::lock_guard lock(mutex_);
  outcome_ = std::move(answers.front().outcome);
  changed_.notify_all();
}

void ImportLane::Sink::OnRoom() {
  const std::lock_guard lock(mutex_);
  room_ = true;
  changed_.notify_all();
}

bool ImportLane::Sink::WaitForRoom() {
  std::unique_lock lock(mutex_);
  const bool room =
      changed_.wait_for(lock, std::chrono::milliseconds(100), [this] { return room_; });
  room_ = false;
  return room;
}

BatchOutcome ImportLane::Sink::WaitForAnswer() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return outcome_.has_value(); });
  return *std::exchange(outcome_, std::nullopt);
}

ImportLane::ImportLane(IngestQueue& queue, const grpc::ServerContext& context)
    : queue_(queue), context_(context), lane_(queue.AddLane(sink_, /*waits=*/false)) {}

ImportLane::~ImportLane() { queue_.Close(lane_); }

void ImportLane::Start(Batch batch) {
  gave_up_ = false;
  while (!queue_.HasRoom(sink_)) {
    while (!gave_up_ && !sink_->WaitForRoom()) {
      gave_up_ = context_.IsCancelled();
    }
    if (gave_up_) {
      return;
    }
  }
  LaneItem item;
  item.batch = std::move(batch);
  queue_.Push(lane_, std::move(item));
}

BatchOutcome ImportLane::Wait() {
  if (gave_up_) {
    return {Error(kDraining, "the call ended before there was room; import the file again"), {}};
  }
  return sink_->WaitForAnswer();
}

}  // namespace peerwatt::metering
