#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/domain/ids.h"
#include "services/registry/core/audit.h"
#include "services/registry/core/roles.h"
#include "services/registry/core/security.h"

namespace peerwatt::registry {

/// How long a refresh token works.
inline constexpr absl::Duration kRefreshTokenLife = absl::Hours(24 * 30);

/// A person who signs in.
struct User {
  UserId id;
  std::string email;  ///< lower case
  std::string display_name;
  std::vector<Role> roles;
  ParticipantId participant;  ///< empty when the user stands for none
  absl::Time created_at;
};

/// A user with the hash of the password.
struct StoredUser {
  User user;
  std::string password_phc;
};

/// What somebody signs up with.
struct NewUser {
  UserId id;
  std::string email;
  std::string display_name;
  std::vector<Role> roles;
  std::string password;
};

/// Brings a sign-up into its stored form: email in lower case, roles sorted or the default ones.
/// Errors, in this order: FIELD_INVALID for user_id, user.email, user.display_name, password.
absl::StatusOr<NewUser> CheckNewUser(NewUser asked);

/// Users by id and email.
class UserStore {
 public:
  virtual ~UserStore() = default;
  virtual absl::StatusOr<std::optional<StoredUser>> FindById(const UserId& id) = 0;
  virtual absl::StatusOr<std::optional<StoredUser>> FindByEmail(const std::string& email) = 0;
  /// Stores a user unless id or email is taken; roles that need an administrator are written into
  /// the audit trail as granted by `actor`. Returns whether it was stored.
  virtual absl::StatusOr<bool> Insert(const StoredUser& user, const Actor& actor) = 0;
};

/// A refresh token as it is stored; never the token itself.
struct RefreshToken {
  std::string sha256;
  absl::Time issued_at;
  absl::Time expires_at;
};

/// A presented refresh token as the store knows it.
struct PresentedToken {
  absl::Time expires_at;
  std::string successor_sha256;  ///< empty until it was used
  bool family_revoked = false;
};

/// What becomes of a presented refresh token.
enum class Rotation { kRotate, kAlreadyRotated, kRefuse, kRevokeFamily };

/// Decides about a refresh token. Using one twice means that two hold it, so the whole family ends
/// (RFC 9700, 4.14.2); the same rotation tried again by ourselves is no second use.
Rotation DecideRotation(const PresentedToken& presented, const std::string& next_sha256,
                        absl::Time now);

/// Refresh tokens in families: all that descend from one sign-in.
class SessionStore {
 public:
  virtual ~SessionStore() = default;
  /// Starts a family.
  virtual absl::Status Open(const UserId& user, const RefreshToken& token) = 0;
  /// Replaces a token by the next one as `DecideRotation` says. Returns the user, or nothing when
  /// the token is refused.
  virtual absl::StatusOr<std::optional<User>> Rotate(const std::string& presented_sha256,
                                                     const RefreshToken& next) = 0;
};

/// A signed access token.
struct AccessToken {
  std::string token;
  absl::Time expires_at;
};

/// Public part of the key that signs access tokens, as in a JWK.
struct PublicKey {
  std::string kid;
  std::string x;
  std::string y;
};

/// Issues access tokens.
class AccessTokens {
 public:
  virtual ~AccessTokens() = default;
  virtual AccessToken Issue(const User& user, absl::Time now) = 0;
  /// Keys in force, newest first.
  virtual std::vector<PublicKey> keys() const = 0;
};

/// Tokens of a signed-in user.
struct Session {
  AccessToken access;
  std::string refresh_token;
  UserId user;
};

/// Sign-up and sign-in. All times are real time: security does not follow a simulated clock.
class Accounts {
 public:
  Accounts(UserStore& users, SessionStore& sessions, PasswordHasher& hasher, AccessTokens& tokens,
           Secrets& secrets)
      : users_(users), sessions_(sessions), hasher_(hasher), tokens_(tokens), secrets_(secrets) {}

  /// Signs a checked user up. The same id, email and password again give the same user.
  /// Errors: USER_EXISTS, SIGN_IN_BUSY.
  absl::StatusOr<User> CreateUser(const NewUser& user, const Actor& actor);
  /// Errors: NOT_FOUND.
  absl::StatusOr<User> GetUser(const UserId& id);
  /// Errors: CREDENTIALS_INVALID, SIGN_IN_BUSY.
  absl::StatusOr<Session> SignIn(const std::string& email, const std::string& password,
                                 absl::Time now);
  /// Errors: REFRESH_TOKEN_INVALID.
  absl::StatusOr<Session> Refresh(const std::string& refresh_token, absl::Time now);
  /// Creates `users/admin` with the roles ADMIN, OPERATOR and REGULATOR unless it exists.
  absl::Status EnsureAdministrator(const std::string& email, const std::string& password,
                                   absl::Time now);

 private:
  struct NewToken {
    std::string secret;
    RefreshToken stored;
  };
  NewToken MakeRefreshToken(absl::Time now);

  UserStore& users_;
  SessionStore& sessions_;
  PasswordHasher& hasher_;
  AccessTokens& tokens_;
  Secrets& secrets_;
};

}  // namespace peerwatt::registry
