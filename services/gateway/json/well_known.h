#pragma once

#include <string>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "absl/status/status.h"
#include "services/gateway/json/json_value.h"

namespace peerwatt::gateway {

/// Whether the type has a JSON form of its own here: Timestamp, Duration, FieldMask and the
/// wrappers.
bool IsWellKnown(const google::protobuf::Descriptor& type);
/// Whether the type has a JSON form of its own that the gateway does not speak: Struct, Value and
/// ListValue. No public message may hold one.
bool IsUnsupported(const google::protobuf::Descriptor& type);

/// Reads a well-known type from its JSON form. Errors: WRONG_TYPE, FIELD_INVALID.
absl::Status ReadWellKnown(const JsonValue& json, const std::string& path,
                           google::protobuf::Message& message);
/// Appends the JSON form of a well-known type.
void WriteWellKnown(const google::protobuf::Message& message, std::string& out);

}  // namespace peerwatt::gateway
