#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/domain/ids.h"
#include "libs/domain/quantities.h"

namespace peerwatt::settlement {

/// How a community shares the energy of one interval among its members.
enum class SharingKey {
  /// Each may take its coefficient's part of the pool.
  kStatic,
  /// In proportion to what each needs.
  kProportional,
  /// Each may take the same part.
  kEqual,
  /// By rank: the first take all they need, then the next; within a rank in proportion to need.
  kCascading,
  /// By coefficient, and what is not needed again by coefficient among those who need more.
  kRelative,
  /// By coefficient, and what is not needed in proportion to what the others still need.
  kOptimal,
};

/// Whether a key shares by coefficients.
bool UsesCoefficients(SharingKey key);

/// The whole of all coefficients: six decimals.
inline constexpr int64_t kCoefficientsWhole = 1'000'000;

/// One member in one interval.
struct SharingMember {
  ParticipantId participant;
  GridConnectionId connection;
  /// What it drew, not negative.
  Energy need;
  /// Millionths of the pool: static, relative and optimal keys.
  int64_t coefficient = 0;
  /// Lower first: the cascading key.
  int32_t rank = 0;
};

/// Who gets what.
struct Shares {
  /// In the order of the members given.
  std::vector<Energy> parts;
  /// What nobody takes; parts and residual make up the pool.
  Energy residual;
};

/// Shares a pool among members: 0 <= part <= need, parts and residual sum to the pool exactly.
/// What does not divide goes to the largest remainders, of equal ones to the lower participant and
/// connection, so the order of the members does not matter.
/// pool: not negative. members: each connection once. Coefficients, where the key uses them, are
/// not negative and sum to exactly 1,000,000 millionths.
/// Errors: SHARING_INVALID (kInvalidArgument).
absl::StatusOr<Shares> Share(Energy pool, const std::vector<SharingMember>& members,
                             SharingKey key);

}  // namespace peerwatt::settlement
