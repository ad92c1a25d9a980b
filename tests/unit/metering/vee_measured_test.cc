// The rules over measured households: they must not flood.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "services/metering/core/vee/calendar.h"
#include "services/metering/core/vee/rules.h"

namespace peerwatt::metering {
namespace {

/// A file as the readings of a meter: mean power through a register that counts whole Wh.
struct Profile {
  absl::Time start;
  ReadingColumn column;
  Member member;

  Profile(const std::filesystem::path& file, double scale, bool generates) {
    std::ifstream rows(file);
    std::string line;
    std::getline(rows, line);
    double total_wh = 0;
    while (std::getline(rows, line)) {
      const std::vector<std::string> cells = absl::StrSplit(line, ',');
      double seconds = 0;
      double power = 0;
      EXPECT_TRUE(absl::SimpleAtod(cells.at(0), &seconds));
      EXPECT_TRUE(absl::SimpleAtod(cells.at(1), &power));
      if (column.qualities.empty()) {
        start = absl::FromUnixSeconds(static_cast<int64_t>(seconds));
      }
      const auto before = static_cast<int64_t>(total_wh);
      total_wh += power * scale / 4;
      const int64_t wh = static_cast<int64_t>(total_wh) - before;
      column.import_wh.push_back(generates ? 0 : wh);
      column.export_wh.push_back(generates ? wh : 0);
      column.qualities.push_back(Quality::kMeasured);
      column.revisions.push_back(1);
    }
    member.interval = absl::Minutes(15);
    member.time_zone = "Europe/Berlin";
    member.import_capacity_w = 10'000;
    member.export_capacity_w = generates ? 5'000 : 0;
  }

  std::map<Rule, int> Counts() const {
    std::map<Rule, int> counts;
    const absl::Time end = start + member.interval * std::ssize(column.qualities);
    const absl::TimeZone zone = ZoneOf(member.time_zone);
    for (Interval day = LocalDayAround(start, zone, member.interval); day.end <= end;
         day = LocalDayAround(day.end, zone, member.interval)) {
      for (const Found& found : ExamineDay({.day = day,
                                            .declared = {start, end},
                                            .column_start = start,
                                            .column = &column,
                                            .member = &member})) {
        ++counts[found.rule];
      }
    }
    return counts;
  }
};

TEST(VeeMeasuredTest, MeasuredHouseholdsAndGeneratorsGiveFewFindings) {
  const std::filesystem::path data = std::getenv("PEERWATT_HAMLET_DIR");
  std::map<Rule, int> total;
  int files = 0;
  for (const auto& [folder, scale, generates] :
       {std::tuple("load", 1.0, false), std::tuple("pv", 5000.0, true)}) {
    for (const auto& entry : std::filesystem::directory_iterator(data / folder)) {
      if (entry.path().extension() != ".csv") {
        continue;
      }
      ++files;
      for (const auto& [rule, count] : Profile(entry.path(), scale, generates).Counts()) {
        total[rule] += count;
        EXPECT_LE(count, 30) << RuleName(rule) << " " << entry.path().filename();
      }
    }
  }
  EXPECT_EQ(files, 19);
  int sum = 0;
  for (const auto& [rule, count] : total) {
    std::printf("%s %d\n", std::string(RuleName(rule)).c_str(), count);
    sum += count;
  }
  // 19 points, 44 whole days: less than one finding in ten days of a point.
  EXPECT_LE(sum, 19 * 44 / 10);
  for (const Rule rule : {Rule::kGap, Rule::kNegativeOnOneWay, Rule::kZeroRun, Rule::kWrongLength,
                          Rule::kCollapsedDstHour, Rule::kImplausible}) {
    EXPECT_EQ(total[rule], 0) << RuleName(rule);
  }
}

}  // namespace
}  // namespace peerwatt::metering
