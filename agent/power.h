#pragma once


#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peerwatt::agent {

/// Decimals that a value of a profile may have: what the exact arithmetic keeps.
inline constexpr int kDecimalsMax = 18;
/// 10^18, the scale of `ParseDecimal` and of `Power`.
inline constexpr int64_t kScale = 1'000'000'000'000'000'000;

/// Reads a decimal number such as `0.8837`, `159` or `1e-05`.
/// Returns it times 10^18, exactly. Errors: kInvalidArgument when it is no number, is 10^9 or
/// larger in magnitude, or has more than 18 decimals.
absl::StatusOr<absl::int128> ParseDecimal(absl::string_view text);

/// A mean power that is not negative, exact to 10^-18 W.
class Power {
 public:
  constexpr Power() = default;
  static constexpr Power Attowatts(absl::int128 attowatts) { return Power(attowatts); }
  static Power Milliwatts(int64_t milliwatts) {
    return Power(absl::int128(milliwatts) * (kScale / 1000));
  }
  constexpr absl::int128 attowatts() const { return attowatts_; }
  constexpr bool operator==(const Power& other) const { return attowatts_ == other.attowatts_; }

 private:
  constexpr explicit Power(absl::int128 attowatts) : attowatts_(attowatts) {}
  absl::int128 attowatts_ = 0;
};

/// Largest mean power of a source: 1 GW. With it, 10^7 hours add up within 128 bits.
inline Power PowerMax() { return Power::Milliwatts(1'000'000'000'000); }

}  // namespace peerwatt::agent
