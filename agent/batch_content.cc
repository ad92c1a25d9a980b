#include "agent/batch_content.h"

#include <utility>

#include "absl/strings/string_view.h"

namespace peerwatt::agent {
namespace {

// The id of a resource: what follows the last slash of its name.
std::string IdOf(const std::string& name) {
  const size_t slash = name.rfind('/');
  return slash == std::string::npos ? name : name.substr(slash + 1);
}

}  // namespace

SignedBatchContent ContentOf(const std::string& device, const metering::v1::Batch& batch) {
  SignedBatchContent content;
  content.device = IdOf(device);
  content.counter = batch.signature().counter();
  content.previous_digest = batch.signature().previous_digest();
  for (const metering::v1::Series& proto : batch.series()) {
    SignedSeries series;
    series.metering_point = IdOf(proto.metering_point());
    series.start_s = proto.start_time().seconds();
    series.resolution_s = proto.resolution().seconds();
    series.method = static_cast<uint8_t>(proto.method());
    series.import_wh.assign(proto.import_energy_wh().begin(), proto.import_energy_wh().end());
    series.export_wh.assign(proto.export_energy_wh().begin(), proto.export_energy_wh().end());
    for (const int quality : proto.qualities()) {
      // Left out, it means measured.
      series.qualities.push_back(static_cast<uint8_t>(
          quality == metering::v1::QUALITY_UNSPECIFIED ? metering::v1::MEASURED : quality));
    }
    content.series.push_back(std::move(series));
  }
  for (const metering::v1::RegisterSeries& proto : batch.registers()) {
    SignedRegisterSeries series;
    series.metering_point = IdOf(proto.metering_point());
    series.meter = proto.meter();
    series.register_kind = static_cast<uint8_t>(proto.register_());
    series.start_s = proto.start_time().seconds();
    series.resolution_s = proto.resolution().seconds();
    series.rollover_wh = proto.rollover_wh();
    series.energy_wh.assign(proto.energy_wh().begin(), proto.energy_wh().end());
    content.registers.push_back(std::move(series));
  }
  content.ocmf_records.assign(batch.ocmf_records().begin(), batch.ocmf_records().end());
  return content;
}

}  // namespace peerwatt::agent
