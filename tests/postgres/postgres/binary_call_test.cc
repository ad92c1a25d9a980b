#include "libs/postgres/binary_call.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "libs/base/error.h"
#include "libs/postgres/codec.h"
#include "tests/support/postgres_fixture.h"

namespace peerwatt::postgres {
namespace {

constexpr Query kInsert{"insert_thing", R"sql(
  INSERT INTO things (id, label, seal, is_new, at, numbers, smalls, labels, seals)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
)sql"};
constexpr Query kInsertIds{"insert_ids", R"sql(
  INSERT INTO things (id) SELECT unnest($1::bigint[])
)sql"};

class BinaryCallTest : public ::testing::Test {
 protected:
  /// Adds things of these ids; `changed` gets how many that were.
  absl::Status InsertIds(const std::vector<int64_t>& ids, int64_t& changed) {
    BinaryCall call(kInsertIds);
    call.Add(absl::MakeConstSpan(ids));
    return pool_.RunAlone([&](pqxx::nontransaction& tx) {
      changed = call.Run(tx);
      return absl::OkStatus();
    });
  }
  std::string One(const std::string& sql) {
    std::string text;
    EXPECT_TRUE(pool_
                    .Run([&](pqxx::work& tx) {
                      text = tx.exec1(sql)[0].c_str();
                      return absl::OkStatus();
                    })
                    .ok());
    return text;
  }

  std::unique_ptr<testing::TestDatabase> database_ = testing::TestDatabase::Create(
      "registry",
      {{"0001_things",
        "CREATE TABLE things (id bigint PRIMARY KEY CHECK (id <> 13), label text, seal bytea, "
        "is_new boolean, at timestamptz, numbers bigint[], smalls integer[], labels text[], "
        "seals bytea[]);"
        "GRANT SELECT, INSERT ON things TO peerwatt_registry"}});
  Pool pool_{database_->dsn(), {kInsert, kInsertIds}, 1};
};

TEST_F(BinaryCallTest, EveryTypeArrivesAsItIs) {
  const std::string label = "tab\t, quote\", \\ and \xC3\xA4";
  const std::string seal("\0\xFF\x01", 3);
  const absl::Time at = absl::FromUnixMicros(1'782'864'000'000'001);
  const std::vector<int64_t> numbers{std::numeric_limits<int64_t>::min(), -1, 0,
                                     std::numeric_limits<int64_t>::max()};
  const std::vector<int32_t> smalls{std::numeric_limits<int32_t>::min(), 7};
  const std::vector<absl::string_view> labels{"", "NULL", label};
  const std::vector<absl::string_view> seals{seal, ""};
  ASSERT_TRUE(pool_
                  .Run([&](pqxx::work& tx) {
                    for (const int64_t id : {-5, 6}) {
                      BinaryCall call(kInsert);
                      call.Add(int64_t{id});
                      call.Add(absl::string_view(label));
                      call.Add(absl::string_view(seal));
                      call.Add(id == 6);
                      call.Add(id == 6 ? absl::InfiniteFuture() : at);
                      call.Add(id == 6 ? absl::Span<const int64_t>() : numbers);
                      call.Add(absl::MakeConstSpan(smalls));
                      call.AddTexts(labels);
                      call.AddBytes(seals);
                      EXPECT_EQ(call.Run(tx), 1);
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  ASSERT_TRUE(
      pool_
          .Run([&](pqxx::work& tx) {
            const pqxx::row row = tx.exec1("SELECT * FROM things WHERE id = -5");
            EXPECT_EQ(TextFrom(row["label"]), label);
            EXPECT_EQ(BytesFrom(row["seal"]), seal);
            EXPECT_FALSE(BoolFrom(row["is_new"]));
            EXPECT_EQ(TimeFrom(row["at"]), at);
            EXPECT_EQ(Int64ArrayFrom(row["numbers"]), numbers);
            EXPECT_EQ(Int64ArrayFrom(row["smalls"]),
                      std::vector<int64_t>(smalls.begin(), smalls.end()));
            EXPECT_EQ(TextArrayFrom(row["labels"]), (std::vector<std::string>{"", "NULL", label}));
            const pqxx::row other = tx.exec1("SELECT * FROM things WHERE id = 6");
            EXPECT_TRUE(BoolFrom(other["is_new"]));
            EXPECT_EQ(TimeFrom(other["at"]), absl::InfiniteFuture());
            EXPECT_TRUE(Int64ArrayFrom(other["numbers"]).empty());
            return absl::OkStatus();
          })
          .ok());
  EXPECT_EQ(One("SELECT encode(seals[1], 'hex') || ',' || encode(seals[2], 'hex') FROM things "
                "WHERE id = 6"),
            "00ff01,");
}

TEST_F(BinaryCallTest, BrokenRulesAreThoseOfAnyStatementAndTheConnectionGoesOn) {
  int64_t changed = 0;
  ASSERT_TRUE(InsertIds({1, 2, 3}, changed).ok());
  EXPECT_EQ(changed, 3);
  EXPECT_TRUE(absl::IsAlreadyExists(InsertIds({4, 1}, changed)));
  EXPECT_EQ(InsertIds({5, 13}, changed).code(), absl::StatusCode::kInternal);
  ASSERT_TRUE(InsertIds({}, changed).ok());
  EXPECT_EQ(changed, 0);
  EXPECT_EQ(One("SELECT count(*) FROM things"), "3");
}

// A statement that is a transaction by itself may have taken effect before its connection broke.
TEST_F(BinaryCallTest, AServerThatDiesInTheMiddleLeavesTheOutcomeUnknown) {
  pqxx::connection other(database_->dsn());
  const absl::Status status = pool_.RunAlone([&](pqxx::nontransaction& tx) {
    pqxx::work killer(other);
    killer.exec(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE usename = current_user AND pid <> pg_backend_pid()");
    BinaryCall call(kInsertIds);
    const std::vector<int64_t> ids{9};
    call.Add(absl::MakeConstSpan(ids));
    call.Run(tx);
    return absl::OkStatus();
  });
  EXPECT_EQ(ReasonOf(status), "OUTCOME_UNKNOWN") << status;
  int64_t changed = 0;
  EXPECT_TRUE(InsertIds({9}, changed).ok());
}

}  // namespace
}  // namespace peerwatt::postgres
