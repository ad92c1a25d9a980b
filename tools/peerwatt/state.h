#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tools/peerwatt/process.h"

namespace peerwatt::tool {

/// Where things are in a state directory.
struct StatePaths {
  std::string root;  ///< absolute
  std::string pgdata() const { return root + "/pgdata"; }
  std::string run() const { return root + "/run"; }
  std::string logs() const { return root + "/logs"; }
  std::string secrets() const { return root + "/secrets"; }
  std::string lock() const { return root + "/lock"; }
  std::string state() const { return root + "/state.json"; }
  std::string log(absl::string_view process) const {
    return logs() + "/" + std::string(process) + ".log";
  }
  std::string secret(absl::string_view file) const { return secrets() + "/" + std::string(file); }
};

/// One process that the supervisor runs.
struct ProcessState {
  std::string name;
  ProcessId id;  ///< pid 0: not running
  int restarts = 0;
};

/// What the supervisor tells the other verbs through `state.json`.
struct State {
  ProcessId supervisor;                            ///< pid 0: stopped
  bool ready = false;                              ///< every service has answered
  std::map<std::string, uint16_t> ports;           ///< kept over restarts
  std::map<std::string, std::string> clock_flags;  ///< kept over restarts
  std::vector<ProcessState> processes;

  /// `127.0.0.1:<port>`; the port must exist.
  std::string Address(const std::string& port) const;
};

/// Reads `state.json`; an empty state when there is none. Errors: kDataLoss when it is malformed.
absl::StatusOr<State> ReadState(const StatePaths& paths);
absl::Status WriteState(const StatePaths& paths, const State& state);
/// `state.json` as text and back, for the functions above.
std::string StateToJson(const State& state);
absl::StatusOr<State> StateFromJson(const std::string& text);

/// Held by the supervisor as long as it lives; the kernel releases it when the process dies.
class StateLock {
 public:
  /// Nothing when another process holds it. Errors: kUnavailable when the file cannot be opened.
  static absl::StatusOr<std::optional<StateLock>> TryTake(const StatePaths& paths);
  StateLock(StateLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  StateLock& operator=(StateLock&&) = delete;
  ~StateLock();

 private:
  explicit StateLock(int fd) : fd_(fd) {}
  int fd_;
};

/// Gives each name a port of 127.0.0.1 that nobody listens on, all different. A port in `kept`
/// stays when it is still free. Ports lie below those that the kernel gives to outgoing
/// connections, so that a restarted process finds its own free. Errors: kUnavailable when none is
/// found.
absl::StatusOr<std::map<std::string, uint16_t>> AssignPorts(
    const std::vector<std::string>& names, const std::map<std::string, uint16_t>& kept);

}  // namespace peerwatt::tool
