#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace peerwatt::tool {

/// A line of progress: on a terminal it is written over and over, elsewhere it is kept.
class LiveLine {
 public:
  LiveLine();
  /// Whether stdout is a terminal, so that the line may change often.
  bool is_terminal() const { return is_terminal_; }
  /// Shows a state: on a terminal in place of the one before.
  void Show(absl::string_view text);
  /// Shows a passing remark: on a terminal only until the next state.
  void Remark(absl::string_view text);
  /// Ends the line.
  void End();

 private:
  bool is_terminal_;
  bool open_ = false;
};

}  // namespace peerwatt::tool
