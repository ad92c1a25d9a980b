#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/time/time.h"
#include "libs/domain/quantities.h"

namespace peerwatt::tool {

using Json = nlohmann::json;

// Readers of proto3 JSON as the gateway writes it: a missing field has its default value, and
// 64-bit numbers are strings.

/// Text, or empty.
std::string TextField(const Json& object, const char* name);
/// A number, written as one or as a string, or 0.
int64_t NumberField(const Json& object, const char* name);
inline Energy EnergyField(const Json& object, const char* name) {
  return Energy::WattHours(NumberField(object, name));
}
/// An amount of money, or 0.
Money MoneyField(const Json& object, const char* name);
/// An instant, or `absl::InfinitePast()` when missing or malformed.
absl::Time TimeField(const Json& object, const char* name);
/// The elements of an array; an empty array when missing.
const Json& ArrayField(const Json& object, const char* name);

/// `google.type.Money` as JSON.
Json MoneyJson(int64_t micros, const std::string& currency);
/// RFC 3339 in UTC.
std::string TimeText(absl::Time time);

}  // namespace peerwatt::tool
