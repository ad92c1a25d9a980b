#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace peerwatt {

/// Starts a process: reads `PEERWATT_<FLAG>` from the environment, then the command line (which
/// wins), starts the log under `service` and prints the effective flags once.
/// secrets: names of flags whose values are masked. Ends the process with one clear line and exit
/// code 2 when a value cannot be read. Returns what is left of the command line.
std::vector<std::string> StartProcess(int argc, char** argv, std::string_view service,
                                      std::string_view usage,
                                      std::initializer_list<std::string_view> secrets = {});

/// Ends the process with one clear line and exit code 2: the configuration is wrong.
[[noreturn]] void StopForConfiguration(std::string_view message);

/// Reads a whole file. Ends the process as `StopForConfiguration` when it cannot be read.
std::string ReadConfigurationFile(std::string_view flag, const std::string& path);

/// Blocks SIGTERM and SIGINT in this and all later threads, and ignores SIGPIPE. Call it first
/// thing in main.
void BlockStopSignals();

/// Waits until SIGTERM or SIGINT arrives.
void WaitForStopSignal();

}  // namespace peerwatt
