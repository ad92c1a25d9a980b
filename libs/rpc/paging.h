#pragma once

#include <cstdint>
#include <string>

#include <google/protobuf/message.h>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peerwatt::rpc {

/// Where a page starts and how long it is.
struct Page {
  int32_t size = 100;
  /// What the last page ended with; empty for the first. Meaning: the service's own.
  std::string after;
};

/// Reads `page_size` and `page_token` of a List request by reflection: 0 means 100, more than 1000
/// means 1000. Errors: FIELD_INVALID for a negative size, PAGE_TOKEN_INVALID for a token that is
/// malformed or belongs to a request with other fields.
absl::StatusOr<Page> ReadPage(const google::protobuf::Message& request);

/// The token of the next page of this request.
std::string NextPageToken(const google::protobuf::Message& request, absl::string_view after);

}  // namespace peerwatt::rpc
