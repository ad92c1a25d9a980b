#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peerwatt::agent {

/// An open file. Every error is DISK_FAILED and names the path.
class File {
 public:
  File() = default;
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  /// Opens a file; `flags` as open(2) takes them, close-on-exec is added.
  static absl::StatusOr<File> Open(const std::string& path, int flags, int mode = 0600);
  /// Takes the only lock on the file. Errors: FOLDER_IN_USE when another process has it.
  absl::Status Lock();
  /// Writes all bytes at an offset.
  absl::Status WriteAt(absl::string_view bytes, int64_t offset);
  /// Reads up to `size` bytes at an offset; fewer at the end of the file.
  absl::StatusOr<std::string> ReadAt(int64_t offset, int64_t size) const;
  absl::Status Truncate(int64_t size);
  /// Waits until the contents are on the disk.
  absl::Status Sync();
  absl::StatusOr<int64_t> Size() const;

 private:
  absl::Status Failed(absl::string_view what) const;
  int fd_ = -1;
  std::string path_;
};

/// Makes a folder and those above it, readable by its owner alone. Errors: DISK_FAILED.
absl::Status MakeFolder(const std::string& path);
/// Names of a folder's files, sorted. Errors: DISK_FAILED.
absl::StatusOr<std::vector<std::string>> ListFolder(const std::string& path);
/// Reads a whole file. Errors: kNotFound when absent, DISK_FAILED.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path);
/// Puts a file in place in one step: readers see the old contents or the new. sync: it is on the
/// disk when this returns. Errors: DISK_FAILED.
absl::Status ReplaceFile(const std::string& path, absl::string_view contents, int mode, bool sync);

}  // namespace peerwatt::agent
