#include "services/market/core/preference.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "libs/base/status_macros.h"
#include "services/market/core/clearing/preferences.h"
#include "services/market/core/errors.h"

namespace peerwatt::market {
namespace {

constexpr std::array<const char*, kEnergySources> kSourceNames = {
    "unknown", "solar", "wind", "hydro", "biomass", "cogeneration", "storage"};
constexpr absl::string_view kOr = " or ";
constexpr absl::string_view kPremium = "; premium";

absl::Status Invalid(absl::string_view why) {
  return Error(kPreferencesInvalid, std::string(why), {}, {{"order", std::string(why)}});
}

std::vector<std::string> NamesOf(EnergySources sources) {
  std::vector<std::string> names;
  for (size_t i = 0; i < kSourceNames.size(); ++i) {
    if ((sources >> i & 1) != 0) {
      names.emplace_back(kSourceNames[i]);
    }
  }
  return names;
}

std::optional<EnergySources> SourcesFrom(absl::string_view names) {
  EnergySources sources = 0;
  for (const absl::string_view name : absl::StrSplit(names, ',')) {
    const auto found = std::find(kSourceNames.begin(), kSourceNames.end(), name);
    if (found == kSourceNames.end()) {
      return std::nullopt;
    }
    sources |= EnergySources{1} << (found - kSourceNames.begin());
  }
  return sources;
}

template <typename Name>
std::vector<std::string> Sorted(const std::vector<Name>& names) {
  std::vector<std::string> values;
  for (const Name& name : names) {
    values.push_back(name.value());
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

template <typename Name>
std::vector<Name> NamesFrom(absl::string_view values) {
  std::vector<Name> names;
  for (const absl::string_view value : absl::StrSplit(values, ',')) {
    names.emplace_back(std::string(value));
  }
  return names;
}

std::string FormatRequirement(const Requirement& requirement) {
  std::vector<std::string> parts;
  const auto add = [&](absl::string_view key, const std::vector<std::string>& values) {
    if (!values.empty()) {
      parts.push_back(absl::StrCat(key, "=", absl::StrJoin(values, ",")));
    }
  };
  add("sources", NamesOf(requirement.sources));
  add("zones", Sorted(requirement.zones));
  add("partners", Sorted(requirement.partners));
  add("except", Sorted(requirement.excluded));
  return absl::StrJoin(parts, " ");
}

absl::StatusOr<Requirement> ParseRequirement(absl::string_view text) {
  Requirement requirement;
  for (const absl::string_view part : absl::StrSplit(text, ' ')) {
    const std::pair<absl::string_view, absl::string_view> sides =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    if (sides.first == "sources") {
      const std::optional<EnergySources> sources = SourcesFrom(sides.second);
      if (!sources.has_value()) {
        return Invalid("a preference names an unknown source of energy");
      }
      requirement.sources = *sources;
    } else if (sides.first == "zones") {
      requirement.zones = NamesFrom<ZoneId>(sides.second);
    } else if (sides.first == "partners") {
      requirement.partners = NamesFrom<ParticipantId>(sides.second);
    } else if (sides.first == "except") {
      requirement.excluded = NamesFrom<ParticipantId>(sides.second);
    } else {
      return Invalid("a preference has an unknown part");
    }
  }
  return requirement;
}

absl::Status ParsePremium(absl::string_view text, OrderPreference& preference) {
  for (absl::string_view part : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (part == "local") {
      preference.premium_local = true;
      continue;
    }
    const std::optional<EnergySources> sources =
        absl::ConsumePrefix(&part, "sources=") ? SourcesFrom(part) : std::nullopt;
    if (!sources.has_value()) {
      return Invalid("a premium has an unknown part");
    }
    preference.premium_sources = *sources;
  }
  return absl::OkStatus();
}

absl::Status CheckRequirement(const Requirement& requirement, Side side,
                              const NetworkVersion& network) {
  if (std::max({requirement.zones.size(), requirement.partners.size(),
                requirement.excluded.size()}) > kRequirementValuesMax) {
    return Invalid("a requirement has at most 32 zones, partners and excluded partners");
  }
  if (side == Side::kOffer && requirement.sources != 0) {
    return Invalid("only bids require sources of energy");
  }
  for (const ZoneId& zone : requirement.zones) {
    if (std::find(network.zones.begin(), network.zones.end(), zone) == network.zones.end()) {
      return Invalid(absl::StrCat("the auction's network has no zone ", zone.value()));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPremium(const Order& order, const OrderPreference& preference) {
  const bool has_wish = preference.premium_sources != 0 || preference.premium_local;
  if (order.premium == Price()) {
    return has_wish ? Invalid("a premium must be above 0") : absl::OkStatus();
  }
  if (order.premium < Price() || order.side == Side::kOffer || !has_wish) {
    return Invalid("only a bid offers a premium, above 0, for sources or for local energy");
  }
  if (order.limit + order.premium > kPriceMax) {
    return Invalid("limit and premium together must be at most 1000 per kWh");
  }
  return absl::OkStatus();
}

}  // namespace

std::string FormatPreference(const OrderPreference& preference) {
  std::vector<std::string> requirements;
  for (const Requirement& requirement : preference.any_of) {
    requirements.push_back(FormatRequirement(requirement));
  }
  std::sort(requirements.begin(), requirements.end());
  std::string text = absl::StrJoin(requirements, kOr);
  if (preference.premium_sources != 0 || preference.premium_local) {
    absl::StrAppend(&text, kPremium);
    if (preference.premium_sources != 0) {
      absl::StrAppend(&text, " sources=", absl::StrJoin(NamesOf(preference.premium_sources), ","));
    }
    absl::StrAppend(&text, preference.premium_local ? " local" : "");
  }
  return text;
}

absl::StatusOr<OrderPreference> ParsePreference(absl::string_view text) {
  OrderPreference preference;
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits(kPremium, 1));
  if (!parts.first.empty()) {
    for (const absl::string_view requirement : absl::StrSplit(parts.first, kOr)) {
      PW_ASSIGN_OR_RETURN(preference.any_of.emplace_back(), ParseRequirement(requirement));
    }
  }
  PW_RETURN_IF_ERROR(ParsePremium(parts.second, preference));
  return preference;
}

absl::Status CheckPreference(const Order& order, const NetworkVersion& network) {
  PW_ASSIGN_OR_RETURN(const OrderPreference preference, ParsePreference(order.preference));
  if (preference.any_of.size() > kRequirementsMax) {
    return Invalid("an order has at most 8 requirements");
  }
  for (const Requirement& requirement : preference.any_of) {
    PW_RETURN_IF_ERROR(CheckRequirement(requirement, order.side, network));
  }
  PW_RETURN_IF_ERROR(CheckPremium(order, preference));
  const bool prefers = !order.preference.empty() || order.premium != Price();
  if (prefers && network.zones.size() > clearing::kPreferenceZonesMax) {
    return Error(kPreferencesUnsupported, "the community's network has too many zones",
                 {{"zones_max", absl::StrCat(clearing::kPreferenceZonesMax)}});
  }
  return absl::OkStatus();
}

int64_t NamesIn(const OrderPreference& preference) {
  size_t names = 0;
  for (const Requirement& requirement : preference.any_of) {
    names += requirement.zones.size() + requirement.partners.size() + requirement.excluded.size();
  }
  return static_cast<int64_t>(names);
}

PreferenceLoad Added(PreferenceLoad load, Side side, int64_t names) {
  load.offers += side == Side::kOffer ? 1 : 0;
  load.bids += side == Side::kBid ? 1 : 0;
  load.naming_bids += side == Side::kBid && names > 0 ? 1 : 0;
  load.names += names;
  return load;
}

bool Fits(const PreferenceLoad& load, size_t zones) {
  if (load.offers + load.bids > kPreferencesMax) {
    return false;
  }
  // Each factor is bounded, so that the product is.
  const int64_t named = std::min(load.names + static_cast<int64_t>(zones) + 1, kPreferenceLoadMax);
  return named * ((load.offers + 1) * (load.naming_bids + 1) + load.offers * load.bids) <=
         kPreferenceLoadMax;
}

absl::Status CheckLoad(const Order& order, const PreferenceLoad& load,
                       const NetworkVersion& network) {
  if (order.preference.empty()) {
    return absl::OkStatus();  // It asks for nothing.
  }
  PW_ASSIGN_OR_RETURN(const OrderPreference preference, ParsePreference(order.preference));
  if (!Fits(Added(load, order.side, NamesIn(preference)), network.zones.size())) {
    return Error(kPreferencesUnsupported,
                 "the auction has too many different preferences: use one that is there, or none",
                 {{"preferences", absl::StrCat(load.offers + load.bids)},
                  {"names", absl::StrCat(load.names)}});
  }
  return absl::OkStatus();
}

}  // namespace peerwatt::market
