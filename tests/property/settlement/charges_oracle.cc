#include "tests/property/settlement/charges_oracle.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "services/settlement/core/charges.h"
#include "services/settlement/core/tariff.h"
#include "tests/property/settlement/any_calendar.h"

namespace peerwatt::settlement {
namespace {

constexpr absl::Duration kQuarter = absl::Minutes(15);

/// Days of a month by the rule that children learn.
int DaysOf(int64_t year, int month) {
  if (month == 2) return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

int64_t HalfAway(int64_t value, int64_t divisor) {
  const int64_t twice = (std::abs(value) * 2 + divisor) / (divisor * 2);
  return value < 0 ? -twice : twice;
}

/// What a key is charged, by the period that charges it.
using Ledger = std::map<std::pair<absl::Time, std::string>, int64_t>;

std::string KeyOf(const std::string& participant, const std::string& connection, LineKind kind,
                  const std::string& trade, bool is_taxable) {
  return absl::StrCat(participant, "/", connection, " ", static_cast<int>(kind), " ", trade,
                      is_taxable ? " taxed" : " free");
}

/// A point of a participant until it leaves, at the start of a period.
struct Stay {
  Member member;
  absl::Time until = absl::InfiniteFuture();

  bool Has(absl::Time time) const {
    return std::max(member.joined_at, member.held_since) <= time && time < until;
  }
};

struct Town {
  Tariff tariff;
  std::vector<Stay> stays;
  absl::TimeZone zone;
  absl::Time start;
  absl::Time end;
  absl::Time trading_start;
};

Town MakeTown(Dice& dice) {
  const Calendar calendar = AnyCalendar(dice);
  Town town;
  town.zone = Load(calendar.zone);
  town.start = absl::FromCivil(calendar.first, town.zone);
  town.start -= town.start - absl::FromUnixSeconds(absl::ToUnixSeconds(town.start) / 900 * 900);
  town.end = town.start + absl::Hours(24 * 5);
  town.trading_start = dice.OneIn(2) ? town.start - absl::Hours(24 * 60)
                                     : town.start + kQuarter * dice.Number(0, 300);
  town.tariff.id = TariffId("t");
  TariffRules& rules = town.tariff.rules;
  for (const auto basis : {SubscriptionBasis::kGridConnection, SubscriptionBasis::kParticipant}) {
    if (dice.OneIn(3)) continue;
    rules.subscriptions.push_back(
        {basis, Money::Micros(dice.Number(-30'000'000, 90'000'000)), dice.OneIn(2)});
  }
  for (int basis = 1; basis <= 4; ++basis) {
    if (dice.OneIn(3)) continue;
    rules.piece_fees.push_back(
        {static_cast<PieceFeeBasis>(basis), Money::Micros(dice.Number(-50, 100)), dice.OneIn(2)});
  }
  for (int64_t i = dice.Number(1, 5); i > 0; --i) {
    Stay stay;
    Member& member = stay.member;
    member.point = MeteringPointId(absl::StrCat("m", i));
    member.participant = ParticipantId(absl::StrCat("p", i / 2));
    member.connection = GridConnectionId(absl::StrCat("c", dice.OneIn(2) ? i : i / 2, "-", i / 2));
    if (dice.OneIn(2)) member.joined_at = town.start + absl::Minutes(dice.Number(-3000, 7000));
    if (dice.OneIn(3)) member.held_since = town.start + kQuarter * dice.Number(-200, 450);
    if (dice.OneIn(2)) stay.until = town.start + kQuarter * dice.Number(-100, 480);
    town.stays.push_back(stay);
    if (stay.until == absl::InfiniteFuture() || dice.OneIn(2)) continue;
    // Who left comes back, soon or late.
    Stay again = stay;
    again.member.point = MeteringPointId(absl::StrCat("m", i, "-again"));
    again.member.joined_at = stay.until + kQuarter * dice.Number(0, 100);
    again.member.held_since = again.member.joined_at;
    again.until = absl::InfiniteFuture();
    town.stays.push_back(again);
  }
  return town;
}

/// Walks through the minutes: who is a member in a minute of a day is charged for that day, at the
/// first such minute.
void ChargeMinutes(const Town& town, Ledger& ledger) {
  std::map<std::string, std::vector<Stay>> payers;
  for (const Stay& stay : town.stays) {
    for (const std::string& connection : {stay.member.connection.value(), std::string()}) {
      payers[absl::StrCat(stay.member.participant.value(), "/", connection)].push_back(stay);
    }
  }
  // A month before, so that what was charged earlier in it is known.
  const absl::Time first = town.start - absl::Hours(24 * 32);
  std::vector<absl::CivilDay> day_of;
  for (absl::Time minute = first; minute < town.end; minute += absl::Minutes(1)) {
    day_of.push_back(absl::ToCivilDay(minute, town.zone));
  }
  for (const auto& [who, stays] : payers) {
    const std::string participant = who.substr(0, who.find('/'));
    const std::string connection = who.substr(who.find('/') + 1);
    std::set<std::string> days;
    std::set<std::string> months;
    std::optional<absl::CivilDay> last;
    for (size_t i = 0; i < day_of.size(); ++i) {
      const absl::Time minute = first + absl::Minutes(1) * static_cast<int64_t>(i);
      if (minute < town.trading_start) continue;
      const bool is_member = std::any_of(stays.begin(), stays.end(),
                                         [&](const Stay& stay) { return stay.Has(minute); });
      const absl::CivilDay day = day_of[i];
      if (!is_member || std::exchange(last, day) == day) continue;
      if (!days.insert(absl::FormatCivilTime(day)).second) continue;
      const bool new_month = months.insert(absl::FormatCivilTime(absl::CivilMonth(day))).second;
      if (minute < town.start) continue;
      const absl::Time period = town.start + absl::Floor(minute - town.start, kQuarter);
      for (const Subscription& s : town.tariff.rules.subscriptions) {
        if ((s.basis == SubscriptionBasis::kParticipant) != connection.empty()) continue;
        ledger[{period,
                KeyOf(participant, connection, LineKind::kSubscription, "", s.is_taxable)}] -=
            HalfAway(s.month_price.micros(), DaysOf(day.year(), day.month()));
      }
      for (const PieceFee& fee : town.tariff.rules.piece_fees) {
        const bool per_participant = fee.basis == PieceFeeBasis::kParticipantMonth;
        const bool per_connection = fee.basis == PieceFeeBasis::kGridConnectionMonth;
        if (!new_month || (connection.empty() ? !per_participant : !per_connection)) continue;
        ledger[{period, KeyOf(participant, connection, LineKind::kPieceFee, "", fee.is_taxable)}] -=
            fee.price.micros();
      }
    }
  }
}

std::vector<Line> MakeTrades(Dice& dice, absl::Time period, const Town& town, Ledger& ledger) {
  std::vector<Line> lines;
  for (int64_t i = dice.OneIn(40) ? dice.Number(1, 3) : 0; i > 0; --i) {
    const TradeId trade(absl::StrCat("t", i));
    for (const LineKind kind : {LineKind::kPurchase, LineKind::kSale}) {
      const std::string who = absl::StrCat("p", dice.Number(0, 1));
      lines.push_back({{ParticipantId(who), GridConnectionId("c"), kind, trade},
                       Energy::WattHours(dice.Number(1, 9)),
                       Price(),
                       Money::Micros(dice.Number(-5, 5))});
      for (const PieceFee& fee : town.tariff.rules.piece_fees) {
        if (fee.basis !=
            (kind == LineKind::kPurchase ? PieceFeeBasis::kPurchase : PieceFeeBasis::kSale)) {
          continue;
        }
        ledger[{period, KeyOf(who, "c", LineKind::kPieceFee, trade.value(), fee.is_taxable)}] -=
            fee.price.micros();
      }
    }
  }
  std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.key < b.key; });
  return lines;
}

std::string FaultOfTown(Dice& dice) {
  const Town town = MakeTown(dice);
  Ledger expected;
  Ledger charged;
  ChargeMinutes(town, expected);
  for (absl::Time at = std::max(town.start, town.trading_start); at < town.end; at += kQuarter) {
    std::vector<Line> lines = MakeTrades(dice, at, town, expected);
    const size_t settled = lines.size();
    std::vector<Member> members;
    std::vector<FormerMember> former;
    for (const Stay& stay : town.stays) {
      const Member& member = stay.member;
      const absl::Time since = std::max(member.joined_at, member.held_since);
      if (stay.until > at) {
        if (member.held_since <= at) members.push_back(member);
      } else if (since < stay.until) {
        former.push_back({member.participant, member.connection, {since, stay.until}});
      }
    }
    AddCharges({&town.tariff, members, former, {at, at + kQuarter}, town.zone, town.trading_start},
               lines);
    size_t others = 0;
    for (size_t i = 0; i < lines.size(); ++i) {
      const Line& line = lines[i];
      if (i > 0 && !(lines[i - 1].key < line.key)) return "lines are not in order of their keys";
      if (line.key.kind != LineKind::kSubscription && line.key.kind != LineKind::kPieceFee) {
        ++others;
        continue;
      }
      charged[{at, KeyOf(line.key.participant.value(), line.key.connection.value(), line.key.kind,
                         line.key.trade.value(), line.key.is_taxable)}] += line.amount.micros();
      if (line.energy != Energy() || line.rule_id.empty()) return "a charge has energy or no rule";
    }
    if (others != settled) return "other lines were touched";
  }
  std::erase_if(expected, [](const auto& entry) { return entry.second == 0; });
  if (charged == expected) return "";
  for (const auto& [key, micros] : expected) {
    const auto found = charged.find(key);
    if (found == charged.end() || found->second != micros) {
      return absl::StrCat(absl::FormatTime(key.first, town.zone), " ", key.second, ": expected ",
                          micros, ", charged ", found == charged.end() ? 0 : found->second);
    }
  }
  return "something is charged that nobody owes";
}

/// A window as a set of the minutes of one year's local time that it has.
struct SlowWindow {
  std::set<int> weekdays;  // 0 is Monday
  int from = 0;
  int to = 0;
  std::set<int> days;  // month × 100 + day; empty: all
};

struct SlowPrice {
  std::string rule;
  int64_t micros = 0;
  bool is_taxable = true;
  std::vector<SlowWindow> windows;
};

std::set<int> DaysBetween(YearDay first, YearDay last) {
  std::set<int> days;
  // Of years that have a 29 February between the two.
  absl::CivilDay day(first <= last ? 2024 : 2023, first.month, first.day);
  const absl::CivilDay end(2024, last.month, last.day);
  for (; day <= end; ++day) days.insert(day.month() * 100 + day.day());
  return days;
}

/// Cuts the week's hours into pieces and gives some of them prices, so that none overlap.
void MakePrices(Dice& dice, const char* direction, EnergyPrices& prices,
                std::vector<SlowPrice>& slow) {
  const std::string rule = absl::StrCat("tariffVersions/t/", direction);
  int from = 0;
  for (int i = 0; from < kMinutesOfDay; ++i) {
    const int to = std::min<int>(kMinutesOfDay, from + 15 * static_cast<int>(dice.Number(1, 40)));
    for (const uint32_t weekdays : {0x1FU, 0x60U}) {
      if (dice.OneIn(2)) continue;
      const std::string id = absl::StrCat("p", i, weekdays == 0x1F ? "w" : "e");
      WindowedPrice price{
          id, Price::MicrosPerKwh(dice.Number(-200'000, 400'000)), {}, dice.OneIn(2)};
      LocalWindow window{weekdays, from, to, std::nullopt};
      SlowWindow seen;
      for (int day = 0; day < 7; ++day) {
        if ((weekdays >> static_cast<uint32_t>(day) & 1U) != 0) seen.weekdays.insert(day);
      }
      seen.from = from;
      seen.to = to;
      if (dice.OneIn(3)) {
        window.season = dice.OneIn(2) ? Season{{10, 25}, {3, 28}} : Season{{3, 29}, {10, 24}};
        seen.days = DaysBetween(window.season->first, window.season->last);
      }
      price.windows = {window};
      prices.prices.push_back(price);
      slow.push_back(
          {absl::StrCat(rule, "/", id), price.price.micros_per_kwh(), price.is_taxable, {seen}});
    }
    from = to;
  }
  if (dice.OneIn(3)) return;
  prices.default_price = Price::MicrosPerKwh(dice.Number(-200'000, 400'000));
  prices.default_is_taxable = dice.OneIn(2);
  slow.push_back({rule, prices.default_price->micros_per_kwh(), prices.default_is_taxable, {}});
}

std::optional<SlowPrice> SlowPriceAt(const std::vector<SlowPrice>& prices,
                                     const absl::TimeZone::CivilInfo& local) {
  for (const SlowPrice& price : prices) {
    if (price.windows.empty()) return price;
    for (const SlowWindow& window : price.windows) {
      const int weekday = static_cast<int>(absl::GetWeekday(local.cs));
      const int minute = local.cs.hour() * 60 + local.cs.minute();
      if (window.weekdays.count(weekday) == 0 || minute < window.from || minute >= window.to) {
        continue;
      }
      if (window.days.empty() || window.days.count(local.cs.month() * 100 + local.cs.day()) != 0) {
        return price;
      }
    }
  }
  return std::nullopt;
}

bool Agrees(const EnergyPrice& price, const std::optional<SlowPrice>& slow) {
  if (!slow.has_value()) return !price.price.has_value();
  return price.price == Price::MicrosPerKwh(slow->micros) && price.is_taxable == slow->is_taxable &&
         price.rule == slow->rule;
}

std::string FaultOfPrices(Dice& dice) {
  const Calendar calendar = AnyCalendar(dice);
  const absl::TimeZone zone = Load(calendar.zone);
  const absl::Time start = absl::FromCivil(calendar.first, zone);
  std::vector<SlowPrice> retail;
  std::vector<SlowPrice> feed_in;
  Tariff tariff;
  tariff.id = TariffId("t");
  tariff.starts_at = start + absl::Hours(12);
  MakePrices(dice, "retail", tariff.rules.retail, retail);
  MakePrices(dice, "feed-in", tariff.rules.feed_in, feed_in);
  Tariff last;
  last.id = TariffId("last");
  last.starts_at = start + absl::Hours(24 * 4);
  last.rules.feed_in.default_price = Price::MicrosPerKwh(7);
  const std::vector<SlowPrice> last_feed_in = {{"tariffVersions/last/feed-in", 7, true, {}}};
  for (absl::Time at = start; at < start + absl::Hours(24 * 5); at += kQuarter) {
    const GridTariff found = PricesOf(TariffAt({tariff, last}, at), at, zone);
    if (at >= last.starts_at) {
      if (!Agrees(found.retail, std::nullopt) || !Agrees(found.feed_in, last_feed_in.front())) {
        return "the last version does not hold";
      }
      continue;
    }
    if (at < tariff.starts_at) {
      if (found.retail.price.has_value()) return "there is a price before the first version";
      continue;
    }
    const absl::TimeZone::CivilInfo local = zone.At(at);
    if (!Agrees(found.retail, SlowPriceAt(retail, local)) ||
        !Agrees(found.feed_in, SlowPriceAt(feed_in, local))) {
      return absl::StrCat("at ", absl::FormatTime(at, zone));
    }
  }
  return "";
}

}  // namespace

std::string FirstChargeFault(uint64_t seed, int communities) {
  Dice dice(seed);
  for (int i = 0; i < communities; ++i) {
    if (const std::string fault = FaultOfTown(dice); !fault.empty()) {
      return absl::StrCat("community ", i, ": ", fault);
    }
  }
  return "";
}

std::string FirstPriceFault(uint64_t seed, int tariffs) {
  Dice dice(seed);
  for (int i = 0; i < tariffs; ++i) {
    if (const std::string fault = FaultOfPrices(dice); !fault.empty()) {
      return absl::StrCat("tariff ", i, ": ", fault);
    }
  }
  return "";
}

}  // namespace peerwatt::settlement
