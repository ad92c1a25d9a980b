#include "services/metering/core/evidence/strict_json.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/container/flat_hash_set.h"

namespace peerwatt::metering {
namespace {

using Json = nlohmann::json;
using Kind = StrictJson::Kind;

/// Builds the value while the library reads; says no, which ends the reading, to what is too much.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  explicit Builder(const StrictJsonLimits& limits) : limits_(limits) {}

  StrictJson Take() { return std::move(root_); }
  const char* problem() const { return problem_; }

  bool null() override { return Add({}); }
  bool boolean(bool value) override {
    StrictJson one;
    one.kind = Kind::kBool;
    one.truth = value;
    return Add(std::move(one));
  }
  bool number_integer(number_integer_t value) override { return Number(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return Number(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& written) override { return Number(written); }
  bool string(string_t& value) override {
    StrictJson one;
    one.kind = Kind::kText;
    one.text = std::move(value);
    return Add(std::move(one));
  }
  bool binary(binary_t&) override { return No("has bytes"); }
  bool start_object(std::size_t) override { return Open(Kind::kObject); }
  bool key(string_t& name) override {
    if (!names_.back().insert(name).second) {
      return No("has a member twice");
    }
    key_ = std::move(name);
    return true;
  }
  bool end_object() override { return Close(); }
  bool start_array(std::size_t) override { return Open(Kind::kList); }
  bool end_array() override { return Close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return No("is malformed");
  }

 private:
  bool No(const char* problem) {
    problem_ = problem;
    return false;
  }
  bool Number(std::string written) {
    StrictJson one;
    one.kind = Kind::kNumber;
    one.text = std::move(written);
    return Add(std::move(one));
  }
  /// Puts a value into the innermost open list or object. Those that are open lie in their parents'
  /// vectors, which take no other value while they are open, so pointers to them stay good.
  bool Add(StrictJson value, StrictJson** added = nullptr) {
    if (++values_ > limits_.values_max) {
      return No("has too many values");
    }
    StrictJson* place = &root_;
    if (!open_.empty() && open_.back()->kind == Kind::kObject) {
      open_.back()->names.push_back(std::move(key_));
    }
    if (!open_.empty()) {
      place = &open_.back()->items.emplace_back();
    }
    *place = std::move(value);
    if (added != nullptr) {
      *added = place;
    }
    return true;
  }
  bool Open(Kind kind) {
    if (open_.size() >= static_cast<size_t>(limits_.depth_max)) {
      return No("is nested too deeply");
    }
    StrictJson one;
    one.kind = kind;
    StrictJson* place = nullptr;
    if (!Add(std::move(one), &place)) {
      return false;
    }
    open_.push_back(place);
    names_.emplace_back();
    return true;
  }
  bool Close() {
    open_.pop_back();
    names_.pop_back();
    return true;
  }

  const StrictJsonLimits limits_;
  StrictJson root_;
  std::vector<StrictJson*> open_;
  std::vector<absl::flat_hash_set<std::string>> names_;  // of the members of each that is open
  std::string key_;
  size_t values_ = 0;
  const char* problem_ = "is malformed";
};

}  // namespace

const StrictJson* StrictJson::Find(absl::string_view name) const {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? nullptr : &items[static_cast<size_t>(found - names.begin())];
}

absl::StatusOr<StrictJson> ParseStrictJson(absl::string_view text,
                                           const StrictJsonLimits& limits) {
  Builder builder(limits);
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    return absl::InvalidArgumentError(builder.problem());
  }
  return builder.Take();
}

}  // namespace peerwatt::metering
