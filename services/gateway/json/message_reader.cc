#include "services/gateway/json/message_reader.h"

#include <google/protobuf/descriptor.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "services/gateway/core/errors.h"
#include "services/gateway/json/well_known.h"
#include "services/gateway/json/scalar_reader.h"

namespace peerwatt::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

std::string Join(const std::string& path, absl::string_view name) {
  return path.empty() ? std::string(name) : absl::StrCat(path, ".", name);
}

absl::Status UnknownField(const std::string& path, absl::string_view container) {
  return Error(kUnknownField, absl::StrCat(path, " is no field of ", container),
               {{"field", path}}, {{path, absl::StrCat("is no field of ", container)}});
}

const FieldDescriptor* FieldOf(const Descriptor& type, const std::string& name) {
  const FieldDescriptor* field = type.FindFieldByName(name);
  if (field == nullptr) {
    for (int i = 0; i < type.field_count(); ++i) {
      if (type.field(i)->json_name() == name) return type.field(i);
    }
  }
  return field;
}

absl::Status ReadMap(const JsonValue& json, const std::string& path, const FieldDescriptor& field,
                     Message& message) {
  if (json.kind != JsonValue::Kind::kObject) return WrongType(path, "an object", json.kind);
  const FieldDescriptor* key_field = field.message_type()->map_key();
  const FieldDescriptor* value_field = field.message_type()->map_value();
  for (const auto& [name, value] : json.members) {
    const std::string entry_path = Join(path, name);
    Message* entry = message.GetReflection()->AddMessage(&message, &field);
    PW_RETURN_IF_ERROR(ReadMapKey(name, entry_path, *key_field, *entry));
    if (value.kind == JsonValue::Kind::kNull) return WrongType(entry_path, "a value", value.kind);
    if (value_field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      PW_RETURN_IF_ERROR(ReadMessage(
          value, entry_path, *entry->GetReflection()->MutableMessage(entry, value_field)));
    } else {
      PW_RETURN_IF_ERROR(ReadScalar(value, entry_path, *value_field, *entry));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadField(const JsonValue& json, const std::string& path,
                       const FieldDescriptor& field, Message& message) {
  const Reflection* reflection = message.GetReflection();
  if (field.is_map()) return ReadMap(json, path, field, message);
  if (field.is_repeated()) {
    if (json.kind != JsonValue::Kind::kArray) return WrongType(path, "an array", json.kind);
    for (size_t i = 0; i < json.items.size(); ++i) {
      const std::string item_path = absl::StrCat(path, "[", i, "]");
      const JsonValue& item = json.items[i];
      if (item.kind == JsonValue::Kind::kNull) return WrongType(item_path, "a value", item.kind);
      if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        PW_RETURN_IF_ERROR(ReadMessage(item, item_path, *reflection->AddMessage(&message, &field)));
      } else {
        PW_RETURN_IF_ERROR(ReadScalar(item, item_path, field, message));
      }
    }
    return absl::OkStatus();
  }
  if (field.containing_oneof() != nullptr &&
      reflection->HasOneof(message, field.containing_oneof())) {
    return FieldInvalid(path, "is set together with another field of its oneof");
  }
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    return ReadMessage(json, path, *reflection->MutableMessage(&message, &field));
  }
  return ReadScalar(json, path, field, message);
}

// Steps down to the message that holds the last name of the path.
absl::Status Descend(const std::string& field_path, Message*& message,
                     const FieldDescriptor*& field) {
  const std::vector<std::string> names = absl::StrSplit(field_path, '.');
  for (size_t i = 0; i < names.size(); ++i) {
    field = FieldOf(*message->GetDescriptor(), names[i]);
    if (field == nullptr) return UnknownField(field_path, "the request");
    if (i + 1 == names.size()) return absl::OkStatus();
    if (field->is_repeated() || field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE ||
        IsWellKnown(*field->message_type())) {
      return UnknownField(field_path, "the request");
    }
    message = message->GetReflection()->MutableMessage(message, field);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadMessage(const JsonValue& json, const std::string& path, Message& message) {
  const Descriptor& type = *message.GetDescriptor();
  if (IsWellKnown(type)) return ReadWellKnown(json, path, message);
  if (json.kind != JsonValue::Kind::kObject) {
    return WrongType(path.empty() ? "body" : path, "an object", json.kind);
  }
  std::vector<bool> seen(static_cast<size_t>(type.field_count()));
  for (const auto& [name, value] : json.members) {
    const FieldDescriptor* field = FieldOf(type, name);
    if (field == nullptr) return UnknownField(Join(path, name), type.name());
    const std::string field_path = Join(path, field->name());
    // The two spellings of a name are one field.
    if (seen[static_cast<size_t>(field->index())]) {
      return FieldInvalid(field_path, "is given twice");
    }
    seen[static_cast<size_t>(field->index())] = true;
    if (value.kind == JsonValue::Kind::kNull) continue;
    PW_RETURN_IF_ERROR(ReadField(value, field_path, *field, message));
  }
  return absl::OkStatus();
}

absl::Status SetFromText(const std::string& field_path, const std::string& text,
                         TextOrigin origin, Message& message) {
  Message* holder = &message;
  const FieldDescriptor* field = nullptr;
  PW_RETURN_IF_ERROR(Descend(field_path, holder, field));
  const Reflection* reflection = holder->GetReflection();
  const bool is_message = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
  if (field->is_map() || (is_message && !IsWellKnown(*field->message_type()))) {
    return Error(kWrongType, absl::StrCat(field_path, " is a message and not settable in the URL"),
                 {{"field", field_path}}, {{field_path, "is a message"}});
  }
  if (origin == TextOrigin::kQuery && !field->is_repeated() && field->has_presence() &&
      reflection->HasField(*holder, field)) {
    return FieldInvalid(field_path, "is given twice");
  }
  JsonValue value;
  value.kind = JsonValue::Kind::kString;
  value.text = text;
  if (is_message) {
    Message* target = field->is_repeated() ? reflection->AddMessage(holder, field)
                                           : reflection->MutableMessage(holder, field);
    return ReadWellKnown(value, field_path, *target);
  }
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
    if (text != "true" && text != "false") return FieldInvalid(field_path, "is not true or false");
    value.kind = JsonValue::Kind::kBool;
    value.boolean = text == "true";
  }
  return ReadScalar(value, field_path, *field, *holder);
}

}  // namespace peerwatt::gateway
