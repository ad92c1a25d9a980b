#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/base/error.h"
#include "libs/domain/interval.h"
#include "libs/rpc/paging.h"
#include "services/market/core/errors.h"
#include "services/market/rpc/codec.h"

namespace peerwatt::market {

/// The last second that a time on the wire can name.
inline const absl::Time kEndOfTime = absl::FromUnixSeconds(253'402'300'799);

/// Lets a span of deliveries begin behind the one that ended the page before.
/// Errors: PAGE_TOKEN_INVALID.
inline absl::Status BeginAfter(const rpc::Page& page, Interval& span) {
  if (page.after.empty()) {
    return absl::OkStatus();
  }
  const absl::StatusOr<absl::Time> after = ParseTimeSegment(page.after);
  if (!after.ok()) {
    return Error(kPageTokenInvalid, "the page token is malformed");
  }
  span.start = std::max(span.start, *after + absl::Microseconds(1));
  return absl::OkStatus();
}

}  // namespace peerwatt::market
