#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peerwatt::tool {

/// Reads a whole file. Errors: kNotFound, kUnavailable.
absl::StatusOr<std::string> ReadFile(const std::string& path);
/// Replaces a file in one step: a reader sees the old content or the new, never a part.
absl::Status WriteFile(const std::string& path, absl::string_view content, mode_t mode);
/// Creates a directory and its parents where missing; one that it creates gets `mode`.
absl::Status MakeDirectory(const std::string& path, mode_t mode);
/// The last `count` lines of a file, each indented; empty when there is none.
std::string LastLines(const std::string& path, int count);
/// 48 random hexadecimal digits, for a password.
std::string NewSecret();
/// The secret in the file `path`; makes one, readable only by the owner, when there is none.
absl::StatusOr<std::string> SecretInFile(const std::string& path);
/// The running executable, with its path.
std::string OwnProgram();
/// The directory of the running executable, where its sibling programs are.
std::string OwnDirectory();
/// Where the launcher keeps its state unless told: `/var/lib/peerwatt` for root, else
/// `$XDG_DATA_HOME/peerwatt` or `~/.local/share/peerwatt`.
std::string DefaultStateDirectory();

}  // namespace peerwatt::tool
