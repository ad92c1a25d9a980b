#include "services/metering/core/day.h"

#include <utility>

namespace peerwatt::metering {

int32_t Day::RevisionOf(size_t slot) const {
  if (import_wh_.empty() || import_wh_[slot] == kNoValue) {
    return 0;
  }
  return revision_of_.empty() ? 1 : revision_of_[slot];
}

uint32_t Day::WriteNumber(const Provenance& provenance) {
  // Values of one writing come together, so the newest is the likely one.
  for (size_t i = writes_.size(); i > 0 && i + 4 > writes_.size(); --i) {
    if (writes_[i - 1] == provenance) {
      return static_cast<uint32_t>(i - 1);
    }
  }
  writes_.push_back(provenance);
  return static_cast<uint32_t>(writes_.size() - 1);
}

/// Gives every interval its own place, where one stood for all.
void Day::Spread() {
  if (import_wh_.empty()) {
    import_wh_.assign(slot_count_, kNoValue);
  }
}

bool Day::Write(size_t slot, int32_t import_wh, int32_t export_wh, const Provenance& provenance) {
  Spread();
  const int32_t revision = RevisionOf(slot);
  if (revision > 0) {
    const Provenance& present = writes_[WriteOf(slot)];
    if (import_wh_[slot] == import_wh && ExportOf(slot) == export_wh &&
        present.quality == provenance.quality) {
      return false;
    }
    superseded_.push_back({.slot = static_cast<uint16_t>(slot),
                           .revision = revision,
                           .import_wh = import_wh_[slot],
                           .export_wh = ExportOf(slot),
                           .write_no = WriteOf(slot)});
    if (revision_of_.empty()) {
      revision_of_.assign(slot_count_, 1);
    }
    revision_of_[slot] = revision + 1;
  }
  const uint32_t write_no = WriteNumber(provenance);
  if (write_no > 0 && write_of_.empty()) {
    write_of_.assign(slot_count_, 0);
  }
  if (!write_of_.empty()) {
    write_of_[slot] = write_no;
  }
  import_wh_[slot] = import_wh;
  if (export_wh != 0 && export_wh_.empty()) {
    export_wh_.assign(slot_count_, 0);
  }
  if (!export_wh_.empty()) {
    export_wh_[slot] = export_wh;
  }
  return true;
}

void Day::WriteWhole(std::vector<int32_t> import_wh, std::vector<int32_t> export_wh,
                     const Provenance& provenance) {
  import_wh_ = std::move(import_wh);
  export_wh_ = std::move(export_wh);
  writes_.assign(1, provenance);
}

DayValue Day::At(size_t slot) const {
  const int32_t revision = RevisionOf(slot);
  if (revision == 0) {
    return {};
  }
  return {.import_wh = import_wh_[slot],
          .export_wh = ExportOf(slot),
          .revision = revision,
          .provenance = writes_[WriteOf(slot)]};
}

std::vector<DayValue> Day::Revisions(size_t slot, int64_t time_us) const {
  std::vector<DayValue> revisions;
  for (const SupersededValue& old : superseded_) {
    if (old.slot == slot && writes_[old.write_no].created_us <= time_us) {
      revisions.push_back({.import_wh = old.import_wh,
                           .export_wh = old.export_wh,
                           .revision = old.revision,
                           .provenance = writes_[old.write_no]});
    }
  }
  const DayValue present = At(slot);
  if (present.revision > 0 && present.provenance.created_us <= time_us) {
    revisions.push_back(present);
  }
  return revisions;
}

DayValue Day::AsOf(size_t slot, int64_t time_us) const {
  const DayValue present = At(slot);
  if (superseded_.empty() || present.revision == 0 ||
      present.provenance.created_us <= time_us) {
    return present.revision > 0 && present.provenance.created_us <= time_us ? present : DayValue{};
  }
  const std::vector<DayValue> known = Revisions(slot, time_us);
  return known.empty() ? DayValue{} : known.back();
}

std::optional<size_t> Day::LastSlot() const {
  for (size_t slot = import_wh_.size(); slot > 0; --slot) {
    if (import_wh_[slot - 1] != kNoValue) {
      return slot - 1;
    }
  }
  return std::nullopt;
}

}  // namespace peerwatt::metering
