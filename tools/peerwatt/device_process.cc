#include "tools/peerwatt/device_process.h"

#include <sys/wait.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "tools/peerwatt/files.h"
#include "tools/peerwatt/json_fields.h"

namespace peerwatt::tool {

DeviceProcess::DeviceProcess(const StatePaths& paths, std::string clock_file)
    : paths_(paths), folder_(paths.root + "/devices"), clock_file_(std::move(clock_file)) {}

DeviceProcess::~DeviceProcess() {
  if (process_.pid == 0) return;
  SendSignal(process_, SIGTERM);
  if (!WaitUntilGone(process_, absl::Seconds(10))) SendSignal(process_, SIGKILL);
  waitpid(process_.pid, nullptr, 0);
}

Command DeviceProcess::NewCommand() const {
  Command command;
  command.argv = {OwnDirectory() + "/peerwatt-devsim", "--fleet=" + folder_ + "/fleet.json"};
  command.log_path = paths_.log("devsim");
  return command;
}

absl::Status DeviceProcess::Start(const std::string& fleet) {
  PW_RETURN_IF_ERROR(MakeDirectory(folder_, 0700));
  PW_RETURN_IF_ERROR(WriteFile(folder_ + "/fleet.json", fleet, 0600));
  Command command = NewCommand();
  // Nobody pulls the plug of these meters, and what a killed process has written the kernel keeps.
  command.argv.push_back("--buffer_sync=false");
  command.argv.insert(command.argv.end(),
                      {"--state=" + folder_, "--clock=shared", "--clock_file=" + clock_file_,
                       "--status=" + folder_ + "/status.json"});
  PW_ASSIGN_OR_RETURN(const pid_t pid, Spawn(command));
  started_ = absl::Now();
  restart_at_ = absl::InfiniteFuture();
  process_ = FindProcess(pid).value_or(ProcessId{pid, 0});
  return absl::OkStatus();
}

absl::Status DeviceProcess::KeepRunning() {
  int status = 0;
  if (process_.pid != 0 && waitpid(process_.pid, &status, WNOHANG) == process_.pid) {
    process_ = {};
    restart_at_ = absl::Now() + backoff_.PauseAfter(absl::Now() - started_);
  }
  if (restart_at_ > absl::Now()) return absl::OkStatus();
  ++restarts_;
  PW_ASSIGN_OR_RETURN(const std::string fleet, ReadFile(folder_ + "/fleet.json"));
  return Start(fleet);
}

DeviceStatus DeviceProcess::Status() const {
  DeviceStatus out;
  const auto text = ReadFile(folder_ + "/status.json");
  if (!text.ok()) return out;
  const Json json = Json::parse(*text, nullptr, false);
  if (!json.is_object()) return out;
  out.acknowledged_through = absl::FromUnixMicros(NumberField(json, "acknowledged_through_micros"));
  out.readings_acknowledged = NumberField(json, "readings_acknowledged");
  out.readings_refused = NumberField(json, "readings_refused");
  out.reconnects = NumberField(json, "reconnects");
  out.finished = json.value("finished", false);
  if (const auto it = json.find("failures"); it != json.end() && it->is_object()) {
    for (const auto& [device, why] : it->items()) {
      out.failure = absl::StrCat(device, ": ", why.dump());
      break;
    }
  }
  return out;
}

absl::StatusOr<std::map<std::string, Energy>> DeviceProcess::InputTotals() const {
  Command command = NewCommand();
  command.argv.push_back("--print_totals");
  command.output_path = folder_ + "/totals.json";
  PW_ASSIGN_OR_RETURN(const int code, RunToEnd(command));
  if (code != 0) {
    return absl::UnavailableError(
        absl::StrCat("the input's totals cannot be computed; log: ", command.log_path, "\n",
                     LastLines(command.log_path, 5)));
  }
  PW_ASSIGN_OR_RETURN(const std::string text, ReadFile(command.output_path));
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return absl::DataLossError("the input's totals are malformed");
  std::map<std::string, Energy> out;
  for (const auto& [point, wh] : json.items()) out[point] = EnergyField(json, point.c_str());
  return out;
}

}  // namespace peerwatt::tool
