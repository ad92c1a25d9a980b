#include "libs/base/error.h"

#include <cstddef>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace peerwatt {
namespace {

constexpr absl::string_view kPayloadUrl = "peerwatt.dev/error-detail";

// Length-prefixed strings, so that any text travels unchanged.
void Append(std::string& out, absl::string_view text) {
  absl::StrAppend(&out, text.size(), ":", text);
}

bool Take(absl::string_view& in, std::string& text) {
  const size_t colon = in.find(':');
  size_t size = 0;
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(in.substr(0, colon), &size) ||
      in.size() - colon - 1 < size) {
    return false;
  }
  text = std::string(in.substr(colon + 1, size));
  in.remove_prefix(colon + 1 + size);
  return true;
}

}  // namespace

absl::Status ErrorFromDetail(absl::StatusCode code, absl::string_view message,
                             const ErrorDetail& detail) {
  absl::Status status(code, message);
  std::string payload;
  Append(payload, detail.reason);
  Append(payload, detail.retryable ? "1" : "0");
  Append(payload, absl::StrCat(detail.metadata.size()));
  for (const auto& [key, value] : detail.metadata) {
    Append(payload, key);
    Append(payload, value);
  }
  for (const FieldViolation& violation : detail.violations) {
    Append(payload, violation.field);
    Append(payload, violation.description);
  }
  status.SetPayload(kPayloadUrl, absl::Cord(payload));
  return status;
}

absl::Status Error(const ErrorReason& reason, absl::string_view message,
                   std::map<std::string, std::string> metadata,
                   std::vector<FieldViolation> violations) {
  return ErrorFromDetail(reason.code, message,
                         ErrorDetail{std::string(reason.name), reason.retryable,
                                     std::move(metadata), std::move(violations)});
}

ErrorDetail DetailOf(const absl::Status& status) {
  ErrorDetail detail;
  const auto payload = status.GetPayload(kPayloadUrl);
  if (!payload.has_value()) return detail;
  const std::string flat(*payload);
  absl::string_view in = flat;
  std::string retryable, count_text;
  size_t count = 0;
  if (!Take(in, detail.reason) || !Take(in, retryable) || !Take(in, count_text) ||
      !absl::SimpleAtoi(count_text, &count)) {
    return detail;
  }
  detail.retryable = retryable == "1";
  std::string key, value;
  for (size_t i = 0; i < count && Take(in, key) && Take(in, value); ++i) {
    detail.metadata[key] = value;
  }
  while (Take(in, key) && Take(in, value)) detail.violations.push_back({key, value});
  return detail;
}

std::string ReasonOf(const absl::Status& status) { return DetailOf(status).reason; }

absl::Status FieldInvalid(absl::string_view field, absl::string_view description) {
  return Error(kFieldInvalid, absl::StrCat(field, " ", description),
               {{"field", std::string(field)}},
               {FieldViolation{std::string(field), std::string(description)}});
}

}  // namespace peerwatt
