#include "services/gateway/device/message_scanner.h"

#include <google/protobuf/stubs/common.h>

#include <algorithm>
#include <cstddef>
#include <optional>

#include "libs/base/check.h"

namespace peerwatt::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr int kDepthMax = 100;
constexpr int kFieldNumberMax = 63;

// Wire types.
constexpr uint32_t kVarint = 0;
constexpr uint32_t kFixed64 = 1;
constexpr uint32_t kBytes = 2;
constexpr uint32_t kGroup = 3;
constexpr uint32_t kGroupEnd = 4;
constexpr uint32_t kFixed32 = 5;

// The rest of a message that is being read.
struct Rest {
  const char* at;
  const char* end;

  size_t size() const { return static_cast<size_t>(end - at); }
  bool Skip(size_t count) {
    if (count > size()) return false;
    at += count;
    return true;
  }
  // At most `bytes_max` bytes; bits beyond the 64th are lost, as in protobuf.
  std::optional<uint64_t> Number(int bytes_max) {
    uint64_t value = 0;
    for (int i = 0; i < bytes_max && at < end; ++i) {
      const auto byte = static_cast<uint8_t>(*at++);
      value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }
  std::optional<uint32_t> Tag() {
    const auto value = Number(5);
    if (!value.has_value()) return std::nullopt;
    return static_cast<uint32_t>(*value);
  }
  std::optional<Rest> Part() {
    const auto count = Number(5);
    if (!count.has_value() || *count > size()) return std::nullopt;
    const Rest part{at, at + *count};
    at = part.end;
    return part;
  }
};

}  // namespace

MessageScanner::MessageScanner(const Descriptor* request) { TableOf(request, false); }

size_t MessageScanner::TableOf(const Descriptor* type, bool in_batch) {
  const auto known = std::find(types_.begin(), types_.end(), type);
  if (known != types_.end()) return static_cast<size_t>(known - types_.begin());
  const size_t index = tables_.size();
  types_.push_back(type);
  tables_.emplace_back();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    PW_CHECK(field->number() <= kFieldNumberMax, "field numbers of readings stay small");
    Field out;
    if (field->type() == FieldDescriptor::TYPE_MESSAGE) {
      const bool batch = index == 0 && field->name() == "batch";
      out.table = TableOf(field->message_type(), in_batch || batch);
      out.role = batch ? Role::kBatch
                 : index == 0 && field->name() == "open" ? Role::kOpen
                                                         : Role::kMessage;
      PW_CHECK(!tables_[out.table].names_point || field->is_repeated(),
               "what names a metering point is repeated, so that it is never merged");
    } else if (field->type() == FieldDescriptor::TYPE_STRING) {
      const bool point = in_batch && field->name() == "metering_point";
      out.role = point ? Role::kMeteringPoint : Role::kText;
      PW_CHECK(!point || !field->is_repeated(), "a series is of one metering point");
      tables_[index].names_point |= point;
    } else if (in_batch && field->name() == "sequence") {
      out.role = Role::kSequence;
    }
    auto& fields = tables_[index].fields;
    const auto number = static_cast<size_t>(field->number());
    if (fields.size() <= number) fields.resize(number + 1);
    fields[number] = out;
  }
  return index;
}

// One scan.
class MessageScanner::Walk {
 public:
  Walk(const MessageScanner& scanner, DeviceMessage& message)
      : tables_(scanner.tables_), message_(message) {}

  bool Message(Rest rest, size_t table_index, int depth) {
    const Table& table = tables_[table_index];
    absl::string_view point;
    while (rest.at < rest.end) {
      const auto tag = rest.Tag();
      if (!tag.has_value() || *tag >> 3 == 0) return false;
      const uint32_t number = *tag >> 3;
      const Field field = number < table.fields.size() ? table.fields[number] : Field{};
      if ((*tag & 7) == kBytes && field.role != Role::kSkipped) {
        if (!Part(rest, field, depth, point)) return false;
      } else if ((*tag & 7) == kVarint && field.role == Role::kSequence) {
        const auto value = rest.Number(10);
        if (!value.has_value()) return false;
        message_.sequence = static_cast<int64_t>(*value);
      } else if (!Skip(rest, *tag, depth)) {
        return false;
      }
    }
    if (table.names_point) message_.metering_points.push_back(point);
    return true;
  }

 private:
  bool Part(Rest& rest, const Field& field, int depth, absl::string_view& point) {
    const auto part = rest.Part();
    if (!part.has_value()) return false;
    const absl::string_view bytes(part->at, part->size());
    switch (field.role) {
      case Role::kMeteringPoint:
        point = bytes;
        [[fallthrough]];
      case Role::kText:
        return google::protobuf::internal::IsStructurallyValidUTF8(part->at,
                                                                   static_cast<int>(part->size()));
      case Role::kOpen:
        Restart(DeviceMessage::Kind::kOpen);
        break;
      case Role::kBatch:
        AddBatch(bytes);
        break;
      case Role::kMessage:
        break;
      case Role::kSequence:  // in this form it is an unknown field
      case Role::kSkipped:
        return true;
    }
    return depth > 0 && Message(*part, field.table, depth - 1);
  }

  void Restart(DeviceMessage::Kind kind) {
    if (message_.kind == kind) return;
    message_ = DeviceMessage();
    message_.kind = kind;
  }

  // Bytes of messages one after the other are the bytes of the merged message.
  void AddBatch(absl::string_view bytes) {
    const bool more = message_.kind == DeviceMessage::Kind::kBatch;
    Restart(DeviceMessage::Kind::kBatch);
    if (!more) {
      message_.batch = bytes;
      return;
    }
    if (message_.merged.empty()) message_.merged = std::string(message_.batch);
    message_.merged.append(bytes.data(), bytes.size());
    message_.batch = message_.merged;
  }

  bool Skip(Rest& rest, uint32_t tag, int depth) {
    switch (tag & 7) {
      case kVarint:
        return rest.Number(10).has_value();
      case kFixed64:
        return rest.Skip(8);
      case kBytes:
        return rest.Part().has_value();
      case kGroup:
        return depth > 0 && SkipGroup(rest, tag, depth - 1);
      case kFixed32:
        return rest.Skip(4);
      default:
        return false;
    }
  }

  bool SkipGroup(Rest& rest, uint32_t start, int depth) {
    while (rest.at < rest.end) {
      const auto tag = rest.Tag();
      if (!tag.has_value() || *tag >> 3 == 0) return false;
      if ((*tag & 7) == kGroupEnd) return *tag >> 3 == start >> 3;
      if (!Skip(rest, *tag, depth)) return false;
    }
    return false;
  }

  const std::vector<Table>& tables_;
  DeviceMessage& message_;
};

bool MessageScanner::Scan(absl::string_view bytes, DeviceMessage& message) const {
  message = DeviceMessage();
  return Walk(*this, message).Message({bytes.data(), bytes.data() + bytes.size()}, 0, kDepthMax);
}

}  // namespace peerwatt::gateway
