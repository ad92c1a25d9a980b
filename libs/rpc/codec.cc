#include "libs/rpc/codec.h"

#include <limits>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"

namespace peerwatt::rpc {
namespace {

constexpr int64_t kMicrosPerUnit = 1'000'000;
constexpr int32_t kNanosPerMicro = 1'000;
constexpr int64_t kSecondsMax = 253402300799;  // 9999-12-31T23:59:59Z

google::type::Money MoneyProto(int64_t micros, const std::string& currency) {
  google::type::Money proto;
  proto.set_currency_code(currency);
  proto.set_units(micros / kMicrosPerUnit);
  proto.set_nanos(static_cast<int32_t>(micros % kMicrosPerUnit) * kNanosPerMicro);
  return proto;
}

absl::StatusOr<int64_t> MicrosFrom(const google::type::Money& proto, const std::string& currency,
                                   absl::string_view field) {
  if (proto.currency_code() != currency) {
    return FieldInvalid(absl::StrCat(field, ".currency_code"),
                        absl::StrCat("must be ", currency));
  }
  if (proto.nanos() % kNanosPerMicro != 0 || proto.nanos() <= -1'000'000'000 ||
      proto.nanos() >= 1'000'000'000) {
    return FieldInvalid(absl::StrCat(field, ".nanos"),
                        "must be a multiple of 1000 between -999999000 and 999999000");
  }
  if ((proto.units() > 0 && proto.nanos() < 0) || (proto.units() < 0 && proto.nanos() > 0)) {
    return FieldInvalid(absl::StrCat(field, ".nanos"), "must have the sign of units");
  }
  const absl::int128 micros = absl::int128(proto.units()) * kMicrosPerUnit +
                              proto.nanos() / kNanosPerMicro;
  if (micros > std::numeric_limits<int64_t>::max() ||
      micros < -std::numeric_limits<int64_t>::max()) {
    return FieldInvalid(absl::StrCat(field, ".units"), "is out of range");
  }
  return static_cast<int64_t>(micros);
}

}  // namespace

google::protobuf::Timestamp ToProto(absl::Time time) {
  const int64_t micros = absl::ToUnixMicros(time);
  google::protobuf::Timestamp proto;
  int64_t seconds = micros / kMicrosPerUnit;
  int64_t rest = micros % kMicrosPerUnit;
  if (rest < 0) {
    --seconds;
    rest += kMicrosPerUnit;
  }
  proto.set_seconds(seconds);
  proto.set_nanos(static_cast<int32_t>(rest) * kNanosPerMicro);
  return proto;
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  const int64_t micros = absl::ToInt64Microseconds(duration);
  google::protobuf::Duration proto;
  proto.set_seconds(micros / kMicrosPerUnit);
  proto.set_nanos(static_cast<int32_t>(micros % kMicrosPerUnit) * kNanosPerMicro);
  return proto;
}

absl::StatusOr<absl::Time> TimeFrom(const google::protobuf::Timestamp& proto,
                                    absl::string_view field) {
  if (proto.seconds() < 0 || proto.seconds() > kSecondsMax || proto.nanos() < 0 ||
      proto.nanos() > 999'999'999) {
    return FieldInvalid(field, "must be between the years 1970 and 9999");
  }
  if (proto.nanos() % kNanosPerMicro != 0) {
    return FieldInvalid(field, "must not be finer than a microsecond");
  }
  return absl::FromUnixMicros(proto.seconds() * kMicrosPerUnit + proto.nanos() / kNanosPerMicro);
}

absl::StatusOr<absl::Duration> DurationFrom(const google::protobuf::Duration& proto,
                                            absl::string_view field) {
  constexpr int64_t kDurationSecondsMax = 315'576'000'000;
  if (proto.seconds() < -kDurationSecondsMax || proto.seconds() > kDurationSecondsMax ||
      proto.nanos() % kNanosPerMicro != 0 || proto.nanos() <= -1'000'000'000 ||
      proto.nanos() >= 1'000'000'000) {
    return FieldInvalid(field, "must be a span of whole microseconds within 10000 years");
  }
  return absl::Seconds(proto.seconds()) + absl::Microseconds(proto.nanos() / kNanosPerMicro);
}

google::type::Money ToProto(Money amount, const std::string& currency) {
  return MoneyProto(amount.micros(), currency);
}

google::type::Money ToProto(Price price, const std::string& currency) {
  return MoneyProto(price.micros_per_kwh(), currency);
}

absl::StatusOr<Money> MoneyFrom(const google::type::Money& proto, const std::string& currency,
                                absl::string_view field) {
  PW_ASSIGN_OR_RETURN(const int64_t micros, MicrosFrom(proto, currency, field));
  return Money::Micros(micros);
}

absl::StatusOr<Price> PriceFrom(const google::type::Money& proto, const std::string& currency,
                                absl::string_view field) {
  PW_ASSIGN_OR_RETURN(const int64_t micros, MicrosFrom(proto, currency, field));
  const Price price = Price::MicrosPerKwh(micros);
  if (price > kPriceMax || price < Price::MicrosPerKwh(-kPriceMax.micros_per_kwh())) {
    return FieldInvalid(field, "must be between -1000 and 1000 units per kilowatt hour");
  }
  return price;
}

}  // namespace peerwatt::rpc
