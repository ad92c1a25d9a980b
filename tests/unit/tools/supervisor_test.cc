#include "tools/peerwatt/supervisor.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/unit/tools/temporary_folder.h"
#include "tools/peerwatt/files.h"

namespace peerwatt::tool {
namespace {

class SupervisorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT}) sigaddset(&signals, signal);
    ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &signals, &former_), 0);
  }
  void TearDown() override {
    Progress silent(-1);
    supervisor_.StopAll(silent);
    pthread_sigmask(SIG_SETMASK, &former_, nullptr);
  }
  Supervisor::Spec Shell(const std::string& name, const std::string& script) const {
    Supervisor::Spec spec;
    spec.name = name;
    spec.command.argv = {"/bin/sh", "-c", script};
    spec.command.log_path = folder_.path() + "/" + name;
    return spec;
  }
  ProcessState StateOf(size_t child) const { return supervisor_.States().at(child); }

  TemporaryFolder folder_;
  sigset_t former_{};
  int changes_ = 0;
  Supervisor supervisor_{ProcessId{}, [this] { ++changes_; }};
};

TEST_F(SupervisorTest, StartsAKilledChildAgain) {
  int cleared = 0;
  Supervisor::Spec spec = Shell("a", "exec sleep 600");
  spec.before_restart = [&] { ++cleared; };
  ASSERT_TRUE(supervisor_.Start(std::move(spec)).ok());
  const ProcessId first = StateOf(0).id;
  ASSERT_TRUE(IsAlive(first));
  SendSignal(first, SIGKILL);
  while (StateOf(0).restarts == 0) supervisor_.Pump(absl::Milliseconds(20));
  EXPECT_NE(StateOf(0).id.pid, first.pid);
  EXPECT_TRUE(IsAlive(StateOf(0).id));
  EXPECT_EQ(cleared, 1);
  EXPECT_EQ(changes_, 3);  // started, ended, started
}

TEST_F(SupervisorTest, LeavesTheOthersAlone) {
  ASSERT_TRUE(supervisor_.Start(Shell("a", "exec sleep 600")).ok());
  ASSERT_TRUE(supervisor_.Start(Shell("b", "exec sleep 600")).ok());
  const ProcessId other = StateOf(1).id;
  SendSignal(StateOf(0).id, SIGKILL);
  while (StateOf(0).restarts == 0) supervisor_.Pump(absl::Milliseconds(20));
  EXPECT_EQ(StateOf(1).id.pid, other.pid);
  EXPECT_EQ(StateOf(1).restarts, 0);
}

TEST_F(SupervisorTest, NamesTheEndOfAChildThatNeverBecameReady) {
  ASSERT_TRUE(supervisor_.Start(Shell("a", "exit 3")).ok());
  const absl::Status status = supervisor_.WaitUntil(
      "a", [] { return absl::UnavailableError("not yet"); }, absl::Minutes(1));
  EXPECT_EQ(status.message(), "a ended: exit code 3");
}

TEST_F(SupervisorTest, GivesTheLastAnswerWhenTimeIsOver) {
  ASSERT_TRUE(supervisor_.Start(Shell("a", "exec sleep 600")).ok());
  const absl::Status status = supervisor_.WaitUntil(
      "a", [] { return absl::UnavailableError("not yet"); }, absl::ZeroDuration());
  EXPECT_EQ(status.message(), "not yet");
}

TEST_F(SupervisorTest, StopsWhenAsked) {
  ASSERT_TRUE(supervisor_.Start(Shell("a", "exec sleep 600")).ok());
  ASSERT_EQ(kill(getpid(), SIGTERM), 0);
  EXPECT_TRUE(absl::IsCancelled(supervisor_.WaitUntil(
      "a", [] { return absl::UnavailableError("not yet"); }, absl::Minutes(1))));
  EXPECT_TRUE(supervisor_.stop_requested());
}

TEST_F(SupervisorTest, KillsAChildThatIgnoresItsGrace) {
  Supervisor::Spec spec = Shell("a", "trap '' TERM; echo ready; while :; do sleep 1; done");
  spec.stop_grace = absl::Milliseconds(200);
  const std::string log = spec.command.log_path;
  ASSERT_TRUE(supervisor_.Start(std::move(spec)).ok());
  while (!std::filesystem::exists(log) || std::filesystem::file_size(log) == 0) {
    supervisor_.Pump(absl::Milliseconds(5));
  }
  const ProcessId child = StateOf(0).id;
  Progress silent(-1);
  supervisor_.StopAll(silent);
  EXPECT_FALSE(IsAlive(child));
}

TEST_F(SupervisorTest, StopsTheLastStartedFirst) {
  const std::string order = folder_.path() + "/order";
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(supervisor_
                    .Start(Shell(name, absl::StrCat("trap 'echo ", name, " >>", order,
                                                    "; exit 0' TERM; echo ready; while :; do "
                                                    "sleep 0.05; done")))
                    .ok());
    const std::string log = folder_.path() + "/" + name;
    while (!std::filesystem::exists(log) || std::filesystem::file_size(log) == 0) {
      supervisor_.Pump(absl::Milliseconds(5));
    }
  }
  Progress silent(-1);
  supervisor_.StopAll(silent);
  EXPECT_EQ(ReadFile(order).value(), "c\nb\na\n");
}

TEST(SupervisorWatchTest, StopsWhenTheWatchedProcessHasGone) {
  Supervisor supervisor(ProcessId{getpid(), 1}, [] {});
  supervisor.Pump(absl::Minutes(1));
  EXPECT_TRUE(supervisor.stop_requested());
}

}  // namespace
}  // namespace peerwatt::tool
