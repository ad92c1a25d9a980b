#include "services/gateway/json/message_writer.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/reflection.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/log.h"
#include "services/gateway/json/well_known.h"

namespace peerwatt::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::Reflection;

void WriteReal(double value, int digits, std::string& out) {
  if (std::isnan(value)) {
    out += "\"NaN\"";
  } else if (std::isinf(value)) {
    out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  } else {
    absl::StrAppendFormat(&out, "%.*g", digits, value);
  }
}

void WriteValue(const Message& message, const FieldDescriptor& field, int index,
                std::string& out) {
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
    WriteScalar(message, field, index, out);
    return;
  }
  const Reflection* reflection = message.GetReflection();
  WriteMessage(index < 0 ? reflection->GetMessage(message, &field)
                         : reflection->GetRepeatedMessage(message, &field, index),
               out);
}

void WriteMap(const Message& message, const FieldDescriptor& field, std::string& out) {
  const Reflection* reflection = message.GetReflection();
  const FieldDescriptor* key = field.message_type()->map_key();
  const FieldDescriptor* value = field.message_type()->map_value();
  out += '{';
  for (int i = 0; i < reflection->FieldSize(message, &field); ++i) {
    const Message& entry = reflection->GetRepeatedMessage(message, &field, i);
    if (i > 0) out += ',';
    std::string name;
    WriteScalar(entry, *key, -1, name);
    out += name.front() == '"' ? name : absl::StrCat("\"", name, "\"");
    out += ':';
    WriteValue(entry, *value, -1, out);
  }
  out += '}';
}

bool IsWritten(const Message& message, const FieldDescriptor& field) {
  return field.is_repeated() || !field.has_presence() ||
         message.GetReflection()->HasField(message, &field);
}

// Appends the members of an object; `first`: whether none stands before them.
void WriteMembers(const Message& message, bool first, std::string& out) {
  const Descriptor& type = *message.GetDescriptor();
  const Reflection* reflection = message.GetReflection();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (!IsWritten(message, field)) continue;
    if (!first) out += ',';
    first = false;
    absl::StrAppend(&out, "\"", field.json_name(), "\":");
    if (field.is_map()) {
      WriteMap(message, field, out);
    } else if (field.is_repeated()) {
      out += '[';
      for (int k = 0; k < reflection->FieldSize(message, &field); ++k) {
        if (k > 0) out += ',';
        WriteValue(message, field, k, out);
      }
      out += ']';
    } else {
      WriteValue(message, field, -1, out);
    }
  }
}

// A packed message with its type; what is not known here stays as bytes.
void WriteAny(const Message& message, std::string& out) {
  google::protobuf::Any any;
  any.ParseFromString(message.SerializeAsString());
  absl::StrAppend(&out, "{\"@type\":", JsonQuote(any.type_url()));
  const std::string name = any.type_url().substr(any.type_url().rfind('/') + 1);
  const Descriptor* type =
      google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(name);
  std::unique_ptr<Message> inner(
      type == nullptr ? nullptr
                      : MessageFactory::generated_factory()->GetPrototype(type)->New());
  if (inner == nullptr || !inner->ParseFromString(any.value())) {
    absl::StrAppend(&out, ",\"value\":\"", absl::Base64Escape(any.value()), "\"");
  } else if (IsWellKnown(*type) || type->full_name() == "google.protobuf.Any") {
    out += ",\"value\":";
    WriteMessage(*inner, out);
  } else {
    WriteMembers(*inner, false, out);
  }
  out += '}';
}

}  // namespace

void WriteScalar(const Message& message, const FieldDescriptor& field, int index,
                 std::string& out) {
  const Reflection* r = message.GetReflection();
  const bool one = index < 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      absl::StrAppend(&out, one ? r->GetInt32(message, &field)
                                : r->GetRepeatedInt32(message, &field, index));
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
      absl::StrAppend(&out, one ? r->GetUInt32(message, &field)
                                : r->GetRepeatedUInt32(message, &field, index));
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      absl::StrAppend(&out, "\"", one ? r->GetInt64(message, &field)
                                      : r->GetRepeatedInt64(message, &field, index), "\"");
      break;
    case FieldDescriptor::CPPTYPE_UINT64:
      absl::StrAppend(&out, "\"", one ? r->GetUInt64(message, &field)
                                      : r->GetRepeatedUInt64(message, &field, index), "\"");
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      WriteReal(one ? r->GetDouble(message, &field) : r->GetRepeatedDouble(message, &field, index),
                std::numeric_limits<double>::max_digits10, out);
      break;
    case FieldDescriptor::CPPTYPE_FLOAT:
      WriteReal(static_cast<double>(one ? r->GetFloat(message, &field)
                                        : r->GetRepeatedFloat(message, &field, index)),
                std::numeric_limits<float>::max_digits10, out);
      break;
    case FieldDescriptor::CPPTYPE_BOOL:
      out += (one ? r->GetBool(message, &field) : r->GetRepeatedBool(message, &field, index))
                 ? "true"
                 : "false";
      break;
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int number = one ? r->GetEnumValue(message, &field)
                             : r->GetRepeatedEnumValue(message, &field, index);
      const EnumValueDescriptor* value = field.enum_type()->FindValueByNumber(number);
      if (value == nullptr) {
        absl::StrAppend(&out, number);
      } else {
        absl::StrAppend(&out, "\"", value->name(), "\"");
      }
      break;
    }
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string scratch;
      const std::string& text =
          one ? r->GetStringReference(message, &field, &scratch)
              : r->GetRepeatedStringReference(message, &field, index, &scratch);
      if (field.type() == FieldDescriptor::TYPE_BYTES) {
        absl::StrAppend(&out, "\"", absl::Base64Escape(text), "\"");
      } else {
        out += JsonQuote(text);
      }
      break;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
}

void WriteMessage(const Message& message, std::string& out) {
  const Descriptor& type = *message.GetDescriptor();
  if (IsWellKnown(type)) {
    WriteWellKnown(message, out);
  } else if (type.well_known_type() == Descriptor::WELLKNOWNTYPE_ANY) {
    WriteAny(message, out);
  } else {
    out += '{';
    WriteMembers(message, true, out);
    out += '}';
  }
}

std::string WriteMessage(const Message& message) {
  std::string out;
  WriteMessage(message, out);
  return out;
}

}  // namespace peerwatt::gateway
