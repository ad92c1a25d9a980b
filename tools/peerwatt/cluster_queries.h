#pragma once

namespace peerwatt::tool {

// Statements that set up the private cluster. Identifiers cannot be parameters, so the server
// quotes them: each `Build…` answers with the statement to run.

inline constexpr char kRoleExists[] = "SELECT 1 FROM pg_roles WHERE rolname = $1";
inline constexpr char kBuildCreateRole[] = "SELECT format('CREATE ROLE %I LOGIN', $1::text)";
inline constexpr char kBuildSetPassword[] =
    "SELECT format('ALTER ROLE %I PASSWORD %L', $1::text, $2::text)";
inline constexpr char kDatabaseExists[] = "SELECT 1 FROM pg_database WHERE datname = $1";
inline constexpr char kBuildCreateDatabase[] =
    "SELECT format('CREATE DATABASE %I OWNER %I', $1::text, $2::text)";
inline constexpr char kCheckpoint[] = "CHECKPOINT";
inline constexpr char kBuildRevokeConnect[] =
    "SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', $1::text)";
inline constexpr char kBuildGrantConnect[] =
    "SELECT format('GRANT CONNECT ON DATABASE %I TO %I', $1::text, $2::text)";

}  // namespace peerwatt::tool
