#include "tests/unit/market/surveillance_scenarios.h"

#include <stdexcept>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace peerwatt::market {
namespace {

using Words = std::vector<std::string>;

int Number(absl::string_view text) {
  int number = 0;
  if (!absl::SimpleAtoi(text, &number)) {
    throw std::invalid_argument(std::string(text));
  }
  return number;
}

Interval Delivery(const std::string& clock) {
  const Words parts = absl::StrSplit(clock, ':');
  const absl::Time start =
      SurveyedDay() + absl::Hours(Number(parts.at(0))) + absl::Minutes(Number(parts.at(1)));
  return {start, start + absl::Minutes(15)};
}

void AddTrade(const Words& words, SurveyInput& day) {
  const Words parties = absl::StrSplit(words.at(1), '>');
  day.trades.push_back({.delivery = Delivery(words[0]),
                        .number = static_cast<int32_t>(day.trades.size()) + 1,
                        .buyer = ParticipantId(parties.at(1)),
                        .seller = ParticipantId(parties.at(0)),
                        .energy = Energy::WattHours(Number(words.at(2)))});
}

void AddOrders(const Words& words, SurveyInput& day) {
  const bool withdrawn = words.size() > 4;
  const int count = withdrawn ? Number(words[5].substr(1)) : 1;
  for (int i = 0; i < count; ++i) {
    day.orders.push_back({.delivery = Delivery(words[0]),
                          .id = OrderId(absl::StrCat("o", day.orders.size() + 1)),
                          .side = words.at(2) == "bid" ? Side::kBid : Side::kOffer,
                          .participant = ParticipantId(words.at(1)),
                          .energy = Energy::WattHours(Number(words.at(3))),
                          .withdrawn = withdrawn});
  }
}

const std::vector<SurveyScenario> scenarios = {
    {"a quiet day", "10:00 a>b 900; 10:00 a>c 900; 10:15 a>b 900; 10:00 b bid 900", ""},

    {"who owns another's account sells to himself", "owner b a; 10:00 b>a 1", "OWN_TRADE a 1 1"},
    {"two accounts of a third person", "owner a x; owner b x; 10:00 a>b 300; 10:15 b>a 200",
     "OWN_TRADE x 500 2"},
    {"miss: accounts of two persons", "owner a x; owner b y; 10:00 a>b 300", ""},
    {"own trades at their minimum", "owner b a; 10:00 b>a 300; 20:00 b>a 200", "OWN_TRADE a 500 2",
     [](auto& t) { t.own_trade_energy_min = Energy::WattHours(500); }},
    {"miss: own trades below their minimum", "owner b a; 10:00 b>a 300; 20:00 b>a 199", "",
     [](auto& t) { t.own_trade_energy_min = Energy::WattHours(500); }},

    {"what was sold comes back", "10:00 a>b 1000; 10:45 b>a 1500", "RETURN_TRADE a,b 1000 666666"},
    {"it comes back in parts", "10:00 b>a 1000; 10:15 a>b 400; 10:30 a>b 600",
     "RETURN_TRADE a,b 1000 1000000"},
    {"it comes back through another account", "owner c a; 10:00 a>b 1000; 10:15 b>c 1000",
     "RETURN_TRADE a,b 1000 1000000"},
    {"miss: a little less comes back", "10:00 a>b 1500; 10:45 b>a 999", ""},
    {"miss: it comes back in the next hour", "10:45 a>b 1000; 11:00 b>a 1000", ""},
    {"a longer window", "10:45 a>b 1000; 11:00 b>a 1000", "RETURN_TRADE a,b 1000 1000000",
     [](auto& t) { t.window = absl::Hours(2); }},

    {"three in a ring", "10:00 a>b 1000; 10:15 b>c 1200; 10:30 c>a 2000", "RING a,b,c 1000 500000"},
    {"the other way round", "10:00 c>b 1000; 10:15 b>a 1000; 10:30 a>c 1000",
     "RING a,c,b 1000 1000000"},
    {"five in a ring",
     "10:00 a>b 1000; 10:00 b>c 1000; 10:15 c>d 1000; 10:15 d>e 1000; 10:30 e>a 1000",
     "RING a,b,c,d,e 1000 1000000"},
    {"an owner of two accounts closes the ring",
     "owner x a; 10:00 a>b 1000; 10:00 b>c 1000; 10:15 c>x 1000", "RING a,b,c 1000 1000000"},
    {"two rings share a flow",
     "10:00 a>b 2000; 10:00 b>c 1000; 10:15 c>a 1000; 10:15 b>d 1000; 10:30 d>a 1000",
     "RING a,b,c 1000 500000; RING a,b,d 1000 1000000"},
    {"the shortest ring takes what it needs",
     "10:00 a>b 1000; 10:00 b>c 1000; 10:15 c>a 1000; 10:15 c>d 1000; 10:30 d>a 1000",
     "RING a,b,c 1000 1000000"},
    {"what came back goes round no more",
     "10:00 a>b 1000; 10:15 b>a 1000; 10:15 b>c 1000; 10:30 c>a 1000",
     "RETURN_TRADE a,b 1000 1000000"},
    {"miss: a flow of the ring is too small", "10:00 a>b 1000; 10:15 b>c 999; 10:30 c>a 2000", ""},
    {"miss: the ring closes in the next hour", "10:00 a>b 1000; 10:15 b>c 1000; 11:00 c>a 1000",
     ""},
    {"miss: six in a ring",
     "10:00 a>b 1000; 10:00 b>c 1000; 10:15 c>d 1000; 10:15 d>e 1000; 10:30 e>f 1000; "
     "10:30 f>a 1000",
     ""},
    {"miss: all sell to one", "10:00 a>b 1000; 10:15 b>c 1000; 10:30 a>c 1000", ""},

    {"bids that were not meant", "10:00 a bid 600 withdrawn x5; 10:00 a>b 1000",
     "LAYERING BID a 3000 5"},
    {"offers that were not meant", "10:00 a offer 600 withdrawn x5; 10:00 b>a 1000",
     "LAYERING OFFER a 3000 5"},
    {"through two accounts",
     "owner c a; 10:00 a bid 600 withdrawn x2; 10:00 c bid 600 withdrawn x3; 10:00 a>b 1000",
     "LAYERING BID a 3000 5"},
    {"one bid stays, a tenth of all",
     "10:00 a bid 600 withdrawn x5; 10:00 a bid 333; "
     "10:00 a>b 1000",
     "LAYERING BID a 3000 5"},
    {"miss: more of the bids stay",
     "10:00 a bid 600 withdrawn x5; 10:00 a bid 334; "
     "10:00 a>b 1000",
     ""},
    {"miss: only four bids", "10:00 a bid 750 withdrawn x4; 10:00 a>b 1000", ""},
    {"miss: less than three times what was sold", "10:00 a bid 599 withdrawn x5; 10:00 a>b 1000",
     ""},
    {"miss: nothing was traded", "10:00 a bid 600 withdrawn x5", ""},
    {"miss: traded in another delivery", "10:00 a bid 600 withdrawn x5; 10:15 a>b 1000", ""},
    {"miss: traded on the same side", "10:00 a bid 600 withdrawn x5; 10:00 b>a 1000", ""},

    {"one of five sells two fifths",
     "10:00 a>x 400; 11:00 b>x 150; 12:00 c>x 150; 13:00 d>x 150; 14:00 e>x 150",
     "CONCENTRATION OFFER a 400 400000"},
    {"one of five buys two fifths",
     "10:00 x>a 400; 11:00 x>b 150; 12:00 x>c 150; 13:00 x>d 150; 14:00 x>e 150",
     "CONCENTRATION BID a 400 400000"},
    {"through two accounts he sells two fifths",
     "owner f a; 10:00 a>x 200; 10:15 f>x 200; 11:00 b>x 150; 12:00 c>x 150; 13:00 d>x 150; "
     "14:00 e>x 150",
     "CONCENTRATION OFFER a 400 400000"},
    {"miss: a hair less than two fifths",
     "10:00 a>x 1200000; 11:00 b>x 450000; 12:00 c>x 450000; 13:00 d>x 450000; "
     "14:00 e>x 450001",
     ""},
    {"miss: one of four sells two fifths",
     "10:00 a>x 400; 11:00 b>x 200; 12:00 c>x 200; 13:00 d>x 200", ""},
};

}  // namespace

absl::Time SurveyedDay() { return absl::FromUnixSeconds(1'800'057'600); }

SurveyInput SurveyedDayOf(const std::string& text) {
  SurveyInput day;
  day.day = {SurveyedDay(), SurveyedDay() + absl::Hours(24)};
  for (const absl::string_view line : absl::StrSplit(text, "; ", absl::SkipEmpty())) {
    const Words words = absl::StrSplit(line, ' ');
    if (words[0] == "owner") {
      day.owners.emplace(words.at(1), words.at(2));
    } else if (absl::StrContains(words.at(1), '>')) {
      AddTrade(words, day);
    } else {
      AddOrders(words, day);
    }
  }
  return day;
}

std::string Told(const std::vector<Finding>& findings) {
  return absl::StrJoin(findings, "; ", [](std::string* out, const Finding& finding) {
    absl::StrAppend(out, RuleName(finding.rule));
    if (finding.side.has_value()) {
      absl::StrAppend(out, *finding.side == Side::kBid ? " BID" : " OFFER");
    }
    absl::StrAppend(
        out, " ",
        absl::StrJoin(finding.owners, ",",
                      [](std::string* o, const ParticipantId& id) { o->append(id.value()); }),
        " ", finding.energy.wh(), " ", finding.measure);
  });
}

std::string Told(const SurveyScenario& scenario) {
  SurveyThresholds thresholds;
  if (scenario.thresholds) {
    scenario.thresholds(thresholds);
  }
  return Told(Survey(SurveyedDayOf(scenario.day), thresholds).findings);
}

const std::vector<SurveyScenario>& SurveyScenarios() { return scenarios; }

}  // namespace peerwatt::market
