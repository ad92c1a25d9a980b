#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace peerwatt::tool {

/// Ends the progress of a supervisor whose stack is ready; no text holds it.
inline constexpr char kReadyMark = '\x06';

/// Shows what is being done: `starting postgres … ok (0.8 s)`.
class Progress {
 public:
  /// Writes to `fd`, which stays open; -1: writes nothing.
  explicit Progress(int fd) : fd_(fd) {}
  /// `what …`, the line stays open.
  void Begin(absl::string_view what);
  /// Ends the line: `ok (0.8 s)` and a remark.
  void Done(absl::string_view remark = "");
  /// Ends the line, if one is open, with `failed`.
  void Failed();
  /// A line of its own.
  void Say(absl::string_view text);
  /// Tells the reading process that all is well, and closes the descriptor.
  void Ready();
  /// Whether the reader has gone.
  bool broken() const { return broken_; }

 private:
  void Write(absl::string_view text);

  int fd_;
  bool open_ = false;
  bool broken_ = false;
  absl::Time begun_;
};

}  // namespace peerwatt::tool
