#include "agent/disk.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/errors.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace peerwatt::agent {

File::File(File&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

File::~File() {
  if (fd_ >= 0) close(fd_);
}

absl::Status File::Failed(absl::string_view what) const {
  return Error(kDiskFailed, absl::StrCat(what, " ", path_, ": ", std::strerror(errno)));
}

absl::StatusOr<File> File::Open(const std::string& path, int flags, int mode) {
  File file;
  file.path_ = path;
  file.fd_ = open(path.c_str(), flags | O_CLOEXEC, mode);
  if (file.fd_ < 0) {
    if (errno == ENOENT) return absl::NotFoundError(absl::StrCat("no file ", path));
    return file.Failed("cannot open");
  }
  return file;
}

absl::Status File::Lock() {
  if (flock(fd_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  if (errno != EWOULDBLOCK) return Failed("cannot lock");
  return Error(kFolderInUse, absl::StrCat(path_, " is used by another process"));
}

absl::Status File::WriteAt(absl::string_view bytes, int64_t offset) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(fd_, bytes.data(), bytes.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Failed("cannot write");
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += written;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> File::ReadAt(int64_t offset, int64_t size) const {
  std::string bytes(static_cast<size_t>(size), '\0');
  size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = pread(fd_, bytes.data() + filled, bytes.size() - filled,
                              offset + static_cast<int64_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed("cannot read");
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

absl::Status File::Truncate(int64_t size) {
  return ftruncate(fd_, size) == 0 ? absl::OkStatus() : Failed("cannot truncate");
}

absl::Status File::Sync() { return fdatasync(fd_) == 0 ? absl::OkStatus() : Failed("cannot sync"); }

absl::StatusOr<int64_t> File::Size() const {
  struct stat info {};
  if (fstat(fd_, &info) != 0) return Failed("cannot read the size of");
  return int64_t{info.st_size};
}

absl::Status MakeFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) {
    std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
  }
  if (!error) return absl::OkStatus();
  return Error(kDiskFailed, absl::StrCat("cannot make the folder ", path, ": ", error.message()));
}

absl::StatusOr<std::vector<std::string>> ListFolder(const std::string& path) {
  std::error_code error;
  std::vector<std::string> names;
  std::filesystem::directory_iterator at(path, error);
  while (!error && at != std::filesystem::directory_iterator()) {
    names.push_back(at->path().filename().string());
    at.increment(error);
  }
  if (error) return Error(kDiskFailed, absl::StrCat("cannot list ", path, ": ", error.message()));
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path) {
  PW_ASSIGN_OR_RETURN(const File file, File::Open(path, O_RDONLY));
  PW_ASSIGN_OR_RETURN(const int64_t size, file.Size());
  return file.ReadAt(0, size);
}

absl::Status ReplaceFile(const std::string& path, absl::string_view contents, int mode, bool sync) {
  const std::string temporary = absl::StrCat(path, ".new");
  {
    PW_ASSIGN_OR_RETURN(File file,
                        File::Open(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode));
    PW_RETURN_IF_ERROR(file.WriteAt(contents, 0));
    if (sync) PW_RETURN_IF_ERROR(file.Sync());
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    return Error(kDiskFailed,
                 absl::StrCat("cannot put ", path, " in place: ", std::strerror(errno)));
  }
  if (!sync) return absl::OkStatus();
  const std::string parent = std::filesystem::path(path).parent_path().string();
  PW_ASSIGN_OR_RETURN(File folder, File::Open(parent.empty() ? "." : parent, O_RDONLY));
  return folder.Sync();
}

}  // namespace peerwatt::agent
