#include "tools/peerwatt/state.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <set>

#include "tests/unit/tools/temporary_folder.h"
#include "tools/peerwatt/files.h"

namespace peerwatt::tool {
namespace {

/// Listens on a port as long as it lives.
class Listener {
 public:
  explicit Listener(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr generic{};
    std::memcpy(&generic, &address, sizeof generic);
    listening_ = bind(fd_, &generic, sizeof generic) == 0 && listen(fd_, 1) == 0;
  }
  ~Listener() { close(fd_); }
  bool listening() const { return listening_; }

 private:
  int fd_;
  bool listening_ = false;
};

TEST(StateTest, ReadsBackWhatItWrote) {
  State state;
  state.supervisor = {42, 4711};
  state.ready = true;
  state.ports = {{"market", 20001}, {"gateway_http", 20002}};
  state.clock_flags = {{"clock", "shared"}};
  state.processes = {{"postgres", {43, 4712}, 2}, {"market", {}, 0}};
  const State read = StateFromJson(StateToJson(state)).value();
  EXPECT_EQ(StateToJson(read), StateToJson(state));
  EXPECT_EQ(read.Address("market"), "127.0.0.1:20001");
  EXPECT_EQ(read.processes[0].restarts, 2);
}

TEST(StateTest, IsEmptyWhereNothingWasStarted) {
  const TemporaryFolder folder;
  const State state = ReadState(StatePaths{folder.path()}).value();
  EXPECT_EQ(state.supervisor.pid, 0);
  EXPECT_TRUE(state.ports.empty());
}

TEST(StateTest, RefusesAMalformedFile) {
  const TemporaryFolder folder;
  const StatePaths paths{folder.path()};
  for (const char* text : {"", "[]", "{\"supervisor\":7}", "{\"supervisor\":{\"pid\":\"x\"}}"}) {
    ASSERT_TRUE(WriteFile(paths.state(), text, 0644).ok());
    EXPECT_EQ(ReadState(paths).status().code(), absl::StatusCode::kDataLoss) << text;
  }
}

TEST(StateTest, OneProcessHoldsTheLock) {
  const TemporaryFolder folder;
  const StatePaths paths{folder.path()};
  {
    const auto first = StateLock::TryTake(paths);
    ASSERT_TRUE(first.ok() && first->has_value());
    const auto second = StateLock::TryTake(paths);
    ASSERT_TRUE(second.ok());
    EXPECT_FALSE(second->has_value());
  }
  EXPECT_TRUE(StateLock::TryTake(paths).value().has_value());
}

TEST(PortsTest, AreFreeDifferentAndBelowTheKernelsOwn) {
  std::vector<std::string> names;
  for (int i = 0; i < 50; ++i) names.push_back(std::to_string(i));
  const auto ports = AssignPorts(names, {}).value();
  std::set<uint16_t> different;
  for (const auto& [name, port] : ports) {
    different.insert(port);
    EXPECT_GE(port, 20000);
    EXPECT_LT(port, 32000);
  }
  EXPECT_EQ(different.size(), names.size());
}

TEST(PortsTest, StayOverRestartsUnlessTaken) {
  const auto first = AssignPorts({"a", "b"}, {}).value();
  EXPECT_EQ(AssignPorts({"a", "b"}, first).value(), first);
  const Listener stranger(first.at("a"));
  ASSERT_TRUE(stranger.listening());
  const auto second = AssignPorts({"a", "b"}, first).value();
  EXPECT_NE(second.at("a"), first.at("a"));
  EXPECT_EQ(second.at("b"), first.at("b"));
}

TEST(FilesTest, ReplacesAFileAndSetsItsMode) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/secret";
  ASSERT_TRUE(WriteFile(path, "old and long", 0644).ok());
  ASSERT_TRUE(WriteFile(path, "new", 0600).ok());
  EXPECT_EQ(ReadFile(path).value(), "new");
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(FilesTest, MakesASecretOnce) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/secret";
  const std::string secret = SecretInFile(path).value();
  EXPECT_EQ(secret.size(), 48u);
  EXPECT_EQ(SecretInFile(path).value(), secret);
  EXPECT_NE(SecretInFile(path + "2").value(), secret);
}

TEST(FilesTest, ShowsTheLastLines) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/log";
  ASSERT_TRUE(WriteFile(path, "one\ntwo\nthree\n", 0600).ok());
  EXPECT_EQ(LastLines(path, 2), "    two\n    three\n");
  EXPECT_EQ(LastLines(path, 9), "    one\n    two\n    three\n");
  EXPECT_EQ(LastLines(path + "x", 9), "");
}

}  // namespace
}  // namespace peerwatt::tool
