#include "services/metering/formats/espi_reader.h"

#include <expat.h>

#include <algorithm>
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
#include "services/metering/formats/espi_tags.h"
#include "services/metering/formats/text.h"

namespace peerwatt::metering {
namespace {

constexpr size_t kDepthMax = 32;
constexpr size_t kTextBytesMax = 256;
constexpr size_t kHrefBytesMax = 2048;
constexpr size_t kRelatedMax = 16;
constexpr size_t kStepBytes = 16 << 10;
constexpr size_t kWaitingMax = 50'000;

absl::Status XmlError(absl::string_view message) {
  return Error(kFileXmlInvalid, message, {}, {{"content", std::string(message)}});
}

}  // namespace

/// What expat calls.
class EspiReader::Handler {
 public:
  Handler() : parser_(XML_ParserCreateNS(nullptr, kNameSeparator)) {
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
    const EspiTag tag = TagOf(name);
    if (tags_.empty() && tag != EspiTag::kFeed && tag != EspiTag::kEntry) {
      Fail(XmlError("the file is no Atom feed"));
      return;
    }
    if (tags_.size() == kDepthMax) {
      Fail(XmlError("elements are at most 32 deep"));
      return;
    }
    const EspiTag parent = tags_.empty() ? EspiTag::kOther : tags_.back();
    tags_.push_back(tag);
    text_.clear();
    switch (tag) {
      case EspiTag::kEntry:
        links_ = {};
        resource_ = EspiTag::kOther;
        break;
      case EspiTag::kLink:
        if (parent == EspiTag::kEntry) {
          ReadLink(attributes);
        }
        break;
      case EspiTag::kUsagePoint:
      case EspiTag::kMeterReading:
      case EspiTag::kReadingType:
        resource_ = tag;
        type_ = {};
        metering_point_.clear();
        break;
      case EspiTag::kIntervalBlock:
        StartBlock();
        break;
      case EspiTag::kIntervalReading:
        reading_ = {};
        reading_.line = static_cast<int64_t>(XML_GetCurrentLineNumber(parser_));
        break;
      case EspiTag::kReadingQuality:
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
    const EspiTag tag = tags_.back();
    tags_.pop_back();
    const EspiTag parent = tags_.empty() ? EspiTag::kOther : tags_.back();
    if (tag == EspiTag::kEntry) {
      EndEntry();
    } else if (tag == EspiTag::kIntervalReading && parent == EspiTag::kIntervalBlock) {
      EndReading();
    } else if (tag == EspiTag::kReadingQuality && parent == EspiTag::kIntervalReading) {
      EndQuality();
    } else if (tag == EspiTag::kExtensionMethod) {
      method_ = std::string(absl::StripAsciiWhitespace(text_));
    } else if (tag == EspiTag::kExtensionPoint && resource_ == EspiTag::kUsagePoint) {
      metering_point_ =
          std::string(absl::StripPrefix(absl::StripAsciiWhitespace(text_), "meteringPoints/"));
    } else if (HasText(tag)) {
      EndNumber(tag, parent);
    }
  }

  void EndEntry() {
    absl::Status added;
    if (resource_ == EspiTag::kUsagePoint) {
      added = resources_.AddUsagePoint(std::move(links_), std::move(metering_point_));
    } else if (resource_ == EspiTag::kMeterReading) {
      added = resources_.AddMeterReading(std::move(links_));
    } else if (resource_ == EspiTag::kReadingType) {
      added = resources_.AddReadingType(std::move(links_), type_);
    }
    links_ = {};
    if (!added.ok()) {
      Fail(std::move(added));
    }
  }

  /// Keeps the number in `text_` where it belongs.
  void EndNumber(EspiTag tag, EspiTag parent) {
    if (parent != EspiTag::kReadingType && parent != EspiTag::kTimePeriod &&
        parent != EspiTag::kInterval && parent != EspiTag::kIntervalReading &&
        parent != EspiTag::kReadingQuality) {
      return;
    }
    const absl::StatusOr<int64_t> number = ParseInteger(absl::StripAsciiWhitespace(text_));
    if (!number.ok()) {
      if (parent == EspiTag::kReadingType) {
        Fail(number.status());
      } else {
        reading_.error = number.status();
      }
      return;
    }
    if (parent == EspiTag::kReadingType) {
      EndTypeField(tag, *number);
    } else if (parent == EspiTag::kTimePeriod) {
      (tag == EspiTag::kDuration ? reading_.duration_s : reading_.start_s) = *number;
    } else if (parent == EspiTag::kInterval && tag == EspiTag::kStart) {
      block_start_s_ = *number;
    } else if (parent == EspiTag::kIntervalReading && tag == EspiTag::kValue) {
      reading_.value = *number;
    } else if (parent == EspiTag::kReadingQuality && tag == EspiTag::kQuality) {
      quality_ = *number;
    }
  }

  void EndTypeField(EspiTag tag, int64_t number) {
    switch (tag) {
      case EspiTag::kAccumulation:
        type_.accumulation = number;
        break;
      case EspiTag::kCommodity:
        type_.commodity = number;
        break;
      case EspiTag::kDefaultQuality:
        type_.default_quality = number;
        break;
      case EspiTag::kFlowDirection:
        type_.flow = number;
        break;
      case EspiTag::kIntervalLength:
        type_.interval_s = number;
        break;
      case EspiTag::kKind:
        type_.kind = number;
        break;
      case EspiTag::kPowerOfTen:
        type_.power_of_ten = number;
        break;
      case EspiTag::kUnit:
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
    absl::StatusOr<FileReading> reading =
        ReadingOf(reading_, *series_, block_start_s_, number);
    if (!reading.ok()) {
      sink_->OnError(reading_.line, reading.status());
    } else if (series_->both_directions) {
      merge_.Add(*std::move(reading), *sink_);
    } else {
      sink_->OnReading(*std::move(reading));
    }
  }

  const XML_Parser parser_;
  FileSink* sink_ = nullptr;
  absl::Status failure_;
  int64_t line_ = 0;    ///< Of the failure.
  int64_t pushed_ = 0;  ///< Bytes given to the parser.
  std::vector<EspiTag> tags_;
  std::string text_;
  EspiLinks links_;           ///< Of the entry.
  EspiTag resource_ = EspiTag::kOther;  ///< What the entry holds.
  std::string metering_point_;
  EspiReadingType type_;
  EspiResources resources_;
  std::optional<EspiSeries> series_;  ///< Of the block; nothing when the block is refused.
  std::optional<int64_t> block_start_s_;
  int64_t readings_in_block_ = 0;
  EspiReading reading_;
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
