#include "libs/postgres/leases.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"

namespace peerwatt::postgres {
namespace {

// The holder's own locks do not hinder a renewal, which leaves the key alone.
constexpr Query kRenewLeases{"renew_leases", R"sql(
  UPDATE leases AS l SET expires_at = clock_timestamp() + make_interval(secs => $4 / 1000.0)
  FROM unnest($1::text[], $2::bigint[]) AS mine (community_id, token)
  WHERE l.community_id = mine.community_id AND l.token = mine.token AND l.holder = $3
  RETURNING l.community_id, l.token)sql"};

constexpr Query kFindWantedLeases{"find_wanted_leases", R"sql(
  SELECT wanted.community_id FROM unnest($1::text[]) AS wanted (community_id)
  LEFT JOIN leases AS l ON l.community_id = wanted.community_id
  WHERE l.community_id IS NULL OR l.expires_at <= clock_timestamp() OR l.holder = $2)sql"};

constexpr Query kAddLeases{"add_leases", R"sql(
  INSERT INTO leases (community_id, holder, token, expires_at)
  SELECT wanted.community_id, '', 0, '-infinity'
  FROM unnest($1::text[]) AS wanted (community_id)
  ORDER BY wanted.community_id
  ON CONFLICT (community_id) DO NOTHING)sql"};

// A lease whose holder is in the middle of a write is not waited for: the next look finds it.
constexpr Query kTakeLeases{"take_leases", R"sql(
  WITH free AS (
    SELECT community_id FROM leases
    WHERE community_id = ANY ($1::text[])
      AND (expires_at <= clock_timestamp() OR holder = $2)
    ORDER BY community_id
    FOR UPDATE SKIP LOCKED)
  UPDATE leases AS l
  SET holder = $2, token = l.token + 1,
      expires_at = clock_timestamp() + make_interval(secs => $3 / 1000.0)
  FROM free WHERE l.community_id = free.community_id
  RETURNING l.community_id, l.token)sql"};

constexpr Query kEndLeases{"end_leases", R"sql(
  UPDATE leases AS l SET expires_at = '-infinity'
  FROM unnest($1::text[], $2::bigint[]) AS mine (community_id, token)
  WHERE l.community_id = mine.community_id AND l.token = mine.token AND l.holder = $3)sql"};

// A process that stands still in the middle of its transaction must not keep the lease from others:
// the database ends the transaction after a term.
constexpr Query kRequireLease{"require_lease", R"sql(
  SELECT set_config('idle_in_transaction_session_timeout', $3, true) FROM leases
  WHERE community_id = $1 AND token = $2
  FOR KEY SHARE)sql"};

std::pair<std::string, std::string> ColumnsOf(const std::map<std::string, int64_t>& tokens) {
  std::vector<std::string> keys;
  std::vector<int64_t> values;
  for (const auto& [key, token] : tokens) {
    keys.push_back(key);
    values.push_back(token);
  }
  return {ToSqlArray(keys), ToSqlArray(values)};
}

std::map<std::string, int64_t> TokensFrom(const pqxx::result& rows) {
  std::map<std::string, int64_t> tokens;
  for (const auto& row : rows) tokens[TextFrom(row[0])] = Int64From(row[1]);
  return tokens;
}

}  // namespace

Leases::Leases(Pool& pool, std::string holder, absl::Duration term)
    : pool_(pool), holder_(std::move(holder)), term_(term) {}

std::vector<Query> Leases::Queries() {
  return {kRenewLeases, kFindWantedLeases, kAddLeases, kTakeLeases, kEndLeases, kRequireLease};
}

absl::Status Leases::Keep(const std::vector<std::string>& keys) {
  const std::set<std::string> wanted(keys.begin(), keys.end());
  std::map<std::string, int64_t> before;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, token] : tokens_) {
      if (wanted.contains(key)) before[key] = token;
    }
  }
  const std::string term_ms = absl::StrCat(absl::ToInt64Milliseconds(term_));
  std::map<std::string, int64_t> renewed;
  std::map<std::string, int64_t> taken;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    renewed.clear();
    taken.clear();
    if (!before.empty()) {
      const auto [held_keys, tokens] = ColumnsOf(before);
      renewed = TokensFrom(Exec(tx, kRenewLeases, held_keys, tokens, holder_, term_ms));
    }
    std::vector<std::string> others;
    for (const std::string& key : wanted) {
      if (!renewed.contains(key)) others.push_back(key);
    }
    if (others.empty()) return absl::OkStatus();
    std::vector<std::string> free;
    for (const auto& row : Exec(tx, kFindWantedLeases, ToSqlArray(others), holder_)) {
      free.push_back(TextFrom(row[0]));
    }
    if (free.empty()) return absl::OkStatus();
    Exec(tx, kAddLeases, ToSqlArray(free));
    taken = TokensFrom(Exec(tx, kTakeLeases, ToSqlArray(free), holder_, term_ms));
    return absl::OkStatus();
  }));
  const std::lock_guard lock(mutex_);
  for (const auto& [key, token] : before) {
    if (!renewed.contains(key)) ++counts_.lost;
  }
  counts_.taken += static_cast<int64_t>(taken.size());
  tokens_ = std::move(renewed);
  tokens_.insert(taken.begin(), taken.end());
  counts_.held = static_cast<int64_t>(tokens_.size());
  return absl::OkStatus();
}

absl::Status Leases::Release() {
  std::map<std::string, int64_t> tokens;
  {
    const std::lock_guard lock(mutex_);
    tokens.swap(tokens_);
    counts_.held = 0;
  }
  if (tokens.empty()) return absl::OkStatus();
  return pool_.Run([&](pqxx::work& tx) {
    const auto [keys, values] = ColumnsOf(tokens);
    Exec(tx, kEndLeases, keys, values, holder_);
    return absl::OkStatus();
  });
}

std::optional<int64_t> Leases::TokenOf(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = tokens_.find(key);
  return found == tokens_.end() ? std::nullopt : std::optional(found->second);
}

LeaseCounts Leases::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

absl::Status Leases::Require(pqxx::work& tx, const std::string& key, int64_t token) const {
  const std::string term_ms = absl::StrCat(absl::ToInt64Milliseconds(term_));
  if (Exec(tx, kRequireLease, key, token, term_ms).empty()) {
    return Error(kLeaseLost, "another replica has taken the lease", {{"key", key}});
  }
  return absl::OkStatus();
}

}  // namespace peerwatt::postgres
