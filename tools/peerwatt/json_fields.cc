#include "tools/peerwatt/json_fields.h"

#include "absl/strings/numbers.h"

namespace peerwatt::tool {
namespace {

constexpr int64_t kMicrosPerUnit = 1'000'000;
constexpr int64_t kNanosPerMicro = 1'000;

}  // namespace

std::string TextField(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

int64_t NumberField(const Json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end()) return 0;
  if (it->is_number_integer()) return it->get<int64_t>();
  int64_t value = 0;
  if (it->is_string() && absl::SimpleAtoi(it->get_ref<const std::string&>(), &value)) return value;
  return 0;
}

Money MoneyField(const Json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_object()) return Money();
  return Money::Micros(NumberField(*it, "units") * kMicrosPerUnit +
                       NumberField(*it, "nanos") / kNanosPerMicro);
}

absl::Time TimeField(const Json& object, const char* name) {
  absl::Time time;
  std::string error;
  return absl::ParseTime(absl::RFC3339_full, TextField(object, name), &time, &error)
             ? time
             : absl::InfinitePast();
}

const Json& ArrayField(const Json& object, const char* name) {
  static const Json& empty = *new Json(Json::array());
  const auto it = object.find(name);
  return it != object.end() && it->is_array() ? *it : empty;
}

Json MoneyJson(int64_t micros, const std::string& currency) {
  return {{"currencyCode", currency},
          {"units", std::to_string(micros / kMicrosPerUnit)},
          {"nanos", micros % kMicrosPerUnit * kNanosPerMicro}};
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", time, absl::UTCTimeZone());
}

}  // namespace peerwatt::tool
