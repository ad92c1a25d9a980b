#include "tools/peerwatt/postgres_cluster.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <pqxx/pqxx>

#include "absl/time/clock.h"
#include "tests/unit/tools/temporary_folder.h"
#include "tools/peerwatt/files.h"
#include "tools/peerwatt/supervisor.h"

namespace peerwatt::tool {
namespace {

/// A cluster of its own under a supervisor.
class PostgresClusterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT}) sigaddset(&signals, signal);
    ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &signals, nullptr), 0);
    ASSERT_EQ(chmod(folder_.path().c_str(), geteuid() == 0 ? 0711 : 0700), 0);
    ASSERT_TRUE(MakeDirectory(paths_.logs(), 0700).ok());
    ASSERT_TRUE(MakeDirectory(paths_.secrets(), 0700).ok());
    const auto ports = AssignPorts({"postgres"}, {});
    ASSERT_TRUE(ports.ok());
    auto cluster = PostgresCluster::Open(paths_, ports->at("postgres"));
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = std::make_unique<PostgresCluster>(*std::move(cluster));
    const absl::Status prepared = cluster_->Prepare();
    ASSERT_TRUE(prepared.ok()) << prepared;
    Supervisor::Spec spec;
    spec.name = "postgres";
    spec.command = cluster_->ServerCommand();
    spec.stop_signal = SIGINT;
    spec.before_restart = [this] { cluster_->EndLeftovers(); };
    ASSERT_TRUE(supervisor_.Start(std::move(spec)).ok());
    WaitUntilItAnswers();
    const absl::Status created = cluster_->CreateDatabase("market");
    ASSERT_TRUE(created.ok()) << created;
  }
  void TearDown() override {
    Progress silent(-1);
    supervisor_.StopAll(silent);
    EXPECT_TRUE(ProcessesIn(paths_.pgdata(), "postgres").empty());
  }
  void WaitUntilItAnswers() {
    absl::Status status = absl::UnavailableError("not asked yet");
    for (const absl::Time deadline = absl::Now() + absl::Minutes(1);
         !status.ok() && absl::Now() < deadline; status = cluster_->Ping()) {
      supervisor_.Pump(absl::Milliseconds(20));
    }
    ASSERT_TRUE(status.ok()) << status << LastLines(paths_.log("postgres"), 20);
  }
  ProcessId Postmaster() const { return supervisor_.States().at(0).id; }
  std::string Dsn(bool owner) const { return cluster_->Dsn("market", owner).value(); }

  TemporaryFolder folder_;
  StatePaths paths_{folder_.path()};
  std::unique_ptr<PostgresCluster> cluster_;
  Supervisor supervisor_{ProcessId{}, [] {}};
};

TEST_F(PostgresClusterTest, KeepsDurabilityAndChecksumsOn) {
  pqxx::connection connection(Dsn(false));
  pqxx::nontransaction tx(connection);
  const auto setting = [&](const char* name) {
    return tx.exec_params("SELECT current_setting($1)", name)[0][0].as<std::string>();
  };
  EXPECT_EQ(setting("fsync"), "on");
  EXPECT_EQ(setting("synchronous_commit"), "on");
  EXPECT_EQ(setting("full_page_writes"), "on");
  EXPECT_EQ(setting("data_checksums"), "on");
  EXPECT_EQ(setting("max_connections"), "200");
  EXPECT_EQ(setting("listen_addresses"), "127.0.0.1");
}

TEST_F(PostgresClusterTest, TheOwnerMakesTablesAndTheServiceDoesNot) {
  pqxx::connection owner(Dsn(true));
  pqxx::work make(owner);
  make.exec("CREATE TABLE things (id bigint)");
  make.commit();
  pqxx::connection service(Dsn(false));
  pqxx::work forbidden(service);
  EXPECT_THROW(forbidden.exec("CREATE TABLE others (id bigint)"), pqxx::insufficient_privilege);
}

TEST_F(PostgresClusterTest, AServiceReachesOnlyItsOwnDatabase) {
  ASSERT_TRUE(cluster_->CreateDatabase("metering").ok());
  std::string dsn = Dsn(false);
  const std::string own = "dbname=peerwatt_market";
  dsn.replace(dsn.find(own), own.size(), "dbname=peerwatt_metering");
  EXPECT_THROW(pqxx::connection{dsn}, pqxx::broken_connection);
}

TEST_F(PostgresClusterTest, RefusesAWrongPassword) {
  std::string dsn = Dsn(false);
  const std::string key = "password=";
  dsn.replace(dsn.find(key) + key.size(), 4, "xxxx");
  EXPECT_THROW(pqxx::connection{dsn}, pqxx::broken_connection);
}

TEST_F(PostgresClusterTest, CreatingADatabaseAgainChangesNothing) {
  ASSERT_TRUE(cluster_->CreateDatabase("market").ok());
  pqxx::connection connection(Dsn(false));
  EXPECT_TRUE(connection.is_open());
}

TEST_F(PostgresClusterTest, RecoversFromAKilledPostmasterWithABusyBackend) {
  pqxx::connection owner(Dsn(true));
  {
    pqxx::work make(owner);
    make.exec("CREATE TABLE things (id bigint PRIMARY KEY)");
    make.exec("INSERT INTO things SELECT generate_series(1, 1000)");
    make.commit();
  }
  // A backend that computes does not notice that its postmaster has gone.
  Command busy;
  const std::string bin = FindServerBinaries().value();
  busy.argv = {bin + "/psql", Dsn(true), "-c",
               "SELECT count(*) FROM generate_series(1, 100000000000)"};
  busy.log_path = paths_.log("busy");
  const ProcessId client = FindProcess(Spawn(busy).value()).value();
  {
    pqxx::nontransaction tx(owner);
    while (tx.exec("SELECT 1 FROM pg_stat_activity WHERE state = 'active' "
                   "AND query LIKE '%100000000000%' AND pid <> pg_backend_pid()")
               .empty()) {
    }
  }
  const ProcessId killed = Postmaster();
  SendSignal(killed, SIGKILL);
  while (supervisor_.States().at(0).restarts == 0) supervisor_.Pump(absl::Milliseconds(20));
  WaitUntilItAnswers();
  EXPECT_NE(Postmaster().pid, killed.pid);
  pqxx::connection again(Dsn(true));
  pqxx::nontransaction tx(again);
  EXPECT_EQ(tx.exec("SELECT count(*) FROM things")[0][0].as<int>(), 1000);
  SendSignal(client, SIGKILL);
  WaitUntilGone(client, absl::Seconds(10));
}

TEST_F(PostgresClusterTest, SaysWhichDirectoryItsUserMayNotPass) {
  if (geteuid() != 0) {
    // The server then runs as ourselves, who made the directory.
    EXPECT_TRUE(cluster_->Prepare().ok());
    return;
  }
  const std::string closed = folder_.path() + "/closed";
  ASSERT_TRUE(MakeDirectory(closed, 0700).ok());
  const StatePaths paths{closed + "/state"};
  for (const std::string& directory : {paths.root, paths.logs(), paths.secrets()}) {
    ASSERT_TRUE(MakeDirectory(directory, 0711).ok());
  }
  auto cluster = PostgresCluster::Open(paths, 20000);
  ASSERT_TRUE(cluster.ok());
  const absl::Status status = cluster->Prepare();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("may not pass through " + closed), absl::string_view::npos)
      << status;
}

}  // namespace
}  // namespace peerwatt::tool
