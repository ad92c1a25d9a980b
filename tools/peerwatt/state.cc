#include "tools/peerwatt/state.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "tools/peerwatt/files.h"

namespace peerwatt::tool {
namespace {

using Json = nlohmann::json;

constexpr int kPortFirst = 20000;
constexpr int kPortLast = 31999;

Json ToJson(const ProcessId& id) { return {{"pid", id.pid}, {"start_ticks", id.start_ticks}}; }

ProcessId ProcessFrom(const Json& json) {
  return {json.at("pid").get<pid_t>(), json.at("start_ticks").get<int64_t>()};
}

bool IsPortFree(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr generic{};
  static_assert(sizeof generic == sizeof address);
  std::memcpy(&generic, &address, sizeof generic);
  const bool free = bind(fd, &generic, sizeof generic) == 0;
  close(fd);
  return free;
}

}  // namespace

std::string State::Address(const std::string& port) const {
  return absl::StrCat("127.0.0.1:", ports.at(port));
}

std::string StateToJson(const State& state) {
  Json processes = Json::array();
  for (const ProcessState& process : state.processes) {
    Json entry = ToJson(process.id);
    entry["name"] = process.name;
    entry["restarts"] = process.restarts;
    processes.push_back(std::move(entry));
  }
  const Json json = {{"supervisor", ToJson(state.supervisor)},
                     {"ready", state.ready},
                     {"ports", state.ports},
                     {"clock_flags", state.clock_flags},
                     {"processes", std::move(processes)}};
  return json.dump(2) + "\n";
}

absl::StatusOr<State> StateFromJson(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    State state;
    state.supervisor = ProcessFrom(json.at("supervisor"));
    state.ready = json.at("ready").get<bool>();
    json.at("ports").get_to(state.ports);
    json.at("clock_flags").get_to(state.clock_flags);
    for (const Json& entry : json.at("processes")) {
      state.processes.push_back({entry.at("name").get<std::string>(), ProcessFrom(entry),
                                 entry.at("restarts").get<int>()});
    }
    return state;
  } catch (const Json::exception& error) {
    return absl::DataLossError(error.what());
  }
}

absl::StatusOr<State> ReadState(const StatePaths& paths) {
  const auto text = ReadFile(paths.state());
  if (absl::IsNotFound(text.status())) return State{};
  if (!text.ok()) return text.status();
  auto state = StateFromJson(*text);
  if (!state.ok()) {
    return absl::DataLossError(
        absl::StrCat(paths.state(), " is malformed: ", state.status().message()));
  }
  return state;
}

absl::Status WriteState(const StatePaths& paths, const State& state) {
  return WriteFile(paths.state(), StateToJson(state), 0644);
}

absl::StatusOr<std::optional<StateLock>> StateLock::TryTake(const StatePaths& paths) {
  const int fd = open(paths.lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot open ", paths.lock(), ": ", std::strerror(errno)));
  }
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    return std::optional<StateLock>();
  }
  return std::optional<StateLock>(StateLock(fd));
}

StateLock::~StateLock() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<std::map<std::string, uint16_t>> AssignPorts(
    const std::vector<std::string>& names, const std::map<std::string, uint16_t>& kept) {
  std::map<std::string, uint16_t> out;
  std::set<int> taken;
  for (const std::string& name : names) {
    const auto it = kept.find(name);
    if (it != kept.end() && !taken.contains(it->second) && IsPortFree(it->second)) {
      out[name] = it->second;
      taken.insert(it->second);
    }
  }
  std::random_device source;
  std::uniform_int_distribution<int> any(kPortFirst, kPortLast);
  for (const std::string& name : names) {
    for (int attempt = 0; attempt < 1000 && !out.contains(name); ++attempt) {
      const int port = any(source);
      if (taken.contains(port) || !IsPortFree(port)) continue;
      out[name] = static_cast<uint16_t>(port);
      taken.insert(port);
    }
    if (!out.contains(name)) {
      return absl::UnavailableError(
          absl::StrCat("no free port of 127.0.0.1 from ", kPortFirst, " to ", kPortLast));
    }
  }
  return out;
}

}  // namespace peerwatt::tool
