#pragma once

#include <optional>
#include <string>

#include "libs/postgres/pool.h"
#include "services/registry/core/users.h"

namespace peerwatt::registry {

/// Users and sessions in PostgreSQL.
class PostgresUserStore final : public UserStore, public SessionStore {
 public:
  explicit PostgresUserStore(postgres::Pool& pool) : pool_(pool) {}

  absl::StatusOr<std::optional<StoredUser>> FindById(const UserId& id) override;
  absl::StatusOr<std::optional<StoredUser>> FindByEmail(const std::string& email) override;
  absl::StatusOr<bool> Insert(const StoredUser& user, const Actor& actor) override;

  absl::Status Open(const UserId& user, const RefreshToken& token) override;
  absl::StatusOr<std::optional<User>> Rotate(const std::string& presented_sha256,
                                             const RefreshToken& next) override;

 private:
  absl::StatusOr<std::optional<StoredUser>> Find(const postgres::Query& query,
                                                 const std::string& key);

  postgres::Pool& pool_;
};

}  // namespace peerwatt::registry
