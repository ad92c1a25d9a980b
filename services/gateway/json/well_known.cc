#include "services/gateway/json/well_known.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/field_mask_util.h>
#include <google/protobuf/util/time_util.h>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/log.h"
#include "services/gateway/json/message_writer.h"
#include "services/gateway/json/scalar_reader.h"

namespace peerwatt::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Message;
using google::protobuf::util::FieldMaskUtil;
using google::protobuf::util::TimeUtil;

bool IsWrapper(Descriptor::WellKnownType type) {
  return type >= Descriptor::WELLKNOWNTYPE_DOUBLEVALUE &&
         type <= Descriptor::WELLKNOWNTYPE_BOOLVALUE;
}

// The messages may be dynamic ones, so values cross over by their wire form.
template <typename Known>
Known As(const Message& message) {
  Known known;
  known.ParseFromString(message.SerializeAsString());
  return known;
}
template <typename Known>
void Store(const Known& known, Message& message) {
  message.ParseFromString(known.SerializeAsString());
}

}  // namespace

bool IsWellKnown(const Descriptor& type) {
  const auto known = type.well_known_type();
  return known == Descriptor::WELLKNOWNTYPE_TIMESTAMP ||
         known == Descriptor::WELLKNOWNTYPE_DURATION ||
         known == Descriptor::WELLKNOWNTYPE_FIELDMASK || IsWrapper(known);
}

bool IsUnsupported(const Descriptor& type) {
  const auto known = type.well_known_type();
  return known == Descriptor::WELLKNOWNTYPE_STRUCT || known == Descriptor::WELLKNOWNTYPE_VALUE ||
         known == Descriptor::WELLKNOWNTYPE_LISTVALUE;
}

absl::Status ReadWellKnown(const JsonValue& json, const std::string& path, Message& message) {
  const auto known = message.GetDescriptor()->well_known_type();
  if (IsWrapper(known)) {
    return ReadScalar(json, path, *message.GetDescriptor()->FindFieldByNumber(1), message);
  }
  if (json.kind != JsonValue::Kind::kString) return WrongType(path, "a string", json.kind);
  if (known == Descriptor::WELLKNOWNTYPE_TIMESTAMP) {
    google::protobuf::Timestamp time;
    if (!TimeUtil::FromString(json.text, &time)) {
      return FieldInvalid(path, "is no RFC 3339 time such as 2026-07-01T10:15:00Z");
    }
    Store(time, message);
  } else if (known == Descriptor::WELLKNOWNTYPE_DURATION) {
    google::protobuf::Duration duration;
    if (!TimeUtil::FromString(json.text, &duration)) {
      return FieldInvalid(path, "is no duration such as 900s");
    }
    Store(duration, message);
  } else {
    google::protobuf::FieldMask mask;
    if (!FieldMaskUtil::FromJsonString(json.text, &mask)) {
      return FieldInvalid(path, "is no field mask");
    }
    Store(mask, message);
  }
  return absl::OkStatus();
}

void WriteWellKnown(const Message& message, std::string& out) {
  const auto known = message.GetDescriptor()->well_known_type();
  if (IsWrapper(known)) {
    WriteScalar(message, *message.GetDescriptor()->FindFieldByNumber(1), -1, out);
  } else if (known == Descriptor::WELLKNOWNTYPE_TIMESTAMP) {
    out += JsonQuote(TimeUtil::ToString(As<google::protobuf::Timestamp>(message)));
  } else if (known == Descriptor::WELLKNOWNTYPE_DURATION) {
    out += JsonQuote(TimeUtil::ToString(As<google::protobuf::Duration>(message)));
  } else {
    std::string text;
    FieldMaskUtil::ToJsonString(As<google::protobuf::FieldMask>(message), &text);
    out += JsonQuote(text);
  }
}

}  // namespace peerwatt::gateway
