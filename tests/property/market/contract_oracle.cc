#include "tests/property/market/contract_oracle.h"

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/market/core/contracts/agreement.h"
#include "services/market/core/contracts/calendar.h"
#include "services/market/core/contracts/price.h"
#include "services/market/core/contracts/terms.h"

namespace peerwatt::market {
namespace {

using Random = std::mt19937_64;

int64_t Any(Random& random, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}

constexpr int64_t kDay = 86'400;
// 2026-01-01, a Thursday; summer time from 29 March to 25 October, each at 01:00 UTC.
constexpr int64_t kNewYear = 1'767'225'600;
constexpr int64_t kSummer = kNewYear + 87 * kDay + 3'600;
constexpr int64_t kWinter = kNewYear + 297 * kDay + 3'600;

// Days since 1 January 2026 and minute of the day on a wall in Berlin.
std::pair<int64_t, int64_t> OnTheWall(int64_t unix_seconds) {
  const int64_t ahead = unix_seconds >= kSummer && unix_seconds < kWinter ? 7'200 : 3'600;
  const int64_t local = unix_seconds + ahead - kNewYear;
  return {local / kDay, local % kDay / 60};
}

absl::CivilDay DayNumber(int64_t number) { return absl::CivilDay(2026, 1, 1) + number; }

ContractProfile AnyProfile(Random& random) {
  ContractProfile profile;
  profile.time_zone = "Europe/Berlin";
  for (int i = 0; i < 40; ++i) {
    profile.holidays.push_back(DayNumber(Any(random, 0, 364)));
  }
  const int64_t windows = Any(random, 1, 4);
  for (int64_t i = 0; i < windows; ++i) {
    ContractWindow window;
    window.weekdays = static_cast<uint32_t>(Any(random, 0, 127));
    window.on_holidays = Any(random, 0, 1) == 0;
    window.dates = {DayNumber(Any(random, 0, 364))};
    window.start_minute = static_cast<int32_t>(Any(random, 0, 95) * 15);
    window.end_minute = window.start_minute + static_cast<int32_t>(Any(random, 1, 4) * 15);
    window.end_minute = std::min(window.end_minute, 1440);
    if (Any(random, 0, 2) == 0) {
      window.start_minute = 0;
      window.end_minute = 1440;
    }
    window.energy = Energy::WattHours(i + 1);
    profile.windows.push_back(window);
  }
  return profile;
}

// The number of the window, from 1, in which an instant lies; 0 for none.
int64_t NaiveWindow(const ContractProfile& profile, int64_t unix_seconds) {
  const auto [day, minute] = OnTheWall(unix_seconds);
  const auto is_today = [day = day](absl::CivilDay date) {
    return date - absl::CivilDay(2026, 1, 1) == day;
  };
  const bool holiday = std::any_of(profile.holidays.begin(), profile.holidays.end(), is_today);
  const int64_t weekday = (day + 3) % 7;  // The first was a Thursday.
  for (const ContractWindow& window : profile.windows) {
    bool on = holiday ? window.on_holidays : (window.weekdays & (1U << weekday)) != 0;
    on = on || is_today(window.dates[0]);
    if (on && minute >= window.start_minute && minute < window.end_minute) {
      return window.energy.wh();
    }
  }
  return 0;
}

// floor(a / b) for b > 0.
__extension__ using Wide = __int128;
Wide FloorDiv(Wide a, Wide b) { return a / b - (a % b < 0 ? 1 : 0); }

std::optional<int64_t> NaivePrice(const PriceFormula& formula, int64_t low, int64_t high,
                                  std::optional<int64_t> index) {
  if (!formula.is_indexed) {
    return formula.fixed.micros_per_kwh();
  }
  Wide price = 0;
  if (index.has_value()) {
    // Half to even: of twice the quotient's floor and its remainder.
    const Wide product = Wide(*index) * formula.factor_ppm;
    price = FloorDiv(product, 1'000'000);
    const Wide rest = product - price * 1'000'000;
    const bool is_odd = (price % 2 + 2) % 2 == 1;
    if (rest > 500'000 || (rest == 500'000 && is_odd)) {
      ++price;
    }
    price += formula.offset.micros_per_kwh();
  } else if (formula.fallback.has_value()) {
    price = formula.fallback->micros_per_kwh();
  } else {
    return std::nullopt;
  }
  if (price < low) {
    price = low;
  }
  if (price > high) {
    price = high;
  }
  return static_cast<int64_t>(price);
}

}  // namespace

std::string FirstCalendarFault(uint64_t seed, int cases) {
  Random random(seed);
  for (int i = 0; i < cases; ++i) {
    const ContractProfile profile = AnyProfile(random);
    for (int j = 0; j < 20; ++j) {
      // Often near a change of the clocks.
      const int64_t around = Any(random, 0, 1) == 0 ? kSummer : kWinter;
      const int64_t at = Any(random, 0, 3) == 0 ? around + Any(random, -12, 12) * 900
                                                : kNewYear + Any(random, 8, 364 * 96) * 900;
      const ContractWindow* window = WindowAt(profile, absl::FromUnixSeconds(at));
      const int64_t found = window == nullptr ? 0 : window->energy.wh();
      if (found != NaiveWindow(profile, at)) {
        return absl::StrCat("case ", i, ": window ", found, " at ", at);
      }
    }
    const int64_t output = Any(random, 0, 1'000'000);
    const int64_t ppm = Any(random, 1, 1'000'000);
    const int64_t share = ShareOf(Energy::WattHours(output), ppm).wh();
    if (share * 1'000'000 > output * ppm || (share + 1) * 1'000'000 <= output * ppm) {
      return absl::StrCat("case ", i, ": a share of ", share);
    }
  }
  return "";
}

std::string FirstPriceFault(uint64_t seed, int cases) {
  Random random(seed);
  const auto maybe = [&](int64_t low, int64_t high) {
    return Any(random, 0, 1) == 0 ? std::optional(Price::MicrosPerKwh(Any(random, low, high)))
                                  : std::nullopt;
  };
  for (int i = 0; i < cases; ++i) {
    PriceFormula formula;
    formula.is_indexed = Any(random, 0, 9) > 0;
    formula.fixed = Price::MicrosPerKwh(Any(random, -300, 300));
    formula.factor_ppm = Any(random, 0, 4) * 500'000 + (i % 2 == 0 ? 0 : Any(random, 0, 999));
    formula.offset = Price::MicrosPerKwh(Any(random, -100, 100));
    formula.floor = maybe(-400, 0);
    formula.cap = maybe(0, 400);
    formula.fallback = maybe(-500, 500);
    const int64_t low = formula.floor.value_or(Price::MicrosPerKwh(-300)).micros_per_kwh();
    const int64_t high = formula.cap.value_or(Price::MicrosPerKwh(300)).micros_per_kwh();
    const PriceBounds bounds =
        BoundsOf(formula, {Price::MicrosPerKwh(-300), Price::MicrosPerKwh(300)});
    std::optional<int64_t> index;
    if (Any(random, 0, 3) > 0) {
      index = Any(random, -400, 400);
    }
    const std::optional<Price> price =
        PriceBy(formula, bounds,
                index.has_value() ? std::optional(Price::MicrosPerKwh(*index)) : std::nullopt);
    const std::optional<int64_t> wanted =
        NaivePrice(formula, std::max<int64_t>(low, -300), std::min<int64_t>(high, 300), index);
    if (price.has_value() != wanted.has_value() ||
        (price.has_value() && price->micros_per_kwh() != *wanted)) {
      return absl::StrCat("case ", i, ": ", FormatPriceRule(formula));
    }
  }
  return "";
}

namespace {

// Who said what about a contract, in minutes; delivery every 15, gates close 60 before.
struct Said {
  struct Version {
    int64_t from = 0;
    int64_t end = 0;
    bool by_buyer = false;
    int64_t accepted = -1;
    bool is_open = true;
  };
  std::vector<Version> versions;
  int64_t over = INT64_MAX;
};

constexpr int64_t kHour = 60;

// The number of the version that counts for a delivery; 0 for none.
int NaiveVersion(const Said& said, int64_t delivery) {
  const auto in_time = [&](const Said::Version& v) {
    return v.accepted >= 0 && v.accepted < delivery - kHour;
  };
  if (!in_time(said.versions[0]) || delivery >= said.over) {
    return 0;
  }
  for (size_t i = said.versions.size(); i > 0; --i) {
    const Said::Version& v = said.versions[i - 1];
    if (in_time(v) && delivery >= v.from) {
      return delivery < v.end ? static_cast<int>(i) : 0;
    }
  }
  return 0;
}

absl::Time Minute(int64_t minute) { return absl::UnixEpoch() + absl::Minutes(minute); }

ContractTerms TermsOf(const Said::Version& version, int32_t notice_days) {
  ContractTerms terms;
  terms.valid_from = Minute(version.from);
  terms.end = Minute(version.end);
  terms.profile.time_zone = "UTC";
  ContractWindow window;
  window.weekdays = 0x7f;
  window.energy = Energy::WattHours(1);
  terms.profile.windows = {window};
  terms.cancellation = {CancellationRight::kEither, notice_days, CancellationEffect::kAfterNotice};
  return terms;
}

// The end of the newest version that was accepted.
int64_t NaiveEnd(const Said& said) {
  int64_t end = 0;
  for (const Said::Version& v : said.versions) {
    end = v.accepted >= 0 ? v.end : end;
  }
  return std::min(end, said.over);
}

class Talk {
 public:
  explicit Talk(Random& random) : random_(random) {
    rules_.interval = absl::Minutes(15);
    rules_.gate_closure_lead = absl::Hours(1);
    rules_.price_max = Price::MicrosPerKwh(1'000);
    contract_.buyer = ParticipantId("b");
    contract_.seller = ParticipantId("s");
    contract_.proposer = contract_.buyer;
    contract_.buyer_point = MeteringPointId("mb");
    notice_days_ = static_cast<int32_t>(Any(random, 0, 2));
    Said::Version offer = {Any(random, 10, 20) * kHour, Any(random, 80, 200) * kHour, true};
    said_.versions = {offer};
    ContractVersion version;
    version.terms = TermsOf(offer, notice_days_);
    version.proposer = contract_.buyer;
    contract_.versions = {version};
  }

  // One step of anybody; returns whether core and oracle agree about it.
  bool Step() {
    now_ += Any(random_, 1, 5 * kHour);
    const bool by_buyer = Any(random_, 0, 1) == 0;
    const StepFacts facts = {by_buyer ? contract_.buyer : contract_.seller, Minute(now_), rules_};
    const int64_t kind = Any(random_, 0, 9);
    const bool is_active =
        said_.versions[0].accepted >= 0 && said_.over == INT64_MAX && now_ < NaiveEnd(said_);
    const int64_t first_open = (now_ + kHour) / 15 * 15 + 15;
    Said after = said_;
    bool may = false;
    absl::StatusOr<ContractStep> step = ContractStep();
    Said::Version& newest = after.versions.back();
    const auto number = static_cast<int32_t>(said_.versions.size());
    if (kind < 4) {
      const MeteringPointId point(number == 1 ? "ms" : "");
      step = Accept(contract_, number, point, facts);
      may = newest.is_open && newest.by_buyer != by_buyer &&
            (number == 1 ? now_ < newest.end : is_active && newest.from >= first_open);
      newest.accepted = now_;
      newest.is_open = false;
    } else if (kind == 4) {
      step = by_buyer == newest.by_buyer ? Withdraw(contract_, number, facts)
                                         : Decline(contract_, number, facts);
      may = newest.is_open;
      newest.is_open = false;
    } else if (kind < 9) {
      Said::Version next = {said_.versions[0].from + Any(random_, -5, 100) * 15, 0, by_buyer};
      next.end = next.from + Any(random_, 1, 100) * 15;
      step = Amend(contract_, number + 1, TermsOf(next, notice_days_), facts);
      may = is_active && !newest.is_open && next.from >= first_open &&
            next.from >= said_.versions[0].from;
      after.versions.push_back(next);
    } else {
      step = Cancel(contract_, "", facts);
      may = is_active;
      after.over = std::max(now_ + notice_days_ * 24 * kHour, first_open);
    }
    const bool added = step.ok() && (step->decision.has_value() || step->version.has_value() ||
                                     step->cancellation.has_value());
    if (added) {
      contract_ = After(contract_, *step);
    }
    if (may) {
      said_ = after;
    }
    return added == may;
  }

  bool AgreesOnDeliveries() {
    for (int i = 0; i < 30; ++i) {
      const int64_t delivery = Any(random_, 0, 210 * 4) * 15;
      const ContractVersion* found =
          VersionInForce(contract_, Minute(delivery), Minute(delivery - kHour));
      if ((found == nullptr ? 0 : found->version) != NaiveVersion(said_, delivery)) {
        return false;
      }
    }
    for (const Said::Version& v : said_.versions) {  // And at each end.
      const ContractVersion* found =
          VersionInForce(contract_, Minute(v.end), Minute(v.end - kHour));
      if ((found == nullptr ? 0 : found->version) != NaiveVersion(said_, v.end)) {
        return false;
      }
    }
    return true;
  }

 private:
  Random& random_;
  CommunityRules rules_;
  Contract contract_;
  Said said_;
  int32_t notice_days_ = 0;
  int64_t now_ = 0;
};

}  // namespace

std::string FirstAgreementFault(uint64_t seed, int cases) {
  Random random(seed);
  for (int i = 0; i < cases; ++i) {
    Talk talk(random);
    for (int step = 0; step < 25; ++step) {
      if (!talk.Step()) {
        return absl::StrCat("case ", i, ": step ", step);
      }
    }
    if (!talk.AgreesOnDeliveries()) {
      return absl::StrCat("case ", i, ": another version counts");
    }
  }
  return "";
}

}  // namespace peerwatt::market
