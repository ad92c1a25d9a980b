#include "services/settlement/core/explain/steps.h"

#include <algorithm>
#include <utility>

#include "absl/numeric/int128.h"
#include "libs/base/check.h"

namespace peerwatt::settlement {
namespace {

int64_t Signed(const Operand& operand) {
  return operand.is_negated ? -operand.value : operand.value;
}

}  // namespace

Operand StepList::Of(std::string description, int64_t value) {
  return {std::move(description), value, 0, false};
}

Operand StepList::From(size_t step) const {
  const Step& source = steps_.at(step - 1);
  return {source.description, source.result, step, false};
}

Operand StepList::Minus(Operand operand) {
  operand.is_negated = !operand.is_negated;
  return operand;
}

size_t StepList::Add(Step step) {
  steps_.push_back(std::move(step));
  return steps_.size();
}

size_t StepList::Given(std::string description, int64_t value, StepUnit unit) {
  Step step{std::move(description), Operation::kGiven, {Of("", value)}};
  step.result = value;
  step.unit = unit;
  return Add(std::move(step));
}

size_t StepList::Sum(std::string description, std::vector<Operand> operands, StepUnit unit) {
  Step step{std::move(description), Operation::kSum, std::move(operands)};
  for (const Operand& operand : step.operands) step.result = AddOrDie(step.result, Signed(operand));
  step.unit = unit;
  return Add(std::move(step));
}

size_t StepList::Minimum(std::string description, std::vector<Operand> operands, StepUnit unit) {
  PW_CHECK(!operands.empty(), "of nothing there is no least");
  Step step{std::move(description), Operation::kMinimum, std::move(operands)};
  step.result = Signed(step.operands.front());
  for (const Operand& operand : step.operands) {
    step.result = std::min(step.result, Signed(operand));
  }
  step.unit = unit;
  return Add(std::move(step));
}

size_t StepList::Product(std::string description, Operand a, Operand b, int64_t divisor,
                         StepUnit unit, Rounding rounding) {
  Step step{std::move(description),       Operation::kProduct, {std::move(a), std::move(b)},
            divisor,                      rounding};
  step.result = MulDiv(Signed(step.operands[0]), Signed(step.operands[1]), divisor, step.rounding);
  step.unit = unit;
  return Add(std::move(step));
}

size_t StepList::Share(std::string description, Operand total, const std::vector<int64_t>& weights,
                       size_t index, StepUnit unit) {
  PW_CHECK(Signed(total) >= 0, "what is shared is not negative");
  const absl::int128 whole = Signed(total);
  absl::int128 sum = 0;
  for (const int64_t weight : weights) sum += weight;
  const int64_t weight = weights.at(index);
  Step step{std::move(description), Operation::kShare, {std::move(total)}};
  step.unit = unit;
  absl::int128 left = sum == 0 ? 0 : whole;
  if (sum > 0) {
    const absl::int128 own = whole * weight % sum;
    step.remainder_rank = 1;
    for (size_t i = 0; i < weights.size(); ++i) {
      const absl::int128 other = whole * weights[i] % sum;
      left -= whole * weights[i] / sum;
      if (other > own || (other == own && i < index)) ++step.remainder_rank;
    }
    step.result = static_cast<int64_t>(whole * weight / sum);
  }
  step.remainder_units = static_cast<int64_t>(left);
  if (sum > 0 && step.remainder_rank <= step.remainder_units) ++step.result;
  step.operands.push_back(Of("own weight", weight));
  step.operands.push_back(Of("all weights", static_cast<int64_t>(sum)));
  return Add(std::move(step));
}

std::optional<int64_t> Recompute(const std::vector<Step>& steps) {
  for (size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    std::vector<int64_t> values;
    for (const Operand& operand : step.operands) {
      if (operand.from_step > i ||
          (operand.from_step > 0 && steps[operand.from_step - 1].result != operand.value)) {
        return std::nullopt;
      }
      values.push_back(operand.is_negated ? -operand.value : operand.value);
    }
    std::vector<Step> again;
    StepList list(again);
    switch (step.operation) {
      case Operation::kGiven:
        list.Given("", values.at(0), step.unit);
        break;
      case Operation::kSum:
        list.Sum("", step.operands, step.unit);
        break;
      case Operation::kMinimum:
        list.Minimum("", step.operands, step.unit);
        break;
      case Operation::kProduct:
        list.Product("", step.operands.at(0), step.operands.at(1), step.divisor, step.unit,
                     step.rounding);
        break;
      case Operation::kShare: {
        // The others' weights are not known: what is left goes by rank.
        const int64_t rounded_down =
            values.at(2) == 0 ? 0 : MulDiv(values[0], values[1], values[2], Rounding::kDown);
        const bool has_unit = values[2] != 0 && step.remainder_rank <= step.remainder_units;
        list.Given("", rounded_down + (has_unit ? 1 : 0), step.unit);
        break;
      }
    }
    if (again.front().result != step.result) return std::nullopt;
  }
  return steps.empty() ? std::optional<int64_t>() : steps.back().result;
}

}  // namespace peerwatt::settlement
