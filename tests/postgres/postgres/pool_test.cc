#include "libs/postgres/pool.h"

#include <gtest/gtest.h>

#include <thread>

#include "libs/base/error.h"
#include "tests/support/cutting_proxy.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/postgres_server.h"

namespace peerwatt::postgres {
namespace {

constexpr Query kAdd{"add", "UPDATE counters SET value = value + $1 WHERE id = 1"};
constexpr Query kGet{"get", "SELECT value FROM counters WHERE id = 1"};
constexpr Query kInsert{"insert", "INSERT INTO counters (id, value) VALUES ($1, 0)"};

class PoolTest : public ::testing::Test {
 protected:
  std::unique_ptr<testing::TestDatabase> database_ = testing::TestDatabase::Create(
      "registry", {{"0001_counters",
                    "CREATE TABLE counters (id bigint PRIMARY KEY, value bigint NOT NULL);"
                    "INSERT INTO counters VALUES (1, 0);"
                    "GRANT SELECT, INSERT, UPDATE ON counters TO peerwatt_registry"}});
  Pool pool_{database_->dsn(), {kAdd, kGet, kInsert}, 4};

  int64_t Value() {
    int64_t value = -1;
    EXPECT_TRUE(pool_.Run([&](pqxx::work& tx) {
                       value = Exec(tx, kGet)[0][0].as<int64_t>();
                       return absl::OkStatus();
                     }).ok());
    return value;
  }
};

TEST_F(PoolTest, CommitsOnOkAndRollsBackOnAnError) {
  EXPECT_TRUE(pool_.Run([](pqxx::work& tx) {
                     Exec(tx, kAdd, 5);
                     return absl::OkStatus();
                   }).ok());
  EXPECT_EQ(pool_.Run([](pqxx::work& tx) {
                   Exec(tx, kAdd, 7);
                   return absl::FailedPreconditionError("no");
                 }).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Value(), 5);
}

TEST_F(PoolTest, TurnsExceptionsIntoStatuses) {
  EXPECT_EQ(pool_.Run([](pqxx::work& tx) {
                   Exec(tx, kInsert, 1);
                   return absl::OkStatus();
                 }).code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(pool_.Run([](pqxx::work& tx) {
                   tx.exec("SELECT 1/0");
                   return absl::OkStatus();
                 }).code(),
            absl::StatusCode::kInternal);
}

TEST_F(PoolTest, SerializableWritersAllSucceedByTryingAgain) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 20; ++j) {
        const TransactionOptions options{.serializable = true, .attempts = 1000};
        EXPECT_TRUE(pool_.Run(options, [](pqxx::work& tx) {
                           const auto value = Exec(tx, kGet)[0][0].as<int64_t>();
                           tx.exec("UPDATE counters SET value = " + std::to_string(value + 1) +
                                   " WHERE id = 1");
                           return absl::OkStatus();
                         }).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Value(), 80);
}

TEST_F(PoolTest, FindsItsWayBackAfterTheServerCrashed) {
  EXPECT_EQ(Value(), 0);
  testing::PostgresServer::Instance().CrashAndRestart();
  EXPECT_EQ(Value(), 0);
}

/// With true, the first COMMIT takes effect and its answer is lost; with false, it never arrives.
class PoolInDoubtTest : public PoolTest, public ::testing::WithParamInterface<bool> {
 protected:
  testing::CuttingProxy ProxyAtCommit(bool for_good) const {
    return {database_->dsn(),
            {.call = 0, .after_effect = GetParam(), .for_good = for_good, .statement = "COMMIT"}};
  }
  static std::vector<Query> Queries() { return {kAdd, kGet, kInsert}; }
};

TEST_P(PoolInDoubtTest, SaysThatTheOutcomeIsUnknownWhenNobodyCanBeAsked) {
  const testing::CuttingProxy proxy = ProxyAtCommit(/*for_good=*/true);
  Pool pool(proxy.dsn(), Queries(), 1);
  const absl::Status status = pool.Run([](pqxx::work& tx) {
    Exec(tx, kAdd, 5);
    return absl::OkStatus();
  });
  EXPECT_EQ(ReasonOf(status), "OUTCOME_UNKNOWN") << status;
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Value(), GetParam() ? 5 : 0);
}

TEST_P(PoolInDoubtTest, SaysWhatTheKeySaysWhenItCanAsk) {
  const testing::CuttingProxy proxy = ProxyAtCommit(/*for_good=*/false);
  Pool pool(proxy.dsn(), Queries(), 1);
  const absl::Status status = pool.Run([](pqxx::work& tx) {
    Exec(tx, kInsert, 2);
    return absl::OkStatus();
  });
  EXPECT_EQ(status.code(), GetParam() ? absl::StatusCode::kAlreadyExists : absl::StatusCode::kOk);
  EXPECT_EQ(pool.retry_count(), 1);
}

TEST_P(PoolInDoubtTest, AFailureOfALaterAttemptDoesNotMeanThatTheFirstFailed) {
  const testing::CuttingProxy proxy = ProxyAtCommit(/*for_good=*/false);
  Pool pool(proxy.dsn(), Queries(), 1);
  int attempt = 0;
  const absl::Status status = pool.Run([&](pqxx::work& tx) {
    if (++attempt > 1) tx.exec("SELECT 1/0");
    Exec(tx, kAdd, 5);
    return absl::OkStatus();
  });
  EXPECT_EQ(ReasonOf(status), "OUTCOME_UNKNOWN") << status;
  EXPECT_EQ(Value(), GetParam() ? 5 : 0);
}

TEST_P(PoolInDoubtTest, WhatTheBodySaysLaterIsTheAnswer) {
  const testing::CuttingProxy proxy = ProxyAtCommit(/*for_good=*/false);
  Pool pool(proxy.dsn(), Queries(), 1);
  const absl::Status status = pool.Run([&](pqxx::work& tx) -> absl::Status {
    if (Exec(tx, kGet)[0][0].as<int64_t>() == 5) return absl::FailedPreconditionError("is 5");
    Exec(tx, kAdd, 5);
    return absl::OkStatus();
  });
  EXPECT_EQ(status.code(),
            GetParam() ? absl::StatusCode::kFailedPrecondition : absl::StatusCode::kOk);
  EXPECT_EQ(Value(), 5);
}

INSTANTIATE_TEST_SUITE_P(BothOutcomes, PoolInDoubtTest, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "Committed" : "Lost"; });

TEST(PoolWithoutServerTest, SaysThatTheDatabaseIsUnavailable) {
  Pool pool("host=127.0.0.1 port=1 user=nobody dbname=none", {}, 1);
  const absl::Status status = pool.Ping();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "DATABASE_UNAVAILABLE");
}

}  // namespace
}  // namespace peerwatt::postgres
