#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tools/verify/rules.h"
#include "tools/verify/tariff.h"

namespace peerwatt::verify {

/// What is due in a period, by `participant:connection`, or `participant:` without a connection;
/// in micro-units, positive: the participant pays.
struct MembershipDues {
  std::map<std::string, int64_t> subscriptions;
  std::map<std::string, int64_t> fees;  ///< per month
};

/// Who is a member since when, and what that costs. A connection or a participant is a member
/// since its first point was created.
class Membership {
 public:
  /// rules: outlive the membership.
  explicit Membership(const Rules& rules);
  /// A day, or a month, is due in the period in which its first moment of membership is.
  MembershipDues DuesAt(int64_t period, const TariffVersion& tariff) const;

 private:
  /// The days and months whose first moment of membership is in a period.
  struct Begun {
    std::vector<absl::CivilDay> days;
    int64_t months = 0;
  };
  Begun BegunIn(int64_t period, int64_t since) const;

  const Rules& rules_;
  std::map<std::string, int64_t> since_;  // by payer
};

}  // namespace peerwatt::verify
