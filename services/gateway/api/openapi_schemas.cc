#include "services/gateway/api/openapi_schemas.h"

#include <utility>

#include "google/api/field_behavior.pb.h"
#include "google/rpc/status.pb.h"
#include "services/gateway/json/well_known.h"

namespace peerwatt::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using Json = OpenApiSchemas::Json;

bool HasBehavior(const FieldDescriptor& field, google::api::FieldBehavior behavior) {
  const auto& options = field.options();
  for (int i = 0; i < options.ExtensionSize(google::api::field_behavior); ++i) {
    if (options.GetExtension(google::api::field_behavior, i) == behavior) return true;
  }
  return false;
}

Json OfEnum(const EnumDescriptor& type) {
  Json names = Json::array();
  for (int i = 0; i < type.value_count(); ++i) names.push_back(type.value(i)->name());
  return {{"type", "string"}, {"enum", std::move(names)}};
}

Json OfWellKnown(const Descriptor& type) {
  switch (type.well_known_type()) {
    case Descriptor::WELLKNOWNTYPE_TIMESTAMP:
      return {{"type", "string"}, {"format", "date-time"}};
    case Descriptor::WELLKNOWNTYPE_DURATION:
      return {{"type", "string"}, {"pattern", "^-?[0-9]+(\\.[0-9]{1,9})?s$"}};
    default:
      return {{"type", "string"}};
  }
}

}  // namespace

OpenApiSchemas::OpenApiSchemas(const Comments& comments) : comments_(comments) {
  OfMessage(*google::rpc::Status::descriptor());
}

bool OpenApiSchemas::IsObject(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         !IsWellKnown(*field.message_type());
}

bool OpenApiSchemas::IsRequired(const FieldDescriptor& field) {
  return HasBehavior(field, google::api::REQUIRED);
}

Json OpenApiSchemas::OfSingle(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_UINT32:
      return {{"type", "integer"}, {"format", "int32"}};
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT64:
      // JSON numbers lose digits beyond 53 bits; a string does not.
      return {{"type", "string"}, {"format", "int64"}, {"pattern", "^-?[0-9]+$"}};
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return {{"type", "number"}};
    case FieldDescriptor::CPPTYPE_BOOL:
      return {{"type", "boolean"}};
    case FieldDescriptor::CPPTYPE_ENUM:
      return OfEnum(*field.enum_type());
    case FieldDescriptor::CPPTYPE_STRING:
      if (field.type() == FieldDescriptor::TYPE_BYTES) {
        return {{"type", "string"}, {"contentEncoding", "base64"}};
      }
      return {{"type", "string"}};
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  return IsWellKnown(*field.message_type()) ? OfWellKnown(*field.message_type())
                                            : OfMessage(*field.message_type());
}

Json OpenApiSchemas::OfField(const FieldDescriptor& field) {
  if (field.is_map()) {
    return {{"type", "object"},
            {"additionalProperties", OfSingle(*field.message_type()->map_value())}};
  }
  if (field.is_repeated()) return {{"type", "array"}, {"items", OfSingle(field)}};
  return OfSingle(field);
}

Json OpenApiSchemas::OfMessage(const Descriptor& type) {
  if (!schemas_.contains(type.full_name())) Describe(type);
  return {{"$ref", "#/components/schemas/" + type.full_name()}};
}

void OpenApiSchemas::Describe(const Descriptor& type) {
  // Entered before its fields, so that a message that holds itself ends the descent.
  schemas_[type.full_name()] = Json::object();
  Json schema = {{"type", "object"}};
  if (type.well_known_type() == Descriptor::WELLKNOWNTYPE_ANY) {
    schema["properties"] = {{"@type", {{"type", "string"}}}};
    schema["additionalProperties"] = true;
    schemas_[type.full_name()] = std::move(schema);
    return;
  }
  const std::string comment = comments_.Of(type);
  if (!comment.empty()) schema["description"] = comment;
  Json properties = Json::object();
  Json required = Json::array();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    Json property = OfField(field);
    const std::string field_comment = comments_.Of(field);
    if (!field_comment.empty()) property["description"] = field_comment;
    if (HasBehavior(field, google::api::OUTPUT_ONLY)) property["readOnly"] = true;
    if (IsRequired(field)) required.push_back(field.json_name());
    properties[field.json_name()] = std::move(property);
  }
  schema["properties"] = std::move(properties);
  if (!required.empty()) schema["required"] = std::move(required);
  schemas_[type.full_name()] = std::move(schema);
}

}  // namespace peerwatt::gateway
