#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <google/protobuf/message.h>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peerwatt::rpc {

/// Where a page starts and how long it is.
struct Page {
  int32_t size = 100;
  /// What the last page ended with; empty for the first. Meaning: the service's own.
  std::string after;

  /// How many values to read: one more than belongs to the page tells whether another follows.
  int32_t limit() const { return size + 1; }
};

/// Reads `page_size` and `page_token` of a List request by reflection: 0 means 100, more than 1000
/// means 1000. Errors: FIELD_INVALID for a negative size, PAGE_TOKEN_INVALID for a token that is
/// malformed or belongs to a request with other fields.
absl::StatusOr<Page> ReadPage(const google::protobuf::Message& request);

/// Cuts values that were read with `page.limit()` to the page. Returns whether another follows.
template <typename Value>
bool CutToPage(const Page& page, std::vector<Value>& values) {
  const size_t size = static_cast<size_t>(page.size);
  const bool has_more = values.size() > size;
  if (has_more) {
    values.erase(values.begin() + page.size, values.end());
  }
  return has_more;
}

/// The token of the next page of this request.
std::string NextPageToken(const google::protobuf::Message& request, absl::string_view after);

}  // namespace peerwatt::rpc
