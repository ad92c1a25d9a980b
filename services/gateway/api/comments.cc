#include "services/gateway/api/comments.h"

#include <google/protobuf/descriptor.pb.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace peerwatt::gateway {

Comments::Comments(const std::string& serialized) {
  google::protobuf::FileDescriptorSet set;
  if (!set.ParseFromString(serialized)) return;
  for (const auto& file : set.file()) {
    if (pool_.BuildFile(file) == nullptr) return;
  }
}

std::string Comments::Flow(const std::string& comment) {
  std::string out;
  bool paragraph = false;
  for (const absl::string_view line : absl::StrSplit(comment, '\n')) {
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    if (text.empty()) {
      paragraph = !out.empty();
      continue;
    }
    absl::StrAppend(&out, out.empty() ? "" : paragraph ? "\n\n" : " ", text);
    paragraph = false;
  }
  return out;
}

}  // namespace peerwatt::gateway
