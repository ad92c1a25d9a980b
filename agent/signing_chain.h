#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/disk.h"

namespace peerwatt::agent {

/// Which counter and previous digest the next signed batch gets, kept in a file beside the buffer.
/// A step is on the disk before the batch is in the buffer, with the record that the batch is to
/// become; a last step whose record the buffer does not have was never sent and does not count. So
/// whatever instruction a process dies at, no counter is given to two batches that can be sent.
class SigningChain {
 public:
  /// Opens or begins the chain of a buffer. last_index: newest record of the buffer.
  /// sync: as `BufferOptions::sync`. Errors: BUFFER_DAMAGED, DISK_FAILED.
  static absl::StatusOr<std::unique_ptr<SigningChain>> Open(const std::string& folder,
                                                            int64_t last_index, bool sync);

  /// Of the batch that comes next.
  int64_t next_counter() const { return counter_ + 1; }
  const std::string& previous_digest() const { return digest_; }
  /// Writes down that the batch with `next_counter` and this digest is to become this record; it
  /// counts when `Take` is called. Errors: DISK_FAILED.
  absl::Status Prepare(absl::string_view digest, int64_t record_index);
  /// The record that was prepared is in the buffer.
  void Take();

 private:
  SigningChain(File file, bool sync) : file_(std::move(file)), sync_(sync) {}
  absl::Status Recover(int64_t last_index);

  File file_;
  bool sync_;
  int64_t counter_ = 0;
  std::string digest_;
  std::string prepared_digest_;
};

}  // namespace peerwatt::agent
