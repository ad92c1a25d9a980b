#pragma once

#include <string>

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/type/money.pb.h"
#include "libs/domain/quantities.h"

namespace peerwatt::rpc {

google::protobuf::Timestamp ToProto(absl::Time time);
google::protobuf::Duration ToProto(absl::Duration duration);
/// Errors: FIELD_INVALID outside the years 1970 to 9999 or finer than a microsecond.
absl::StatusOr<absl::Time> TimeFrom(const google::protobuf::Timestamp& proto,
                                    absl::string_view field);
absl::StatusOr<absl::Duration> DurationFrom(const google::protobuf::Duration& proto,
                                            absl::string_view field);

google::type::Money ToProto(Money amount, const std::string& currency);
google::type::Money ToProto(Price price, const std::string& currency);
/// Errors: FIELD_INVALID when the currency is not `currency`, signs of units and nanos differ,
/// nanos are not a multiple of 1000, or the amount does not fit.
absl::StatusOr<Money> MoneyFrom(const google::type::Money& proto, const std::string& currency,
                                absl::string_view field);
/// As MoneyFrom, and |price| <= kPriceMax.
absl::StatusOr<Price> PriceFrom(const google::type::Money& proto, const std::string& currency,
                                absl::string_view field);

}  // namespace peerwatt::rpc
