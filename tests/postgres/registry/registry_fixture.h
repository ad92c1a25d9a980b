#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <pqxx/pqxx>

#include "libs/base/error.h"
#include "libs/crypto/certificates.h"
#include "services/registry/clients/access_tokens.h"
#include "services/registry/clients/device_authority.h"
#include "services/registry/clients/system_secrets.h"
#include "services/registry/core/devices.h"
#include "services/registry/core/users.h"
#include "services/registry/storage/community_store.h"
#include "services/registry/storage/device_store.h"
#include "services/registry/storage/metering_point_store.h"
#include "services/registry/storage/migrations.h"
#include "services/registry/storage/network_store.h"
#include "services/registry/storage/participant_store.h"
#include "services/registry/storage/queries.h"
#include "services/registry/storage/scheme_store.h"
#include "services/registry/storage/user_store.h"
#include "tests/support/postgres_fixture.h"

namespace peerwatt::registry {

/// Hashes at once, so that tests of flows do not wait; argon2id has tests of its own.
class QuickHasher final : public PasswordHasher {
 public:
  absl::StatusOr<std::string> Hash(absl::string_view password) override {
    return "quick:" + std::string(password);
  }
  absl::StatusOr<bool> Verify(absl::string_view password, const std::string& phc) override {
    ++verifications;
    return phc == "quick:" + std::string(password);
  }
  int verifications = 0;
};

/// A migrated database with the stores of the registry, and shortcuts to fill it.
class RegistryFixture : public ::testing::Test {
 protected:
  RegistryFixture()
      : database_(peerwatt::testing::TestDatabase::Create("registry", Migrations())),
        pool_(database_->dsn(), Queries(), 8),
        users_(pool_),
        communities_(pool_),
        participants_(pool_),
        metering_points_(pool_),
        device_store_(pool_),
        networks_(pool_),
        schemes_(pool_),
        tokens_(crypto::TokenSigner::FromPem(crypto::NewPrivateKey().value()).value(),
                "https://peerwatt.local", "peerwatt", absl::Minutes(15)),
        ca_key_(crypto::NewPrivateKey().value()),
        authority_(crypto::NewAuthority(ca_key_, "Device CA", kNow, absl::Hours(24 * 365))->pem,
                   ca_key_, absl::Hours(720)),
        accounts_(users_, users_, hasher_, tokens_, secrets_),
        devices_(device_store_, authority_, secrets_) {}

  static inline const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
  static inline const Actor kActor{"users/admin", kNow};

  User MustCreateUser(const std::string& id, std::vector<Role> roles = {}) {
    const auto user = accounts_.CreateUser(
        CheckNewUser({UserId(id), id + "@example.org", id, std::move(roles), "0123456789"}).value(),
        kActor);
    EXPECT_TRUE(user.ok()) << user.status();
    return *user;
  }

  static Community CommunityOf(const std::string& id) {
    Community c;
    c.id = CommunityId(id);
    c.display_name = "Hamlet";
    c.time_zone = "Europe/Berlin";
    c.currency_code = "EUR";
    c.trading_starts_at = kNow;
    c.network_fee = Price::MicrosPerKwh(20'000);
    c.operator_share_ppm = 10'000;
    c.price_min = Price::MicrosPerKwh(-500'000);
    c.price_max = Price::MicrosPerKwh(400'000);
    c.created_at = kNow;
    return c;
  }

  static Participant ParticipantOf(const std::string& id, const std::string& user,
                                   const std::string& community = "hamlet") {
    Participant p;
    p.id = ParticipantId(id);
    p.display_name = "Household " + id;
    p.community = CommunityId(community);
    p.user = UserId(user);
    p.created_at = p.updated_at = kNow;
    return p;
  }

  static MeteringPoint PointOf(const std::string& id, const std::string& participant,
                               const std::string& connection) {
    MeteringPoint m;
    m.id = MeteringPointId(id);
    m.participant = ParticipantId(participant);
    m.grid_connection = GridConnectionId(connection);
    m.import_capacity_w = 10'000;
    m.export_capacity_w = 5'000;
    m.created_at = kNow;
    return m;
  }

  static Device DeviceOf(const std::string& id, const std::vector<std::string>& points) {
    Device device;
    device.id = DeviceId(id);
    for (const std::string& point : points) device.metering_points.emplace_back(point);
    device.created_at = kNow;
    return device;
  }

  /// A community `hamlet` with users u1 and u2, participants p1 and p2, metering points m1 and m2.
  void FillHamlet() {
    EXPECT_TRUE(communities_.Create(CommunityOf("hamlet")).ok());
    for (const std::string n : {"1", "2"}) {
      MustCreateUser("u" + n);
      EXPECT_TRUE(participants_.Create(ParticipantOf("p" + n, "u" + n)).ok());
      EXPECT_TRUE(metering_points_.Create(PointOf("m" + n, "p" + n, "c" + n)).ok());
    }
  }

  absl::StatusOr<Participant> Step(const std::string& id, KycAction action) {
    const KycRequest request{action, "passport", std::string(64, 'a'),
                             action == KycAction::kReject ? "blurred" : ""};
    return TakeKycStep(participants_, ParticipantId(id), request, Actor{"users/reg", kNow});
  }

  /// `action actor` of each audit event about a subject, in order.
  std::vector<std::string> AuditOf(const std::string& subject) {
    pqxx::connection connection(database_->owner_dsn());
    pqxx::work tx(connection);
    std::vector<std::string> events;
    for (const pqxx::row& row :
         tx.exec_params("SELECT action || ' ' || actor FROM audit_events WHERE subject = $1 "
                        "ORDER BY ctid",
                        subject)) {
      events.emplace_back(row[0].c_str());
    }
    return events;
  }

  std::unique_ptr<peerwatt::testing::TestDatabase> database_;
  postgres::Pool pool_;
  PostgresUserStore users_;
  PostgresCommunityStore communities_;
  PostgresParticipantStore participants_;
  PostgresMeteringPointStore metering_points_;
  PostgresDeviceStore device_store_;
  PostgresNetworkStore networks_;
  PostgresSchemeStore schemes_;
  JwtAccessTokens tokens_;
  std::string ca_key_;
  DeviceAuthority authority_;
  QuickHasher hasher_;
  SystemSecrets secrets_;
  Accounts accounts_;
  Devices devices_;
};

}  // namespace peerwatt::registry
