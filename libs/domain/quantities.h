#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "libs/domain/arithmetic.h"

namespace peerwatt {

/// Energy in whole watt hours.
class Energy {
 public:
  constexpr Energy() = default;
  static constexpr Energy WattHours(int64_t wh) { return Energy(wh); }
  constexpr int64_t wh() const { return wh_; }
  constexpr auto operator<=>(const Energy&) const = default;
  Energy operator+(Energy other) const { return Energy(AddOrDie(wh_, other.wh_)); }
  Energy operator-(Energy other) const { return Energy(AddOrDie(wh_, -other.wh_)); }
  Energy operator-() const { return Energy(-wh_); }
  Energy& operator+=(Energy other) { return *this = *this + other; }
  Energy& operator-=(Energy other) { return *this = *this - other; }

 private:
  constexpr explicit Energy(int64_t wh) : wh_(wh) {}
  int64_t wh_ = 0;
};

/// An amount of money in millionths of a unit of its ledger's currency. May be negative.
/// A ledger has one currency, so the code travels with the ledger, not with each amount.
class Money {
 public:
  constexpr Money() = default;
  static constexpr Money Micros(int64_t micros) { return Money(micros); }
  constexpr int64_t micros() const { return micros_; }
  constexpr auto operator<=>(const Money&) const = default;
  Money operator+(Money other) const { return Money(AddOrDie(micros_, other.micros_)); }
  Money operator-(Money other) const { return Money(AddOrDie(micros_, -other.micros_)); }
  Money operator-() const { return Money(-micros_); }
  Money& operator+=(Money other) { return *this = *this + other; }
  Money& operator-=(Money other) { return *this = *this - other; }

 private:
  constexpr explicit Money(int64_t micros) : micros_(micros) {}
  int64_t micros_ = 0;
};

/// A price in millionths of a unit of currency per kilowatt hour. May be negative.
class Price {
 public:
  constexpr Price() = default;
  static constexpr Price MicrosPerKwh(int64_t micros) { return Price(micros); }
  constexpr int64_t micros_per_kwh() const { return micros_; }
  constexpr auto operator<=>(const Price&) const = default;
  Price operator+(Price other) const { return Price(AddOrDie(micros_, other.micros_)); }
  Price operator-(Price other) const { return Price(AddOrDie(micros_, -other.micros_)); }

 private:
  constexpr explicit Price(int64_t micros) : micros_(micros) {}
  int64_t micros_ = 0;
};

/// energy · price, computed once and used by both postings.
/// Bounds: |energy| <= 10^12 Wh and |price| <= 10^9 micro-units per kWh fit 64 bits.
Money AmountOf(Energy energy, Price price, Rounding rounding);

/// Largest energy of one order or reading: 10^12 Wh.
inline constexpr Energy kEnergyMax = Energy::WattHours(1'000'000'000'000);
/// Largest magnitude of a price: 1000 units per kWh.
inline constexpr Price kPriceMax = Price::MicrosPerKwh(1'000'000'000);

/// `12.34` or `-0.000001` for people: at least two, at most six decimals.
std::string FormatMicros(int64_t micros);

/// Reads a decimal number as millionths. Errors: kInvalidArgument when it is no number, has more
/// than six decimals or does not fit: parsing never loses a digit.
absl::StatusOr<int64_t> ParseMicros(absl::string_view text);

/// Whether `code` has the form of an ISO 4217 code: three upper-case letters.
bool IsCurrencyCode(absl::string_view code);

}  // namespace peerwatt
