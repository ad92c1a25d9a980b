#include "tools/peerwatt/live_line.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"

namespace peerwatt::tool {

LiveLine::LiveLine() : is_terminal_(isatty(STDOUT_FILENO) == 1) {}

void LiveLine::Show(absl::string_view text) {
  const std::string line = is_terminal_ ? absl::StrCat("\r\x1b[K", text) : absl::StrCat(text, "\n");
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
  open_ = is_terminal_;
}

void LiveLine::Remark(absl::string_view text) { Show(text); }

void LiveLine::End() {
  if (open_) std::fputs("\n", stdout);
  std::fflush(stdout);
  open_ = false;
}

}  // namespace peerwatt::tool
