#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"


namespace peerwatt {

/// Starts a process: reads `PEERWATT_<FLAG>` from the environment, then the command line (which
/// wins), starts the log under `service` and prints the effective flags once.
/// secrets: names of flags whose values are masked. Ends the process with one clear line and exit
/// code 2 when a value cannot be read. Returns what is left of the command line.
std::vector<std::string> StartProcess(int argc, char** argv, absl::string_view service,
                                      absl::string_view usage,
                                      std::initializer_list<absl::string_view> secrets = {});

/// Sets what `--help` prints: `usage` and every flag that is ours.
void DescribeProgram(absl::string_view usage);

/// Ends the process with one clear line and exit code 2: the configuration is wrong.
[[noreturn]] void StopForConfiguration(absl::string_view message);

/// Reads a whole file. Ends the process as `StopForConfiguration` when it cannot be read.
std::string ReadConfigurationFile(absl::string_view flag, const std::string& path);

/// Blocks SIGTERM and SIGINT in this and all later threads, and ignores SIGPIPE. Call it first
/// thing in main.
void BlockStopSignals();

/// Waits until SIGTERM or SIGINT arrives.
void WaitForStopSignal();

}  // namespace peerwatt
