#include "agent/buffer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <limits>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "agent/buffer_format.h"
#include "agent/errors.h"
#include "libs/base/check.h"
#include "libs/base/error.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace peerwatt::agent {

using namespace buffer_format;

namespace {

int64_t MicrosOf(const std::optional<absl::Time>& time) {
  return time.has_value() ? absl::ToUnixMicros(*time) : kNone;
}
std::optional<absl::Time> TimeOf(int64_t micros) {
  if (micros == kNone) return std::nullopt;
  return absl::FromUnixMicros(micros);
}

absl::StatusOr<nlohmann::json> ParseRefused(absl::string_view line, const std::string& path) {
  nlohmann::json json = nlohmann::json::parse(line.begin(), line.end(), nullptr, false);
  if (!json.is_object() || !json.contains("index") || !json["index"].is_number_integer() ||
      !json.contains("batch") || !json["batch"].is_string()) {
    return Error(kBufferDamaged, absl::StrCat(path, " has a line that is no refused batch"));
  }
  return json;
}

}  // namespace

std::string Buffer::RefusedPath() const { return options_.folder + "/refused.jsonl"; }

absl::StatusOr<std::unique_ptr<Buffer>> Buffer::Open(const BufferOptions& options) {
  if (options.segment_bytes < kSegmentHeader || options.bytes_max < 2 * options.segment_bytes) {
    return Error(kSettingsInvalid, "a buffer holds at least two segments");
  }
  PW_RETURN_IF_ERROR(MakeFolder(options.folder));
  std::unique_ptr<Buffer> buffer(new Buffer(options));
  absl::MutexLock lock(&buffer->mutex_);
  PW_RETURN_IF_ERROR(buffer->Recover());
  return buffer;
}

absl::Status Buffer::Recover() {
  PW_ASSIGN_OR_RETURN(position_, File::Open(options_.folder + "/position", O_RDWR | O_CREAT));
  PW_RETURN_IF_ERROR(position_.Lock());
  PW_ASSIGN_OR_RETURN(std::vector<std::string> names, ListFolder(options_.folder));
  std::erase_if(names, [](const std::string& name) { return !absl::StartsWith(name, "segment-"); });
  for (size_t i = 0; i < names.size(); ++i) {
    PW_RETURN_IF_ERROR(
        RecoverSegment(absl::StrCat(options_.folder, "/", names[i]), i + 1 == names.size()));
  }
  PW_RETURN_IF_ERROR(RecoverPosition());
  PW_RETURN_IF_ERROR(RecoverRefused());
  return segments_.empty() ? StartSegment() : absl::OkStatus();
}

absl::Status Buffer::RecoverSegment(const std::string& path, bool newest) {
  PW_ASSIGN_OR_RETURN(File file, File::Open(path, O_RDWR));
  PW_ASSIGN_OR_RETURN(const int64_t size, file.Size());
  PW_ASSIGN_OR_RETURN(const std::string bytes, file.ReadAt(0, size));
  const absl::string_view all = bytes;
  if (size < kSegmentHeader || all.substr(0, 8) != kMagic ||
      Get(all, 24, 4) != Crc32(all.substr(0, 24)) || GetInt(all, 8) < 1 ||
      GetInt(all, 8) > kIndexMax ||
      (!segments_.empty() && GetInt(all, 8) <= state_.last_index)) {
    if (!newest) return Error(kBufferDamaged, absl::StrCat(path, " has no valid header"));
    // The process died while it made the file: no record was ever put in.
    Log(Severity::kWarning, "dropped a segment that was never finished", {{"path", path}});
    return unlink(path.c_str()) == 0
               ? absl::OkStatus()
               : Error(kDiskFailed, absl::StrCat("cannot remove ", path));
  }
  Segment segment{GetInt(all, 8), TimeOf(GetInt(all, 16)), path, 0};
  if (segments_.empty()) {
    state_.first_index = segment.first_index;
  } else if (segment.first_index != state_.last_index + 1) {
    return Error(kBufferDamaged, absl::StrCat(path, " does not follow the segment before"));
  }
  state_.last_index = segment.first_index - 1;
  state_.produced_through = segment.base_through;
  int64_t offset = kSegmentHeader;
  while (offset + kRecordHeader <= size) {
    const auto at = static_cast<size_t>(offset);
    const auto payload = static_cast<int64_t>(Get(all, at + 4, 4));
    if (payload > kPayloadMax || offset + kRecordHeader + payload > size) break;
    const auto record = all.substr(at + 4, static_cast<size_t>(kRecordHeader - 4 + payload));
    if (Get(all, at, 4) != Crc32(record) || GetInt(all, at + 8) != state_.last_index + 1) break;
    const absl::Time through = absl::FromUnixMicros(GetInt(all, at + 16));
    entries_.push_back({through, static_cast<uint32_t>(offset), static_cast<uint32_t>(payload)});
    state_.produced_through = through;
    ++state_.last_index;
    offset += kRecordHeader + payload;
  }
  if (offset != size) {
    if (!newest) return Error(kBufferDamaged, absl::StrCat(path, " is damaged at byte ", offset));
    Log(Severity::kWarning, "dropped a torn record at the end of the buffer",
        {{"path", path}, {"bytes", size - offset}});
    PW_RETURN_IF_ERROR(file.Truncate(offset));
  }
  segment.bytes = offset;
  state_.bytes += offset;
  segments_.push_back(segment);
  active_ = std::move(file);
  return absl::OkStatus();
}

absl::Status Buffer::RecoverPosition() {
  PW_ASSIGN_OR_RETURN(const std::string slots, position_.ReadAt(0, 2 * kSlot));
  for (size_t start = 0; start + kSlot <= slots.size(); start += kSlot) {
    const absl::string_view slot = absl::string_view(slots).substr(start, kSlot);
    const int64_t generation = GetInt(slot, 0);
    if (!IsGoodSlot(slot) || generation <= generation_) continue;
    generation_ = generation;
    state_.acknowledged_index = GetInt(slot, 8);
    state_.acknowledged_through = TimeOf(GetInt(slot, 16));
    const int64_t offset = GetInt(slot, 24);
    state_.sequence_offset = offset == kNone ? std::nullopt : std::optional<int64_t>(offset);
    state_.readings_acknowledged = GetInt(slot, 32);
    state_.readings_refused = GetInt(slot, 40);
    state_.batches_dropped = GetInt(slot, 48);
  }
  if (state_.acknowledged_index > state_.last_index) {
    // Records that were acknowledged did not reach the disk before the power went.
    state_.last_index = state_.acknowledged_index;
    state_.first_index = state_.last_index + 1;
    state_.produced_through = state_.acknowledged_through;
    entries_.clear();
    PW_RETURN_IF_ERROR(StartSegment());
    while (segments_.size() > 1) PW_RETURN_IF_ERROR(DropOldestSegment());
  }
  if (!segments_.empty() && state_.acknowledged_index < state_.first_index - 1) {
    // Only what was acknowledged is ever removed.
    state_.acknowledged_index = state_.first_index - 1;
    state_.acknowledged_through = segments_.front().base_through;
  }
  return absl::OkStatus();
}

absl::Status Buffer::RecoverRefused() {
  absl::StatusOr<std::string> text = ReadWholeFile(RefusedPath());
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  PW_RETURN_IF_ERROR(text.status());
  const size_t complete = text->rfind('\n') == std::string::npos ? 0 : text->rfind('\n') + 1;
  if (complete != text->size()) {
    PW_ASSIGN_OR_RETURN(File file, File::Open(RefusedPath(), O_RDWR));
    PW_RETURN_IF_ERROR(file.Truncate(static_cast<int64_t>(complete)));
    text->resize(complete);
  }
  for (const absl::string_view line : absl::StrSplit(*text, '\n', absl::SkipEmpty())) {
    PW_ASSIGN_OR_RETURN(const nlohmann::json json, ParseRefused(line, RefusedPath()));
    refused_.insert(json["index"].get<int64_t>());
  }
  return absl::OkStatus();
}

absl::Status Buffer::StartSegment() {
  Segment segment{state_.last_index + 1, state_.produced_through, "", kSegmentHeader};
  segment.path = absl::StrFormat("%s/segment-%019d", options_.folder, segment.first_index);
  std::string header(kMagic);
  PutInt(header, segment.first_index);
  PutInt(header, MicrosOf(segment.base_through));
  Put(header, Crc32(header), 4);
  header.resize(static_cast<size_t>(kSegmentHeader));
  PW_ASSIGN_OR_RETURN(File file, File::Open(segment.path, O_RDWR | O_CREAT | O_TRUNC));
  PW_RETURN_IF_ERROR(file.WriteAt(header, 0));
  if (options_.sync) {
    PW_RETURN_IF_ERROR(file.Sync());
    PW_ASSIGN_OR_RETURN(File folder, File::Open(options_.folder, O_RDONLY));
    PW_RETURN_IF_ERROR(folder.Sync());
  }
  active_ = std::move(file);
  state_.bytes += segment.bytes;
  segments_.push_back(std::move(segment));
  return absl::OkStatus();
}

absl::Status Buffer::Append(absl::string_view payload, absl::Time through) {
  if (static_cast<int64_t>(payload.size()) > kPayloadMax) {
    return Error(kSettingsInvalid, "a batch is larger than 16 MiB");
  }
  absl::MutexLock lock(&mutex_);
  std::string record;
  Put(record, payload.size(), 4);
  PutInt(record, state_.last_index + 1);
  PutInt(record, absl::ToUnixMicros(through));
  record.append(payload.data(), payload.size());
  std::string bytes;
  Put(bytes, Crc32(record), 4);
  bytes += record;
  const auto size = static_cast<int64_t>(bytes.size());
  PW_RETURN_IF_ERROR(MakeRoom(size));
  Segment& segment = segments_.back();
  absl::Status written = active_.WriteAt(bytes, segment.bytes);
  if (written.ok() && options_.sync) written = active_.Sync();
  if (!written.ok()) {
    // What was written is cut off, or dropped as torn when even that fails and we restart.
    active_.Truncate(segment.bytes).IgnoreError();
    return written;
  }
  entries_.push_back({through, static_cast<uint32_t>(segment.bytes),
                      static_cast<uint32_t>(payload.size())});
  segment.bytes += size;
  state_.bytes += size;
  ++state_.last_index;
  state_.produced_through = through;
  return absl::OkStatus();
}

absl::StatusOr<BufferRecord> Buffer::Read(int64_t index) const {
  absl::MutexLock lock(&mutex_);
  return ReadLocked(index);
}

absl::StatusOr<BufferRecord> Buffer::ReadLocked(int64_t index) const {
  PW_CHECK(index <= state_.last_index, "a record that was put in");
  if (index < state_.first_index) return absl::NotFoundError("the record is no longer held");
  const Entry& entry = entries_[static_cast<size_t>(index - state_.first_index)];
  const auto after = std::upper_bound(
      segments_.begin(), segments_.end(), index,
      [](int64_t value, const Segment& segment) { return value < segment.first_index; });
  const Segment& segment = *std::prev(after);
  const int64_t size = kRecordHeader + entry.size;
  std::string bytes;
  if (after == segments_.end()) {
    PW_ASSIGN_OR_RETURN(bytes, active_.ReadAt(entry.offset, size));
  } else {
    PW_ASSIGN_OR_RETURN(const File file, File::Open(segment.path, O_RDONLY));
    PW_ASSIGN_OR_RETURN(bytes, file.ReadAt(entry.offset, size));
  }
  if (static_cast<int64_t>(bytes.size()) != size ||
      Get(bytes, 0, 4) != Crc32(absl::string_view(bytes).substr(4)) || GetInt(bytes, 8) != index) {
    return Error(kBufferDamaged, absl::StrCat(segment.path, " is damaged at record ", index));
  }
  return BufferRecord{index, entry.through, bytes.substr(static_cast<size_t>(kRecordHeader))};
}

absl::Status Buffer::WritePosition() {
  std::string slot;
  PutInt(slot, ++generation_);
  PutInt(slot, state_.acknowledged_index);
  PutInt(slot, MicrosOf(state_.acknowledged_through));
  PutInt(slot, state_.sequence_offset.value_or(kNone));
  PutInt(slot, state_.readings_acknowledged);
  PutInt(slot, state_.readings_refused);
  PutInt(slot, state_.batches_dropped);
  Put(slot, Crc32(slot), 4);
  slot.resize(static_cast<size_t>(kSlot));
  // Not synced: an older position only sends again what the server knows already.
  return position_.WriteAt(slot, (generation_ % 2) * kSlot);
}

absl::Status Buffer::MoveTo(int64_t index) {
  state_.acknowledged_through =
      entries_[static_cast<size_t>(index - state_.first_index)].through;
  state_.acknowledged_index = index;
  return WritePosition();
}

absl::Status Buffer::Acknowledge(int64_t index, int64_t readings) {
  absl::MutexLock lock(&mutex_);
  if (index <= state_.acknowledged_index) return absl::OkStatus();  // dropped in the meantime
  PW_CHECK(index == state_.acknowledged_index + 1 && index <= state_.last_index,
           "records are acknowledged in order");
  state_.readings_acknowledged += readings;
  return MoveTo(index);
}

absl::Status Buffer::Refuse(int64_t index, int64_t readings, absl::string_view reason,
                            absl::string_view message) {
  absl::MutexLock lock(&mutex_);
  if (index <= state_.acknowledged_index) return absl::OkStatus();
  PW_CHECK(index == state_.acknowledged_index + 1 && index <= state_.last_index,
           "records are refused in order");
  if (!refused_.contains(index)) {
    PW_ASSIGN_OR_RETURN(const BufferRecord record, ReadLocked(index));
    const std::string line = absl::StrCat(
        "{\"index\":", index, ",\"through\":",
        JsonQuote(absl::FormatTime(absl::RFC3339_full, record.through, absl::UTCTimeZone())),
        ",\"reason\":", JsonQuote(reason), ",\"message\":", JsonQuote(message),
        ",\"readings\":", readings, ",\"batch\":", JsonQuote(absl::Base64Escape(record.payload)),
        "}\n");
    PW_ASSIGN_OR_RETURN(File file, File::Open(RefusedPath(), O_RDWR | O_CREAT));
    PW_ASSIGN_OR_RETURN(const int64_t size, file.Size());
    PW_RETURN_IF_ERROR(file.WriteAt(line, size));
    PW_RETURN_IF_ERROR(file.Sync());
    refused_.insert(index);
  }
  state_.readings_refused += readings;
  return MoveTo(index);
}

absl::StatusOr<std::vector<std::string>> Buffer::RefusedPayloads() const {
  absl::MutexLock lock(&mutex_);
  std::vector<std::string> payloads;
  const absl::StatusOr<std::string> text = ReadWholeFile(RefusedPath());
  if (absl::IsNotFound(text.status())) return payloads;
  PW_RETURN_IF_ERROR(text.status());
  for (const absl::string_view line : absl::StrSplit(*text, '\n', absl::SkipEmpty())) {
    PW_ASSIGN_OR_RETURN(const nlohmann::json json, ParseRefused(line, RefusedPath()));
    if (json["index"].get<int64_t>() > state_.acknowledged_index) continue;
    std::string payload;
    if (!absl::Base64Unescape(json["batch"].get<std::string>(), &payload)) {
      return Error(kBufferDamaged, absl::StrCat(RefusedPath(), " has a batch that is not base64"));
    }
    payloads.push_back(std::move(payload));
  }
  return payloads;
}

bool Buffer::IsRefused(int64_t index) const {
  absl::MutexLock lock(&mutex_);
  return refused_.contains(index);
}

absl::Status Buffer::SetSequenceOffset(int64_t offset) {
  absl::MutexLock lock(&mutex_);
  state_.sequence_offset = offset;
  return WritePosition();
}

BufferState Buffer::state() const {
  absl::MutexLock lock(&mutex_);
  return state_;
}

}  // namespace peerwatt::agent
