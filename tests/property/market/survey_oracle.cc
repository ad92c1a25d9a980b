#include "tests/property/market/survey_oracle.h"

#include <algorithm>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/market/core/surveillance/rings.h"
#include "services/market/core/surveillance/survey.h"
#include "tests/unit/market/surveillance_scenarios.h"

namespace peerwatt::market {
namespace {

using surveillance::Flow;
using surveillance::Ring;

int Draw(std::mt19937_64& random, int low, int high) {
  return std::uniform_int_distribution<int>(low, high)(random);
}

// All orders of so many of the owners, by the owners; the least comes first.
void Sequences(int owners, size_t length, std::vector<int32_t>& sequence,
               std::vector<std::vector<int32_t>>& all) {
  if (sequence.size() == length) {
    all.push_back(sequence);
    return;
  }
  for (int32_t owner = sequence.empty() ? 0 : sequence.front() + 1; owner < owners; ++owner) {
    if (std::find(sequence.begin(), sequence.end(), owner) == sequence.end()) {
      sequence.push_back(owner);
      Sequences(owners, length, sequence, all);
      sequence.pop_back();
    }
  }
}

// The least and the most of the flows along a ring; 0 when one is missing.
std::pair<int64_t, int64_t> Along(const std::vector<std::vector<int64_t>>& flows,
                                  const std::vector<int32_t>& ring) {
  std::vector<int64_t> values;
  for (size_t i = 0; i < ring.size(); ++i) {
    values.push_back(
        flows[static_cast<size_t>(ring[i])][static_cast<size_t>(ring[(i + 1) % ring.size()])]);
  }
  return {*std::min_element(values.begin(), values.end()),
          *std::max_element(values.begin(), values.end())};
}

std::string Told(const std::vector<Ring>& rings) {
  return absl::StrJoin(rings, " ", [](std::string* out, const Ring& ring) {
    absl::StrAppend(out, absl::StrJoin(ring.owners, ">"), ":", ring.energy_wh, "/",
                    ring.energy_wh_max);
  });
}

// Tries every ring again after each that is taken out.
std::vector<Ring> AllThatCanBeTried(std::vector<std::vector<int64_t>> flows, int owners,
                                    int64_t least, int32_t longest) {
  std::vector<Ring> rings;
  for (int32_t length = 3; length <= longest; ++length) {
    std::vector<int32_t> start;
    std::vector<std::vector<int32_t>> sequences;
    Sequences(owners, static_cast<size_t>(length), start, sequences);
    for (bool found = true; found;) {
      found = false;
      for (const std::vector<int32_t>& ring : sequences) {
        const auto [low, high] = Along(flows, ring);
        if (low < least) {
          continue;
        }
        rings.push_back({ring, low, high});
        for (size_t i = 0; i < ring.size(); ++i) {
          flows[static_cast<size_t>(ring[i])][static_cast<size_t>(ring[(i + 1) % ring.size()])] -=
              low;
        }
        found = true;
        break;
      }
    }
  }
  return rings;
}

SurveyInput RandomDay(std::mt19937_64& random) {
  SurveyInput day = SurveyedDayOf("");
  const auto delivery = [&] {
    const absl::Time start = day.day.start + absl::Minutes(15) * Draw(random, 0, 5);
    return Interval{start, start + absl::Minutes(15)};
  };
  const auto someone = [&] { return ParticipantId(absl::StrCat("p", Draw(random, 1, 9))); };
  for (int i = Draw(random, 0, 4); i > 0; --i) {
    day.owners.emplace(someone(), someone());
  }
  for (int i = Draw(random, 0, 60); i > 0; --i) {
    day.trades.push_back({.delivery = delivery(),
                          .number = i,
                          .buyer = someone(),
                          .seller = someone(),
                          .energy = Energy::WattHours(Draw(random, 1, 9))});
  }
  for (int i = Draw(random, 0, 60); i > 0; --i) {
    day.orders.push_back({.delivery = delivery(),
                          .id = OrderId(absl::StrCat("o", i)),
                          .side = Draw(random, 0, 1) == 0 ? Side::kBid : Side::kOffer,
                          .participant = someone(),
                          .energy = Energy::WattHours(Draw(random, 1, 9)),
                          .withdrawn = Draw(random, 0, 3) > 0});
  }
  return day;
}

}  // namespace

std::string FirstRingFault(uint64_t seed, int graphs) {
  std::mt19937_64 random(seed);
  for (int graph = 0; graph < graphs; ++graph) {
    const int owners = Draw(random, 3, 6);
    const int64_t least = Draw(random, 1, 4);
    const int32_t longest = Draw(random, 3, 5);
    const int density = Draw(random, 2, 9);
    std::vector<std::vector<int64_t>> matrix(static_cast<size_t>(owners),
                                             std::vector<int64_t>(static_cast<size_t>(owners)));
    std::vector<Flow> flows;
    for (int32_t seller = 0; seller < owners; ++seller) {
      for (int32_t buyer = 0; buyer < owners; ++buyer) {
        if (seller != buyer && Draw(random, 0, 9) < density) {
          const int64_t energy = Draw(random, 1, 8);
          matrix[static_cast<size_t>(seller)][static_cast<size_t>(buyer)] = energy;
          flows.push_back({seller * 3 + 1, buyer * 3 + 1, energy});
        }
      }
    }
    std::shuffle(flows.begin(), flows.end(), random);
    std::vector<Ring> expected = AllThatCanBeTried(matrix, owners, least, longest);
    for (Ring& ring : expected) {
      for (int32_t& owner : ring.owners) {
        owner = owner * 3 + 1;
      }
    }
    int64_t steps = 1'000'000;
    const auto found =
        surveillance::FindRings(flows, {.energy_wh_min = least, .owners_max = longest}, steps);
    if (!found.complete || Told(found.rings) != Told(expected)) {
      return absl::StrCat("graph ", graph, " of seed ", seed, ": found ", Told(found.rings),
                          ", expected ", Told(expected));
    }
  }
  return "";
}

std::string FirstShuffleFault(uint64_t seed, int days) {
  std::mt19937_64 random(seed);
  const SurveyThresholds thresholds = {.return_energy_min = Energy::WattHours(2),
                                       .ring_energy_min = Energy::WattHours(2),
                                       .layering_orders_min = 2,
                                       .layering_withdrawn_ppm_min = 600'000,
                                       .layering_multiple_min = 1,
                                       .concentration_ppm_min = 200'000,
                                       .references_max = 3};
  std::map<SurveillanceRule, int> seen;
  for (int i = 0; i < days; ++i) {
    SurveyInput day = RandomDay(random);
    const SurveyResult first = Survey(day, thresholds);
    for (const Finding& finding : first.findings) {
      ++seen[finding.rule];
    }
    std::shuffle(day.trades.begin(), day.trades.end(), random);
    std::shuffle(day.orders.begin(), day.orders.end(), random);
    const SurveyResult second = Survey(day, thresholds);
    if (first.findings != second.findings || first.complete != second.complete) {
      return absl::StrCat("day ", i, " of seed ", seed, ": ", Told(first.findings), " and then ",
                          Told(second.findings));
    }
  }
  for (const SurveillanceRule rule : kSurveillanceRules) {
    if (seen[rule] < days / 100) {
      return absl::StrCat(RuleName(rule), " was found only ", seen[rule], " times");
    }
  }
  return "";
}

}  // namespace peerwatt::market
