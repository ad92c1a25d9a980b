#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "agent/buffer.h"

namespace peerwatt::agent {

/// Opens a buffer as `Buffer::Open` does. When its files are damaged, every record that can be read
/// and was not acknowledged is carried over into a new buffer, and the old folder is kept beside it
/// as `<folder>.damaged-<n>`; the records get new numbers, and what refused.jsonl says stays there.
/// A process may die at any moment of it. Errors: FOLDER_IN_USE, SETTINGS_INVALID, DISK_FAILED.
absl::StatusOr<std::unique_ptr<Buffer>> OpenOrSalvage(const BufferOptions& options);

}  // namespace peerwatt::agent
