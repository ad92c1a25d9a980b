#include "libs/base/flags.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/reflection.h"
#include "absl/flags/usage.h"
#include "absl/flags/usage_config.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/log.h"

ABSL_FLAG(std::string, log_level, "info",
          "Least severity that is logged: debug, info, warning, error");

namespace peerwatt {

namespace {

// Flags of the libraries below us are not ours to print or to set.
bool IsOurs(absl::string_view file) {
  return !absl::StrContains(file, "absl/") && !absl::StrContains(file, "abseil");
}

}  // namespace

void DescribeProgram(absl::string_view usage) {
  absl::SetProgramUsageMessage(usage);
  absl::FlagsUsageConfig config;
  config.contains_help_flags = IsOurs;
  config.contains_helpshort_flags = IsOurs;
  absl::SetFlagsUsageConfig(config);
}

void StopForConfiguration(absl::string_view message) {
  Log(Severity::kError, message, {{"action", "stopping: the configuration is wrong"}});
  FlushLog();
  std::exit(2);
}

std::vector<std::string> StartProcess(int argc, char** argv, absl::string_view service,
                                      absl::string_view usage,
                                      std::initializer_list<absl::string_view> secrets) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  DescribeProgram(usage);
  StartLog(service, "info");
  std::map<std::string, absl::CommandLineFlag*> ours;
  for (const auto& [name, flag] : absl::GetAllFlags()) {
    if (!IsOurs(flag->Filename())) continue;
    ours[std::string(name)] = flag;
    const std::string variable = absl::StrCat("PEERWATT_", absl::AsciiStrToUpper(name));
    const char* value = std::getenv(variable.c_str());
    std::string error;
    if (value != nullptr && !flag->ParseFrom(value, &error)) {
      StopForConfiguration(absl::StrCat(variable, ": ", error));
    }
  }
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  StartLog(service, absl::GetFlag(FLAGS_log_level));
  std::string effective;
  for (const auto& [name, flag] : ours) {
    std::string value = flag->CurrentValue();
    for (const absl::string_view secret : secrets) {
      if (name == secret && !value.empty()) value = "***";
    }
    absl::StrAppend(&effective, effective.empty() ? "" : " ", "--", name, "=", value);
  }
  Log(Severity::kInfo, "starting", {{"flags", effective}});
  return std::vector<std::string>(rest.begin() + 1, rest.end());
}

std::string ReadConfigurationFile(absl::string_view flag, const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) StopForConfiguration(absl::StrCat("--", flag, ": cannot read '", path, "'"));
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

namespace {

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

}  // namespace

void BlockStopSignals() {
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

void WaitForStopSignal() {
  const sigset_t signals = StopSignals();
  int received = 0;
  sigwait(&signals, &received);
}

}  // namespace peerwatt
