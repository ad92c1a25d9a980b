#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "absl/container/flat_hash_map.h"
#include "peerwatt/metering/v1/metering.pb.h"
#include "peerwatt/metering/v1/relay.grpc.pb.h"
#include "services/metering/rpc/ingest_queue.h"
#include "services/metering/rpc/relay_service.h"

namespace peerwatt::metering {

/// An answer on its way: the bytes of a `StreamReadingsResponse` for so many frames, or the end of
/// the stream.
struct RelayAnswer {
  std::string response;
  int32_t frame_count = 0;
  absl::Status end;  ///< Not OK: the stream ends with it.
};

/// What lane answers become, in their order. Batches in a row that were stored are acknowledged by
/// one answer, with the last sequence and the sums. batches_in_flight_max: told after `open`.
std::vector<RelayAnswer> RelayAnswersFrom(std::vector<LaneAnswer> answers,
                                          int32_t batches_in_flight_max);

/// One call of a gateway. Puts what its streams send into lanes of the queue, a lane per stream,
/// and reads no further while the queue or what waits to be written is full. What is answered while
/// a message is being written goes out together in the next.
class RelayCall final : public grpc::ServerBidiReactor<v1::RelayRequest, v1::RelayResponse>,
                        public LaneSink,
                        public std::enable_shared_from_this<RelayCall> {
 public:
  /// Starts to serve a call; the object lives until the call is done. queue and calls must outlive
  /// it.
  static RelayCall* Start(grpc::CallbackServerContext& context, IngestQueue& queue,
                          RelayCalls& calls);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;
  void OnRoom() override;
  void OnAnswers(std::vector<LaneAnswer>) override {}  // its streams hear them
  /// Reads no more and ends when all is answered.
  void Drain();

 private:
  class Stream;
  struct Message {
    v1::RelayResponse response;
    size_t bytes = 0;
  };

  RelayCall(IngestQueue& queue, RelayCalls& calls) : queue_(queue), calls_(calls) {}

  /// Reads the frames of a message; only one thread does at a time.
  std::vector<LanePush> TakeFrames();
  void TakeOpen(const v1::RelayRequest::Frame& frame, std::vector<LanePush>& pushes);
  void TakeClose(int64_t number);
  LaneItem BatchFrom(const Stream& stream, const std::string& bytes);
  /// From any thread: answers of a stream.
  void Answer(Stream& stream, std::vector<RelayAnswer> answers);

  // All with mutex_ held.
  void ReadNext();
  void Append(int64_t stream, RelayAnswer answer);
  void WriteNext();
  void EndWhenIdle();
  void End(const absl::Status& status);
  void FinishWhenWritten();

  IngestQueue& queue_;
  RelayCalls& calls_;
  std::shared_ptr<RelayCall> self_;
  v1::RelayRequest request_;
  v1::Batch batch_;  ///< reused: a batch is read into it and out again
  absl::flat_hash_map<int64_t, std::shared_ptr<Stream>> streams_;  ///< of the reading thread

  std::mutex mutex_;
  std::deque<Message> responses_;  ///< the front may be being written
  size_t waiting_bytes_ = 0;       ///< of all that are not being written
  std::optional<grpc::Status> end_;
  size_t in_flight_ = 0;  ///< frames without an answer
  bool reading_ = false;
  bool writing_ = false;
  bool waits_for_room_ = false;
  bool reads_done_ = false;
  bool draining_ = false;
  bool finished_ = false;
};

}  // namespace peerwatt::metering
