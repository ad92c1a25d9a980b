#include "tools/verify/rules.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/status_macros.h"
#include "tools/verify/csv.h"
#include "tools/verify/json.h"

namespace peerwatt::verify {
namespace {

using Json = nlohmann::json;

absl::StatusOr<Json> Parse(absl::string_view text) {
  Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return absl::InvalidArgumentError("a file of rules is not JSON");
  return json;
}

std::string LastSegment(const std::string& name) { return name.substr(name.find_last_of('/') + 1); }

/// The items of one page, or of many.
std::vector<Json> ItemsOf(const Json& json, const char* field) {
  std::vector<Json> items;
  const auto add = [&](const Json& page) {
    const auto found = page.find(field);
    if (found != page.end()) items.insert(items.end(), found->begin(), found->end());
  };
  if (json.is_array()) {
    for (const Json& page : json) add(page);
  } else {
    add(json);
  }
  return items;
}

Terms::Mechanism MechanismOf(const Json& json) {
  const std::string mechanism = TextOf(json, "mechanism");
  if (mechanism == "SHARING") return Terms::Mechanism::kSharing;
  if (mechanism == "FIXED_PRICE_POOL") return Terms::Mechanism::kPool;
  return TextOf(json, "settlementPolicy") == "FIRM" ? Terms::Mechanism::kFirmTrading
                                                    : Terms::Mechanism::kTrading;
}

absl::StatusOr<Terms::Key> KeyOf(const Json& json) {
  const std::string key = TextOf(json, "sharingKey");
  if (key.empty() || key == "PROPORTIONAL") return Terms::Key::kProportional;
  if (key == "STATIC") return Terms::Key::kStatic;
  if (key == "EQUAL") return Terms::Key::kEqual;
  if (key == "CASCADING") return Terms::Key::kCascading;
  if (key == "RELATIVE") return Terms::Key::kRelative;
  if (key == "OPTIMAL") return Terms::Key::kOptimal;
  return absl::InvalidArgumentError(absl::StrCat("the sharing key ", key, " is not known"));
}

absl::StatusOr<SchemeVersion> SchemeFrom(const Json& json) {
  SchemeVersion scheme;
  scheme.id = LastSegment(TextOf(json, "name"));
  PW_ASSIGN_OR_RETURN(scheme.start, SecondsFrom(TextOf(json, "startTime")));
  scheme.terms.mechanism = MechanismOf(json);
  PW_ASSIGN_OR_RETURN(scheme.terms.key, KeyOf(json));
  const bool is_pool = scheme.terms.mechanism == Terms::Mechanism::kPool;
  scheme.terms.local =
      MoneyOf(json, is_pool ? "poolPricePerKwh" : "internalPricePerKwh").value_or(0);
  scheme.imbalance_purchase = MoneyOf(json, "imbalancePurchasePricePerKwh");
  scheme.imbalance_sale = MoneyOf(json, "imbalanceSalePricePerKwh");
  scheme.operator_ppm = NumberOf(json, "operatorSharePpm");
  for (const Json& share : json.value("shares", Json::array())) {
    PointShare& own = scheme.shares[LastSegment(TextOf(share, "meteringPoint"))];
    const std::string coefficient = TextOf(share, "coefficient");
    if (!coefficient.empty()) {
      PW_ASSIGN_OR_RETURN(own.coefficient, MicrosFrom(coefficient));
    }
    const std::optional<int64_t> rank = NumberOf(share, "rank");
    if (rank.value_or(0) > 0) own.rank = rank;
  }
  return scheme;
}

/// An instant in seconds, rounded down; `otherwise` when the field is not there.
absl::StatusOr<int64_t> InstantOf(const Json& json, const char* field, int64_t otherwise) {
  std::string text = TextOf(json, field);
  if (text.empty()) return otherwise;
  const size_t fraction = text.find('.');
  if (fraction != std::string::npos) text = text.substr(0, fraction) + "Z";
  return SecondsFrom(text);
}

/// The last of the versions that has started.
template <typename Version>
const Version* VersionAt(const std::vector<Version>& versions, int64_t time) {
  const Version* found = nullptr;
  for (const Version& version : versions) {
    if (version.start <= time) found = &version;
  }
  return found;
}

template <typename Version>
void SortByStart(std::vector<Version>& versions) {
  std::stable_sort(versions.begin(), versions.end(),
                   [](const Version& a, const Version& b) { return a.start < b.start; });
}

/// An instant in seconds since 1970, rounded up; that of an absent one is before all others.
absl::StatusOr<int64_t> CreatedAt(absl::string_view text) {
  constexpr size_t kSecondsEnd = 19;
  if (text.empty()) return INT64_MIN;
  PW_ASSIGN_OR_RETURN(const int64_t seconds,
                      SecondsFrom(absl::StrCat(text.substr(0, kSecondsEnd), "Z")));
  return text.size() > kSecondsEnd + 1 ? seconds + 1 : seconds;
}

}  // namespace

const TariffVersion* Rules::TariffAt(int64_t time) const { return VersionAt(tariffs, time); }
const SchemeVersion* Rules::SchemeAt(int64_t time) const { return VersionAt(schemes, time); }

Terms Rules::TermsAt(int64_t time) const {
  const TariffVersion* tariff = TariffAt(time);
  const SchemeVersion* scheme = SchemeAt(time);
  Terms terms = scheme == nullptr ? Terms() : scheme->terms;
  terms.retail = terms.feed_in = std::nullopt;
  if (tariff != nullptr) {
    terms.retail = PriceAt(tariff->retail, time, zone);
    terms.feed_in = PriceAt(tariff->feed_in, time, zone);
  }
  terms.network_fee = network_fee;
  terms.operator_ppm = operator_ppm;
  terms.imbalance_purchase = terms.retail;
  terms.imbalance_sale = terms.feed_in;
  if (scheme == nullptr) return terms;
  if (scheme->imbalance_purchase.has_value()) terms.imbalance_purchase = scheme->imbalance_purchase;
  if (scheme->imbalance_sale.has_value()) terms.imbalance_sale = scheme->imbalance_sale;
  terms.operator_ppm = scheme->operator_ppm.value_or(terms.operator_ppm);
  return terms;
}

absl::StatusOr<Rules> ReadRules(absl::string_view community, absl::string_view tariffs,
                                absl::string_view schemes, absl::string_view points) {
  Rules rules;
  PW_ASSIGN_OR_RETURN(const Json about, Parse(community));
  const std::string name = TextOf(about, "name");
  rules.community = LastSegment(name);
  rules.network_fee = MoneyOf(about, "networkFeePerKwh").value_or(0);
  rules.operator_ppm = NumberOf(about, "operatorSharePpm").value_or(0);
  const std::string interval = TextOf(about, "interval");
  if (!interval.empty()) {
    PW_ASSIGN_OR_RETURN(rules.interval, NumberFrom(absl::StripSuffix(interval, "s")));
  }
  if (rules.community.empty() || rules.interval <= 0) {
    return absl::InvalidArgumentError("the community has no name or no interval");
  }
  const std::string zone = TextOf(about, "timeZone");
  if (!zone.empty() && !absl::LoadTimeZone(zone, &rules.zone)) {
    return absl::InvalidArgumentError(absl::StrCat("the time zone ", zone, " is not known here"));
  }
  PW_ASSIGN_OR_RETURN(rules.trading_start,
                      InstantOf(about, "tradingStartTime", rules.trading_start));
  PW_ASSIGN_OR_RETURN(const Json tariff_pages, Parse(tariffs));
  for (const char* const field : {"tariffs", "tariffVersions"}) {
    for (const Json& item : ItemsOf(tariff_pages, field)) {
      PW_ASSIGN_OR_RETURN(TariffVersion tariff, TariffFrom(item));
      rules.tariffs.push_back(std::move(tariff));
    }
  }
  PW_ASSIGN_OR_RETURN(const Json scheme_pages, Parse(schemes));
  for (const Json& item : ItemsOf(scheme_pages, "schemes")) {
    PW_ASSIGN_OR_RETURN(SchemeVersion scheme, SchemeFrom(item));
    rules.schemes.push_back(std::move(scheme));
  }
  SortByStart(rules.tariffs);
  SortByStart(rules.schemes);
  PW_ASSIGN_OR_RETURN(const Json point_pages, Parse(points));
  for (const Json& item : ItemsOf(point_pages, "meteringPoints")) {
    if (TextOf(item, "community") != name) continue;
    const std::string id = LastSegment(TextOf(item, "name"));
    if (TextOf(item, "role") == "COMMUNITY_BOUNDARY") {
      PW_ASSIGN_OR_RETURN(const int64_t created, CreatedAt(TextOf(item, "createTime")));
      rules.boundaries.push_back({id, created});
      continue;
    }
    const std::string connection = TextOf(item, "gridConnection");
    Point& point = rules.points.emplace_back();
    point.id = id;
    point.participant = LastSegment(TextOf(item, "participant"));
    point.connection = connection.empty() ? id : connection;
    PW_ASSIGN_OR_RETURN(point.created, InstantOf(item, "createTime", point.created));
  }
  return rules;
}

}  // namespace peerwatt::verify
