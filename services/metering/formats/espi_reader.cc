#include "services/metering/formats/espi_reader.h"

#include <expat.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/status_macros.h"
#include "services/metering/core/exchange_errors.h"
#include "services/metering/formats/espi_model.h"
#include "services/metering/formats/espi_names.h"
#include "services/metering/formats/text.h"

namespace peerwatt::metering {
namespace {

constexpr size_t kDepthMax = 32;
constexpr size_t kTextBytesMax = 256;
constexpr size_t kHrefBytesMax = 2048;
constexpr size_t kRelatedMax = 16;
constexpr size_t kStepBytes = 16 << 10;
constexpr size_t kWaitingMax = 50'000;
constexpr char kSeparator = ' ';

/// The elements that mean something here.
enum class Tag {
  kOther,
  kFeed,
  kEntry,
  kLink,
  kUsagePoint,
  kMeterReading,
  kReadingType,
  kIntervalBlock,
  kInterval,
  kIntervalReading,
  kReadingQuality,
  kTimePeriod,
  // Elements with a text that is read.
  kAccumulation,
  kCommodity,
  kDefaultQuality,
  kFlowDirection,
  kIntervalLength,
  kKind,
  kPowerOfTen,
  kUnit,
  kDuration,
  kStart,
  kQuality,
  kValue,
  kExtensionMethod,
  kExtensionPoint,
};

struct TagName {
  absl::string_view space;
  absl::string_view name;
  Tag tag;
};
constexpr std::array<TagName, 25> kTags = {{
    {kEspiNamespace, "IntervalReading", Tag::kIntervalReading},
    {kEspiNamespace, "timePeriod", Tag::kTimePeriod},
    {kEspiNamespace, "duration", Tag::kDuration},
    {kEspiNamespace, "start", Tag::kStart},
    {kEspiNamespace, "value", Tag::kValue},
    {kEspiNamespace, "ReadingQuality", Tag::kReadingQuality},
    {kEspiNamespace, "quality", Tag::kQuality},
    {kEspiNamespace, "IntervalBlock", Tag::kIntervalBlock},
    {kEspiNamespace, "interval", Tag::kInterval},
    {kEspiNamespace, "UsagePoint", Tag::kUsagePoint},
    {kEspiNamespace, "MeterReading", Tag::kMeterReading},
    {kEspiNamespace, "ReadingType", Tag::kReadingType},
    {kEspiNamespace, "accumulationBehaviour", Tag::kAccumulation},
    {kEspiNamespace, "commodity", Tag::kCommodity},
    {kEspiNamespace, "defaultQuality", Tag::kDefaultQuality},
    {kEspiNamespace, "flowDirection", Tag::kFlowDirection},
    {kEspiNamespace, "intervalLength", Tag::kIntervalLength},
    {kEspiNamespace, "kind", Tag::kKind},
    {kEspiNamespace, "powerOfTenMultiplier", Tag::kPowerOfTen},
    {kEspiNamespace, "uom", Tag::kUnit},
    {kAtomNamespace, "feed", Tag::kFeed},
    {kAtomNamespace, "entry", Tag::kEntry},
    {kAtomNamespace, "link", Tag::kLink},
    {kExtensionNamespace, "method", Tag::kExtensionMethod},
    {kExtensionNamespace, "meteringPoint", Tag::kExtensionPoint},
}};

Tag TagOf(absl::string_view full_name) {
  const size_t split = std::min(full_name.find(kSeparator), full_name.size());
  const absl::string_view space = full_name.substr(0, split);
  const absl::string_view name =
      split < full_name.size() ? full_name.substr(split + 1) : absl::string_view();
  for (const TagName& one : kTags) {
    if (one.name == name && one.space == space) {
      return one.tag;
    }
  }
  return Tag::kOther;
}

bool HasText(Tag tag) { return tag >= Tag::kAccumulation; }

absl::Status XmlError(absl::string_view message) {
  return Error(kFileXmlInvalid, message, {}, {{"content", std::string(message)}});
}

/// A reading as far as it was read.
struct PartialReading {
  int64_t line = 0;
  absl::Status error;
  std::optional<int64_t> duration_s;
  std::optional<int64_t> start_s;
  std::optional<int64_t> value;
  std::optional<Provenance> provenance;
};

}  // namespace

/// What expat calls.
class EspiReader::Handler {
 public:
  Handler() : parser_(XML_ParserCreateNS(nullptr, kSeparator)) {
    XML_SetUserData(parser_, this);
    XML_SetElementHandler(
        parser_,
        [](void* self, const char* name, const char** attributes) {
          static_cast<Handler*>(self)->OnStart(name, attributes);
        },
        [](void* self, const char* /*name*/) { static_cast<Handler*>(self)->OnEnd(); });
    XML_SetCharacterDataHandler(parser_, [](void* self, const char* text, int size) {
      static_cast<Handler*>(self)->OnText({text, static_cast<size_t>(size)});
    });
    XML_SetStartDoctypeDeclHandler(parser_, [](void* self, const char* /*name*/,
                                               const char* /*system*/, const char* /*public_id*/,
                                               int /*has_internal*/) {
      static_cast<Handler*>(self)->Fail(XmlError("a document type is not taken"));
    });
  }
  ~Handler() { XML_ParserFree(parser_); }
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;

  /// Parses a step of at most `kStepBytes` bytes.
  absl::Status Parse(absl::string_view step, bool last, FileSink& sink) {
    PW_RETURN_IF_ERROR(failure_);
    sink_ = &sink;
    const XML_Status status =
        XML_Parse(parser_, step.data(), static_cast<int>(step.size()), last ? 1 : 0);
    sink_ = nullptr;
    pushed_ += static_cast<int64_t>(step.size());
    if (failure_.ok() && status != XML_STATUS_OK) {
      line_ = static_cast<int64_t>(XML_GetCurrentLineNumber(parser_));
      failure_ = XmlError(XML_ErrorString(XML_GetErrorCode(parser_)));
    }
    // A token that does not end would be kept until it does.
    if (failure_.ok() && pushed_ - XML_GetCurrentByteIndex(parser_) >
                             static_cast<int64_t>(kFileLineBytesMax)) {
      line_ = static_cast<int64_t>(XML_GetCurrentLineNumber(parser_));
      failure_ = Error(kFileLineTooLong, "a tag or comment has at most 64 KiB");
    }
    if (failure_.ok() && last) {
      merge_.Flush(sink);
    }
    return failure_;
  }
  int64_t line() const {
    return failure_.ok() ? static_cast<int64_t>(XML_GetCurrentLineNumber(parser_)) : line_;
  }

 private:
  void Fail(absl::Status failure) {
    if (failure_.ok()) {
      line_ = static_cast<int64_t>(XML_GetCurrentLineNumber(parser_));
      failure_ = std::move(failure);
      XML_StopParser(parser_, XML_FALSE);
    }
  }

  void OnStart(const char* name, const char** attributes) {
    if (!failure_.ok()) {
      return;
    }
    const Tag tag = TagOf(name);
    if (tags_.empty() && tag != Tag::kFeed && tag != Tag::kEntry) {
      Fail(XmlError("the file is no Atom feed"));
      return;
    }
    if (tags_.size() == kDepthMax) {
      Fail(XmlError("elements are at most 32 deep"));
      return;
    }
    const Tag parent = tags_.empty() ? Tag::kOther : tags_.back();
    tags_.push_back(tag);
    text_.clear();
    switch (tag) {
      case Tag::kEntry:
        links_ = {};
        resource_ = Tag::kOther;
        break;
      case Tag::kLink:
        if (parent == Tag::kEntry) {
          ReadLink(attributes);
        }
        break;
      case Tag::kUsagePoint:
      case Tag::kMeterReading:
      case Tag::kReadingType:
        resource_ = tag;
        type_ = {};
        metering_point_.clear();
        break;
      case Tag::kIntervalBlock:
        StartBlock();
        break;
      case Tag::kIntervalReading:
        reading_ = {};
        reading_.line = static_cast<int64_t>(XML_GetCurrentLineNumber(parser_));
        break;
      case Tag::kReadingQuality:
        quality_ = {};
        method_.reset();
        break;
      default:
        break;
    }
  }

  void ReadLink(const char** attributes) {
    absl::string_view rel;
    absl::string_view href;
    for (; *attributes != nullptr; attributes += 2) {
      if (absl::string_view(attributes[0]) == "rel") {
        rel = attributes[1];
      } else if (absl::string_view(attributes[0]) == "href") {
        href = attributes[1];
      }
    }
    if (href.size() > kHrefBytesMax) {
      Fail(XmlError("an address has at most 2048 bytes"));
    } else if (rel == "self") {
      links_.self = std::string(href);
    } else if (rel == "up") {
      links_.up = std::string(href);
    } else if (rel == "related" && links_.related.size() < kRelatedMax) {
      links_.related.emplace_back(href);
    }
  }

  void StartBlock() {
    block_start_s_.reset();
    readings_in_block_ = 0;
    absl::StatusOr<EspiSeries> series = resources_.SeriesOf(links_);
    series_.reset();
    if (series.ok()) {
      series_ = *std::move(series);
    } else {
      sink_->OnError(static_cast<int64_t>(XML_GetCurrentLineNumber(parser_)), series.status());
    }
  }

  void OnText(absl::string_view text) {
    if (!failure_.ok() || tags_.empty() || !HasText(tags_.back())) {
      return;
    }
    if (text_.size() + text.size() > kTextBytesMax) {
      Fail(XmlError("a value has at most 256 bytes"));
      return;
    }
    text_.append(text.data(), text.size());
  }

  void OnEnd() {
    if (!failure_.ok()) {
      return;
    }
    const Tag tag = tags_.back();
    tags_.pop_back();
    const Tag parent = tags_.empty() ? Tag::kOther : tags_.back();
    if (tag == Tag::kEntry) {
      EndEntry();
    } else if (tag == Tag::kIntervalReading && parent == Tag::kIntervalBlock) {
      EndReading();
    } else if (tag == Tag::kReadingQuality && parent == Tag::kIntervalReading) {
      EndQuality();
    } else if (tag == Tag::kExtensionMethod) {
      method_ = std::string(absl::StripAsciiWhitespace(text_));
    } else if (tag == Tag::kExtensionPoint && resource_ == Tag::kUsagePoint) {
      metering_point_ =
          std::string(absl::StripPrefix(absl::StripAsciiWhitespace(text_), "meteringPoints/"));
    } else if (HasText(tag)) {
      EndNumber(tag, parent);
    }
  }

  void EndEntry() {
    absl::Status added;
    if (resource_ == Tag::kUsagePoint) {
      added = resources_.AddUsagePoint(std::move(links_), std::move(metering_point_));
    } else if (resource_ == Tag::kMeterReading) {
      added = resources_.AddMeterReading(std::move(links_));
    } else if (resource_ == Tag::kReadingType) {
      added = resources_.AddReadingType(std::move(links_), type_);
    }
    links_ = {};
    if (!added.ok()) {
      Fail(std::move(added));
    }
  }

  /// Keeps the number in `text_` where it belongs.
  void EndNumber(Tag tag, Tag parent) {
    if (parent != Tag::kReadingType && parent != Tag::kTimePeriod && parent != Tag::kInterval &&
        parent != Tag::kIntervalReading && parent != Tag::kReadingQuality) {
      return;
    }
    const absl::StatusOr<int64_t> number = ParseInteger(absl::StripAsciiWhitespace(text_));
    if (!number.ok()) {
      if (parent == Tag::kReadingType) {
        Fail(number.status());
      } else {
        reading_.error = number.status();
      }
      return;
    }
    if (parent == Tag::kReadingType) {
      EndTypeField(tag, *number);
    } else if (parent == Tag::kTimePeriod) {
      (tag == Tag::kDuration ? reading_.duration_s : reading_.start_s) = *number;
    } else if (parent == Tag::kInterval && tag == Tag::kStart) {
      block_start_s_ = *number;
    } else if (parent == Tag::kIntervalReading && tag == Tag::kValue) {
      reading_.value = *number;
    } else if (parent == Tag::kReadingQuality && tag == Tag::kQuality) {
      quality_ = *number;
    }
  }

  void EndTypeField(Tag tag, int64_t number) {
    switch (tag) {
      case Tag::kAccumulation:
        type_.accumulation = number;
        break;
      case Tag::kCommodity:
        type_.commodity = number;
        break;
      case Tag::kDefaultQuality:
        type_.default_quality = number;
        break;
      case Tag::kFlowDirection:
        type_.flow = number;
        break;
      case Tag::kIntervalLength:
        type_.interval_s = number;
        break;
      case Tag::kKind:
        type_.kind = number;
        break;
      case Tag::kPowerOfTen:
        type_.power_of_ten = number;
        break;
      case Tag::kUnit:
        type_.unit = number;
        break;
      default:
        break;
    }
  }

  void EndQuality() {
    if (!quality_.has_value()) {
      return;
    }
    absl::StatusOr<Provenance> provenance = ProvenanceOf(*quality_);
    if (provenance.ok() && method_.has_value()) {
      const absl::StatusOr<Method> method = ParseMethod(*method_);
      if (method.ok()) {
        provenance->method = *method;
      } else {
        provenance = method.status();
      }
    }
    if (!provenance.ok()) {
      reading_.error = provenance.status();
    } else if (!reading_.provenance.has_value() ||
               provenance->quality > reading_.provenance->quality) {
      reading_.provenance = *provenance;
    }
  }

  void EndReading() {
    const int64_t number = readings_in_block_++;
    if (!series_.has_value()) {
      return;  // The block was refused as a whole.
    }
    absl::StatusOr<FileReading> reading = ReadingOf(number);
    if (!reading.ok()) {
      sink_->OnError(reading_.line, reading.status());
    } else if (series_->both_directions) {
      merge_.Add(*std::move(reading), *sink_);
    } else {
      sink_->OnReading(*std::move(reading));
    }
  }

  /// The reading that was just read; number: its place in the block, from 0.
  absl::StatusOr<FileReading> ReadingOf(int64_t number) const {
    PW_RETURN_IF_ERROR(reading_.error);
    if (!reading_.value.has_value()) {
      return Error(kFileLineInvalid, "a reading has no value");
    }
    const std::optional<int64_t> duration_s =
        reading_.duration_s.has_value() ? reading_.duration_s : series_->interval_s;
    std::optional<int64_t> start_s = reading_.start_s;
    if (!start_s.has_value() && block_start_s_.has_value() && duration_s.has_value() &&
        *duration_s > 0 && *duration_s <= 366 * 86'400) {
      start_s = *block_start_s_ + number * *duration_s;
    }
    if (!duration_s.has_value() || !start_s.has_value()) {
      return Error(kFileLineInvalid, "a reading has no time");
    }
    constexpr int64_t kYear10000 = 253'402'300'800;
    if (*duration_s <= 0 || *duration_s > 366 * 86'400 || *start_s < 0 || *start_s >= kYear10000) {
      return Error(kFileLineInvalid, "a reading's time is out of bounds");
    }
    FileReading reading;
    reading.point = series_->point;
    reading.interval.start = absl::FromUnixSeconds(*start_s);
    reading.interval.end = reading.interval.start + absl::Seconds(*duration_s);
    PW_ASSIGN_OR_RETURN((series_->forward ? reading.import_wh : reading.export_wh),
                        TimesPowerOfTen(*reading_.value, series_->power_of_ten));
    const Provenance provenance = reading_.provenance.value_or(series_->provenance);
    reading.quality = provenance.quality;
    reading.method = provenance.method;
    reading.line = reading_.line;
    return reading;
  }

  const XML_Parser parser_;
  FileSink* sink_ = nullptr;
  absl::Status failure_;
  int64_t line_ = 0;    ///< Of the failure.
  int64_t pushed_ = 0;  ///< Bytes given to the parser.
  std::vector<Tag> tags_;
  std::string text_;
  EspiLinks links_;           ///< Of the entry.
  Tag resource_ = Tag::kOther;  ///< What the entry holds.
  std::string metering_point_;
  EspiReadingType type_;
  EspiResources resources_;
  std::optional<EspiSeries> series_;  ///< Of the block; nothing when the block is refused.
  std::optional<int64_t> block_start_s_;
  int64_t readings_in_block_ = 0;
  PartialReading reading_;
  std::optional<int64_t> quality_;
  std::optional<std::string> method_;
  DirectionMerge merge_{kWaitingMax};
};

EspiReader::EspiReader() : handler_(std::make_unique<Handler>()) {}
EspiReader::~EspiReader() = default;

absl::Status EspiReader::Read(absl::string_view piece, FileSink& sink) {
  while (!piece.empty()) {
    const absl::string_view step = piece.substr(0, kStepBytes);
    PW_RETURN_IF_ERROR(handler_->Parse(step, /*last=*/false, sink));
    piece.remove_prefix(step.size());
  }
  return absl::OkStatus();
}

absl::Status EspiReader::Finish(FileSink& sink) {
  return handler_->Parse("", /*last=*/true, sink);
}

int64_t EspiReader::line() const { return handler_->line(); }

}  // namespace peerwatt::metering
