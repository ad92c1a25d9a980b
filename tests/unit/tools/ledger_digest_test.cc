#include "tools/peerwatt/ledger_digest.h"

#include <gtest/gtest.h>

namespace peerwatt::tool {
namespace {

Json Entry(const char* name, const char* key, Json postings) {
  return {{"name", name},
          {"kind", "trade"},
          {"idempotencyKey", key},
          {"periodStartTime", "2026-06-01T00:00:00Z"},
          {"createTime", "2026-06-01T00:15:00Z"},
          {"postings", std::move(postings)}};
}

Json Posting(const char* account, const char* units, int nanos) {
  return {{"ledgerAccount", std::string("communities/c/ledgerAccounts/") + account},
          {"amount", {{"currencyCode", "EUR"}, {"units", units}, {"nanos", nanos}}}};
}

TEST(LedgerDigestTest, WritesAnEntryOnOneLineWithSortedPostings) {
  LedgerDigest digest;
  digest.Add(Entry(
      "communities/c/journalEntries/7", "k1",
      {Posting("participant-b", "1", 500'000'000), Posting("main-grid", "-1", -500'000'000)}));
  EXPECT_EQ(digest.Lines(),
            std::vector<std::string>{"trade k1 2026-06-01T00:00:00Z main-grid=-1500000 "
                                     "participant-b=1500000"});
  EXPECT_EQ(digest.unbalanced_count(), 0);
}

TEST(LedgerDigestTest, DependsNeitherOnOrderNorOnIdsNorOnTimes) {
  const Json a = Entry("x/1", "k1", {Posting("p", "0", 1000), Posting("q", "0", -1000)});
  const Json b = Entry("x/2", "k2", {Posting("p", "0", 2000), Posting("q", "0", -2000)});
  Json a_later = a;
  a_later["name"] = "x/9";
  a_later["createTime"] = "2030-01-01T00:00:00Z";
  std::swap(a_later["postings"][0], a_later["postings"][1]);
  LedgerDigest one;
  one.Add(a);
  one.Add(b);
  LedgerDigest two;
  two.Add(b);
  two.Add(a_later);
  EXPECT_EQ(one.Hex(), two.Hex());
}

TEST(LedgerDigestTest, DiffersWhenAnythingThatMattersDoes) {
  const auto hex = [](const Json& entry) {
    LedgerDigest digest;
    digest.Add(entry);
    return digest.Hex();
  };
  const Json entry = Entry("x/1", "k1", {Posting("p", "0", 1000), Posting("q", "0", -1000)});
  for (const char* field : {"kind", "idempotencyKey", "periodStartTime"}) {
    Json other = entry;
    other[field] = "2027-01-01T00:00:00Z";
    EXPECT_NE(hex(other), hex(entry)) << field;
  }
  EXPECT_NE(hex(Entry("x/1", "k1", {Posting("p", "0", 2000), Posting("q", "0", -2000)})),
            hex(entry));
  EXPECT_NE(hex(Entry("x/1", "k1", {Posting("r", "0", 1000), Posting("q", "0", -1000)})),
            hex(entry));
}

TEST(LedgerDigestTest, CountsEntriesThatDoNotBalance) {
  LedgerDigest digest;
  digest.Add(Entry("x/1", "k1", {Posting("p", "0", 1000), Posting("q", "0", -2000)}));
  EXPECT_EQ(digest.unbalanced_count(), 1);
}

TEST(LedgerDigestTest, CountsTheSameEntryTwice) {
  const Json entry = Entry("x/1", "k1", {Posting("p", "0", 1000), Posting("q", "0", -1000)});
  LedgerDigest once;
  once.Add(entry);
  LedgerDigest twice;
  twice.Add(entry);
  twice.Add(entry);
  EXPECT_EQ(twice.entry_count(), 2);
  EXPECT_NE(once.Hex(), twice.Hex());
}

}  // namespace
}  // namespace peerwatt::tool
