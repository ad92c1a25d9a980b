#include "services/metering/rpc/vee_codec.h"

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "services/metering/rpc/codec.h"

namespace peerwatt::metering {
namespace {

absl::Status TokenInvalid() { return Error(kPageTokenInvalid, "page_token is malformed"); }

}  // namespace

absl::Status ReadRegisters(const google::protobuf::RepeatedPtrField<v1::RegisterSeries>& registers,
                           Batch& batch) {
  batch.registers.reserve(static_cast<size_t>(registers.size()));
  for (int i = 0; i < registers.size(); ++i) {
    const v1::RegisterSeries& proto = registers[i];
    const std::string path = absl::StrCat("registers[", i, "].");
    RegisterSeries one;
    PW_ASSIGN_OR_RETURN(one.metering_point,
                        PointFrom(proto.metering_point(), path + "metering_point"));
    PW_ASSIGN_OR_RETURN(one.start, rpc::TimeFrom(proto.start_time(), path + "start_time"));
    PW_ASSIGN_OR_RETURN(one.resolution, rpc::DurationFrom(proto.resolution(), path + "resolution"));
    one.meter = proto.meter();
    // An unknown number stays one that the rules refuse.
    one.kind = v1::RegisterSeries::Register_IsValid(proto.register_())
                   ? static_cast<RegisterKind>(proto.register_())
                   : RegisterKind{0};
    one.energy_wh.assign(proto.energy_wh().begin(), proto.energy_wh().end());
    one.rollover_wh = proto.rollover_wh();
    batch.registers.push_back(std::move(one));
  }
  return absl::OkStatus();
}

v1::Finding ToProto(const Finding& finding) {
  v1::Finding proto;
  const std::string rule(RuleName(finding.found.rule));
  proto.set_name(absl::StrCat(PointName(finding.metering_point), "/findings/",
                              absl::StrReplaceAll(absl::AsciiStrToLower(rule), {{"_", "-"}}), "-",
                              TimeSegment(finding.found.span.start),
                              finding.at_ingest ? "-ingest" : ""));
  proto.set_rule(rule);
  *proto.mutable_start_time() = rpc::ToProto(finding.found.span.start);
  *proto.mutable_end_time() = rpc::ToProto(finding.found.span.end);
  proto.set_message(finding.found.message);
  if (!finding.device.empty()) {
    proto.set_device(absl::StrCat("devices/", finding.device.value()));
  }
  proto.set_reason(finding.reason);
  *proto.mutable_create_time() = rpc::ToProto(finding.created_at);
  if (finding.resolved_at.has_value()) {
    *proto.mutable_resolve_time() = rpc::ToProto(*finding.resolved_at);
  }
  return proto;
}

v1::RegisterValue ToProto(const RegisterValue& value) {
  v1::RegisterValue proto;
  proto.set_meter(value.meter);
  proto.set_register_(static_cast<v1::RegisterSeries::Register>(value.kind));
  *proto.mutable_time() = rpc::ToProto(value.at);
  proto.set_energy_wh(value.energy_wh);
  return proto;
}

std::string PageEndOf(const Finding& finding) {
  return absl::StrCat(absl::ToUnixMicros(finding.found.span.start), ".",
                      static_cast<int>(finding.found.rule), ".", finding.at_ingest ? 1 : 0, ".",
                      finding.metering_point.value());
}

std::string PageEndOf(const RegisterValue& value) {
  return absl::StrCat(absl::ToUnixMicros(value.at), ".", static_cast<int>(value.kind), ".",
                      value.meter);
}

absl::StatusOr<Finding> FindingAfter(const std::string& page_end) {
  const std::vector<std::string> parts = absl::StrSplit(page_end, absl::MaxSplits('.', 3));
  int64_t start_us = 0;
  int rule = 0;
  int at_ingest = 0;
  if (parts.size() != 4 || !absl::SimpleAtoi(parts[0], &start_us) ||
      !absl::SimpleAtoi(parts[1], &rule) || !absl::SimpleAtoi(parts[2], &at_ingest)) {
    return TokenInvalid();
  }
  Finding after;
  after.metering_point = MeteringPointId(parts[3]);
  after.found.rule = static_cast<Rule>(rule);
  after.found.span.start = absl::FromUnixMicros(start_us);
  after.at_ingest = at_ingest != 0;
  return after;
}

absl::StatusOr<RegisterValue> RegisterValueAfter(const std::string& page_end) {
  const std::vector<std::string> parts = absl::StrSplit(page_end, absl::MaxSplits('.', 2));
  int64_t at_us = 0;
  int kind = 0;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &at_us) ||
      !absl::SimpleAtoi(parts[1], &kind)) {
    return TokenInvalid();
  }
  RegisterValue after;
  after.at = absl::FromUnixMicros(at_us);
  after.kind = static_cast<RegisterKind>(kind);
  after.meter = parts[2];
  return after;
}

}  // namespace peerwatt::metering
