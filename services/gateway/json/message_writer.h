#pragma once

#include <string>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

namespace peerwatt::gateway {

/// A message as JSON by reflection, as proto3's JSON mapping says: lowerCamelCase names, 64-bit
/// integers as strings, enums by name. Scalars and lists are always there, with their defaults;
/// messages, members of a oneof and `optional` fields only when set.
std::string WriteMessage(const google::protobuf::Message& message);
/// The same, appended to `out`.
void WriteMessage(const google::protobuf::Message& message, std::string& out);

/// Appends one scalar. index: position in a repeated field, or -1.
void WriteScalar(const google::protobuf::Message& message,
                 const google::protobuf::FieldDescriptor& field, int index, std::string& out);

}  // namespace peerwatt::gateway
