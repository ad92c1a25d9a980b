#include "services/metering/core/day_codec.h"

#include <algorithm>

#include "absl/container/inlined_vector.h"
#include "services/metering/core/byte_codec.h"

namespace peerwatt::metering {
namespace {

absl::Status Unreadable() {
  return absl::DataLossError("a stored day of readings cannot be read");
}

uint8_t TagOf(const Provenance& provenance) {
  return static_cast<uint8_t>(static_cast<int>(provenance.quality) |
                              static_cast<int>(provenance.method) << 4);
}

}  // namespace

std::string DayCodec::PackDetail(const Day& day) {
  ByteWriter out;
  out.Unsigned(day.writes_.size());
  int64_t before_us = 0;
  for (const Provenance& write : day.writes_) {
    out.Signed(write.created_us - before_us);
    out.Byte(TagOf(write));
    before_us = write.created_us;
  }
  for (size_t slot = 0; slot < day.slot_count_;) {
    const int32_t revision = day.RevisionOf(slot);
    const uint32_t write_no = revision == 0 ? 0 : day.WriteOf(slot);
    size_t end = slot + 1;
    while (end < day.slot_count_ && day.RevisionOf(end) == revision &&
           (revision == 0 || day.WriteOf(end) == write_no)) {
      ++end;
    }
    out.Unsigned(end - slot);
    out.Unsigned(write_no);
    out.Unsigned(static_cast<uint64_t>(revision));
    slot = end;
  }
  out.Unsigned(day.superseded_.size());
  for (const SupersededValue& old : day.superseded_) {
    out.Unsigned(old.slot);
    out.Unsigned(static_cast<uint64_t>(old.revision));
    out.Unsigned(static_cast<uint64_t>(old.import_wh));
    out.Unsigned(static_cast<uint64_t>(old.export_wh));
    out.Unsigned(old.write_no);
  }
  return out.Take();
}

PackedDay DayCodec::Pack(const Day& day) {
  PackedDay packed;
  ByteWriter imports;
  imports.Column(day.import_wh_);
  packed.import_wh = imports.Take();
  if (std::any_of(day.export_wh_.begin(), day.export_wh_.end(),
                  [](int32_t wh) { return wh != 0; })) {
    ByteWriter exports;
    exports.Column(day.export_wh_);
    packed.export_wh = exports.Take();
  }
  packed.detail = PackDetail(day);
  return packed;
}

bool DayCodec::ReadWrites(ByteReader& in, Day& day) {
  const uint64_t count = in.Unsigned();
  int64_t created_us = 0;
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    created_us += in.Signed();
    const uint8_t tag = in.Byte();
    day.writes_.push_back({.created_us = created_us,
                           .quality = static_cast<Quality>(tag & 0x0f),
                           .method = static_cast<Method>(tag >> 4)});
  }
  return in.ok() && count > 0;
}

bool DayCodec::ReadRuns(ByteReader& in, Day& day) {
  for (size_t slot = 0; slot < day.slot_count_;) {
    const uint64_t length = in.Unsigned();
    const uint64_t write_no = in.Unsigned();
    const uint64_t revision = in.Unsigned();
    if (!in.ok() || length == 0 || length > day.slot_count_ - slot ||
        write_no >= day.writes_.size() || revision > INT32_MAX) {
      return false;
    }
    const size_t end = slot + static_cast<size_t>(length);
    const bool has_value = revision > 0;
    for (size_t i = slot; i < end; ++i) {
      if ((day.import_wh_[i] != kNoValue) != has_value) {
        return false;
      }
    }
    if (write_no > 0 && day.write_of_.empty()) {
      day.write_of_.assign(day.slot_count_, 0);
    }
    if (write_no > 0) {
      std::fill(day.write_of_.begin() + static_cast<ptrdiff_t>(slot),
                day.write_of_.begin() + static_cast<ptrdiff_t>(end),
                static_cast<uint32_t>(write_no));
    }
    if (revision > 1 && day.revision_of_.empty()) {
      day.revision_of_.assign(day.slot_count_, 1);
    }
    if (revision > 1) {
      std::fill(day.revision_of_.begin() + static_cast<ptrdiff_t>(slot),
                day.revision_of_.begin() + static_cast<ptrdiff_t>(end),
                static_cast<int32_t>(revision));
    }
    slot = end;
  }
  return true;
}

bool DayCodec::ReadSuperseded(ByteReader& in, Day& day) {
  const uint64_t count = in.Unsigned();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    const uint64_t slot = in.Unsigned();
    const uint64_t revision = in.Unsigned();
    const uint64_t import_wh = in.Unsigned();
    const uint64_t export_wh = in.Unsigned();
    const uint64_t write_no = in.Unsigned();
    if (slot >= day.slot_count_ || revision > INT32_MAX || import_wh > INT32_MAX ||
        export_wh > INT32_MAX || write_no >= day.writes_.size()) {
      return false;
    }
    day.superseded_.push_back({.slot = static_cast<uint16_t>(slot),
                               .revision = static_cast<int32_t>(revision),
                               .import_wh = static_cast<int32_t>(import_wh),
                               .export_wh = static_cast<int32_t>(export_wh),
                               .write_no = static_cast<uint32_t>(write_no)});
  }
  return in.ok() && in.AtEnd();
}

absl::StatusOr<Day> DayCodec::Unpack(size_t slot_count, absl::string_view import_wh,
                                     absl::string_view export_wh, absl::string_view detail) {
  Day day(slot_count);
  day.import_wh_.resize(slot_count);
  ByteReader imports(import_wh);
  imports.Column(absl::MakeSpan(day.import_wh_));
  bool ok = imports.ok() && imports.AtEnd();
  if (!export_wh.empty()) {
    day.export_wh_.resize(slot_count);
    ByteReader exports(export_wh);
    exports.Column(absl::MakeSpan(day.export_wh_));
    ok = ok && exports.ok() && exports.AtEnd();
  }
  ByteReader in(detail);
  ok = ok && ReadWrites(in, day) && ReadRuns(in, day) && ReadSuperseded(in, day);
  if (!ok) {
    return Unreadable();
  }
  return day;
}

void DayCodec::SkipSuperseded(ByteReader& in) {
  constexpr int kNumbersOfEach = 5;
  for (uint64_t left = in.Unsigned(); left > 0 && in.ok(); --left) {
    for (int i = 0; i < kNumbersOfEach; ++i) {
      in.Unsigned();
    }
  }
}

absl::Status DayCodec::UnpackSlice(const Slice& slice, size_t import_width, size_t export_width,
                                   ByteReader& in, ReadingColumn& column) {
  absl::InlinedVector<int32_t, 96> imports(slice.count);
  absl::InlinedVector<int32_t, 96> exports(slice.count, 0);
  in.Column(import_width, absl::MakeSpan(imports));
  if (export_width > 0) {
    in.Column(export_width, absl::MakeSpan(exports));
  }
  absl::InlinedVector<Quality, 4> qualities;
  for (uint64_t left = in.Unsigned(); left > 0 && in.ok(); --left) {
    in.Signed();
    qualities.push_back(static_cast<Quality>(in.Byte() & 0x0f));
  }
  const size_t slice_end = slice.first + slice.count;
  for (size_t slot = 0; slot < slice.slot_count;) {
    const uint64_t length = in.Unsigned();
    const uint64_t write_no = in.Unsigned();
    const uint64_t revision = in.Unsigned();
    if (!in.ok() || length == 0 || length > slice.slot_count - slot ||
        write_no >= qualities.size()) {
      return Unreadable();
    }
    const size_t end = std::min(slot + static_cast<size_t>(length), slice_end);
    for (size_t i = std::max(slot, slice.first); revision > 0 && i < end; ++i) {
      const size_t at = slice.offset + i - slice.first;
      column.import_wh[at] = imports[i - slice.first];
      column.export_wh[at] = exports[i - slice.first];
      column.qualities[at] = qualities[static_cast<size_t>(write_no)];
      column.revisions[at] = static_cast<int32_t>(revision);
    }
    slot += static_cast<size_t>(length);
  }
  SkipSuperseded(in);
  return in.ok() ? absl::OkStatus() : Unreadable();
}

}  // namespace peerwatt::metering
