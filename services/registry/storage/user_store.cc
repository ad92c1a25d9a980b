#include "services/registry/storage/user_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/registry/storage/audit_trail.h"
#include "services/registry/storage/queries.h"

namespace peerwatt::registry {
namespace {

using postgres::Exec;
using postgres::TextFrom;
using postgres::TimeFrom;
using postgres::ToSql;
using postgres::ToSqlArray;

absl::StatusOr<StoredUser> UserFrom(const pqxx::row& row) {
  StoredUser stored;
  stored.user.id = UserId(TextFrom(row["user_id"]));
  stored.user.email = TextFrom(row["email"]);
  stored.user.display_name = TextFrom(row["display_name"]);
  PW_ASSIGN_OR_RETURN(stored.user.roles, RolesFromNames(postgres::TextArrayFrom(row["roles"])));
  stored.user.participant = ParticipantId(TextFrom(row["participant_id"]));
  stored.user.created_at = TimeFrom(row["created_at"]);
  stored.password_phc = TextFrom(row["password_phc"]);
  return stored;
}

}  // namespace

absl::StatusOr<std::optional<StoredUser>> PostgresUserStore::Find(const postgres::Query& query,
                                                                  const std::string& key) {
  std::optional<StoredUser> found;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    found.reset();
    const pqxx::result rows = Exec(tx, query, key);
    if (rows.empty()) return absl::OkStatus();
    PW_ASSIGN_OR_RETURN(found, UserFrom(rows[0]));
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::optional<StoredUser>> PostgresUserStore::FindById(const UserId& id) {
  return Find(kSelectUser, id.value());
}

absl::StatusOr<std::optional<StoredUser>> PostgresUserStore::FindByEmail(
    const std::string& email) {
  return Find(kSelectUserByEmail, email);
}

absl::StatusOr<bool> PostgresUserStore::Insert(const StoredUser& stored, const Actor& actor) {
  const User& user = stored.user;
  bool inserted = false;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    const std::vector<std::string> roles = NamesOf(user.roles);
    inserted = !Exec(tx, kInsertUser, user.id.value(), user.email, user.display_name,
                     ToSqlArray(roles), stored.password_phc, ToSql(user.created_at))
                    .empty();
    if (inserted && NeedAdministrator(user.roles)) {
      WriteAuditEvent(tx, actor, "ROLES_GRANTED", absl::StrCat("users/", user.id.value()),
                      absl::StrJoin(roles, ","));
    }
    return absl::OkStatus();
  }));
  return inserted;
}

absl::Status PostgresUserStore::Open(const UserId& user, const RefreshToken& token) {
  return pool_.Run([&](pqxx::work& tx) {
    Exec(tx, kDeleteExpiredFamilies, user.value(), ToSql(token.issued_at));
    const pqxx::result family =
        Exec(tx, kInsertFamily, user.value(), ToSql(token.expires_at));
    Exec(tx, kInsertRefreshToken, token.sha256, TextFrom(family[0]["family_id"]),
         ToSql(token.issued_at), ToSql(token.expires_at));
    return absl::OkStatus();
  });
}

absl::StatusOr<std::optional<User>> PostgresUserStore::Rotate(const std::string& presented_sha256,
                                                              const RefreshToken& next) {
  std::optional<User> user;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    user.reset();
    const pqxx::result rows = Exec(tx, kLockRefreshToken, presented_sha256);
    if (rows.empty()) return absl::OkStatus();
    const std::string family = TextFrom(rows[0]["family_id"]);
    const PresentedToken presented{TimeFrom(rows[0]["expires_at"]),
                                   TextFrom(rows[0]["successor_sha256"]),
                                   postgres::BoolFrom(rows[0]["family_revoked"])};
    switch (DecideRotation(presented, next.sha256, next.issued_at)) {
      case Rotation::kRefuse:
        return absl::OkStatus();
      case Rotation::kRevokeFamily:
        Exec(tx, kRevokeFamily, family, ToSql(next.issued_at));
        return absl::OkStatus();
      case Rotation::kRotate:
        Exec(tx, kSetSuccessor, presented_sha256, next.sha256);
        Exec(tx, kInsertRefreshToken, next.sha256, family, ToSql(next.issued_at),
             ToSql(next.expires_at));
        Exec(tx, kExtendFamily, family, ToSql(next.expires_at));
        break;
      case Rotation::kAlreadyRotated:
        break;
    }
    const pqxx::result users = Exec(tx, kSelectUser, TextFrom(rows[0]["user_id"]));
    PW_ASSIGN_OR_RETURN(StoredUser stored, UserFrom(users[0]));
    user = std::move(stored.user);
    return absl::OkStatus();
  }));
  return user;
}

}  // namespace peerwatt::registry
