#include "libs/postgres/codec.h"

#include <gtest/gtest.h>

#include "tests/support/postgres_fixture.h"

namespace peerwatt::postgres {
namespace {

TEST(CodecTest, ValuesComeBackAsTheyWent) {
  auto database = testing::TestDatabase::Create("registry", {});
  pqxx::connection connection(database->dsn() + " options='-c TimeZone=UTC'");
  pqxx::work tx(connection);
  for (const absl::Time time :
       {absl::FromUnixMicros(0), absl::FromUnixMicros(1613343600250000),
        absl::FromUnixMicros(253402300799999999), absl::FromUnixMicros(1),
        absl::FromUnixMicros(-1), absl::FromUnixMicros(-30610224000000000)}) {
    EXPECT_EQ(TimeFrom(tx.exec_params1("SELECT $1::timestamptz", ToSql(time))[0]), time);
  }
  const std::vector<int64_t> numbers{1, -2, 9223372036854775807};
  EXPECT_EQ(Int64ArrayFrom(tx.exec_params1("SELECT $1::bigint[]", ToSqlArray(numbers))[0]),
            numbers);
  const std::vector<std::string> texts{"a", "", "b,c", "{\"x\"}", "back\\slash", "NULL"};
  EXPECT_EQ(TextArrayFrom(tx.exec_params1("SELECT $1::text[]", ToSqlArray(texts))[0]), texts);
  const std::vector<absl::string_view> views(texts.begin(), texts.end());
  EXPECT_EQ(ToSqlArray(views), ToSqlArray(texts));
  EXPECT_EQ(ToSqlArray(std::vector<std::string>()), "{}");
  EXPECT_TRUE(Int64ArrayFrom(tx.exec_params1("SELECT '{}'::bigint[]")[0]).empty());
  EXPECT_FALSE(OptionalTimeFrom(tx.exec_params1("SELECT NULL::timestamptz")[0]).has_value());
}

}  // namespace
}  // namespace peerwatt::postgres
