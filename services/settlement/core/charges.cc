#include "services/settlement/core/charges.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/settlement/core/mutant.h"

namespace peerwatt::settlement {
namespace {

/// Who is charged: a connection of a participant, or with an empty one the participant.
using Payer = std::pair<ParticipantId, GridConnectionId>;

/// What is charged, by key: what is charged twice under one key is one line.
class ChargeTable {
 public:
  explicit ChargeTable(const Tariff& tariff) : tariff_(tariff) {}

  /// days: that the price is for, of which one is charged.
  void Add(const Payer& payer, LineKind kind, const TradeId& trade, Money price, int days,
           bool is_taxable, const std::string& rule) {
    if (price == Money()) return;
    std::vector<ChargePart>& parts = parts_[{payer.first, payer.second, kind, trade, is_taxable}];
    if (PW_MUTANT(kFeesOfATradeAreLost, true, false)) parts.clear();
    parts.push_back({absl::StrCat("tariffVersions/", tariff_.id.value(), "/", rule), price, days});
  }
  const std::map<LineKey, std::vector<ChargePart>>& parts() const { return parts_; }

 private:
  const Tariff& tariff_;
  std::map<LineKey, std::vector<ChargePart>> parts_;
};

int DaysOf(absl::CivilMonth month) {
  return PW_MUTANT(kMonthsHaveThirtyDays, 30,
                   static_cast<int>(absl::CivilDay(month + 1) - absl::CivilDay(month)));
}

/// Whether the first moment of membership between two instants is in the period.
bool BeginsIn(const ChargeInput& input, const std::vector<Interval>& spans, absl::Time start,
              absl::Time end, bool first_only) {
  start = std::max(start, input.trading_start);
  absl::Time first = absl::InfiniteFuture();
  for (const Interval& span : spans) {
    const absl::Time begins = std::max(start, span.start);
    if (begins < std::min(end, span.end)) first = std::min(first, begins);
  }
  if (first_only && first != start) return false;
  return input.period.start <= first && first < input.period.end;
}

/// What begins in a period for one payer.
struct Due {
  std::vector<absl::CivilDay> days;
  int months = 0;
};

Due DueOf(const ChargeInput& input, const std::vector<Interval>& spans) {
  const absl::CivilDay first_day = absl::ToCivilDay(input.period.start, input.zone);
  const absl::CivilDay last_day =
      absl::ToCivilDay(input.period.end - absl::Microseconds(1), input.zone);
  Due due;
  for (absl::CivilDay day = first_day; day <= last_day; ++day) {
    if (BeginsIn(input, spans, DayStart(day, input.zone), DayStart(day + 1, input.zone),
                 PW_MUTANT(kJoiningDayIsFree, true, false))) {
      due.days.push_back(day);
    }
  }
  for (absl::CivilMonth month(first_day); month <= absl::CivilMonth(last_day); ++month) {
    if (BeginsIn(input, spans, DayStart(absl::CivilDay(month), input.zone),
                 DayStart(absl::CivilDay(month + 1), input.zone),
                 PW_MUTANT(kJoiningMonthIsFree, true, false))) {
      ++due.months;
    }
  }
  return due;
}

void AddMembership(const Payer& payer, const Due& due, const TariffRules& rules,
                   ChargeTable& charges) {
  const bool is_connection = !payer.second.empty();
  const TradeId none;
  for (const Subscription& subscription : rules.subscriptions) {
    const bool per_connection = subscription.basis == SubscriptionBasis::kGridConnection;
    if (per_connection != PW_MUTANT(kConnectionsAreParticipants, true, is_connection)) continue;
    for (const absl::CivilDay day : due.days) {
      charges.Add(payer, LineKind::kSubscription, none, subscription.month_price,
                  DaysOf(absl::CivilMonth(day)), subscription.is_taxable,
                  absl::StrCat("subscriptions/", NameOf(subscription.basis)));
    }
  }
  const PieceFeeBasis monthly =
      is_connection ? PieceFeeBasis::kGridConnectionMonth : PieceFeeBasis::kParticipantMonth;
  for (const PieceFee& fee : rules.piece_fees) {
    if (fee.basis != monthly) continue;
    for (int i = 0; i < due.months; ++i) {
      charges.Add(payer, LineKind::kPieceFee, none, fee.price, 1, fee.is_taxable,
                  absl::StrCat("piece-fees/", NameOf(fee.basis)));
    }
  }
}

void AddMemberships(const ChargeInput& input, ChargeTable& charges) {
  std::map<Payer, std::vector<Interval>> spans;
  for (const Member& member : input.members) {
    const Interval span{std::max(member.joined_at, member.held_since), absl::InfiniteFuture()};
    for (const GridConnectionId& connection : {member.connection, GridConnectionId()}) {
      spans[{member.participant, connection}].push_back(span);
    }
  }
  for (const FormerMember& member : input.former) {
    if (PW_MUTANT(kReturningIsJoining, true, false)) break;
    for (const GridConnectionId& connection : {member.connection, GridConnectionId()}) {
      const auto payer = spans.find({member.participant, connection});
      if (payer != spans.end()) payer->second.push_back(member.span);
    }
  }
  for (const auto& [payer, own] : spans) {
    AddMembership(payer, DueOf(input, own), input.tariff->rules, charges);
  }
}

void AddTradeFees(const TariffRules& rules, const std::vector<Line>& settled,
                  ChargeTable& charges) {
  for (const PieceFee& fee : rules.piece_fees) {
    const bool is_purchase = fee.basis == PieceFeeBasis::kPurchase;
    if (!is_purchase && fee.basis != PieceFeeBasis::kSale) continue;
    const LineKind counted =
        is_purchase ? LineKind::kPurchase
                    : PW_MUTANT(kSellersFeeIsForgotten, LineKind::kPoolSale, LineKind::kSale);
    for (const Line& line : settled) {
      if (line.key.kind != counted || line.energy == Energy()) continue;
      charges.Add({line.key.participant, line.key.connection}, LineKind::kPieceFee, line.key.trade,
                  fee.price, 1, fee.is_taxable, absl::StrCat("piece-fees/", NameOf(fee.basis)));
    }
  }
}

/// Whether a day or a membership can begin in the period, so that members need to be looked at.
bool ChargesMembers(const ChargeInput& input) {
  const TariffRules& rules = input.tariff->rules;
  const bool charges =
      !rules.subscriptions.empty() ||
      std::any_of(rules.piece_fees.begin(), rules.piece_fees.end(), [](const PieceFee& fee) {
        return fee.basis == PieceFeeBasis::kGridConnectionMonth ||
               fee.basis == PieceFeeBasis::kParticipantMonth;
      });
  if (!charges) return false;
  const auto in_period = [&](absl::Time time) {
    return input.period.start <= time && time < input.period.end;
  };
  const absl::CivilDay last =
      absl::ToCivilDay(input.period.end - absl::Microseconds(1), input.zone);
  return in_period(input.trading_start) || in_period(DayStart(last, input.zone)) ||
         std::any_of(input.members.begin(), input.members.end(), [&](const Member& member) {
           return in_period(std::max(member.joined_at, member.held_since));
         });
}

ChargeTable ChargesOf(const ChargeInput& input, const std::vector<Line>& lines) {
  ChargeTable charges(*input.tariff);
  if (ChargesMembers(input)) AddMemberships(input, charges);
  AddTradeFees(input.tariff->rules, lines, charges);
  return charges;
}

}  // namespace

void AddCharges(const ChargeInput& input, std::vector<Line>& lines) {
  if (input.tariff == nullptr) return;
  const ChargeTable charges = ChargesOf(input, lines);
  const auto middle = static_cast<std::ptrdiff_t>(lines.size());
  for (const auto& [key, parts] : charges.parts()) {
    Line line;
    line.key = key;
    for (const ChargePart& part : parts) {
      const Money charged = DayPrice(part.price, part.days);
      line.amount -= PW_MUTANT(kCreditsAreCharged, charged < Money() ? -charged : charged, charged);
    }
    line.rule_id = parts.back().rule_id;
    if (line.amount != Money()) lines.push_back(std::move(line));
  }
  std::inplace_merge(lines.begin(), lines.begin() + middle, lines.end(),
                     [](const Line& a, const Line& b) { return a.key < b.key; });
}

std::vector<ChargePart> PartsOfCharge(const ChargeInput& input, const std::vector<Line>& lines,
                                      const LineKey& key) {
  if (input.tariff == nullptr) return {};
  const ChargeTable charges = ChargesOf(input, lines);
  const auto found = charges.parts().find(key);
  return found == charges.parts().end() ? std::vector<ChargePart>() : found->second;
}

}  // namespace peerwatt::settlement
