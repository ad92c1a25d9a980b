#include "agent/box_config.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/config_node.h"
#include "agent/disk.h"
#include "agent/errors.h"
#include "agent/p1_source.h"
#include "agent/sunspec.h"
#include "agent/sunspec_source.h"
#include "libs/base/status_macros.h"
#include "libs/domain/interval.h"

namespace peerwatt::agent {
namespace {

// What is left out has a default.
absl::StatusOr<int64_t> NumberOr(const ConfigNode& node, const char* name, int64_t otherwise,
                                 int64_t min, int64_t max) {
  if (!node.Has(name)) return otherwise;
  return node.Field(name).Number(min, max);
}

absl::StatusOr<bool> Chosen(const ConfigNode& node, const char* name, const char* otherwise,
                            const char* chosen) {
  if (!node.Has(name)) return false;
  PW_ASSIGN_OR_RETURN(const std::string text, node.Field(name).Text());
  if (text != otherwise && text != chosen) {
    return node.Field(name).Bad(absl::StrCat("is neither ", otherwise, " nor ", chosen));
  }
  return text == chosen;
}

absl::StatusOr<LineOptions> AddressOf(const ConfigNode& node) {
  PW_ASSIGN_OR_RETURN(const std::string address, node.Field("address").Text());
  auto line = ParseLineAddress(address);
  if (!line.ok()) return node.Field("address").Bad(absl::StrCat(": ", line.status().message()));
  return line;
}

using MakeSource = std::function<std::unique_ptr<MeterSource>(ObservationSink)>;

absl::StatusOr<MakeSource> P1Of(const ConfigNode& node, const std::string& name,
                                const Clock& clock) {
  PW_RETURN_IF_ERROR(
      node.CheckFields({"name", "kind", "address", "baud", "framing", "utc_offset_minutes",
                        "clock_difference_max_seconds", "silence_max_seconds", "points"}));
  P1Options options;
  PW_ASSIGN_OR_RETURN(options.line, AddressOf(node));
  PW_ASSIGN_OR_RETURN(const int64_t baud, NumberOr(node, "baud", 115200, 9600, 115200));
  if (baud != 9600 && baud != 115200) return node.Field("baud").Bad("is neither 9600 nor 115200");
  options.line.baud = static_cast<int>(baud);
  PW_ASSIGN_OR_RETURN(options.line.seven_even, Chosen(node, "framing", "8N1", "7E1"));
  PW_ASSIGN_OR_RETURN(const int64_t offset,
                      NumberOr(node, "utc_offset_minutes", 60, -12 * 60, 14 * 60));
  options.standard_offset = absl::Minutes(offset);
  PW_ASSIGN_OR_RETURN(const int64_t difference,
                      NumberOr(node, "clock_difference_max_seconds", 300, 1, 31 * 86400));
  options.clock_difference_max = absl::Seconds(difference);
  PW_ASSIGN_OR_RETURN(const int64_t silence, NumberOr(node, "silence_max_seconds", 60, 1, 3600));
  options.silence_max = absl::Seconds(silence);
  return MakeSource([name, options, &clock](ObservationSink sink) {
    return std::make_unique<P1Source>(name, options, clock, std::move(sink));
  });
}

absl::StatusOr<MakeSource> SunSpecOf(const ConfigNode& node, const std::string& name,
                                     const Clock& clock) {
  PW_RETURN_IF_ERROR(
      node.CheckFields({"name", "kind", "address", "unit", "model", "poll_milliseconds",
                        "answer_timeout_milliseconds", "points"}));
  SunSpecOptions options;
  PW_ASSIGN_OR_RETURN(const LineOptions line, AddressOf(node));
  if (line.host.empty()) return node.Field("address").Bad("is not tcp:HOST:PORT");
  options.host = line.host;
  options.port = line.port;
  PW_ASSIGN_OR_RETURN(const int64_t unit, NumberOr(node, "unit", 1, 0, 255));
  options.unit = static_cast<int>(unit);
  PW_ASSIGN_OR_RETURN(const int64_t model, NumberOr(node, "model", 0, 0, 65535));
  options.model = static_cast<uint16_t>(model);
  if (model != 0 && SunSpecEnergySize(options.model) == 0) {
    return node.Field("model").Bad("is no SunSpec model that counts energy");
  }
  PW_ASSIGN_OR_RETURN(const int64_t poll, NumberOr(node, "poll_milliseconds", 5000, 10, 60'000));
  options.poll_interval = absl::Milliseconds(poll);
  PW_ASSIGN_OR_RETURN(const int64_t timeout,
                      NumberOr(node, "answer_timeout_milliseconds", 2000, 10, 30'000));
  options.answer_timeout = absl::Milliseconds(timeout);
  return MakeSource([name, options, &clock](ObservationSink sink) {
    return std::make_unique<SunSpecSource>(name, options, clock, std::move(sink));
  });
}

absl::StatusOr<RecorderOptions> PointOf(const ConfigNode& node, absl::Duration interval,
                                        SendAs send_as) {
  PW_RETURN_IF_ERROR(
      node.CheckFields({"metering_point", "register", "power_max_w", "tolerance_seconds"}));
  RecorderOptions point;
  PW_ASSIGN_OR_RETURN(point.metering_point, node.Field("metering_point").Name("meteringPoints"));
  std::string which = "both";
  if (node.Has("register")) {
    PW_ASSIGN_OR_RETURN(which, node.Field("register").Text());
  }
  if (which != "both" && which != "import" && which != "export") {
    return node.Field("register").Bad("is none of import, export and both");
  }
  point.imports = which != "export";
  point.exports = which != "import";
  PW_ASSIGN_OR_RETURN(point.track.power_max_w,
                      NumberOr(node, "power_max_w", 100'000, 1, 1'000'000'000));
  PW_ASSIGN_OR_RETURN(const int64_t tolerance, NumberOr(node, "tolerance_seconds", 15, 0, 120));
  point.track.tolerance = absl::Seconds(tolerance);
  point.track.interval = interval;
  point.send_as = send_as;
  return point;
}

absl::StatusOr<BoxSource> SourceOf(const ConfigNode& node, absl::Duration interval, SendAs send_as,
                                   const Clock& clock) {
  PW_ASSIGN_OR_RETURN(const std::string name, node.Field("name").Text());
  PW_ASSIGN_OR_RETURN(const std::string kind, node.Field("kind").Text());
  if (name.empty() || name.size() > 63) return node.Field("name").Bad("is not 1 to 63 characters");
  BoxSource source;
  if (kind == "p1") {
    PW_ASSIGN_OR_RETURN(source.make, P1Of(node, name, clock));
  } else if (kind == "sunspec") {
    PW_ASSIGN_OR_RETURN(source.make, SunSpecOf(node, name, clock));
  } else {
    return node.Field("kind").Bad("is neither p1 nor sunspec");
  }
  PW_ASSIGN_OR_RETURN(const std::vector<ConfigNode> points, node.Field("points").Items());
  for (const ConfigNode& at : points) {
    PW_ASSIGN_OR_RETURN(source.points.emplace_back(), PointOf(at, interval, send_as));
  }
  return source;
}

}  // namespace

absl::StatusOr<BoxConfig> ParseBoxConfig(absl::string_view text, const Clock& clock) {
  const auto document = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  const ConfigNode root(document, "", "the configuration", kSettingsInvalid);
  if (document.is_discarded()) return root.Bad("is not JSON");
  PW_RETURN_IF_ERROR(root.CheckFields({"device", "gateway_device_address", "gateway_grpc_address",
                                       "ca_file", "interval_seconds", "send_as", "sign_batches",
                                       "sources"}));
  BoxConfig config;
  PW_ASSIGN_OR_RETURN(config.device, root.Field("device").Name("devices"));
  PW_ASSIGN_OR_RETURN(config.gateway_device_address, root.Field("gateway_device_address").Text());
  PW_ASSIGN_OR_RETURN(config.gateway_grpc_address, root.Field("gateway_grpc_address").Text());
  PW_ASSIGN_OR_RETURN(const std::string ca_file, root.Field("ca_file").Text());
  auto ca_pem = ReadWholeFile(ca_file);
  if (!ca_pem.ok()) return root.Field("ca_file").Bad(absl::StrCat(": ", ca_pem.status().message()));
  config.ca_pem = *std::move(ca_pem);
  PW_ASSIGN_OR_RETURN(const int64_t seconds, NumberOr(root, "interval_seconds", 900, 300, 3600));
  if (!IsIntervalLength(absl::Seconds(seconds))) {
    return root.Field("interval_seconds").Bad("is not 300, 900, 1800 or 3600");
  }
  PW_ASSIGN_OR_RETURN(const bool registers, Chosen(root, "send_as", "intervals", "registers"));
  if (root.Has("sign_batches")) {
    PW_ASSIGN_OR_RETURN(config.sign_batches, root.Field("sign_batches").Boolean());
  }
  PW_ASSIGN_OR_RETURN(const std::vector<ConfigNode> sources, root.Field("sources").Items());
  for (const ConfigNode& at : sources) {
    PW_ASSIGN_OR_RETURN(config.sources.emplace_back(),
                        SourceOf(at, absl::Seconds(seconds),
                                 registers ? SendAs::kRegisters : SendAs::kIntervals, clock));
  }
  return config;
}

}  // namespace peerwatt::agent
