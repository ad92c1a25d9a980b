#include "tools/verify/json.h"

#include "absl/strings/numbers.h"

namespace peerwatt::verify {
namespace {

constexpr int64_t kMillion = 1'000'000;
constexpr int64_t kNanosPerMicro = 1000;

}  // namespace

std::string TextOf(const nlohmann::json& json, const char* field) {
  const auto found = json.find(field);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<int64_t> NumberOf(const nlohmann::json& json, const char* field) {
  const auto found = json.find(field);
  if (found == json.end()) return std::nullopt;
  if (found->is_number_integer()) return found->get<int64_t>();
  int64_t number = 0;
  if (!found->is_string() || !absl::SimpleAtoi(found->get<std::string>(), &number)) {
    return std::nullopt;
  }
  return number;
}

std::optional<int64_t> MoneyOf(const nlohmann::json& json, const char* field) {
  const auto found = json.find(field);
  if (found == json.end() || !found->is_object()) return std::nullopt;
  return NumberOf(*found, "units").value_or(0) * kMillion +
         NumberOf(*found, "nanos").value_or(0) / kNanosPerMicro;
}

}  // namespace peerwatt::verify
