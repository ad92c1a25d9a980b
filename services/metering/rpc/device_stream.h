#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "libs/domain/ids.h"
#include "peerwatt/metering/v1/metering.grpc.pb.h"
#include "services/metering/rpc/ingest_queue.h"

namespace peerwatt::metering {

class DeviceStream;

/// The streams that are open, so that they can be ended together.
class DeviceStreams {
 public:
  void Add(DeviceStream* stream);
  void Remove(DeviceStream* stream);
  /// Lets every stream answer what it has read and end; later ones end at once.
  void Drain();

 private:
  std::mutex mutex_;
  bool draining_ = false;
  std::set<DeviceStream*> streams_;
};

/// One call of `StreamReadings`. Reads a message at a time and hands batches to the queue; stops
/// reading while too many batches wait for their acknowledgement or the queue is full, so that the
/// device feels it. Acknowledges in the order of the batches, one write at a time.
class DeviceStream final
    : public grpc::ServerBidiReactor<v1::StreamReadingsRequest, v1::StreamReadingsResponse>,
      public LaneSink,
      public std::enable_shared_from_this<DeviceStream> {
 public:
  /// Starts to serve a call; the object lives until the call is done. queue and streams must
  /// outlive it. in_flight_max: batches without an acknowledgement that left.
  static DeviceStream* Start(grpc::CallbackServerContext& context, IngestQueue& queue,
                             DeviceStreams& streams, int32_t in_flight_max);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;
  void OnAnswers(std::vector<LaneAnswer> answers) override;
  void OnRoom() override;
  /// Reads no more and ends when all is answered.
  void Drain();

 private:
  DeviceStream(IngestQueue& queue, DeviceStreams& streams, int32_t in_flight_max)
      : queue_(queue), streams_(streams), in_flight_max_(in_flight_max) {}

  // All with mutex_ held.
  void ReadNext();
  void TakeRequest();
  void WriteNext();
  void EndWhenIdle();
  void End(const absl::Status& status);
  void FinishWhenWritten();

  IngestQueue& queue_;
  DeviceStreams& streams_;
  const int32_t in_flight_max_;
  std::mutex mutex_;
  std::shared_ptr<DeviceStream> self_;
  std::shared_ptr<Lane> lane_;
  DeviceId device_;
  v1::StreamReadingsRequest request_;
  std::deque<v1::StreamReadingsResponse> responses_;
  std::optional<grpc::Status> end_;
  int32_t in_flight_ = 0;
  bool opened_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool written_ = false;  ///< the first response is out
  bool waits_for_room_ = false;
  bool reads_done_ = false;
  bool draining_ = false;
  bool finished_ = false;
};

}  // namespace peerwatt::metering
