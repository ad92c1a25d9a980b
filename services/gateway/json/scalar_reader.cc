#include "services/gateway/json/scalar_reader.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "services/gateway/core/errors.h"

namespace peerwatt::gateway {
namespace {

using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Kind = JsonValue::Kind;

bool IsDecimal(absl::string_view text) {
  if (!text.empty() && text.front() == '-') text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == absl::string_view::npos;
}

template <typename Integer>
absl::StatusOr<Integer> ReadInteger(const JsonValue& json, const std::string& path) {
  if (json.kind == Kind::kFraction) return WrongType(path, "an integer", json.kind);
  if (json.kind != Kind::kInteger && json.kind != Kind::kString) {
    return WrongType(path, "an integer", json.kind);
  }
  if (!IsDecimal(json.text)) return FieldInvalid(path, "is not an integer");
  Integer out = 0;
  if (!absl::SimpleAtoi(json.text, &out)) {
    return FieldInvalid(path, absl::StrCat("is not between ", std::numeric_limits<Integer>::min(),
                                           " and ", std::numeric_limits<Integer>::max()));
  }
  return out;
}

absl::StatusOr<double> ReadReal(const JsonValue& json, const std::string& path, double limit) {
  const bool number = json.kind == Kind::kInteger || json.kind == Kind::kFraction;
  if (!number && json.kind != Kind::kString) return WrongType(path, "a number", json.kind);
  if (json.text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (json.text == "Infinity") return std::numeric_limits<double>::infinity();
  if (json.text == "-Infinity") return -std::numeric_limits<double>::infinity();
  double out = 0;
  if (!absl::SimpleAtod(json.text, &out) || std::isnan(out)) {
    return FieldInvalid(path, "is not a number");
  }
  if (std::abs(out) > limit) return FieldInvalid(path, "is out of range");
  return out;
}

absl::StatusOr<int> ReadEnum(const JsonValue& json, const std::string& path,
                             const FieldDescriptor& field) {
  const EnumValueDescriptor* value = nullptr;
  if (json.kind == Kind::kString) {
    value = field.enum_type()->FindValueByName(json.text);
  } else if (json.kind == Kind::kInteger) {
    int32_t number = 0;
    if (absl::SimpleAtoi(json.text, &number)) {
      value = field.enum_type()->FindValueByNumber(number);
    }
  } else {
    return WrongType(path, "the name of an enum value", json.kind);
  }
  if (value == nullptr) {
    return FieldInvalid(path, absl::StrCat("is no value of ", field.enum_type()->name()));
  }
  return value->number();
}

absl::StatusOr<std::string> ReadText(const JsonValue& json, const std::string& path,
                                     const FieldDescriptor& field) {
  if (json.kind != Kind::kString) return WrongType(path, "a string", json.kind);
  if (field.type() != FieldDescriptor::TYPE_BYTES) return json.text;
  std::string out;
  if (!absl::Base64Unescape(json.text, &out) && !absl::WebSafeBase64Unescape(json.text, &out)) {
    return FieldInvalid(path, "is not base64");
  }
  return out;
}

// Sets or adds, for one C++ type of field.
#define PW_STORE(Type, value)                                       \
  do {                                                              \
    auto read = (value);                                            \
    if (!read.ok()) return read.status();                           \
    if (field.is_repeated()) {                                      \
      reflection->Add##Type(&message, &field, *std::move(read));    \
    } else {                                                        \
      reflection->Set##Type(&message, &field, *std::move(read));    \
    }                                                               \
    return absl::OkStatus();                                        \
  } while (false)

}  // namespace

absl::Status WrongType(const std::string& path, absl::string_view expected, Kind found) {
  const std::string why = absl::StrCat("must be ", expected, ", not ", NameOf(found));
  return Error(kWrongType, absl::StrCat(path, " ", why), {{"field", path}}, {{path, why}});
}

absl::Status ReadScalar(const JsonValue& json, const std::string& path,
                        const FieldDescriptor& field, Message& message) {
  const Reflection* reflection = message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      PW_STORE(Int32, ReadInteger<int32_t>(json, path));
    case FieldDescriptor::CPPTYPE_INT64:
      PW_STORE(Int64, ReadInteger<int64_t>(json, path));
    case FieldDescriptor::CPPTYPE_UINT32:
      PW_STORE(UInt32, ReadInteger<uint32_t>(json, path));
    case FieldDescriptor::CPPTYPE_UINT64:
      PW_STORE(UInt64, ReadInteger<uint64_t>(json, path));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      PW_STORE(Double, ReadReal(json, path, std::numeric_limits<double>::max()));
    case FieldDescriptor::CPPTYPE_FLOAT: {
      auto real = ReadReal(json, path, std::numeric_limits<float>::max());
      if (!real.ok()) return real.status();
      PW_STORE(Float, absl::StatusOr<float>(static_cast<float>(*real)));
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      if (json.kind != Kind::kBool) return WrongType(path, "a boolean", json.kind);
      PW_STORE(Bool, absl::StatusOr<bool>(json.boolean));
    case FieldDescriptor::CPPTYPE_ENUM:
      PW_STORE(EnumValue, ReadEnum(json, path, field));
    case FieldDescriptor::CPPTYPE_STRING:
      PW_STORE(String, ReadText(json, path, field));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  return WrongType(path, "a scalar", json.kind);
}

absl::Status ReadMapKey(const std::string& name, const std::string& path,
                        const FieldDescriptor& field, Message& entry) {
  JsonValue key;
  key.kind = Kind::kString;
  key.text = name;
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
    if (name != "true" && name != "false") return FieldInvalid(path, "is no boolean key");
    key.kind = Kind::kBool;
    key.boolean = name == "true";
  }
  return ReadScalar(key, path, field, entry);
}

#undef PW_STORE

}  // namespace peerwatt::gateway
