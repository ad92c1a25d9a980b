#include "tools/verify/charges.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace peerwatt::verify {

Membership::Membership(const Rules& rules) : rules_(rules) {
  for (const Point& point : rules.points) {
    for (const std::string& payer : {absl::StrCat(point.participant, ":", point.connection),
                                     absl::StrCat(point.participant, ":")}) {
      int64_t& since = since_.try_emplace(payer, INT64_MAX).first->second;
      since = std::min(since, std::max(point.created, rules.trading_start));
    }
  }
}

Membership::Begun Membership::BegunIn(int64_t period, int64_t since) const {
  const auto begins_here = [&](absl::CivilDay first) {
    const int64_t begins =
        std::max(since, absl::ToUnixSeconds(absl::FromCivil(first, rules_.zone)));
    return begins >= period && begins < period + rules_.interval;
  };
  const absl::CivilDay last =
      absl::ToCivilDay(absl::FromUnixSeconds(period + rules_.interval - 1), rules_.zone);
  Begun begun;
  std::optional<absl::CivilMonth> month;
  for (absl::CivilDay day = absl::ToCivilDay(absl::FromUnixSeconds(period), rules_.zone);
       day <= last; ++day) {
    if (begins_here(day)) begun.days.push_back(day);
    if (month == absl::CivilMonth(day)) continue;
    month = absl::CivilMonth(day);
    if (begins_here(absl::CivilDay(*month))) ++begun.months;
  }
  return begun;
}

MembershipDues Membership::DuesAt(int64_t period, const TariffVersion& tariff) const {
  using Counts = Charge::Counts;
  MembershipDues dues;
  const bool charges = std::any_of(
      tariff.charges.begin(), tariff.charges.end(), [](const Charge& charge) {
        return charge.counts != Counts::kPurchase && charge.counts != Counts::kSale;
      });
  if (!charges) return dues;
  for (const auto& [payer, since] : since_) {
    const Begun begun = BegunIn(period, since);
    if (begun.days.empty()) continue;  // and so no month
    const bool is_participant = absl::EndsWith(payer, ":");
    for (const Charge& charge : tariff.charges) {
      if (charge.counts == (is_participant ? Counts::kParticipantDay : Counts::kConnectionDay)) {
        for (const absl::CivilDay day : begun.days) {
          dues.subscriptions[payer] += PartOfMonth(charge.micros, day);
        }
      }
      if (charge.counts ==
          (is_participant ? Counts::kParticipantMonth : Counts::kConnectionMonth)) {
        dues.fees[payer] += begun.months * charge.micros;
      }
    }
  }
  return dues;
}

}  // namespace peerwatt::verify
