#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/stubs/logging.h"
#include "peerwatt/metering/v1/metering.pb.h"
#include "services/gateway/device/message_scanner.h"

namespace peerwatt::gateway::testing {

/// Metering points of a parsed batch, in the order in which protobuf keeps them.
inline std::vector<std::string> PointsOf(const metering::v1::Batch& batch) {
  std::vector<std::string> points;
  for (const auto& series : batch.series()) points.push_back(series.metering_point());
  for (const auto& series : batch.registers()) points.push_back(series.metering_point());
  return points;
}

inline std::string BatchDifference(const metering::v1::Batch& batch, const DeviceMessage& scanned) {
  std::vector<std::string> points = PointsOf(batch);
  std::vector<std::string> found(scanned.metering_points.begin(), scanned.metering_points.end());
  std::sort(points.begin(), points.end());
  std::sort(found.begin(), found.end());
  if (points != found) return "other metering points than protobuf finds";
  return batch.sequence() == scanned.sequence ? "" : "another sequence than protobuf finds";
}

/// How the scanner and protobuf differ about some bytes; empty when they agree: what protobuf
/// takes is read alike, and a batch that would go on holds the points that were found.
inline std::string ScanDifference(absl::string_view bytes) {
  static const MessageScanner scanner(metering::v1::StreamReadingsRequest::descriptor());
  const google::protobuf::LogSilencer quiet;
  DeviceMessage scanned;
  const bool read = scanner.Scan(bytes, scanned);
  metering::v1::StreamReadingsRequest parsed;
  const bool taken = parsed.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  if (taken) {
    if (!read) return "protobuf takes what the scanner cannot read";
    if (parsed.has_open() != (scanned.kind == DeviceMessage::Kind::kOpen)) return "open differs";
    if (parsed.has_batch() != (scanned.kind == DeviceMessage::Kind::kBatch)) {
      return "batch differs";
    }
    if (parsed.has_batch()) {
      if (const std::string found = BatchDifference(parsed.batch(), scanned); !found.empty()) {
        return found;
      }
    }
  }
  metering::v1::Batch batch;
  if (!read || scanned.kind != DeviceMessage::Kind::kBatch ||
      !batch.ParseFromArray(scanned.batch.data(), static_cast<int>(scanned.batch.size()))) {
    return taken && parsed.has_batch() ? "the batch that would go on is not the one" : "";
  }
  return BatchDifference(batch, scanned);
}

}  // namespace peerwatt::gateway::testing
