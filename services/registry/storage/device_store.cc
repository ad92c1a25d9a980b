#include "services/registry/storage/device_store.h"

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/registry/core/errors.h"
#include "services/registry/storage/audit_trail.h"
#include "services/registry/storage/queries.h"

namespace peerwatt::registry {
namespace {

using postgres::Exec;
using postgres::TextFrom;
using postgres::TimeFrom;
using postgres::ToSql;
using postgres::ToSqlArray;

std::vector<MeteringPointId> PointsFrom(const pqxx::field& field) {
  std::vector<MeteringPointId> points;
  for (std::string& id : postgres::TextArrayFrom(field)) points.emplace_back(std::move(id));
  return points;
}

// The columns that kSelectDevice and kListDevices share.
absl::StatusOr<Device> DeviceFrom(const pqxx::row& row) {
  Device device;
  device.id = DeviceId(TextFrom(row["device_id"]));
  device.metering_points = PointsFrom(row["metering_points"]);
  PW_ASSIGN_OR_RETURN(device.state, DeviceStateFromName(TextFrom(row["state"])));
  device.certificate_serial = TextFrom(row["certificate_serial"]);
  device.certificate_expires_at = postgres::OptionalTimeFrom(row["expires_at"]);
  device.created_at = TimeFrom(row["created_at"]);
  return device;
}

absl::StatusOr<DeviceRecord> RecordFrom(const pqxx::row& row) {
  DeviceRecord record;
  PW_ASSIGN_OR_RETURN(record.device, DeviceFrom(row));
  record.enrolment = {TextFrom(row["enrolment_token_sha256"]),
                      TimeFrom(row["enrolment_token_expires_at"]),
                      TextFrom(row["enrolment_csr_sha256"])};
  if (!row["certificate_pem"].is_null()) {
    record.newest = IssuedCertificate{TextFrom(row["certificate_serial"]),
                                      TextFrom(row["certificate_pem"]),
                                      TextFrom(row["csr_sha256"]), TimeFrom(row["issued_at"]),
                                      TimeFrom(row["expires_at"])};
  }
  return record;
}

absl::StatusOr<std::optional<DeviceRecord>> Lock(pqxx::work& tx, const DeviceId& id) {
  std::optional<DeviceRecord> record;
  if (!Exec(tx, kLockDevice, id.value()).empty()) {
    PW_ASSIGN_OR_RETURN(record, RecordFrom(Exec(tx, kSelectDevice, id.value())[0]));
  }
  return record;
}

absl::Status NoSuchDevice(const DeviceId& id) {
  return Error(kNotFound, "there is no such device", {{"device", id.value()}});
}

std::string Sql(const std::vector<MeteringPointId>& ids) {
  std::vector<std::string> values;
  for (const MeteringPointId& id : ids) values.push_back(id.value());
  return ToSqlArray(values);
}

// A device that exists gets another token, as long as it has not enrolled.
absl::Status RenewToken(pqxx::work& tx, const Device& asked, const Enrolment& enrolment,
                        const Device& stored) {
  if (stored.metering_points != asked.metering_points) {
    return Error(kContentDiffers, "the device exists with other content",
                 {{"device", asked.id.value()}});
  }
  if (stored.state != DeviceState::kEnrolling) {
    return Error(kDeviceStateForbids,
                 absl::StrCat("a device in state ", NameOf(stored.state), " cannot enrol"),
                 {{"device", asked.id.value()}});
  }
  Exec(tx, kUpdateEnrolmentToken, asked.id.value(), enrolment.token_sha256,
       ToSql(enrolment.token_expires_at));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Device> PostgresDeviceStore::Create(const Device& device,
                                                   const Enrolment& enrolment) {
  Device stored;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    const std::string points = Sql(device.metering_points);
    const pqxx::result unknown = Exec(tx, kSelectUnknownMeteringPoint, points);
    if (!unknown.empty()) {
      return Error(kMeteringPointUnknown, "there is no such metering point",
                   {{"metering_point", TextFrom(unknown[0]["metering_point_id"])}});
    }
    const bool inserted = !Exec(tx, kInsertDevice, device.id.value(), enrolment.token_sha256,
                                ToSql(enrolment.token_expires_at), ToSql(device.created_at))
                               .empty();
    if (inserted) Exec(tx, kInsertDeviceMeteringPoints, device.id.value(), points);
    PW_ASSIGN_OR_RETURN(const std::optional<DeviceRecord> record, Lock(tx, device.id));
    stored = record->device;
    return inserted ? absl::OkStatus() : RenewToken(tx, device, enrolment, stored);
  }));
  return stored;
}

absl::StatusOr<Device> PostgresDeviceStore::Get(const DeviceId& id) {
  Device device;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    const pqxx::result rows = Exec(tx, kSelectDevice, id.value());
    if (rows.empty()) return NoSuchDevice(id);
    PW_ASSIGN_OR_RETURN(device, DeviceFrom(rows[0]));
    return absl::OkStatus();
  }));
  return device;
}

absl::StatusOr<std::vector<Device>> PostgresDeviceStore::List(const DeviceId& after, int limit) {
  std::vector<Device> devices;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    devices.clear();
    for (const pqxx::row& row : Exec(tx, kListDevices, after.value(), limit)) {
      PW_ASSIGN_OR_RETURN(devices.emplace_back(), DeviceFrom(row));
    }
    return absl::OkStatus();
  }));
  return devices;
}

absl::StatusOr<IssuedCertificate> PostgresDeviceStore::Certify(const DeviceId& id,
                                                               CertificateSource source) {
  IssuedCertificate certificate;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::optional<DeviceRecord> record, Lock(tx, id));
    bool is_new = false;
    PW_ASSIGN_OR_RETURN(certificate, source(record ? &*record : nullptr, is_new));
    if (!is_new) return absl::OkStatus();
    Exec(tx, kInsertCertificate, certificate.serial, id.value(), certificate.csr_sha256,
         certificate.pem, ToSql(certificate.issued_at), ToSql(certificate.expires_at));
    Exec(tx, kActivateDevice, id.value(), certificate.serial, certificate.csr_sha256);
    return absl::OkStatus();
  }));
  return certificate;
}

absl::StatusOr<Device> PostgresDeviceStore::Revoke(const DeviceId& id, const Actor& actor) {
  Device device;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    PW_ASSIGN_OR_RETURN(const std::optional<DeviceRecord> record, Lock(tx, id));
    if (!record) return NoSuchDevice(id);
    device = record->device;
    if (device.state == DeviceState::kRevoked) return absl::OkStatus();
    device.state = DeviceState::kRevoked;
    Exec(tx, kRevokeDevice, id.value());
    WriteAuditEvent(tx, actor, "DEVICE_REVOKED", absl::StrCat("devices/", id.value()), "");
    return absl::OkStatus();
  }));
  return device;
}

absl::StatusOr<std::vector<std::optional<ResolvedDevice>>> PostgresDeviceStore::Resolve(
    const std::vector<ShownCertificate>& shown) {
  std::vector<std::string> ids;
  std::vector<std::string> serials;
  for (const ShownCertificate& one : shown) {
    ids.push_back(one.device.value());
    serials.push_back(one.serial);
  }
  std::vector<std::optional<ResolvedDevice>> found;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    found.assign(shown.size(), std::nullopt);
    for (const pqxx::row& row : Exec(tx, kResolveDevices, ToSqlArray(ids), ToSqlArray(serials))) {
      ResolvedDevice resolved;
      PW_ASSIGN_OR_RETURN(resolved.state, DeviceStateFromName(TextFrom(row["state"])));
      resolved.certificate_known = postgres::BoolFrom(row["certificate_known"]);
      resolved.metering_points = PointsFrom(row["metering_points"]);
      found[static_cast<size_t>(postgres::Int64From(row["place"]) - 1)] = std::move(resolved);
    }
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::vector<std::string>> PostgresDeviceStore::ListCertificates(const DeviceId& id,
                                                                               absl::Time now) {
  std::vector<std::string> certificates;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    certificates.clear();
    const pqxx::result rows = Exec(tx, kListCertificates, id.value(), ToSql(now));
    if (rows.empty()) {
      return Error(kDeviceUnknown, "there is no such device", {{"device", id.value()}});
    }
    for (const pqxx::row& row : rows) {
      if (!row[0].is_null()) certificates.push_back(TextFrom(row[0]));
    }
    return absl::OkStatus();
  }));
  return certificates;
}

}  // namespace peerwatt::registry
