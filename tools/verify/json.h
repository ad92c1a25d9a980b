#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace peerwatt::verify {

/// Text of a field; empty when it is not there.
std::string TextOf(const nlohmann::json& json, const char* field);
/// A number of a field. 64-bit numbers are text in the API's JSON.
std::optional<int64_t> NumberOf(const nlohmann::json& json, const char* field);
/// An amount of money of a field, as micro-units.
std::optional<int64_t> MoneyOf(const nlohmann::json& json, const char* field);

}  // namespace peerwatt::verify
