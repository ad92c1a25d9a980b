#pragma once

#include <string>
#include <vector>

#include "libs/postgres/pool.h"
#include "services/registry/core/devices.h"

namespace peerwatt::registry {

/// Devices and their certificates in PostgreSQL.
class PostgresDeviceStore final : public DeviceStore {
 public:
  explicit PostgresDeviceStore(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<Device> Create(const Device& device, const Enrolment& enrolment) override;
  absl::StatusOr<Device> Get(const DeviceId& id) override;
  absl::StatusOr<std::vector<Device>> List(const DeviceId& after, int limit) override;
  absl::StatusOr<IssuedCertificate> Certify(const DeviceId& id,
                                            CertificateSource source) override;
  absl::StatusOr<Device> Revoke(const DeviceId& id, const Actor& actor) override;
  absl::StatusOr<std::vector<std::optional<ResolvedDevice>>> Resolve(
      const std::vector<ShownCertificate>& shown) override;
  absl::StatusOr<std::vector<std::string>> ListCertificates(const DeviceId& id,
                                                            absl::Time now) override;

 private:
  postgres::Pool& pool_;
};

}  // namespace peerwatt::registry
