#include "libs/base/ids.h"

#include <gtest/gtest.h>

#include <set>

namespace peerwatt {
namespace {

TEST(IdsTest, AcceptsExactlyTheDocumentedForm) {
  const std::string longest(63, 'a');
  for (const std::string& good :
       {std::string("ab"), std::string("a1"), std::string("a-b"), longest}) {
    EXPECT_TRUE(IsResourceId(good)) << good;
  }
  for (const std::string& bad :
       {std::string(""), std::string("a"), std::string("1a"), std::string("-a"), std::string("a-"),
        std::string("aB"), std::string("a_b"), std::string("a/b"), longest + "a"}) {
    EXPECT_FALSE(IsResourceId(bad)) << bad;
  }
}

TEST(IdsTest, MakesDistinctIdsOfTheRightForm) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = NewResourceId();
    EXPECT_TRUE(IsResourceId(id)) << id;
    EXPECT_TRUE(seen.insert(id).second);
  }
  const std::string uuid = NewUuid();
  EXPECT_EQ(uuid.size(), 36u);
  EXPECT_EQ(uuid[14], '4');
}

}  // namespace
}  // namespace peerwatt
