#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <google/protobuf/message.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/gateway/json/json_value.h"

namespace peerwatt::gateway {

/// Fills a message from JSON by reflection, as proto3's JSON mapping says, but strictly.
/// Field names in lowerCamelCase or as declared; integers as numbers or strings without a
/// fraction; enums by name or known number; null means absent. path: where `message` stands in the
/// request, for the errors; empty for the request itself.
/// Errors: UNKNOWN_FIELD, WRONG_TYPE, FIELD_INVALID, each with the field's path.
absl::Status ReadMessage(const JsonValue& json, const std::string& path,
                         google::protobuf::Message& message);

/// Where the text of a field comes from; both bind scalars, enums, times and durations only.
enum class TextOrigin { kPath, kQuery };

/// Sets the field at `field_path` (`order.energy_wh`) from a text; a repeated field grows by one.
/// Errors: UNKNOWN_FIELD, WRONG_TYPE for a field that no text can stand for, FIELD_INVALID also
/// when a single field is set twice from the query.
absl::Status SetFromText(const std::string& field_path, const std::string& text,
                         TextOrigin origin, google::protobuf::Message& message);

}  // namespace peerwatt::gateway
