#include "services/metering/formats/csv_reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/status_macros.h"
#include "services/metering/core/exchange_errors.h"
#include "services/metering/formats/text.h"

namespace peerwatt::metering {
namespace {

constexpr absl::string_view kMark = "\xEF\xBB\xBF";
constexpr size_t kMarkDone = 4;
constexpr std::array<absl::string_view, 10> kNames = {
    "metering_point", "start_time", "end_time", "import_wh", "import_kwh",
    "export_wh",      "export_kwh", "quality",  "method",    "revision"};

absl::Status HeaderError(absl::string_view message) {
  return Error(kFileHeaderInvalid, message, {}, {{"content", std::string(message)}});
}

}  // namespace

absl::Status CsvReader::Read(absl::string_view piece, FileSink& sink) {
  for (const char c : piece) {
    if (mark_bytes_ < kMark.size()) {
      if (c == kMark[mark_bytes_]) {
        ++mark_bytes_;
        continue;
      }
      // What only began like a mark is text.
      text_.append(kMark.data(), mark_bytes_);
      mark_bytes_ = kMarkDone;
    }
    if (c != '\n' || state_ == State::kQuoted) {
      Take(c, sink);
    } else if (state_ == State::kSkip) {
      ClearRecord();
    } else {
      PW_RETURN_IF_ERROR(EndRecord(sink));
    }
    if (c == '\n') {
      ++line_;
      if (state_ == State::kFieldStart && record_bytes_ == 0) {
        record_line_ = line_;
      }
    }
  }
  return absl::OkStatus();
}

void CsvReader::Take(char c, FileSink& sink) {
  if (state_ == State::kSkip) {
    return;
  }
  if (++record_bytes_ > kFileLineBytesMax) {
    Refuse(Error(kFileLineTooLong, "a line has at most 64 KiB"), sink);
    return;
  }
  switch (state_) {
    case State::kFieldStart:
    case State::kPlain:
      if (c == ',') {
        field_ends_.push_back(text_.size());
        state_ = State::kFieldStart;
      } else if (c == '\r') {
        state_ = State::kReturnSeen;
      } else if (c == '"' && state_ == State::kFieldStart) {
        quoted_ = true;
        state_ = State::kQuoted;
      } else if (c == '"') {
        Refuse(Error(kFileLineInvalid, "a quote stands inside of an unquoted field"), sink);
      } else {
        text_.push_back(c);
        state_ = State::kPlain;
      }
      return;
    case State::kQuoted:
      if (c == '"') {
        state_ = State::kQuoteSeen;
      } else {
        text_.push_back(c);
      }
      return;
    case State::kQuoteSeen:
      if (c == '"') {
        text_.push_back(c);
        state_ = State::kQuoted;
      } else if (c == ',') {
        field_ends_.push_back(text_.size());
        state_ = State::kFieldStart;
      } else if (c == '\r') {
        state_ = State::kReturnSeen;
      } else {
        Refuse(Error(kFileLineInvalid, "text follows a closing quote"), sink);
      }
      return;
    case State::kReturnSeen:
      Refuse(Error(kFileLineInvalid, "a carriage return stands inside of a line"), sink);
      return;
    case State::kSkip:
      return;
  }
}

void CsvReader::Refuse(absl::Status error, FileSink& sink) {
  sink.OnError(record_line_, std::move(error));
  state_ = State::kSkip;
}

absl::string_view CsvReader::Field(size_t i) const {
  const size_t begin = i == 0 ? 0 : field_ends_[i - 1];
  return absl::string_view(text_).substr(begin, field_ends_[i] - begin);
}

void CsvReader::ClearRecord() {
  text_.clear();
  field_ends_.clear();
  record_bytes_ = 0;
  quoted_ = false;
  state_ = State::kFieldStart;
}

absl::Status CsvReader::EndRecord(FileSink& sink) {
  field_ends_.push_back(text_.size());
  const bool blank = field_ends_.size() == 1 && text_.empty() && !quoted_;
  if (!blank && !header_read_) {
    PW_RETURN_IF_ERROR(ReadHeader());
    header_read_ = true;
  } else if (!blank) {
    FileReading reading;
    reading.line = record_line_;
    absl::Status read = ReadFields(reading);
    if (read.ok()) {
      sink.OnReading(std::move(reading));
    } else {
      sink.OnError(record_line_, std::move(read));
    }
  }
  ClearRecord();
  return absl::OkStatus();
}

absl::Status CsvReader::ReadHeader() {
  bool seen[kColumnCount] = {};
  for (size_t i = 0; i < field_ends_.size(); ++i) {
    const absl::string_view name = Field(i);
    const auto known = std::find(kNames.begin(), kNames.end(), name);
    if (known == kNames.end()) {
      // The name is the client's own text, but may be anything: it is not repeated at length.
      return HeaderError(absl::StrCat("column ", i + 1, " has an unknown name"));
    }
    const auto column = static_cast<size_t>(known - kNames.begin());
    if (std::exchange(seen[column], true)) {
      return HeaderError(absl::StrCat("column ", name, " is there twice"));
    }
    columns_.push_back(static_cast<Column>(column));
  }
  const auto has = [&seen](Column column) { return seen[static_cast<size_t>(column)]; };
  if (!has(Column::kStartTime) || !has(Column::kEndTime)) {
    return HeaderError("the columns start_time and end_time are needed");
  }
  if (has(Column::kImportWh) == has(Column::kImportKwh)) {
    return HeaderError("one of the columns import_wh and import_kwh is needed");
  }
  if (has(Column::kExportWh) && has(Column::kExportKwh)) {
    return HeaderError("only one of the columns export_wh and export_kwh can be there");
  }
  return absl::OkStatus();
}

absl::Status CsvReader::ReadFields(FileReading& reading) const {
  if (field_ends_.size() != columns_.size()) {
    return Error(kFileLineInvalid, absl::StrCat("the line has ", field_ends_.size(),
                                                " fields instead of ", columns_.size()));
  }
  reading.export_wh = 0;
  for (size_t i = 0; i < columns_.size(); ++i) {
    const absl::string_view field = Field(i);
    switch (columns_[i]) {
      case Column::kMeteringPoint:
        reading.point = std::string(absl::StripPrefix(field, "meteringPoints/"));
        break;
      case Column::kStartTime: {
        PW_ASSIGN_OR_RETURN(reading.interval.start, ParseInstant(field));
        break;
      }
      case Column::kEndTime: {
        PW_ASSIGN_OR_RETURN(reading.interval.end, ParseInstant(field));
        break;
      }
      case Column::kImportWh: {
        PW_ASSIGN_OR_RETURN(reading.import_wh, ParseWattHours(field));
        break;
      }
      case Column::kImportKwh: {
        PW_ASSIGN_OR_RETURN(reading.import_wh, ParseKilowattHours(field));
        break;
      }
      case Column::kExportWh: {
        PW_ASSIGN_OR_RETURN(reading.export_wh, ParseWattHours(field));
        break;
      }
      case Column::kExportKwh: {
        PW_ASSIGN_OR_RETURN(reading.export_wh, ParseKilowattHours(field));
        break;
      }
      case Column::kQuality:
        if (!field.empty()) {
          PW_ASSIGN_OR_RETURN(reading.quality, ParseQuality(field));
        }
        break;
      case Column::kMethod: {
        PW_ASSIGN_OR_RETURN(reading.method, ParseMethod(field));
        break;
      }
      case Column::kRevision:
        break;
    }
  }
  if (reading.interval.end <= reading.interval.start) {
    return Error(kFileLineInvalid, "end_time must be after start_time");
  }
  return absl::OkStatus();
}

absl::Status CsvReader::Finish(FileSink& sink) {
  if (mark_bytes_ > 0 && mark_bytes_ < kMark.size()) {
    text_.append(kMark.data(), mark_bytes_);
  }
  if (state_ == State::kQuoted) {
    Refuse(Error(kFileLineInvalid, "the file ends inside of quotes"), sink);
  }
  if (state_ != State::kSkip) {
    PW_RETURN_IF_ERROR(EndRecord(sink));
  }
  if (!header_read_) {
    return HeaderError("the file has no header");
  }
  return absl::OkStatus();
}

}  // namespace peerwatt::metering
