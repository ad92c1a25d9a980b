#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peerwatt::gateway {

/// A field of the request, by its path, and the text that the URL gives it.
struct PathBinding {
  std::string field;
  std::string value;

  friend bool operator==(const PathBinding&, const PathBinding&) = default;
};

/// A path as it arrived: its segments, still percent-encoded, and the verb after the last colon.
struct RequestPath {
  std::vector<absl::string_view> segments;
  absl::string_view verb;
};
/// Splits `/v1/a/b:verb`. Returns nothing unless it starts with a slash and no segment is empty.
std::optional<RequestPath> SplitPath(absl::string_view path);

/// A template of `google.api.HttpRule`, such as `/v1/{name=communities/*/auctions/*}:watch`.
class PathTemplate {
 public:
  /// One segment of the template.
  struct Segment {
    enum class Kind { kLiteral, kStar, kStars };
    Kind kind = Kind::kLiteral;
    std::string literal;
  };
  /// A variable covers the segments `[first, last)`.
  struct Variable {
    std::string field;
    size_t first = 0;
    size_t last = 0;
  };

  /// Errors: kInvalidArgument when `text` is no template, or `**` is not its last segment.
  static absl::StatusOr<PathTemplate> Parse(absl::string_view text);

  /// The bindings of the variables when `path` matches, decoded: a variable of one segment
  /// completely, a longer one all but `%2F`. Returns nothing when it does not match.
  std::optional<std::vector<PathBinding>> Match(const RequestPath& path) const;

  const std::string& text() const { return text_; }
  const std::string& verb() const { return verb_; }
  const std::vector<Segment>& segments() const { return segments_; }
  const std::vector<Variable>& variables() const { return variables_; }
  /// How many segments are literals: more of them make a template more specific.
  size_t literal_count() const;

 private:
  std::string text_;
  std::string verb_;
  std::vector<Segment> segments_;
  std::vector<Variable> variables_;
};

}  // namespace peerwatt::gateway
