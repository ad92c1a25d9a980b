#include "tools/peerwatt/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/ids.h"
#include "libs/base/status_macros.h"

namespace peerwatt::tool {
namespace {

absl::Status FileError(absl::string_view what, const std::string& path) {
  const int error = errno;
  const std::string message = absl::StrCat(what, " ", path, ": ", std::strerror(error));
  return error == ENOENT ? absl::NotFoundError(message) : absl::UnavailableError(message);
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return FileError("cannot read", path);
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

absl::Status WriteFile(const std::string& path, absl::string_view content, mode_t mode) {
  const std::string draft = absl::StrCat(path, ".new");
  unlink(draft.c_str());
  const int fd = open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return FileError("cannot create", draft);
  size_t written = 0;
  while (written < content.size()) {
    const ssize_t count = write(fd, content.data() + written, content.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      const absl::Status status = FileError("cannot write", draft);
      close(fd);
      return status;
    }
    written += static_cast<size_t>(count);
  }
  const bool kept = fchmod(fd, mode) == 0;
  if (close(fd) != 0 || !kept) return FileError("cannot write", draft);
  if (rename(draft.c_str(), path.c_str()) != 0) return FileError("cannot replace", path);
  return absl::OkStatus();
}

absl::Status MakeDirectory(const std::string& path, mode_t mode) {
  std::error_code error;
  const bool created = std::filesystem::create_directories(path, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat("cannot create ", path, ": ", error.message()));
  }
  // What was there before belongs to somebody who chose its mode.
  if (!created) return absl::OkStatus();
  if (chmod(path.c_str(), mode) != 0) return FileError("cannot set the mode of", path);
  return absl::OkStatus();
}

std::string LastLines(const std::string& path, int count) {
  const auto content = ReadFile(path);
  if (!content.ok()) return "";
  std::vector<std::string> lines = absl::StrSplit(*content, '\n');
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  const size_t first = lines.size() - std::min(lines.size(), static_cast<size_t>(count));
  std::string out;
  for (size_t i = first; i < lines.size(); ++i) absl::StrAppend(&out, "    ", lines[i], "\n");
  return out;
}

std::string NewSecret() { return absl::BytesToHexString(RandomBytes(24)); }

absl::StatusOr<std::string> SecretInFile(const std::string& path) {
  auto kept = ReadFile(path);
  if (kept.ok() && !kept->empty()) return kept;
  if (!kept.ok() && !absl::IsNotFound(kept.status())) return kept.status();
  std::string secret = NewSecret();
  PW_RETURN_IF_ERROR(WriteFile(path, secret, 0600));
  return secret;
}

std::string OwnProgram() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "/proc/self/exe" : path.string();
}

std::string OwnDirectory() { return std::filesystem::path(OwnProgram()).parent_path().string(); }

std::string DefaultStateDirectory() {
  if (geteuid() == 0) return "/var/lib/peerwatt";
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && data[0] == '/') {
    return absl::StrCat(data, "/peerwatt");
  }
  const char* home = std::getenv("HOME");
  return absl::StrCat(home == nullptr ? "." : home, "/.local/share/peerwatt");
}

}  // namespace peerwatt::tool
