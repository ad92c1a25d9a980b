#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "peerwatt/metering/v1/metering.pb.h"
#include "services/metering/rpc/new_readings_feed.h"

namespace peerwatt::metering {

/// One call of `StreamNewReadings`: writes what the feed sends, a few messages of which may wait.
class NewReadingsCall final : public grpc::ServerWriteReactor<v1::StreamNewReadingsResponse>,
                              public NewReadingsSink,
                              public std::enable_shared_from_this<NewReadingsCall> {
 public:
  /// Starts to serve a call; the object lives until the call is done and the feed has let go of it.
  /// feed: must outlive the call. decoded: not OK refuses the call.
  static NewReadingsCall* Start(NewReadingsFeed& feed, const grpc::Status& decoded,
                                NewReadingsQuery query);

  bool IsOpen() override;
  bool HasRoom() override;
  void Send(v1::StreamNewReadingsResponse response) override;
  void End(const absl::Status& status) override;

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  explicit NewReadingsCall(NewReadingsFeed& feed) : feed_(feed) {}

  // With mutex_ held:
  void WriteNext();
  void EndWith(const grpc::Status& status);
  void FinishWhenWritten();

  NewReadingsFeed& feed_;
  std::shared_ptr<NewReadingsCall> self_;

  std::mutex mutex_;
  std::optional<int64_t> number_;  ///< Of the stream in the feed, once it has joined.
  std::deque<v1::StreamNewReadingsResponse> responses_;  ///< the front may be being written
  std::optional<grpc::Status> end_;
  bool writing_ = false;
  bool finished_ = false;
};

}  // namespace peerwatt::metering
