#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace peerwatt::settlement {

/// Writes one XML document in UTF-8, indented by two blanks. Texts are escaped; what XML cannot
/// carry (control characters) becomes `?`.
class XmlWriter {
 public:
  /// An attribute of an element.
  struct Attribute {
    absl::string_view name;
    absl::string_view value;
  };

  XmlWriter();
  /// Begins an element; its parts follow until `Close`.
  void Open(absl::string_view name, const std::vector<Attribute>& attributes = {});
  /// Ends the element that was begun last. Stops the process when none is open.
  void Close();
  /// An element that holds a text.
  void Text(absl::string_view name, absl::string_view text,
            const std::vector<Attribute>& attributes = {});
  /// The document. Stops the process when an element is still open.
  std::string Take();

 private:
  void Begin(absl::string_view name, const std::vector<Attribute>& attributes);

  std::string out_;
  std::vector<std::string> open_;
};

}  // namespace peerwatt::settlement
