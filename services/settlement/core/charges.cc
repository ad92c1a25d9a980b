#include "services/settlement/core/charges.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "services/settlement/core/mutant.h"

namespace peerwatt::settlement {
namespace {

/// When somebody is a member.
struct Membership {
  absl::Time since = absl::InfiniteFuture();
  absl::Time until = absl::InfinitePast();
};

/// Who is charged: a connection of a participant, or with an empty one the participant.
using Payer = std::pair<ParticipantId, GridConnectionId>;

/// What begins in a period for one membership.
struct Due {
  std::vector<absl::CivilDay> days;
  int months = 0;
};

/// New lines by key: what is charged twice under one key is one line.
class ChargeLines {
 public:
  explicit ChargeLines(const Tariff& tariff) : tariff_(tariff) {}

  void Add(const Payer& payer, LineKind kind, const TradeId& trade, Money price, bool is_taxable,
           const std::string& rule) {
    if (price == Money()) return;
    Line& line = lines_[{payer.first, payer.second, kind, trade, is_taxable}];
    const Money charged = PW_MUTANT(kCreditsAreCharged, price < Money() ? -price : price, price);
    line.amount = PW_MUTANT(kFeesOfATradeAreLost, Money(), line.amount) - charged;
    line.rule_id = absl::StrCat("tariffVersions/", tariff_.id.value(), "/", rule);
  }
  /// Moves the lines into others, which stay in the order of their keys.
  void MergeInto(std::vector<Line>& lines) && {
    const auto by_key = [](const Line& a, const Line& b) { return a.key < b.key; };
    const auto middle = static_cast<std::ptrdiff_t>(lines.size());
    for (auto& [key, line] : lines_) {
      if (line.amount == Money()) continue;
      line.key = key;
      lines.push_back(std::move(line));
    }
    std::inplace_merge(lines.begin(), lines.begin() + middle, lines.end(), by_key);
  }

 private:
  const Tariff& tariff_;
  std::map<LineKey, Line> lines_;
};

int DaysOfMonth(absl::CivilDay day) {
  const absl::CivilMonth month(day);
  return PW_MUTANT(kMonthsHaveThirtyDays, 30,
                   static_cast<int>(absl::CivilDay(month + 1) - absl::CivilDay(month)));
}

/// The days of membership, and the months, that begin in the period.
Due DueOf(const ChargeInput& input, const Membership& membership) {
  const absl::Time since = std::max(membership.since, input.trading_start);
  // Of who is a member for longer than times reach, the first day does not matter.
  const absl::CivilDay first_day = absl::ToCivilDay(since, input.zone);
  const absl::CivilDay last =
      absl::ToCivilDay(input.period.end - absl::Microseconds(1), input.zone);
  Due due;
  for (absl::CivilDay day = absl::ToCivilDay(input.period.start, input.zone); day <= last; ++day) {
    const absl::Time begins = PW_MUTANT(kJoiningDayIsFree, DayStart(day, input.zone),
                                        std::max(since, DayStart(day, input.zone)));
    const bool in_period = input.period.start <= begins && begins < input.period.end;
    const bool is_member =
        since <= begins && (begins < membership.until || PW_MUTANT(kLeaversPayOn, true, false));
    if (!in_period || !is_member || absl::ToCivilDay(begins, input.zone) != day) continue;
    due.days.push_back(day);
    if (day.day() == 1 || (day == first_day && PW_MUTANT(kJoiningMonthIsFree, false, true))) {
      ++due.months;
    }
  }
  return due;
}

void AddMembership(const Payer& payer, const Due& due, const TariffRules& rules,
                   ChargeLines& lines) {
  const bool is_connection = !payer.second.empty();
  const TradeId none;
  for (const Subscription& subscription : rules.subscriptions) {
    const bool per_connection = subscription.basis == SubscriptionBasis::kGridConnection;
    if (per_connection != PW_MUTANT(kConnectionsAreParticipants, true, is_connection)) continue;
    for (const absl::CivilDay day : due.days) {
      lines.Add(payer, LineKind::kSubscription, none,
                DayPrice(subscription.month_price, DaysOfMonth(day)), subscription.is_taxable,
                absl::StrCat("subscriptions/", NameOf(subscription.basis)));
    }
  }
  const PieceFeeBasis monthly =
      is_connection ? PieceFeeBasis::kGridConnectionMonth : PieceFeeBasis::kParticipantMonth;
  for (const PieceFee& fee : rules.piece_fees) {
    if (fee.basis != monthly) continue;
    for (int i = 0; i < due.months; ++i) {
      lines.Add(payer, LineKind::kPieceFee, none, fee.price, fee.is_taxable,
                absl::StrCat("piece-fees/", NameOf(fee.basis)));
    }
  }
}

void AddMemberships(const ChargeInput& input, ChargeLines& lines) {
  std::map<Payer, Membership> memberships;
  for (const Member& member : input.members) {
    for (const GridConnectionId& connection : {member.connection, GridConnectionId()}) {
      Membership& membership = memberships[{member.participant, connection}];
      membership.since = std::min(membership.since, member.joined_at);
      membership.until = std::max(membership.until, member.left_at);
    }
  }
  for (const auto& [payer, membership] : memberships) {
    AddMembership(payer, DueOf(input, membership), input.tariff->rules, lines);
  }
}

void AddTradeFees(const TariffRules& rules, const std::vector<Line>& settled, ChargeLines& lines) {
  for (const PieceFee& fee : rules.piece_fees) {
    const bool is_purchase = fee.basis == PieceFeeBasis::kPurchase;
    if (!is_purchase && fee.basis != PieceFeeBasis::kSale) continue;
    const LineKind counted =
        is_purchase ? LineKind::kPurchase
                    : PW_MUTANT(kSellersFeeIsForgotten, LineKind::kPoolSale, LineKind::kSale);
    for (const Line& line : settled) {
      if (line.key.kind != counted || line.energy == Energy()) continue;
      lines.Add({line.key.participant, line.key.connection}, LineKind::kPieceFee, line.key.trade,
                fee.price, fee.is_taxable, absl::StrCat("piece-fees/", NameOf(fee.basis)));
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
         std::any_of(input.members.begin(), input.members.end(),
                     [&](const Member& member) { return in_period(member.joined_at); });
}

}  // namespace

void AddCharges(const ChargeInput& input, std::vector<Line>& lines) {
  if (input.tariff == nullptr) return;
  ChargeLines charges(*input.tariff);
  if (ChargesMembers(input)) AddMemberships(input, charges);
  AddTradeFees(input.tariff->rules, lines, charges);
  std::move(charges).MergeInto(lines);
}

}  // namespace peerwatt::settlement
