#include "libs/postgres/binary_copy.h"

#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "libs/postgres/codec.h"
#include "tests/support/postgres_fixture.h"

namespace peerwatt::postgres {
namespace {

constexpr Query kCopy{"copy_things", R"sql(
  COPY things (id, label, seal, small, at, numbers, smalls) FROM STDIN (FORMAT binary)
)sql"};
constexpr Query kCopyOne{"copy_one", "COPY things (id) FROM STDIN (FORMAT binary)"};

class BinaryCopyTest : public ::testing::Test {
 protected:
  /// Runs a transaction on a pool. Returns its status.
  absl::Status Run(absl::FunctionRef<void(pqxx::work&)> body) {
    return pool_.Run([&](pqxx::work& tx) {
      body(tx);
      return absl::OkStatus();
    });
  }
  absl::Status CopyIds(const std::vector<int64_t>& ids) {
    return Run([&](pqxx::work& tx) {
      BinaryCopy copy(tx, kCopyOne);
      for (const int64_t id : ids) {
        copy.BeginRow(1);
        copy.Add(id);
      }
      copy.End();
    });
  }
  std::string One(const std::string& sql) {
    std::string text;
    EXPECT_TRUE(Run([&](pqxx::work& tx) { text = tx.exec1(sql)[0].c_str(); }).ok());
    return text;
  }

  std::unique_ptr<testing::TestDatabase> database_ = testing::TestDatabase::Create(
      "registry", {{"0001_things",
                    "CREATE TABLE things (id bigint PRIMARY KEY CHECK (id <> 13), label text, "
                    "seal bytea, small integer, at timestamptz, numbers bigint[], "
                    "smalls integer[]);"
                    "GRANT SELECT, INSERT ON things TO peerwatt_registry"}});
  Pool pool_{database_->dsn(), {}, 1};
};

TEST_F(BinaryCopyTest, EveryTypeArrivesAsItIs) {
  const std::string label = "tab\t, line\n, \\N and \xC3\xA4";
  const std::string seal("\0\xFF\x01", 3);
  const absl::Time at = absl::FromUnixMicros(1'782'864'000'000'001);
  const std::vector<int64_t> numbers{std::numeric_limits<int64_t>::min(), -1, 0,
                                     std::numeric_limits<int64_t>::max()};
  const std::vector<int32_t> smalls{std::numeric_limits<int32_t>::min(), 7};
  ASSERT_TRUE(Run([&](pqxx::work& tx) {
                BinaryCopy copy(tx, kCopy);
                copy.BeginRow(7);
                copy.Add(int64_t{-5});
                copy.Add(label);
                copy.Add(seal);
                copy.Add(int32_t{-6});
                copy.Add(at);
                copy.Add(absl::MakeConstSpan(numbers));
                copy.Add(absl::MakeConstSpan(smalls));
                copy.BeginRow(7);
                copy.Add(int64_t{6});
                for (int i = 0; i < 3; ++i) copy.AddNull();
                copy.Add(absl::InfiniteFuture());
                copy.Add(absl::Span<const int64_t>());
                copy.AddNull();
                copy.End();
              }).ok());
  ASSERT_TRUE(Run([&](pqxx::work& tx) {
                const pqxx::row row = tx.exec1("SELECT * FROM things WHERE id = -5");
                EXPECT_EQ(TextFrom(row["label"]), label);
                EXPECT_EQ(BytesFrom(row["seal"]), seal);
                EXPECT_EQ(Int32From(row["small"]), -6);
                EXPECT_EQ(TimeFrom(row["at"]), at);
                EXPECT_EQ(Int64ArrayFrom(row["numbers"]), numbers);
                EXPECT_EQ(Int64ArrayFrom(row["smalls"]),
                          std::vector<int64_t>(smalls.begin(), smalls.end()));
                const pqxx::row other = tx.exec1("SELECT * FROM things WHERE id = 6");
                EXPECT_TRUE(other["label"].is_null());
                EXPECT_EQ(TimeFrom(other["at"]), absl::InfiniteFuture());
                EXPECT_TRUE(Int64ArrayFrom(other["numbers"]).empty());
                EXPECT_TRUE(other["smalls"].is_null());
              }).ok());
}

TEST_F(BinaryCopyTest, ManyRowsGoOutWhileMoreAreAdded) {
  std::vector<int64_t> ids;
  for (int64_t id = 100; id < 50'100; ++id) ids.push_back(id);
  ASSERT_TRUE(CopyIds(ids).ok());
  EXPECT_EQ(One("SELECT count(*) || ' ' || sum(id) FROM things"), "50000 1254975000");
}

TEST_F(BinaryCopyTest, BrokenRulesAreThoseOfAnyStatementAndTheConnectionGoesOn) {
  ASSERT_TRUE(CopyIds({1}).ok());
  EXPECT_EQ(CopyIds({2, 1}).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(CopyIds({3, 13}).code(), absl::StatusCode::kInternal);
  ASSERT_TRUE(CopyIds({4}).ok());
  EXPECT_EQ(One("SELECT count(*) FROM things"), "2") << "all rows of a copy or none";
}

TEST_F(BinaryCopyTest, WhatIsGivenUpLeavesNothing) {
  const absl::Status status = pool_.Run([&](pqxx::work& tx) -> absl::Status {
    BinaryCopy copy(tx, kCopyOne);
    copy.BeginRow(1);
    copy.Add(int64_t{9});
    return absl::FailedPreconditionError("not now");
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(One("SELECT count(*) FROM things"), "0");
}

TEST_F(BinaryCopyTest, AServerThatDiesIsUnavailable) {
  pqxx::connection other(database_->dsn());
  const absl::Status status = pool_.Run({.attempts = 1}, [&](pqxx::work& tx) -> absl::Status {
    BinaryCopy copy(tx, kCopyOne);
    pqxx::work killer(other);
    killer.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE usename = current_user AND pid <> pg_backend_pid()");
    copy.BeginRow(1);
    copy.Add(int64_t{9});
    copy.End();
    return absl::OkStatus();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_TRUE(CopyIds({9}).ok());
}

}  // namespace
}  // namespace peerwatt::postgres
