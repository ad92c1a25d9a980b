#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/cutting_proxy.h"

namespace peerwatt::settlement {

/// A writing call, to be interrupted at each of its calls to the database.
struct CutCall {
  const char* name;
  /// Makes an empty database and what the call needs in it.
  std::function<void()> prepare;
  /// Makes the call by a process of its own whose calls to the database go through a proxy. Returns
  /// whether it was answered with success, and how many calls there were.
  std::function<bool(const peerwatt::testing::Interruption&, int* calls)> make;
  /// All that may be written, in one text.
  std::function<std::string()> story;
  /// What the call may leave behind besides all and nothing: transactions of their own, each whole.
  std::vector<std::function<void()>> stages = {};
  /// Where it is cut, of so many calls; everywhere unless said.
  std::function<bool(const peerwatt::testing::Interruption&, int calls)> is_cut =
      [](const peerwatt::testing::Interruption&, int) { return true; };
  /// A further look at what a cut left behind.
  std::function<void()> look = [] {};
};

/// What cuts found.
struct CutCounts {
  int calls = 0;
  int64_t cuts = 0;
  int64_t half_written = 0;  ///< neither as before nor as after nor a stage
  int64_t duplicated = 0;    ///< the same call again does not end as if nothing had happened
};

/// Cuts before and after each call to the database, and makes the call again by another process.
inline CutCounts CutEverywhere(const CutCall& cut) {
  CutCounts counts;
  cut.prepare();
  std::vector<std::string> whole = {cut.story()};
  EXPECT_TRUE(cut.make({}, &counts.calls)) << cut.name;
  const std::string after = cut.story();
  EXPECT_NE(whole.front(), after) << cut.name << " writes nothing";
  whole.push_back(after);
  for (const auto& stage : cut.stages) {
    cut.prepare();
    stage();
    whole.push_back(cut.story());
  }
  for (int cut_at = 0; cut_at < counts.calls; ++cut_at) {
    for (const bool after_effect : {false, true}) {
      const peerwatt::testing::Interruption interruption{.call = cut_at,
                                                         .after_effect = after_effect};
      if (!cut.is_cut(interruption, counts.calls)) continue;
      SCOPED_TRACE(std::string(cut.name) + ": call " + std::to_string(cut_at) +
                   (after_effect ? ", answer lost" : ""));
      ++counts.cuts;
      int calls = 0;
      cut.prepare();
      EXPECT_FALSE(cut.make(interruption, &calls)) << "acknowledged without the database's answer";
      counts.half_written += std::count(whole.begin(), whole.end(), cut.story()) == 0;
      cut.look();
      EXPECT_TRUE(cut.make({}, &calls));
      counts.duplicated += cut.story() != after;
    }
  }
  std::printf("calls_of_%s cuts %ld half_written %ld duplicated %ld\n", cut.name, counts.cuts,
              counts.half_written, counts.duplicated);
  return counts;
}

}  // namespace peerwatt::settlement
