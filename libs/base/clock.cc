#include "libs/base/clock.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"

ABSL_FLAG(std::string, clock, "system", "Source of time: system, scaled or shared");
ABSL_FLAG(std::string, clock_epoch, "", "scaled: first instant, RFC 3339");
ABSL_FLAG(std::string, clock_real_start, "", "scaled: real instant of the first one, RFC 3339");
ABSL_FLAG(double, clock_factor, 1.0, "scaled: clock seconds per real second, 0.001 to 1000000");
ABSL_FLAG(std::string, clock_file, "", "shared: file that holds the time");

namespace peerwatt {
namespace {

absl::StatusOr<absl::Time> ParseInstant(const char* flag, const std::string& text) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    return absl::InvalidArgumentError(absl::StrCat("--", flag, ": ", error));
  }
  return time;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SharedClock>> SharedClock::Open(const std::string& path,
                                                               bool create) {
  const int fd =
      open(path.c_str(), create ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDWR | O_CLOEXEC, 0644);
  if (fd < 0) {
    return absl::UnavailableError(absl::StrCat("clock file ", path, ": ", std::strerror(errno)));
  }
  void* page = MAP_FAILED;
  struct stat info {};
  const bool sized = fstat(fd, &info) == 0 && info.st_size >= off_t{sizeof(int64_t)};
  if (sized || (create && ftruncate(fd, sizeof(int64_t)) == 0)) {
    page = mmap(nullptr, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  close(fd);
  if (page == MAP_FAILED) {
    return absl::UnavailableError(absl::StrCat("clock file ", path, " cannot be mapped"));
  }
  static_assert(std::atomic<int64_t>::is_always_lock_free);
  return std::unique_ptr<SharedClock>(new SharedClock(static_cast<std::atomic<int64_t>*>(page)));
}

SharedClock::~SharedClock() { munmap(micros_, sizeof(int64_t)); }

absl::Time SharedClock::Now() const { return absl::FromUnixMicros(micros_->load()); }

void SharedClock::Set(absl::Time time) { micros_->store(absl::ToUnixMicros(time)); }

absl::StatusOr<std::unique_ptr<Clock>> ClockFromFlags() {
  const std::string kind = absl::GetFlag(FLAGS_clock);
  if (kind == "system") return std::make_unique<SystemClock>();
  if (kind == "shared") {
    auto clock = SharedClock::Open(absl::GetFlag(FLAGS_clock_file), false);
    if (!clock.ok()) return clock.status();
    return *std::move(clock);
  }
  if (kind == "scaled") {
    auto epoch = ParseInstant("clock_epoch", absl::GetFlag(FLAGS_clock_epoch));
    if (!epoch.ok()) return epoch.status();
    auto start = ParseInstant("clock_real_start", absl::GetFlag(FLAGS_clock_real_start));
    if (!start.ok()) return start.status();
    const double factor = absl::GetFlag(FLAGS_clock_factor);
    if (!(factor >= 0.001 && factor <= 1e6)) {
      return absl::InvalidArgumentError("--clock_factor must be from 0.001 to 1000000");
    }
    return std::make_unique<ScaledClock>(*epoch, *start, factor);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--clock must be system, scaled or shared, not '", kind, "'"));
}

}  // namespace peerwatt
