// What a buffer does to keep within its size.
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/buffer.h"
#include "agent/errors.h"
#include "libs/base/error.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"

namespace peerwatt::agent {

bool Buffer::OldestIsAcknowledged() const {
  return segments_.size() > 1 && segments_[1].first_index - 1 <= state_.acknowledged_index;
}

absl::Status Buffer::DropOldestSegment() {
  const Segment& oldest = segments_.front();
  if (unlink(oldest.path.c_str()) != 0 && errno != ENOENT) {
    return Error(kDiskFailed, absl::StrCat("cannot remove ", oldest.path));
  }
  const int64_t next = segments_[1].first_index;
  for (; state_.first_index < next; ++state_.first_index) entries_.pop_front();
  state_.bytes -= oldest.bytes;
  segments_.pop_front();
  return absl::OkStatus();
}

// The position moves before the segment goes: a process that dies in between has counted the
// records and still holds them, and sends nothing twice.
absl::Status Buffer::DropUnacknowledged() {
  const int64_t last = segments_[1].first_index - 1;
  const int64_t batches = last - state_.acknowledged_index;
  const std::string since =
      absl::FormatTime(absl::RFC3339_full, state_.acknowledged_through.value_or(absl::UnixEpoch()),
                       absl::UTCTimeZone());
  state_.batches_dropped += batches;
  PW_RETURN_IF_ERROR(MoveTo(last));
  Log(Severity::kError, "the buffer is full: the oldest batches are dropped unsent",
      {{"folder", options_.folder},
       {"batches", batches},
       {"since", since},
       {"through",
        absl::FormatTime(absl::RFC3339_full, *state_.acknowledged_through, absl::UTCTimeZone())}});
  return DropOldestSegment();
}

absl::Status Buffer::MakeRoom(int64_t size) {
  if (segments_.back().bytes >= options_.segment_bytes) PW_RETURN_IF_ERROR(StartSegment());
  int64_t acknowledged_bytes = 0;
  for (size_t i = 0; i + 1 < segments_.size(); ++i) {
    if (segments_[i + 1].first_index - 1 <= state_.acknowledged_index) {
      acknowledged_bytes += segments_[i].bytes;
    }
  }
  while (OldestIsAcknowledged() && (acknowledged_bytes > options_.acknowledged_bytes_max ||
                                    state_.bytes + size > options_.bytes_max)) {
    acknowledged_bytes -= segments_.front().bytes;
    PW_RETURN_IF_ERROR(DropOldestSegment());
  }
  while (options_.when_full == WhenFull::kKeepNewest && segments_.size() > 1 &&
         state_.bytes + size > options_.bytes_max) {
    PW_RETURN_IF_ERROR(DropUnacknowledged());
  }
  if (state_.bytes + size > options_.bytes_max) {
    return Error(kBufferFull, absl::StrCat("the buffer holds ", state_.bytes, " of ",
                                           options_.bytes_max, " bytes"));
  }
  return absl::OkStatus();
}

}  // namespace peerwatt::agent
