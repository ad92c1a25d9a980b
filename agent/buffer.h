#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/disk.h"

namespace peerwatt::agent {

/// What a buffer does that is full of records that nobody acknowledged.
enum class WhenFull {
  kKeepOldest,  ///< takes no new record until there is room; the caller keeps what it has
  kKeepNewest,  ///< drops the oldest segment of records, counts them and says so
};

/// Where a buffer lives and how large it gets.
struct BufferOptions {
  std::string folder;               ///< made when absent
  int64_t bytes_max = 64 << 20;     ///< of all records; at least two segments
  WhenFull when_full = WhenFull::kKeepOldest;
  int64_t segment_bytes = 256 << 10;
  /// Acknowledged records are kept up to this size, in case the server forgets them.
  int64_t acknowledged_bytes_max = 512 << 10;
  /// Whether a record is on the disk, not only with the operating system, before it is sent. Off,
  /// a crash of the process loses nothing, a loss of power may.
  bool sync = true;
};

/// One record: a batch and how far it reaches.
struct BufferRecord {
  int64_t index = 0;   ///< counts up from 1
  absl::Time through;  ///< everything before it was produced up to this record
  std::string payload;
};

/// A buffer's state at one moment.
struct BufferState {
  int64_t first_index = 1;         ///< oldest record still held, or last_index + 1
  int64_t last_index = 0;          ///< newest record
  int64_t acknowledged_index = 0;  ///< every record up to here was acknowledged or refused
  /// How far the newest record and the last acknowledged one reach; nothing before the first.
  std::optional<absl::Time> produced_through;
  std::optional<absl::Time> acknowledged_through;
  /// Sequence of a record = its index + this; nothing before the server was first asked.
  std::optional<int64_t> sequence_offset;
  int64_t readings_acknowledged = 0;
  int64_t readings_refused = 0;
  int64_t batches_dropped = 0;  ///< for want of room, never acknowledged
  int64_t bytes = 0;
};

/// Store and forward: an append-only log of batches in segment files, and a small file with the
/// acknowledged position. A process may die at any instruction: what `Append` returned for stays,
/// a torn record at the end is dropped. Refused batches go to `refused.jsonl` with the reason.
/// Safe to use from many threads.
class Buffer {
 public:
  /// Opens or makes a buffer. Errors: FOLDER_IN_USE, BUFFER_DAMAGED, DISK_FAILED.
  static absl::StatusOr<std::unique_ptr<Buffer>> Open(const BufferOptions& options);

  /// Adds a record. Errors: BUFFER_FULL while too much is unacknowledged, DISK_FAILED; nothing is
  /// added then.
  absl::Status Append(absl::string_view payload, absl::Time through);
  /// Reads a record. Errors: kNotFound when it is no longer held, BUFFER_DAMAGED, DISK_FAILED.
  absl::StatusOr<BufferRecord> Read(int64_t index) const;
  /// Marks the record after `acknowledged_index`, of `readings` readings, as delivered; does
  /// nothing for one before, which was dropped while it was under way.
  absl::Status Acknowledge(int64_t index, int64_t readings);
  /// The same for a record that the server refuses for good: it is written to `refused.jsonl`.
  absl::Status Refuse(int64_t index, int64_t readings, absl::string_view reason,
                      absl::string_view message);
  /// Payloads of the records up to `acknowledged_index` that were refused.
  absl::StatusOr<std::vector<std::string>> RefusedPayloads() const;
  /// Whether the record was refused.
  bool IsRefused(int64_t index) const;
  /// Fixes which sequence belongs to which record.
  absl::Status SetSequenceOffset(int64_t offset);
  BufferState state() const;

 private:
  struct Segment {
    int64_t first_index = 1;
    std::optional<absl::Time> base_through;
    std::string path;
    int64_t bytes = 0;
  };
  struct Entry {
    absl::Time through;
    uint32_t offset = 0;
    uint32_t size = 0;
  };

  explicit Buffer(const BufferOptions& options) : options_(options) {}
  std::string RefusedPath() const;
  absl::Status Recover() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status RecoverSegment(const std::string& path, bool newest)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status RecoverPosition() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status RecoverRefused() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status StartSegment() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status MakeRoom(int64_t size) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status DropUnacknowledged() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status DropOldestSegment() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool OldestIsAcknowledged() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status MoveTo(int64_t index) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status WritePosition() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<BufferRecord> ReadLocked(int64_t index) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const BufferOptions options_;
  mutable absl::Mutex mutex_;
  BufferState state_ ABSL_GUARDED_BY(mutex_);
  std::deque<Segment> segments_ ABSL_GUARDED_BY(mutex_);  // oldest first; the last takes records
  std::deque<Entry> entries_ ABSL_GUARDED_BY(mutex_);     // of first_index to last_index
  std::set<int64_t> refused_ ABSL_GUARDED_BY(mutex_);
  File active_ ABSL_GUARDED_BY(mutex_);
  File position_ ABSL_GUARDED_BY(mutex_);
  int64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace peerwatt::agent
