// How the independent checker reads fast: files of any shape as one splits them by hand, and
// entries in any order as in the one that is expected.

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/verify/books.h"
#include "tools/verify/csv.h"
#include "tools/verify/period.h"

namespace peerwatt::verify {
namespace {

using Table = std::vector<std::vector<std::string>>;

/// A field as RFC 4180 writes it.
std::string Quoted(const std::string& field, bool always) {
  if (!always && field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string quoted = "\"";
  for (const char c : field) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

TEST(CsvReader, ReadsWhateverIsWrittenAsItIs) {
  std::mt19937 random(5);
  const auto below = [&](size_t limit) { return random() % limit; };
  for (int round = 0; round < 300; ++round) {
    const size_t columns = 1 + below(6);
    const std::string line_end = below(2) == 0 ? "\n" : "\r\n";
    const std::string letters = below(3) == 0 ? "ab,\"\r\nz" : "abcdefgz";
    std::vector<std::string> names;
    for (size_t i = 0; i < columns; ++i) names.push_back(absl::StrCat("c", i));
    std::string text = absl::StrJoin(names, ",") + line_end;
    Table written(below(20));
    for (std::vector<std::string>& row : written) {
      std::vector<std::string> fields;
      for (size_t i = 0; i < columns; ++i) {
        // Of any length, so that fields end anywhere in a block of 16 bytes.
        std::string& field = row.emplace_back(below(40), 'x');
        for (char& c : field) c = letters[below(letters.size())];
        fields.push_back(Quoted(field, (columns == 1 && field.empty()) || below(9) == 0));
      }
      text += absl::StrJoin(fields, ",") + line_end;
    }
    if (below(2) == 0) text.resize(text.size() - line_end.size());
    auto reader = CsvReader::Open(text, names);
    ASSERT_TRUE(reader.ok()) << reader.status();
    Table read;
    while (reader->Next()) {
      read.emplace_back(reader->fields().begin(), reader->fields().end());
    }
    ASSERT_TRUE(reader->status().ok()) << reader->status() << "\n" << text;
    ASSERT_EQ(read, written) << text;
  }
}

TEST(Numbers, AreReadExactlyOrNotAtAll) {
  const std::vector<std::pair<std::string, int64_t>> known{
      {"0", 0},
      {"-0", 0},
      {"007", 7},
      {"-123456789012345678", -123456789012345678},
      {"9223372036854775807", INT64_MAX},
      {"-9223372036854775808", INT64_MIN}};
  for (const auto& [text, number] : known) EXPECT_EQ(*NumberFrom(text), number) << text;
  for (const char* text : {"", "-", "+1", "1 ", "1.0", "1a", "/", ":", "--1", "0x1",
                           "9223372036854775808", "-9223372036854775809"}) {
    EXPECT_FALSE(NumberFrom(text).ok()) << text;
  }
}

TEST(Names, AreNumberedOnceEach) {
  Names names;
  EXPECT_EQ(names.Find("household-7"), Names::kNone);
  for (const int round : {0, 1}) {
    for (uint32_t i = 0; i < 5000; ++i) {
      EXPECT_EQ(names.NumberOf(absl::StrCat("household-", i)), i) << round;
    }
  }
  EXPECT_EQ(names.size(), 5000);
  EXPECT_EQ(names.NameOf(4711), "household-4711");
  EXPECT_EQ(names.Find("household-4711"), 4711);
  EXPECT_EQ(names.Find("household-5000"), Names::kNone);
  EXPECT_EQ(names.NumberOf(""), 5000);
  EXPECT_EQ(names.NumberOf(""), 5000);
}

/// Quotients as one writes them down, with 128 bits throughout.
TEST(Rounding, SmallNumbersAreRoundedAsLargeOnes) {
  std::mt19937_64 random(7);
  const auto draw = [&](int bits) {
    return static_cast<int64_t>(random() & ((uint64_t{1} << bits) - 1));
  };
  for (int i = 0; i < 20'000; ++i) {
    // Below and above what 64 bits are used for; the quotient always fits them.
    const int bits = 1 + static_cast<int>(random() % 40);
    const int64_t a = draw(bits) - draw(bits);
    const int64_t b = draw(20) - draw(20);
    const int64_t c = draw(20) + 1;
    const absl::int128 twice = absl::int128(a) * b * 2;
    const absl::int128 rounded = RoundHalfEven(a, b, c);
    const absl::int128 off = twice - rounded * 2 * c;
    EXPECT_LE(off, absl::int128(c)) << a << " * " << b << " / " << c;
    EXPECT_GE(off, -absl::int128(c)) << a << " * " << b << " / " << c;
    if (off == c || off == -absl::int128(c)) {
      EXPECT_EQ(rounded % 2, 0);
    }
  }
}

TEST(Rounding, SmallTotalsAreSplitAsLargeOnes) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 2'000; ++i) {
    std::vector<int64_t> weights(1 + random() % 9);
    for (int64_t& weight : weights) weight = static_cast<int64_t>(random() % 50);
    const auto total = static_cast<int64_t>(random() % 1000);
    // The same weights, too large for 64 bits.
    std::vector<int64_t> large = weights;
    for (int64_t& weight : large) weight <<= 40;
    EXPECT_EQ(SplitByRemainder(total, weights), SplitByRemainder(total, large));
  }
}

/// Reads a journal of three groups: t1 and t2 of a trade prefix, and a pool.
class JournalTest : public ::testing::Test {
 protected:
  JournalTest() {
    const uint32_t trades = expectations_.Begin("trade:20260701t000000z:", "trade_transfer", 0);
    std::vector<std::pair<uint32_t, int64_t>> amounts;
    for (const char* trade : {"t1", "t2"}) {
      amounts = {{accounts_.NumberOf("a"), -7}, {accounts_.NumberOf("b"), 7}};
      expectations_.Expect(trades, trade, amounts);
    }
    // So many that they are searched for.
    amounts.clear();
    for (int i = 0; i < 20; ++i) {
      amounts.emplace_back(accounts_.NumberOf(absl::StrCat("p", i)), i - 10);
    }
    amounts.emplace_back(accounts_.NumberOf("b"), 10);
    expectations_.Expect(expectations_.Begin("pool:20260701t000000z", "period_posting", 0), "",
                         amounts);
  }

  static std::string Line(int number, const std::string& kind, const std::string& key,
                          const std::string& postings) {
    return absl::StrCat(number, ",", kind, ",", key, ",1970-01-01T00:00:00Z,", postings, "\n");
  }
  static std::string Pool(int number, int64_t last = 9) {
    std::string postings = "b:10";
    for (int i = 0; i < 20; ++i) {
      absl::StrAppend(&postings, " p", i, ":", i == 19 ? last : i - 10);
    }
    return Line(number, "pool", "pool:20260701t000000z:1", postings);
  }
  /// The checks that find something, in their order.
  std::vector<std::string> Read(const std::string& lines) {
    const absl::Status read = ReadJournal("entry,kind,key,period_start,postings\n" + lines, "",
                                          accounts_, expectations_, findings_, counts_);
    EXPECT_TRUE(read.ok()) << read;
    expectations_.Finish(accounts_, findings_);
    std::vector<std::string> checks;
    for (const Finding& finding : findings_.kept()) checks.push_back(finding.check);
    return checks;
  }

  Names accounts_;
  Expectations expectations_;
  Findings findings_;
  JournalCounts counts_;
};

TEST_F(JournalTest, TheOrderOfEntriesAndPostingsDoesNotMatter) {
  EXPECT_TRUE(Read(Pool(1) + Line(2, "trade", "trade:20260701t000000z:t2:1", "b:7 a:-7") +
                   Line(3, "trade", "trade:20260701t000000z:t1:1", "a:-9 b:9") +
                   Line(4, "trade", "trade:20260701t000000z:t1:2", "a:2 b:-2"))
                  .empty());
}

TEST_F(JournalTest, WhatIsOffIsFoundInAnyOrder) {
  const auto checks =
      Read(Line(1, "trade", "trade:20260701t000000z:t2:1", "b:6 a:-6") +
           Line(2, "trade", "trade:20260701t000000z:t9:1", "b:7 a:-7") +
           Line(3, "trade", "trade:20260701t000000z:t1:1", "a:-7 z:7") + Pool(4, 10) +
           Line(5, "trade", "trade:20260701t000000z:t1:1", "a:-7 b:7"));
  EXPECT_EQ(checks, (std::vector<std::string>{
                        "entry_unexplained", "trade_transfer", "entry_balance", "entry_key",
                        "trade_transfer", "trade_transfer", "trade_transfer", "period_posting"}));
}

TEST_F(JournalTest, AnAccountOfNoPartIsFoundInALargeGroup) {
  std::string pool = Pool(1);
  pool.replace(pool.find(" p7:"), 4, " q7:");
  const auto checks = Read(pool + Line(2, "trade", "trade:20260701t000000z:t1:1", "a:-7 b:7") +
                           Line(3, "trade", "trade:20260701t000000z:t2:1", "a:-7 b:7"));
  EXPECT_EQ(checks, (std::vector<std::string>{"period_posting", "period_posting"}));
}

}  // namespace
}  // namespace peerwatt::verify
