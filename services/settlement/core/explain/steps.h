#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libs/domain/arithmetic.h"

namespace peerwatt::settlement {

/// What a step computes. The numbers are those of the protocol.
enum class Operation { kSum = 1, kMinimum = 2, kProduct = 3, kShare = 4, kGiven = 5 };

/// What a step's result is counted in.
enum class StepUnit { kWattHours, kMicros };

/// What goes into a step.
struct Operand {
  std::string description;
  int64_t value = 0;
  size_t from_step = 0;  ///< the step whose result it is, from 1; 0: from outside
  bool is_negated = false;
};

/// One step of the arithmetic behind a line.
struct Step {
  std::string description;
  Operation operation = Operation::kGiven;
  std::vector<Operand> operands;
  int64_t divisor = 1;
  Rounding rounding = Rounding::kHalfEven;
  int64_t remainder_rank = 0;   ///< kShare: from 1, the largest remainder first
  int64_t remainder_units = 0;  ///< kShare: what is left when all parts are rounded down
  int64_t result = 0;
  StepUnit unit = StepUnit::kWattHours;
};

/// Writes steps down, one after the other; each can use the results of those before.
class StepList {
 public:
  explicit StepList(std::vector<Step>& steps) : steps_(steps) {}

  /// An operand from outside.
  static Operand Of(std::string description, int64_t value);
  /// The result of a step.
  Operand From(size_t step) const;
  /// The same with its sign turned.
  static Operand Minus(Operand operand);

  // Each adds a step and returns its number, from 1.
  size_t Given(std::string description, int64_t value, StepUnit unit);
  size_t Sum(std::string description, std::vector<Operand> operands, StepUnit unit);
  size_t Minimum(std::string description, std::vector<Operand> operands, StepUnit unit);
  /// a times b over divisor.
  size_t Product(std::string description, Operand a, Operand b, int64_t divisor, StepUnit unit,
                 Rounding rounding = Rounding::kHalfEven);
  /// The part of `total` for `weights[index]` by largest remainder, equal ones to the earlier.
  /// total: not negative. All zero when no weight is above zero.
  size_t Share(std::string description, Operand total, const std::vector<int64_t>& weights,
               size_t index, StepUnit unit);

  int64_t result(size_t step) const { return steps_.at(step - 1).result; }

 private:
  size_t Add(Step step);
  std::vector<Step>& steps_;
};

/// Computes steps again from their operands alone. Returns the last result; nothing when a step's
/// result is not what its operands come to, or an operand not the result that it names.
std::optional<int64_t> Recompute(const std::vector<Step>& steps);

}  // namespace peerwatt::settlement
