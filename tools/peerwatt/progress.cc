#include "tools/peerwatt/progress.h"

#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace peerwatt::tool {

void Progress::Write(absl::string_view text) {
  while (fd_ >= 0 && !text.empty()) {
    const ssize_t count = write(fd_, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      broken_ = true;
      return;
    }
    text.remove_prefix(static_cast<size_t>(count));
  }
}

void Progress::Begin(absl::string_view what) {
  Write(absl::StrCat(what, " … "));
  open_ = true;
  begun_ = absl::Now();
}

void Progress::Done(absl::string_view remark) {
  if (!open_) return;
  open_ = false;
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begun_);
  Write(absl::StrCat("ok (", absl::StrFormat("%.1f", seconds), " s)", remark.empty() ? "" : " ",
                     remark, "\n"));
}

void Progress::Failed() {
  if (!open_) return;
  open_ = false;
  Write("failed\n");
}

void Progress::Ready() {
  Write(absl::string_view(&kReadyMark, 1));
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

void Progress::Say(absl::string_view text) { Write(absl::StrCat(text, "\n")); }

}  // namespace peerwatt::tool
