#include "services/settlement/core/difference.h"

#include <map>

#include "libs/base/check.h"

namespace peerwatt::settlement {

std::vector<Line> DifferenceOf(const std::vector<Line>& computed,
                               const std::vector<PostedLine>& posted) {
  std::map<LineKey, Line> differences;
  for (const Line& line : computed) {
    const bool added = differences.emplace(line.key, line).second;
    PW_CHECK(added, "a line is computed once per key");
  }
  for (const PostedLine& line : posted) {
    Line& difference = differences[line.key];
    difference.key = line.key;
    difference.energy -= line.energy;
    difference.amount -= line.amount;
  }
  std::vector<Line> lines;
  for (const auto& [key, line] : differences) {
    if (line.energy != Energy() || line.amount != Money()) lines.push_back(line);
  }
  return lines;
}

}  // namespace peerwatt::settlement
