#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/rpc/security.h"
#include "peerwatt/metering/v1/metering.pb.h"
#include "services/metering/core/ports.h"
#include "services/metering/rpc/change_signal.h"

namespace peerwatt::metering {

/// Bounds of the streams of new readings.
struct NewReadingsOptions {
  size_t streams_max = 10'000;       ///< Streams open at a time.
  size_t waiting_changes_max = 256;  ///< Changes that may wait for a client to read.
  /// How long the feed waits before it looks for changes of other processes.
  absl::Duration idle_poll = absl::Milliseconds(20);
  /// How often it is asked again whether callers may see what they watch, of real time.
  absl::Duration permission_interval = absl::Seconds(5);
};

/// Where the readings of one stream go. Safe for many threads; none of the calls waits.
class NewReadingsSink {
 public:
  virtual ~NewReadingsSink() = default;
  /// Whether the stream has not ended.
  virtual bool IsOpen() = 0;
  /// Whether a message may be sent now; false when the client has not read those before.
  virtual bool HasRoom() = 0;
  virtual void Send(v1::StreamNewReadingsResponse response) = 0;
  virtual void End(const absl::Status& status) = 0;
};

/// What a stream asks for.
struct NewReadingsQuery {
  rpc::Principal caller;
  MeteringPointId point;
  std::optional<int64_t> cursor;  ///< Nothing: what is stored from now on.
};

/// Follows the changes on one thread and sends the readings of those spans to the streams of their
/// metering points. A stream that resumes is caught up page by page between the others. Another
/// thread asks who may see what, so that a slow registry delays new streams alone. It asks again
/// every `permission_interval`, and ends streams that may not go on; while the registry does not
/// answer, they do.
///
/// A stream ends with METERING_POINT_UNKNOWN, PERMISSION_DENIED, PEER_UNAVAILABLE; FIELD_INVALID
/// for a cursor that this database never gave; READER_TOO_SLOW; DRAINING.
class NewReadingsFeed {
 public:
  /// All references must outlive the feed.
  NewReadingsFeed(ReadingStore& store, MemberDirectory& directory, ChangeSignal& changed,
                  const NewReadingsOptions& options);
  ~NewReadingsFeed();
  NewReadingsFeed(const NewReadingsFeed&) = delete;
  NewReadingsFeed& operator=(const NewReadingsFeed&) = delete;

  /// Starts a stream, whose first message says where it begins. Does not wait. Returns its number,
  /// for `Leave`. Errors: TOO_MANY_STREAMS; DRAINING.
  absl::StatusOr<int64_t> Join(NewReadingsQuery query, std::shared_ptr<NewReadingsSink> sink);
  /// The stream is over; its sink must have ended before.
  void Leave(int64_t number);
  /// Ends all streams with DRAINING, and all waiting for `changed`.
  void Stop();

 private:
  /// Readings to be sent; an empty span tells only the cursor.
  struct Waiting {
    int64_t cursor = 0;
    Interval span;
  };
  struct Subscriber {
    int64_t number = 0;
    NewReadingsQuery query;
    std::shared_ptr<NewReadingsSink> sink;
    absl::Duration resolution;
    bool live = false;        ///< Hears of changes as they are found; else it is caught up.
    int64_t cursor = 0;       ///< All changes up to here were found …
    int64_t sent_cursor = 0;  ///< … and up to here sent.
    std::deque<Waiting> waiting;
    size_t unread = 0;                ///< Changes of the point found since a message was sent.
    std::optional<absl::Time> after;  ///< Last reading sent of the first that waits.
  };
  using SubscriberPtr = std::unique_ptr<Subscriber>;

  /// What an open stream watches, and for whom.
  struct Watched {
    rpc::Principal caller;
    MeteringPointId point;
    std::shared_ptr<NewReadingsSink> sink;
  };

  /// The thread that asks who may see what.
  void Admit();
  /// Asks about all open streams; without mutex_ held.
  void AskAgain();
  /// The thread that follows changes.
  void Follow();
  /// Returns whether there is more to do now.
  absl::StatusOr<bool> Step();
  void TakeArrivals();
  void Begin(SubscriberPtr subscriber, int64_t now_cursor);
  void Remove(int64_t number);
  /// Finds new changes for live streams.
  absl::StatusOr<bool> FindChanges();
  /// Finds one page of older changes: for the next stream that resumes, and all like it.
  absl::StatusOr<bool> CatchUp();
  void GoLive(Subscriber& subscriber);
  /// Sends a page to each stream that has something waiting, and room.
  absl::StatusOr<bool> SendWaiting();
  absl::Status SendPage(Subscriber& subscriber);
  /// A position below which nothing can appear any more.
  absl::StatusOr<int64_t> Horizon();

  ReadingStore& store_;
  MemberDirectory& directory_;
  ChangeSignal& changed_;
  const NewReadingsOptions options_;

  std::mutex mutex_;
  std::condition_variable asked_;
  bool stopped_ = false;
  int64_t last_number_ = 0;
  absl::flat_hash_map<int64_t, Watched> open_;  ///< from `Join` to `Leave`
  std::deque<SubscriberPtr> asking_;    ///< not looked up yet
  std::vector<SubscriberPtr> arrived_;  ///< may see what they ask for
  std::vector<int64_t> gone_;

  // Of the thread that follows changes:
  std::optional<int64_t> head_;  ///< Changes up to here were found; nothing without a stream.
  absl::flat_hash_map<int64_t, SubscriberPtr> subscribers_;
  absl::flat_hash_map<MeteringPointId, std::set<int64_t>> by_point_;
  std::set<int64_t> busy_;  ///< have something waiting or are caught up
  int64_t caught_up_last_ = 0;

  std::thread admission_;
  std::thread follower_;
};

}  // namespace peerwatt::metering
