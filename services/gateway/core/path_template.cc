#include "services/gateway/core/path_template.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "libs/base/status_macros.h"
#include "services/gateway/core/uri.h"

namespace peerwatt::gateway {
namespace {

using Segment = PathTemplate::Segment;

absl::Status Broken(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("path template '", text, "': ", why));
}

bool IsLiteral(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ||
           c == '.' || c == '~';
  });
}

bool IsFieldPath(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
  });
}

absl::Status AddSegments(absl::string_view all, absl::string_view part,
                         std::vector<Segment>& segments) {
  for (const absl::string_view piece : absl::StrSplit(part, '/')) {
    if (piece == "*") {
      segments.push_back({Segment::Kind::kStar, ""});
    } else if (piece == "**") {
      segments.push_back({Segment::Kind::kStars, ""});
    } else if (IsLiteral(piece)) {
      segments.push_back({Segment::Kind::kLiteral, std::string(piece)});
    } else {
      return Broken(all, absl::StrCat("'", piece, "' is no segment"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::optional<RequestPath> SplitPath(absl::string_view path) {
  if (path.size() < 2 || path.front() != '/') return std::nullopt;
  RequestPath out;
  out.segments = absl::StrSplit(path.substr(1), '/');
  absl::string_view& last = out.segments.back();
  if (const size_t colon = last.rfind(':'); colon != absl::string_view::npos) {
    out.verb = last.substr(colon + 1);
    last = last.substr(0, colon);
    if (out.verb.empty()) return std::nullopt;
  }
  for (const absl::string_view segment : out.segments) {
    if (segment.empty()) return std::nullopt;
  }
  return out;
}

absl::StatusOr<PathTemplate> PathTemplate::Parse(absl::string_view text) {
  PathTemplate out;
  out.text_ = std::string(text);
  absl::string_view rest = text;
  if (rest.empty() || rest.front() != '/') return Broken(text, "must start with a slash");
  rest.remove_prefix(1);
  const size_t brace = rest.rfind('}');
  const size_t colon = rest.rfind(':');
  if (colon != absl::string_view::npos && (brace == absl::string_view::npos || brace < colon)) {
    out.verb_ = std::string(rest.substr(colon + 1));
    if (!IsLiteral(out.verb_)) return Broken(text, "the verb is no word");
    rest = rest.substr(0, colon);
  }
  while (true) {
    if (!rest.empty() && rest.front() == '{') {
      const size_t end = rest.find('}');
      if (end == absl::string_view::npos) return Broken(text, "a brace is open");
      const absl::string_view inner = rest.substr(1, end - 1);
      const size_t equals = inner.find('=');
      Variable variable{std::string(inner.substr(0, equals)), out.segments_.size(), 0};
      if (!IsFieldPath(variable.field)) return Broken(text, "a variable has no field");
      PW_RETURN_IF_ERROR(AddSegments(
          text, equals == absl::string_view::npos ? "*" : inner.substr(equals + 1), out.segments_));
      variable.last = out.segments_.size();
      out.variables_.push_back(std::move(variable));
      rest.remove_prefix(end + 1);
    } else {
      const size_t end = std::min(rest.find('/'), rest.size());
      PW_RETURN_IF_ERROR(AddSegments(text, rest.substr(0, end), out.segments_));
      rest.remove_prefix(end);
    }
    if (rest.empty()) break;
    if (rest.front() != '/') return Broken(text, "a slash is missing after a brace");
    rest.remove_prefix(1);
  }
  for (size_t i = 0; i + 1 < out.segments_.size(); ++i) {
    if (out.segments_[i].kind == Segment::Kind::kStars) return Broken(text, "** must be last");
  }
  return out;
}

std::optional<std::vector<PathBinding>> PathTemplate::Match(const RequestPath& path) const {
  const bool open_end = segments_.back().kind == Segment::Kind::kStars;
  if (path.verb != verb_ || path.segments.size() < segments_.size() ||
      (!open_end && path.segments.size() != segments_.size())) {
    return std::nullopt;
  }
  for (size_t i = 0; i < segments_.size(); ++i) {
    if (segments_[i].kind == Segment::Kind::kLiteral && segments_[i].literal != path.segments[i]) {
      return std::nullopt;
    }
  }
  std::vector<PathBinding> bindings;
  for (const Variable& variable : variables_) {
    const size_t last =
        open_end && variable.last == segments_.size() ? path.segments.size() : variable.last;
    const auto begin = path.segments.begin();
    const std::string joined =
        absl::StrJoin(begin + static_cast<std::ptrdiff_t>(variable.first),
                      begin + static_cast<std::ptrdiff_t>(last), "/");
    auto decoded = PercentDecode(
        joined, last - variable.first == 1 ? Decoding::kAll : Decoding::kKeepSlash);
    if (!decoded.has_value()) return std::nullopt;
    bindings.push_back({variable.field, *std::move(decoded)});
  }
  return bindings;
}

size_t PathTemplate::literal_count() const {
  return static_cast<size_t>(std::count_if(
      segments_.begin(), segments_.end(),
      [](const Segment& segment) { return segment.kind == Segment::Kind::kLiteral; }));
}

}  // namespace peerwatt::gateway
