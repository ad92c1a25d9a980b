#include "agent/buffer_salvage.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/buffer_format.h"
#include "agent/disk.h"
#include "agent/errors.h"
#include "libs/base/error.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"

namespace peerwatt::agent {
namespace {

using namespace buffer_format;
namespace fs = std::filesystem;

struct Counts {
  int64_t records = 0;
  int64_t bytes_lost = 0;
};

absl::Status Rename(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) return Error(kDiskFailed, absl::StrCat("cannot rename ", from, ": ", error.message()));
  return absl::OkStatus();
}

absl::Status Remove(const std::string& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  if (error) return Error(kDiskFailed, absl::StrCat("cannot remove ", folder));
  return absl::OkStatus();
}

int64_t AcknowledgedIndex(absl::string_view slots) {
  int64_t acknowledged = 0;
  for (size_t start = 0; start + kSlot <= slots.size(); start += kSlot) {
    const absl::string_view slot = slots.substr(start, kSlot);
    if (IsGoodSlot(slot)) acknowledged = std::max(acknowledged, GetInt(slot, 8));
  }
  return acknowledged;
}

// Payload of the record at an offset, if a whole one is there.
bool IsRecordAt(absl::string_view all, size_t at, absl::string_view& payload) {
  if (at + kRecordHeader > all.size()) return false;
  const uint64_t size = Get(all, at + 4, 4);
  if (size > static_cast<uint64_t>(kPayloadMax) || at + kRecordHeader + size > all.size()) {
    return false;
  }
  if (Get(all, at, 4) != Crc32(all.substr(at + 4, kRecordHeader - 4 + size))) return false;
  payload = all.substr(at + kRecordHeader, size);
  return true;
}

// Carries over the records of a segment that come after `last`, and moves it on. Behind damage the
// next record is looked for byte by byte.
absl::Status CarryOver(absl::string_view all, int64_t& last, Buffer& into, Counts& counts) {
  size_t at = absl::StartsWith(all, kMagic) ? static_cast<size_t>(kSegmentHeader) : 0;
  while (at < all.size()) {
    absl::string_view payload;
    if (!IsRecordAt(all, at, payload)) {
      ++counts.bytes_lost;
      ++at;
      continue;
    }
    const int64_t index = GetInt(all, at + 8);
    if (index > last && index <= kIndexMax) {
      PW_RETURN_IF_ERROR(into.Append(payload, absl::FromUnixMicros(GetInt(all, at + 16))));
      last = index;
      ++counts.records;
    }
    at += kRecordHeader + payload.size();
  }
  return absl::OkStatus();
}

// Fills a new buffer from a damaged one.
absl::StatusOr<Counts> Fill(const BufferOptions& from, const BufferOptions& to) {
  Counts counts;
  PW_ASSIGN_OR_RETURN(const std::unique_ptr<Buffer> buffer, Buffer::Open(to));
  PW_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(from.folder));
  const absl::StatusOr<std::string> slots = ReadWholeFile(from.folder + "/position");
  int64_t last = slots.ok() ? AcknowledgedIndex(*slots) : 0;
  for (const std::string& name : names) {
    const absl::StatusOr<std::string> bytes = ReadWholeFile(absl::StrCat(from.folder, "/", name));
    if (absl::StartsWith(name, "segment-")) {
      PW_RETURN_IF_ERROR(bytes.status());
      const absl::Status carried = CarryOver(*bytes, last, *buffer, counts);
      if (ReasonOf(carried) == kBufferFull.name) break;
      PW_RETURN_IF_ERROR(carried);
    } else if (name != "position" && name != "refused.jsonl" && bytes.ok()) {
      // What others keep beside the records.
      PW_RETURN_IF_ERROR(ReplaceFile(absl::StrCat(to.folder, "/", name), *bytes, 0600, to.sync));
    }
  }
  return counts;
}

absl::Status Salvage(const BufferOptions& options, const std::string& fresh) {
  PW_RETURN_IF_ERROR(Remove(fresh));
  BufferOptions to = options;
  to.folder = fresh;
  PW_ASSIGN_OR_RETURN(const Counts counts, Fill(options, to));
  std::string kept;
  int number = 0;
  do {
    kept = absl::StrCat(options.folder, ".damaged-", ++number);
  } while (fs::exists(kept));
  PW_RETURN_IF_ERROR(Rename(options.folder, kept));
  PW_RETURN_IF_ERROR(Rename(fresh, options.folder));
  Log(Severity::kError, "the buffer was damaged; what can be read is carried over",
      {{"folder", options.folder},
       {"kept", kept},
       {"batches", counts.records},
       {"bytes_lost", counts.bytes_lost}});
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Buffer>> OpenOrSalvage(const BufferOptions& options) {
  const std::string fresh = options.folder + ".salvaged";
  // A process that died between the two renames had everything in the new folder.
  if (fs::exists(fresh) && !fs::exists(options.folder)) {
    PW_RETURN_IF_ERROR(Rename(fresh, options.folder));
  }
  absl::StatusOr<std::unique_ptr<Buffer>> buffer = Buffer::Open(options);
  if (ReasonOf(buffer.status()) != kBufferDamaged.name) return buffer;
  PW_RETURN_IF_ERROR(Salvage(options, fresh));
  return Buffer::Open(options);
}

}  // namespace peerwatt::agent
