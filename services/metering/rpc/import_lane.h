#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "services/metering/formats/reading_import.h"
#include "services/metering/rpc/ingest_queue.h"

namespace peerwatt::metering {

/// Stores the batches of one import through the queue, like those of everybody else.
class ImportLane final : public BatchLane {
 public:
  /// Both must outlive the lane.
  ImportLane(IngestQueue& queue, const grpc::ServerContext& context);
  ~ImportLane() override;
  ImportLane(const ImportLane&) = delete;
  ImportLane& operator=(const ImportLane&) = delete;
  /// Waits for room in the queue; gives up when the call ends.
  void Start(Batch batch) override;
  BatchOutcome Wait() override;

 private:
  /// What the queue tells; it may do so after the lane has gone.
  class Sink final : public LaneSink {
   public:
    void OnAnswers(std::vector<LaneAnswer> answers) override;
    void OnRoom() override;
    /// Whether there was room within a tenth of a second.
    bool WaitForRoom();
    BatchOutcome WaitForAnswer();

   private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool room_ = false;
    std::optional<BatchOutcome> outcome_;
  };

  IngestQueue& queue_;
  const grpc::ServerContext& context_;
  const std::shared_ptr<Sink> sink_ = std::make_shared<Sink>();
  const std::shared_ptr<Lane> lane_;
  bool gave_up_ = false;
};

}  // namespace peerwatt::metering
