#pragma once

#include <string>
#include <vector>

#include <google/protobuf/message.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/gateway/api/method_table.h"
#include "services/gateway/core/path_template.h"

namespace peerwatt::gateway {

/// Fills the request message of a route from the body, the query and the path, in this order.
/// The query fills what neither the path nor the body fills.
/// Errors: BODY_UNEXPECTED, MALFORMED_JSON, UNKNOWN_FIELD, WRONG_TYPE, MALFORMED_REQUEST (a query
/// that cannot be decoded), FIELD_INVALID (also a name in the body that differs from the path's).
absl::Status BindRequest(const HttpBinding& binding, const std::vector<PathBinding>& path,
                         absl::string_view query, absl::string_view body,
                         google::protobuf::Message& message);

}  // namespace peerwatt::gateway
