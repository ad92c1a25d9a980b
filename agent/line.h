#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/stop_signal.h"

namespace peerwatt::agent {

/// Where a meter's bytes come from.
struct LineOptions {
  std::string host;    ///< TCP: name or address …
  std::string port;    ///< … and port; both empty for a serial line
  std::string device;  ///< serial: `/dev/ttyUSB0`
  int baud = 115200;   ///< serial: 9600 or 115200
  /// serial: 7 data bits and even parity, as before DSMR version 4, instead of 8 and none.
  bool seven_even = false;
};

/// Reads `tcp:HOST:PORT` or `serial:/dev/…` into host and port, or device.
/// Errors: SETTINGS_INVALID.
absl::StatusOr<LineOptions> ParseLineAddress(absl::string_view address);

/// An open line of bytes from a meter, TCP or serial.
class Line {
 public:
  /// Connects or opens, within `timeout`. Errors: LINE_FAILED.
  static absl::StatusOr<Line> Open(const LineOptions& options, absl::Duration timeout,
                                   const StopSignal& stop);
  Line(Line&& other) noexcept;
  Line& operator=(Line&& other) noexcept;
  ~Line();

  /// Reads what there is, 4096 bytes at most, waiting up to `timeout` for it.
  /// Errors: LINE_FAILED when it ended, stayed silent, or it is time to stop.
  absl::StatusOr<std::string> Read(absl::Duration timeout, const StopSignal& stop) const;

 private:
  explicit Line(int fd) : fd_(fd) {}
  static absl::StatusOr<Line> OpenTcp(const LineOptions& options, absl::Duration timeout,
                                      const StopSignal& stop);
  static absl::StatusOr<Line> OpenSerial(const LineOptions& options);
  int fd_ = -1;
};

}  // namespace peerwatt::agent
