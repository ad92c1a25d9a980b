#include "services/metering/formats/reading_import.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "libs/base/status_macros.h"
#include "services/metering/core/exchange_errors.h"
#include "services/metering/core/validation.h"
#include "services/metering/formats/file_batch.h"

namespace peerwatt::metering {
namespace {

/// Intervals of which the other direction is read at a time.
constexpr int64_t kCompleteChunk = 10'000;

bool IsId(absl::string_view text) {
  const auto is_inner = [](char c) { return absl::ascii_islower(static_cast<unsigned char>(c)) ||
                                            absl::ascii_isdigit(static_cast<unsigned char>(c)) ||
                                            c == '-'; };
  return text.size() >= 2 && text.size() <= 63 &&
         absl::ascii_islower(static_cast<unsigned char>(text[0])) && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), is_inner);
}

bool SaysBoth(const FileReading& reading) {
  return reading.import_wh.has_value() && reading.export_wh.has_value();
}

/// Adds the direction that is not there. stored: the column of the span from `first` on.
absl::Status AddDirection(const ReadingColumn& stored, absl::Time first, absl::Duration interval,
                          FileReading& reading) {
  const bool import_missing = !reading.import_wh.has_value();
  const absl::Span<const int64_t> values = import_missing ? stored.import_wh : stored.export_wh;
  const auto begin = static_cast<size_t>((reading.interval.start - first) / interval);
  const auto end =
      static_cast<size_t>((reading.interval.end - first - absl::Seconds(1)) / interval);
  int64_t other_wh = 0;
  for (size_t i = begin; i <= end && i < values.size(); ++i) {
    other_wh |= values[i];
  }
  (import_missing ? reading.import_wh : reading.export_wh) = other_wh;
  if (other_wh == 0) {
    return absl::OkStatus();
  }
  if (reading.interval.length() != interval || !IsOnGrid(reading.interval.start, interval)) {
    return Error(kFileDirectionMissing, "the other direction is stored in other intervals");
  }
  // Two values of one reading share its quality.
  if (stored.qualities[begin] > reading.quality) {
    reading.quality = stored.qualities[begin];
  }
  return absl::OkStatus();
}

}  // namespace

void ReadingImport::OnReading(FileReading reading) {
  if (stopped_) {
    return;
  }
  const int64_t line = reading.line;
  if (absl::Status status = TakePoint(reading); !status.ok()) {
    OnError(line, std::move(status));
    return;
  }
  pending_.push_back(std::move(reading));
  if (pending_.size() >= options_.batch_readings) {
    Flush();
  }
}

void ReadingImport::OnError(int64_t line, absl::Status error) {
  if (stopped_) {
    return;
  }
  if (options_.skip) {
    Record(line, std::move(error));
    return;
  }
  // What is not stored any more may hold an error that stands before this one.
  StopAt(pending_, line, std::move(error));
  pending_.clear();
}

absl::Status ReadingImport::TakePoint(FileReading& reading) {
  if (!options_.metering_point.empty()) {
    if (!file_point_.has_value()) {
      file_point_ = reading.point;
    } else if (*file_point_ != reading.point) {
      return Error(kFileMeteringPointDiffers,
                   "the request names one metering point for a file that is about several");
    }
    reading.point = options_.metering_point.value();
    return absl::OkStatus();
  }
  if (reading.point != known_point_ || known_point_.empty()) {
    if (!IsId(reading.point)) {
      return Error(kFileMeteringPointMissing,
                   "the file names no metering point of ours; name it in the request");
    }
    known_point_ = reading.point;
  }
  return absl::OkStatus();
}

void ReadingImport::Finish(bool whole) {
  if (!whole) {
    pending_.clear();
  }
  if (!stopped_) {
    Flush();
  }
  Settle();
}

void ReadingImport::Flush() {
  CompletePending();
  while (!stopped_ && !pending_.empty()) {
    FileBatch next = TakeBatch(pending_);
    Settle();
    if (stopped_) {
      break;
    }
    lane_.Start(std::move(next.batch));
    under_way_ = std::move(next.readings);
  }
  if (stopped_) {
    pending_.clear();
  }
}

void ReadingImport::CompletePending() {
  if (stopped_ || std::all_of(pending_.begin(), pending_.end(), SaysBoth)) {
    return;
  }
  // What is under way may be what the store is asked for.
  Settle();
  std::map<std::string, std::vector<size_t>> places;
  for (size_t i = 0; i < pending_.size(); ++i) {
    if (!SaysBoth(pending_[i])) {
      places[pending_[i].point].push_back(i);
    }
  }
  const MemberLookup lookup = directory_.Find(PointsOf(pending_));
  Bad bad;
  for (const auto& [point, own] : places) {
    const auto member = lookup.members.find(MeteringPointId(point));
    if (member == lookup.members.end()) {
      if (!lookup.failure.ok()) {
        Interrupt(lookup.failure);
        return;
      }
      continue;  // Will be refused.
    }
    absl::StatusOr<Bad> own_bad = Complete(member->second, own);
    if (!own_bad.ok()) {
      Interrupt(own_bad.status());
      return;
    }
    std::move(own_bad->begin(), own_bad->end(), std::back_inserter(bad));
  }
  if (!bad.empty() && !options_.skip) {
    const auto first = std::min_element(bad.begin(), bad.end(), [&](const auto& a, const auto& b) {
      return pending_[a.first].line < pending_[b.first].line;
    });
    OnError(pending_[first->first].line, first->second);
    return;
  }
  Remove(pending_, std::move(bad));
}

absl::StatusOr<ReadingImport::Bad> ReadingImport::Complete(const Member& member,
                                                           const std::vector<size_t>& places) {
  std::vector<size_t> order = places;
  std::sort(order.begin(), order.end(), [this](size_t a, size_t b) {
    return pending_[a].interval.start < pending_[b].interval.start;
  });
  Bad bad;
  for (size_t next = 0; next < order.size();) {
    const absl::Time first = FloorToGrid(pending_[order[next]].interval.start, member.interval);
    absl::Time end = first;
    size_t last = next;
    for (; last < order.size(); ++last) {
      const Interval& interval = pending_[order[last]].interval;
      if (last > next && interval.end > first + member.interval * kCompleteChunk) {
        break;
      }
      end = std::max(end, interval.end);
    }
    end = FloorToGrid(std::min(end - absl::Seconds(1), first + member.interval * kCompleteChunk),
                      member.interval) +
          member.interval;
    PW_ASSIGN_OR_RETURN(
        const ReadingColumns stored,
        store_.Columns({MeteringPointId(pending_[order[next]].point)}, {first, end},
                       member.interval));
    for (; next < last; ++next) {
      absl::Status added = AddDirection(stored.columns[0], first, member.interval,
                                        pending_[order[next]]);
      if (!added.ok()) {
        bad.emplace_back(order[next], std::move(added));
      }
    }
  }
  return bad;
}

void ReadingImport::Settle() {
  if (under_way_.has_value()) {
    std::vector<FileReading> readings = *std::move(under_way_);
    under_way_.reset();
    TakeOutcome(lane_.Wait(), std::move(readings));
  }
}

void ReadingImport::TakeOutcome(const BatchOutcome& outcome, std::vector<FileReading> readings) {
  if (outcome.status.ok()) {
    result_.stored += outcome.counts.stored;
    result_.unchanged += outcome.counts.unchanged;
    return;
  }
  if (IsUndecided(outcome.status)) {
    Interrupt(outcome.status);
    return;
  }
  if (options_.skip) {
    StoreWithoutBad(std::move(readings), outcome.status);
    return;
  }
  // What was found since, while the batch was under way, comes after it.
  result_.errors.clear();
  result_.refused = 0;
  StopAt(readings, std::nullopt, outcome.status);
}

void ReadingImport::StopAt(const std::vector<FileReading>& readings, std::optional<int64_t> line,
                           absl::Status error) {
  if (const absl::StatusOr<Bad> bad = Judge(readings); bad.ok()) {
    for (const auto& [place, why] : *bad) {
      if (!line.has_value() || readings[place].line < *line) {
        line = readings[place].line;
        error = why;
      }
    }
  }
  if (!line.has_value()) {
    // A rule about several readings is told of the first.
    const auto by_line = [](const FileReading& a, const FileReading& b) { return a.line < b.line; };
    line = std::min_element(readings.begin(), readings.end(), by_line)->line;
  }
  Record(*line, std::move(error));
  stopped_ = true;
}

void ReadingImport::StoreWithoutBad(std::vector<FileReading> readings,
                                    const absl::Status& refusal) {
  absl::StatusOr<Bad> bad = Judge(readings);
  if (!bad.ok()) {
    Interrupt(bad.status());
    return;
  }
  if (bad->empty() && readings.size() == 1) {
    Record(readings[0].line, refusal);
    return;
  }
  std::vector<std::vector<FileReading>> parts(1);
  if (bad->empty()) {
    const auto middle = readings.begin() + static_cast<std::ptrdiff_t>(readings.size() / 2);
    parts.emplace_back(std::make_move_iterator(middle), std::make_move_iterator(readings.end()));
    readings.erase(middle, readings.end());
  }
  Remove(readings, *std::move(bad));
  parts[0] = std::move(readings);
  for (std::vector<FileReading>& part : parts) {
    if (part.empty() || stopped_) {
      continue;
    }
    FileBatch next = TakeBatch(part);
    lane_.Start(std::move(next.batch));
    TakeOutcome(lane_.Wait(), std::move(next.readings));
  }
}

absl::StatusOr<ReadingImport::Bad> ReadingImport::Judge(const std::vector<FileReading>& readings) {
  const MemberLookup lookup = directory_.Find(PointsOf(readings));
  PW_RETURN_IF_ERROR(lookup.failure);
  const absl::Time now = clock_.Now();
  Bad bad;
  Batch batch;
  batch.series.resize(1);
  for (size_t i = 0; i < readings.size(); ++i) {
    batch.series[0] = SeriesOf(readings[i]);
    if (absl::Status status = ValidateBatch(batch, lookup.members, now); !status.ok()) {
      bad.emplace_back(i, std::move(status));
    }
  }
  return bad;
}

void ReadingImport::Remove(std::vector<FileReading>& readings, Bad bad) {
  for (auto& [place, error] : bad) {
    Record(readings[place].line, std::move(error));
    readings[place].line = 0;
  }
  std::erase_if(readings, [](const FileReading& reading) { return reading.line == 0; });
}

void ReadingImport::Record(int64_t line, absl::Status error) {
  ++result_.refused;
  result_.errors.emplace(line, std::move(error));
  if (result_.errors.size() > kImportErrorsMax) {
    result_.errors.erase(std::prev(result_.errors.end()));
  }
}

void ReadingImport::Interrupt(absl::Status why) {
  if (interruption_.ok()) {
    interruption_ = std::move(why);
  }
  stopped_ = true;
  pending_.clear();
}

}  // namespace peerwatt::metering
