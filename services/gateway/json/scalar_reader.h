#pragma once

#include <string>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/gateway/json/json_value.h"

namespace peerwatt::gateway {

/// The error of a value of another JSON type: reason WRONG_TYPE.
absl::Status WrongType(const std::string& path, absl::string_view expected, JsonValue::Kind found);

/// Sets a scalar field, or adds to it when it is repeated.
/// Errors: WRONG_TYPE, FIELD_INVALID (range, unknown enum value, bad base64).
absl::Status ReadScalar(const JsonValue& json, const std::string& path,
                        const google::protobuf::FieldDescriptor& field,
                        google::protobuf::Message& message);

/// Sets the key of a map entry from the name of a JSON member. Errors: FIELD_INVALID.
absl::Status ReadMapKey(const std::string& name, const std::string& path,
                        const google::protobuf::FieldDescriptor& field,
                        google::protobuf::Message& entry);

}  // namespace peerwatt::gateway
