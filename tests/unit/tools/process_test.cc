#include "tools/peerwatt/process.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tools/temporary_folder.h"
#include "tools/peerwatt/files.h"

namespace peerwatt::tool {
namespace {

class ProcessTest : public ::testing::Test {
 protected:
  Command Shell(const std::string& script) const {
    Command command;
    command.argv = {"/bin/sh", "-c", script};
    command.log_path = folder_.path() + "/log";
    return command;
  }
  std::string Log() const { return ReadFile(folder_.path() + "/log").value_or("no log"); }

  TemporaryFolder folder_;
};

TEST_F(ProcessTest, ReturnsTheExitCode) {
  EXPECT_EQ(RunToEnd(Shell("exit 7")).value(), 7);
  EXPECT_EQ(RunToEnd(Shell("kill -9 $$")).value(), 137);
}

TEST_F(ProcessTest, AppendsOutputToTheLog) {
  ASSERT_EQ(RunToEnd(Shell("echo one; echo two >&2")).value(), 0);
  ASSERT_EQ(RunToEnd(Shell("echo three")).value(), 0);
  EXPECT_EQ(Log(), "one\ntwo\nthree\n");
}

TEST_F(ProcessTest, WritesStandardOutputToItsOwnFileWhenTold) {
  Command command = Shell("echo out; echo err >&2");
  command.output_path = folder_.path() + "/out";
  ASSERT_EQ(RunToEnd(command).value(), 0);
  EXPECT_EQ(ReadFile(command.output_path).value(), "out\n");
  EXPECT_EQ(Log(), "err\n");
}

TEST_F(ProcessTest, AddsToTheEnvironmentAndKeepsLibpqsOut) {
  setenv("PGHOST", "elsewhere", 1);
  Command command = Shell("echo $GREETING-$PGHOST-");
  command.environment = {{"GREETING", "hello"}};
  ASSERT_EQ(RunToEnd(command).value(), 0);
  unsetenv("PGHOST");
  EXPECT_EQ(Log(), "hello--\n");
}

TEST_F(ProcessTest, SaysWhyAProgramCannotBeRun) {
  Command command = Shell("");
  command.argv = {"/nonexistent/program"};
  const auto pid = Spawn(command);
  EXPECT_EQ(pid.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(pid.status().message(), "cannot run /nonexistent/program: No such file or directory");
}

TEST_F(ProcessTest, CountsAZombieAsGone) {
  const pid_t pid = Spawn(Shell("read forever")).value();  // stdin is empty: ends at once
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(FindProcess(pid).has_value());
  ASSERT_EQ(waitpid(pid, nullptr, 0), pid);
}

TEST_F(ProcessTest, TellsAProcessFromALaterOneWithItsNumber) {
  const ProcessId self = FindProcess(getpid()).value();
  EXPECT_TRUE(IsAlive(self));
  EXPECT_FALSE(IsAlive(ProcessId{self.pid, self.start_ticks - 1}));
  EXPECT_FALSE(IsAlive(ProcessId{}));
}

TEST_F(ProcessTest, FindsProcessesByDirectoryAndProgram) {
  const std::string there = std::filesystem::canonical(folder_.path()).string();
  const pid_t pid = Spawn(Shell("cd " + there + " && exec sleep 60")).value();
  std::vector<ProcessId> found;
  while (found.empty()) found = ProcessesIn(there, "sleep");
  EXPECT_EQ(found.at(0).pid, pid);
  EXPECT_TRUE(ProcessesIn(there, "postgres").empty());
  SendSignal(found.at(0), SIGKILL);
  EXPECT_TRUE(WaitUntilGone(found.at(0), absl::Seconds(10)));
}

}  // namespace
}  // namespace peerwatt::tool
