#include "services/metering/storage/ocmf_store.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/metering/core/evidence/errors.h"
#include "services/metering/storage/evidence_queries.h"

namespace peerwatt::metering {
namespace {

using postgres::Exec;
using postgres::TextFrom;
using postgres::ToSqlArray;

// The columns that kSelectOcmfMeter and kFindOcmfMeters share.
OcmfMeter MeterFrom(const pqxx::row& row) {
  return {.metering_point = MeteringPointId(TextFrom(row[1])),
          .id = TextFrom(row[2]),
          .serial_number = TextFrom(row[0]),
          .public_key_der = absl::HexStringToBytes(TextFrom(row[3])),
          .created_at = postgres::TimeFrom(row[4])};
}

}  // namespace

absl::StatusOr<OcmfMeter> PostgresOcmfStore::CreateMeter(const OcmfMeter& meter) {
  OcmfMeter stored;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    const std::string& point = meter.metering_point.value();
    Exec(tx, kInsertOcmfMeter, meter.serial_number, point, meter.id,
         absl::BytesToHexString(meter.public_key_der), postgres::ToSql(meter.created_at));
    const pqxx::result rows = Exec(tx, kSelectOcmfMeter, point, meter.id);
    if (rows.empty()) {
      return Error(kOcmfMeterTaken, "another meter is registered with this serial number",
                   {{"serial_number", meter.serial_number}});
    }
    stored = MeterFrom(rows[0]);
    if (stored.serial_number != meter.serial_number ||
        stored.public_key_der != meter.public_key_der) {
      return Error(kContentDiffers, "the meter exists with other content",
                   {{"ocmf_meter", meter.id}});
    }
    return absl::OkStatus();
  }));
  return stored;
}

absl::StatusOr<absl::flat_hash_map<std::string, OcmfMeter>> PostgresOcmfStore::FindMeters(
    const std::vector<std::string>& serial_numbers) {
  absl::flat_hash_map<std::string, OcmfMeter> meters;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    meters.clear();
    for (const pqxx::row& row : Exec(tx, kFindOcmfMeters, ToSqlArray(serial_numbers))) {
      OcmfMeter meter = MeterFrom(row);
      meters.emplace(meter.serial_number, std::move(meter));
    }
    return absl::OkStatus();
  }));
  return meters;
}

absl::Status PostgresOcmfStore::Keep(absl::Span<const OcmfEntry> entries, absl::Time now) {
  std::vector<std::string> points;
  std::vector<std::string> contents;
  std::vector<int32_t> verified;
  for (const OcmfEntry& entry : entries) {
    points.push_back(entry.metering_point.value());
    contents.push_back(entry.content);
    verified.push_back(entry.verified ? 1 : 0);
  }
  return pool_.Run([&](pqxx::work& tx) {
    Exec(tx, kInsertOcmfRecords, ToSqlArray(points), ToSqlArray(contents), ToSqlArray(verified),
         postgres::ToSql(now));
    return absl::OkStatus();
  });
}

absl::StatusOr<OcmfRecordPage> PostgresOcmfStore::List(const OcmfRecordQuery& query) {
  const OcmfPlace after = query.after.value_or(OcmfPlace{absl::UnixEpoch(), ""});
  OcmfRecordPage page;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    page = {};
    for (const pqxx::row& row :
         Exec(tx, kListOcmfRecords, query.metering_point.value(),
              postgres::ToSql(after.created_at), after.digest,
              static_cast<int64_t>(query.limit))) {
      const absl::Time created_at = postgres::TimeFrom(row[2]);
      page.records.push_back({TextFrom(row[0]), postgres::BoolFrom(row[1]), created_at});
      page.places.push_back({created_at, TextFrom(row[3])});
    }
    return absl::OkStatus();
  }));
  return page;
}

}  // namespace peerwatt::metering
