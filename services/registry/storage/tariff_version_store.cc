#include "services/registry/storage/tariff_version_store.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/postgres/codec.h"
#include "services/registry/core/errors.h"
#include "services/registry/storage/audit_trail.h"
#include "services/registry/storage/network_queries.h"
#include "services/registry/storage/tariff_queries.h"

namespace peerwatt::registry {
namespace {

using postgres::Exec;
using postgres::Int32From;
using postgres::Int64ArrayFrom;
using postgres::Int64From;
using postgres::OptionalInt64From;
using postgres::TextFrom;
using postgres::TimeFrom;
using postgres::ToSql;
using postgres::ToSqlArray;

constexpr char kRetail[] = "RETAIL";
constexpr char kFeedIn[] = "FEED_IN";
constexpr char kSubscription[] = "SUBSCRIPTION";
constexpr char kPieceFee[] = "PIECE_FEE";

/// One row of the rules.
struct Rule {
  std::string kind;
  std::string id;
  int basis = 0;
  int64_t amount_micros = 0;
  bool is_taxable = true;
  std::vector<LocalWindow> windows;
};

int64_t DayNumber(YearDay day) { return day.month * 100 + day.day; }
YearDay DayFrom(int64_t number) {
  return {static_cast<int>(number / 100), static_cast<int>(number % 100)};
}

std::vector<LocalWindow> WindowsFrom(const pqxx::row& row) {
  const std::vector<int64_t> weekdays = Int64ArrayFrom(row["window_weekdays"]);
  const std::vector<int64_t> starts = Int64ArrayFrom(row["window_start_minutes"]);
  const std::vector<int64_t> ends = Int64ArrayFrom(row["window_end_minutes"]);
  const std::vector<int64_t> first_days = Int64ArrayFrom(row["window_season_starts"]);
  const std::vector<int64_t> last_days = Int64ArrayFrom(row["window_season_ends"]);
  std::vector<LocalWindow> windows;
  for (size_t i = 0; i < weekdays.size(); ++i) {
    LocalWindow& window = windows.emplace_back();
    window.weekdays = static_cast<uint32_t>(weekdays[i]);
    window.start_minute = static_cast<int>(starts[i]);
    window.end_minute = static_cast<int>(ends[i]);
    if (first_days[i] != 0) window.season = {DayFrom(first_days[i]), DayFrom(last_days[i])};
  }
  return windows;
}

Rule RuleFrom(const pqxx::row& row) {
  return {TextFrom(row["kind"]),
          TextFrom(row["rule_id"]),
          Int32From(row["basis"]),
          Int64From(row["amount_micros"]),
          postgres::BoolFrom(row["is_taxable"]),
          WindowsFrom(row)};
}

void AddPrice(const Rule& rule, EnergyPrices& prices) {
  const Price price = Price::MicrosPerKwh(rule.amount_micros);
  if (rule.id.empty()) {
    prices.default_price = price;
    prices.default_is_taxable = rule.is_taxable;
  } else {
    prices.prices.push_back({rule.id, price, rule.windows, rule.is_taxable});
  }
}

void Add(const Rule& rule, TariffRules& rules) {
  const Money amount = Money::Micros(rule.amount_micros);
  if (rule.kind == kRetail) {
    AddPrice(rule, rules.retail);
  } else if (rule.kind == kFeedIn) {
    AddPrice(rule, rules.feed_in);
  } else if (rule.kind == kSubscription) {
    rules.subscriptions.push_back(
        {static_cast<SubscriptionBasis>(rule.basis), amount, rule.is_taxable});
  } else {
    rules.piece_fees.push_back({static_cast<PieceFeeBasis>(rule.basis), amount, rule.is_taxable});
  }
}

void AddRules(const EnergyPrices& prices, const char* kind, std::vector<Rule>& rules) {
  if (prices.default_price.has_value()) {
    rules.push_back(
        {kind, "", 0, prices.default_price->micros_per_kwh(), prices.default_is_taxable, {}});
  }
  for (const WindowedPrice& price : prices.prices) {
    rules.push_back(
        {kind, price.id, 0, price.price.micros_per_kwh(), price.is_taxable, price.windows});
  }
}

std::vector<Rule> RowsOf(const TariffRules& rules) {
  std::vector<Rule> rows;
  AddRules(rules.retail, kRetail, rows);
  AddRules(rules.feed_in, kFeedIn, rows);
  for (const Subscription& subscription : rules.subscriptions) {
    rows.push_back({kSubscription,
                    "",
                    static_cast<int>(subscription.basis),
                    subscription.month_price.micros(),
                    subscription.is_taxable,
                    {}});
  }
  for (const PieceFee& fee : rules.piece_fees) {
    rows.push_back(
        {kPieceFee, "", static_cast<int>(fee.basis), fee.price.micros(), fee.is_taxable, {}});
  }
  return rows;
}

/// Whether two taxed prices around the clock are all that a version has.
bool IsFlat(const TariffRules& rules) {
  TariffRules flat;
  flat.retail.default_price = rules.retail.default_price;
  flat.feed_in.default_price = rules.feed_in.default_price;
  return rules.retail.default_price.has_value() && rules.feed_in.default_price.has_value() &&
         rules == flat;
}

void InsertRule(pqxx::work& tx, const TariffVersion& version, int number, const Rule& rule) {
  std::vector<int64_t> weekdays;
  std::vector<int64_t> starts;
  std::vector<int64_t> ends;
  std::vector<int64_t> first_days;
  std::vector<int64_t> last_days;
  for (const LocalWindow& window : rule.windows) {
    weekdays.push_back(window.weekdays);
    starts.push_back(window.start_minute);
    ends.push_back(window.end_minute);
    first_days.push_back(window.season.has_value() ? DayNumber(window.season->first) : 0);
    last_days.push_back(window.season.has_value() ? DayNumber(window.season->last) : 0);
  }
  Exec(tx, kInsertTariffRule, version.community.value(), version.id.value(), number, rule.kind,
       rule.id, rule.basis, rule.amount_micros, rule.is_taxable, ToSqlArray(weekdays),
       ToSqlArray(starts), ToSqlArray(ends), ToSqlArray(first_days), ToSqlArray(last_days));
}

std::vector<TariffVersion> VersionsFrom(pqxx::work& tx, const CommunityId& community,
                                        const pqxx::result& rows) {
  std::vector<TariffVersion> versions;
  std::vector<std::string> with_rules;
  for (const pqxx::row& row : rows) {
    TariffVersion& version = versions.emplace_back();
    version.community = CommunityId(TextFrom(row["community_id"]));
    version.id = TariffId(TextFrom(row["tariff_id"]));
    version.starts_at = TimeFrom(row["starts_at"]);
    version.number = Int64From(row["version_no"]);
    if (!row["created_at"].is_null()) version.created_at = TimeFrom(row["created_at"]);
    const auto retail = OptionalInt64From(row["retail_price_micros_per_kwh"]);
    const auto feed_in = OptionalInt64From(row["feed_in_price_micros_per_kwh"]);
    if (retail.has_value() && feed_in.has_value()) {
      version.rules.retail.default_price = Price::MicrosPerKwh(*retail);
      version.rules.feed_in.default_price = Price::MicrosPerKwh(*feed_in);
    } else {
      with_rules.push_back(version.id.value());
    }
  }
  if (with_rules.empty()) return versions;
  std::map<std::string, TariffRules> rules;
  for (const pqxx::row& row :
       Exec(tx, kSelectTariffRules, community.value(), ToSqlArray(with_rules))) {
    Add(RuleFrom(row), rules[TextFrom(row["tariff_id"])]);
  }
  for (const std::string& id : with_rules) {
    for (TariffVersion& version : versions) {
      if (version.id.value() == id) version.rules = rules[id];
    }
  }
  return versions;
}

std::optional<TariffVersion> Find(pqxx::work& tx, const CommunityId& community,
                                  const TariffId& id) {
  std::vector<TariffVersion> found =
      VersionsFrom(tx, community, Exec(tx, kSelectTariffVersion, community.value(), id.value()));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

/// Errors: CONTENT_DIFFERS, TARIFF_START_TAKEN.
absl::Status Insert(pqxx::work& tx, const TariffVersion& version, const Actor& actor) {
  std::optional<int64_t> feed_in;
  std::optional<int64_t> retail;
  const bool is_flat = IsFlat(version.rules);
  if (is_flat) {
    feed_in = version.rules.feed_in.default_price->micros_per_kwh();
    retail = version.rules.retail.default_price->micros_per_kwh();
  }
  const pqxx::result inserted =
      Exec(tx, kInsertTariffVersion, version.community.value(), version.id.value(),
           ToSql(version.starts_at), feed_in, retail, ToSql(version.created_at.value()));
  if (inserted.affected_rows() == 0) {
    return Error(kTariffStartTaken, "another tariff of the community starts at this instant",
                 {{"community", version.community.value()}});
  }
  int number = 0;
  if (!is_flat) {
    for (const Rule& rule : RowsOf(version.rules)) InsertRule(tx, version, ++number, rule);
  }
  WriteAuditEvent(tx, actor, "TARIFF_VERSION_CREATED",
                  absl::StrCat("communities/", version.community.value(), "/tariffVersions/",
                               version.id.value()),
                  "");
  return absl::OkStatus();
}

}  // namespace

std::optional<TariffVersion> TariffVersionAt(pqxx::work& tx, const CommunityId& community,
                                             absl::Time time) {
  std::vector<TariffVersion> found = VersionsFrom(
      tx, community,
      Exec(tx, kListTariffVersions, community.value(), ToSql(time + absl::Microseconds(1)), 1));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

absl::StatusOr<TariffVersion> PostgresTariffVersionStore::Create(const TariffVersion& version,
                                                                 bool keep, const Actor& actor) {
  std::optional<TariffVersion> stored;
  const absl::Status status = pool_.Run([&](pqxx::work& tx) -> absl::Status {
    stored.reset();
    if (Exec(tx, kLockCommunity, version.community.value()).empty()) {
      return Error(kNotFound, "there is no such community",
                   {{"community", version.community.value()}});
    }
    stored = Find(tx, version.community, version.id);
    if (stored.has_value() && !SameContent(*stored, version)) {
      return Error(kContentDiffers, "the tariff exists with other content",
                   {{"tariff", version.id.value()}});
    }
    if (stored.has_value()) return absl::OkStatus();
    PW_RETURN_IF_ERROR(Insert(tx, version, actor));
    stored = Find(tx, version.community, version.id);
    // What is only checked is undone like what failed.
    return keep ? absl::OkStatus() : absl::CancelledError();
  });
  if (!status.ok() && (keep || !absl::IsCancelled(status))) return status;
  return *std::move(stored);
}

absl::StatusOr<TariffVersion> PostgresTariffVersionStore::Get(const CommunityId& community,
                                                              const TariffId& id) {
  std::optional<TariffVersion> found;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) -> absl::Status {
    found = Find(tx, community, id);
    if (found.has_value()) return absl::OkStatus();
    return Error(kNotFound, "there is no such tariff", {{"tariff", id.value()}});
  }));
  return *std::move(found);
}

absl::StatusOr<std::vector<TariffVersion>> PostgresTariffVersionStore::List(
    const CommunityId& community, absl::Time before, int limit) {
  std::vector<TariffVersion> versions;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    versions = VersionsFrom(tx, community,
                            Exec(tx, kListTariffVersions, community.value(), ToSql(before), limit));
    return absl::OkStatus();
  }));
  return versions;
}

absl::StatusOr<TariffsInForce> PostgresTariffVersionStore::ListInForce(const CommunityId& community,
                                                                       Interval span) {
  TariffsInForce found;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    found = {};
    // Counted first: a version that comes in between is in force without being counted, never the
    // other way round.
    found.version_count =
        Int64From(Exec(tx, kCountTariffVersionsOf, community.value())[0]["version_count"]);
    found.versions = VersionsFrom(tx, community,
                                  Exec(tx, kListTariffVersionsInForce, community.value(),
                                       ToSql(span.start), ToSql(span.end)));
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::vector<std::pair<CommunityId, int64_t>>> PostgresTariffVersionStore::Counts() {
  std::vector<std::pair<CommunityId, int64_t>> counts;
  PW_RETURN_IF_ERROR(pool_.Run([&](pqxx::work& tx) {
    counts.clear();
    for (const pqxx::row& row : Exec(tx, kCountTariffVersions)) {
      counts.emplace_back(CommunityId(TextFrom(row["community_id"])),
                          Int64From(row["version_count"]));
    }
    return absl::OkStatus();
  }));
  return counts;
}

}  // namespace peerwatt::registry
