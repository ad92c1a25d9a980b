#include "services/settlement/core/difference.h"

#include <algorithm>

#include "libs/base/check.h"
#include "services/settlement/core/mutant.h"

namespace peerwatt::settlement {

std::vector<Line> DifferenceOf(const std::vector<Line>& computed,
                               const std::vector<PostedLine>& posted) {
  const auto before = [](const auto& a, const auto& b) { return a.key < b.key; };
  std::vector<Line> news = computed;
  if (!std::is_sorted(news.begin(), news.end(), before)) {
    std::sort(news.begin(), news.end(), before);
  }
  std::vector<PostedLine> olds = posted;
  std::sort(olds.begin(), olds.end(), before);
  std::vector<Line> lines;
  auto old = olds.begin();
  const auto take_back = [&] {
    Line& line = lines.emplace_back();
    line.key = old->key;
    line.energy = -old->energy;
    line.amount = -old->amount;
    if (PW_MUTANT(kWhatIsGoneStays, true, line.energy == Energy() && line.amount == Money())) {
      lines.pop_back();
    }
    ++old;
  };
  for (size_t i = 0; i < news.size(); ++i) {
    Line& line = news[i];
    PW_CHECK(i == 0 || news[i - 1].key != line.key, "a line is computed once per key");
    while (old != olds.end() && old->key < line.key) take_back();
    if (old != olds.end() && old->key == line.key) {
      if (PW_MUTANT(kPostedEnergyIsForgotten, false, true)) line.energy -= old->energy;
      if (PW_MUTANT(kPostedIsPostedAgain, false, true)) line.amount -= old->amount;
      ++old;
    }
    if (line.amount != Money() ||
        PW_MUTANT(kLinesWithoutMoneyAreDropped, false, line.energy != Energy())) {
      lines.push_back(line);
    }
  }
  while (old != olds.end()) take_back();
  return lines;
}

}  // namespace peerwatt::settlement
