#include "services/metering/rpc/evidence_service.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/codec.h"
#include "libs/rpc/names.h"
#include "libs/rpc/paging.h"
#include "libs/rpc/security.h"
#include "libs/rpc/server.h"
#include "services/metering/rpc/codec.h"
#include "services/metering/rpc/visible_member.h"

namespace peerwatt::metering {
namespace {

// Encodings are large: what is read at a time, and the bytes after which a page ends early.
constexpr size_t kBatchesPerRead = 25;
constexpr size_t kPageBytes = 2 << 20;
constexpr size_t kSerialBytesMax = 63;
constexpr size_t kDigestDigits = 64;

v1::SignedBatch ToProto(SignedBatch batch) {
  v1::SignedBatch proto;
  proto.set_name(
      absl::StrCat("devices/", batch.device.value(), "/signedBatches/", batch.link.counter));
  proto.set_counter(batch.link.counter);
  proto.set_encoding(std::move(batch.encoding));
  proto.set_signature(std::move(batch.signature));
  proto.set_public_key_der(std::move(batch.public_key_der));
  proto.set_counter_gap(batch.events.counter_gap);
  proto.set_chain_broken(batch.events.chain_broken);
  proto.set_refusal_reason(std::move(batch.refusal_reason));
  *proto.mutable_create_time() = rpc::ToProto(batch.created_at);
  return proto;
}

v1::RegisterSeries::Register ToProto(OcmfRegister kind) {
  return kind == OcmfRegister::kImport ? v1::RegisterSeries::IMPORT : v1::RegisterSeries::EXPORT;
}

/// The record with what it says; it was read before it was kept, so it can be read again.
absl::StatusOr<v1::OcmfRecord> ToProto(KeptOcmfRecord kept) {
  PW_ASSIGN_OR_RETURN(const OcmfRecord record, ParseOcmf(kept.content));
  v1::OcmfRecord proto;
  proto.set_content(std::move(kept.content));
  proto.set_verified(kept.verified);
  *proto.mutable_create_time() = rpc::ToProto(kept.created_at);
  proto.set_serial_number(record.serial());
  for (const OcmfRegisterValue& value : RegisterValuesOf(record)) {
    v1::OcmfRecord::RegisterValue& one = *proto.add_register_values();
    one.set_register_(ToProto(value.kind));
    *one.mutable_time() = rpc::ToProto(value.time);
    one.set_energy_wh(value.energy.wh());
  }
  if (const auto session = SessionOf(record); session.has_value()) {
    proto.mutable_session()->set_register_(ToProto(session->kind));
    *proto.mutable_session()->mutable_start_time() = rpc::ToProto(session->start);
    *proto.mutable_session()->mutable_end_time() = rpc::ToProto(session->end);
    proto.mutable_session()->set_energy_milli_wh(session->energy_mwh);
  }
  return proto;
}

v1::OcmfMeter ToProto(const OcmfMeter& meter) {
  v1::OcmfMeter proto;
  proto.set_name(absl::StrCat(PointName(meter.metering_point), "/ocmfMeters/", meter.id));
  proto.set_serial_number(meter.serial_number);
  proto.set_public_key_der(meter.public_key_der);
  *proto.mutable_create_time() = rpc::ToProto(meter.created_at);
  return proto;
}

absl::StatusOr<OcmfMeter> MeterFrom(const v1::CreateOcmfMeterRequest& request) {
  OcmfMeter meter;
  PW_ASSIGN_OR_RETURN(meter.metering_point, PointFrom(request.parent(), "parent"));
  PW_RETURN_IF_ERROR(rpc::CheckResourceId(request.ocmf_meter_id(), "ocmf_meter_id"));
  meter.id = request.ocmf_meter_id();
  meter.serial_number = request.ocmf_meter().serial_number();
  const std::string& serial = meter.serial_number;
  if (serial.empty() || serial.size() > kSerialBytesMax ||
      serial.find('\0') != std::string::npos) {
    return FieldInvalid("ocmf_meter.serial_number", "must have 1 to 63 characters");
  }
  meter.public_key_der = request.ocmf_meter().public_key_der();
  return meter;
}

/// A page of records ends with `<stored at, in microseconds>.<digest>`.
absl::StatusOr<std::optional<OcmfPlace>> PlaceFrom(const std::string& after) {
  if (after.empty()) {
    return std::optional<OcmfPlace>();
  }
  const std::vector<std::string> parts = absl::StrSplit(after, '.');
  int64_t micros = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &micros) ||
      parts[1].size() != kDigestDigits ||
      parts[1].find_first_not_of("0123456789abcdef") != std::string::npos) {
    return Error(kPageTokenInvalid, "page_token is malformed");
  }
  return std::optional<OcmfPlace>({absl::FromUnixMicros(micros), parts[1]});
}

}  // namespace

grpc::Status EvidenceService::CreateOcmfMeter(grpc::ServerContext* context,
                                              const v1::CreateOcmfMeterRequest* request,
                                              v1::OcmfMeter* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(OcmfMeter meter, MeterFrom(*request));
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    if (!rpc::HasRole(caller, access::v1::OPERATOR) && !rpc::HasRole(caller, access::v1::ADMIN)) {
      return Error(kPermissionDenied, "only operators and admins register meters");
    }
    PW_RETURN_IF_ERROR(VisibleMember(*context, directory_, meter.metering_point).status());
    if (!meter.public_key_der.empty()) {
      PW_RETURN_IF_ERROR(signatures_.CheckKey(meter.public_key_der));
    }
    meter.created_at = clock_.Now();
    PW_ASSIGN_OR_RETURN(const OcmfMeter stored, ocmf_.CreateMeter(meter));
    *response = ToProto(stored);
    return absl::OkStatus();
  });
}

grpc::Status EvidenceService::ListOcmfRecords(grpc::ServerContext* context,
                                              const v1::ListOcmfRecordsRequest* request,
                                              v1::ListOcmfRecordsResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    OcmfRecordQuery query;
    PW_ASSIGN_OR_RETURN(query.metering_point, PointFrom(request->parent(), "parent"));
    PW_ASSIGN_OR_RETURN(query.after, PlaceFrom(page.after));
    PW_RETURN_IF_ERROR(VisibleMember(*context, directory_, query.metering_point).status());
    // A record has at most 64 KiB.
    const size_t size = std::min(static_cast<size_t>(page.size), kPageBytes / kOcmfBytesMax);
    query.limit = size + 1;
    PW_ASSIGN_OR_RETURN(OcmfRecordPage records, ocmf_.List(query));
    for (size_t i = 0; i < std::min(size, records.records.size()); ++i) {
      PW_ASSIGN_OR_RETURN(*response->add_ocmf_records(), ToProto(std::move(records.records[i])));
    }
    if (records.records.size() > size) {
      const OcmfPlace& last = records.places[size - 1];
      response->set_next_page_token(rpc::NextPageToken(
          *request, absl::StrCat(absl::ToUnixMicros(last.created_at), ".", last.digest)));
    }
    return absl::OkStatus();
  });
}

grpc::Status EvidenceService::ListSignedBatches(grpc::ServerContext* context,
                                                const v1::ListSignedBatchesRequest* request,
                                                v1::ListSignedBatchesResponse* response) {
  return rpc::Handle(*context, kDomain, [&]() -> absl::Status {
    PW_ASSIGN_OR_RETURN(const rpc::Page page, rpc::ReadPage(*request));
    PW_ASSIGN_OR_RETURN(std::string device,
                        rpc::ParseName1(request->parent(), "devices/*", "parent"));
    SignedBatchQuery query{.device = DeviceId(std::move(device)),
                           .after_counter = 0,
                           .events_only = request->events_only()};
    if (!page.after.empty() && !absl::SimpleAtoi(page.after, &query.after_counter)) {
      return Error(kPageTokenInvalid, "page_token is malformed");
    }
    PW_ASSIGN_OR_RETURN(const rpc::Principal caller, rpc::CallerOf(*context));
    if (!rpc::IsStaff(caller)) {
      return Error(kPermissionDenied, "only operators, regulators and admins see signed batches");
    }
    bool more = true;
    size_t bytes = 0;
    int32_t left = page.size;
    while (more && left > 0 && bytes < kPageBytes) {
      query.limit = std::min(kBatchesPerRead, static_cast<size_t>(left)) + 1;
      PW_ASSIGN_OR_RETURN(std::vector<SignedBatch> batches, store_.List(query));
      more = batches.size() == query.limit;
      batches.resize(std::min(batches.size(), query.limit - 1));
      for (size_t i = 0; i < batches.size(); ++i) {
        query.after_counter = batches[i].link.counter;
        bytes += batches[i].encoding.size();
        *response->add_signed_batches() = ToProto(std::move(batches[i]));
        --left;
        if (bytes >= kPageBytes) {
          more = more || i + 1 < batches.size();
          break;
        }
      }
    }
    if (more) {
      response->set_next_page_token(
          rpc::NextPageToken(*request, absl::StrCat(query.after_counter)));
    }
    return absl::OkStatus();
  });
}

}  // namespace peerwatt::metering
