#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <google/protobuf/descriptor.h>

#include "absl/strings/string_view.h"

namespace peerwatt::gateway {

/// What a device sent, as far as the gateway must know it. Views point into the scanned bytes.
struct DeviceMessage {
  enum class Kind { kNone, kOpen, kBatch };

  Kind kind = Kind::kNone;
  int64_t sequence = 0;  ///< of the batch; as far as it was read when the bytes are unreadable
  /// The bytes of the batch: the one part that held it, or `merged` when it came in several.
  absl::string_view batch;
  std::string merged;
  /// One for each series and register series of the batch, in order; empty where none is named.
  std::vector<absl::string_view> metering_points;
};

/// Finds in the bytes of a `StreamReadingsRequest` what access depends on, without parsing it
/// whole: arrays are stepped over. It reads as protobuf does: of a field that comes twice the last
/// counts, a batch in several parts is merged, another member of the oneof clears it, unknown
/// fields and groups are stepped over, text must be UTF-8 and nesting ends at 100.
class MessageScanner {
 public:
  /// request: the message with the members `open` and `batch`. Every text field with the name
  /// `metering_point` below `batch` counts as the name of one.
  explicit MessageScanner(const google::protobuf::Descriptor* request);

  /// Whether the bytes can be read. What protobuf can parse can be read; what can be read and is
  /// refused by protobuf has a broken array.
  bool Scan(absl::string_view bytes, DeviceMessage& message) const;

 private:
  enum class Role : uint8_t { kSkipped, kText, kMeteringPoint, kMessage, kSequence, kOpen, kBatch };
  struct Field {
    Role role = Role::kSkipped;
    size_t table = 0;  ///< of a message
  };
  struct Table {
    std::vector<Field> fields;  ///< by number
    bool names_point = false;
  };
  class Walk;

  size_t TableOf(const google::protobuf::Descriptor* type, bool in_batch);

  std::vector<const google::protobuf::Descriptor*> types_;
  std::vector<Table> tables_;
};

}  // namespace peerwatt::gateway
