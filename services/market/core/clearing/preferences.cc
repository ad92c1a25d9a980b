#include "services/market/core/clearing/preferences.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <queue>
#include <set>
#include <tuple>
#include <utility>

#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "services/market/core/clearing/mutant.h"
#include "services/market/core/clearing/network.h"
#include "services/market/core/clearing/zone_pairing.h"
#include "services/market/core/clearing/zones.h"
#include "services/market/core/errors.h"

namespace peerwatt::market::clearing {
namespace {

constexpr int64_t kLimitMax = kPriceMax.micros_per_kwh();
constexpr int64_t kUnreachable = std::numeric_limits<int64_t>::max();
constexpr uint8_t kTypes = 32;
constexpr uint32_t kNobody = std::numeric_limits<uint32_t>::max();

bool IsBid(const Request& request) { return request.entry.way() == Way::kBuy; }

bool Contains(const std::vector<uint32_t>& list, uint32_t value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

uint32_t AccountOf(const Request& request) {
  return PW_MUTANT(kPartnersAreMeantByOwner, request.entry.owner(), request.account);
}

bool Holds(const Condition& condition, const Request& partner) {
  const bool has_type = IsBid(partner) || (condition.types >> partner.type & 1) != 0;
  return has_type && (condition.zones.empty() || Contains(condition.zones, partner.zone)) &&
         (condition.partners.empty() || Contains(condition.partners, AccountOf(partner))) &&
         !Contains(condition.excluded, AccountOf(partner));
}

// Whether an offer is what a bid would pay its premium for.
bool MeetsPremium(const Preference& preference, const Request& bid, const Request& offer) {
  const bool is_type =
      preference.premium_types == 0 || (preference.premium_types >> offer.type & 1) != 0;
  return preference.premium > 0 && is_type && (!preference.premium_local || bid.zone == offer.zone);
}

// The least fee from one zone to every other (Dijkstra 1959).
std::vector<int64_t> FeesFrom(uint32_t zone, const Network& network,
                              const std::vector<std::vector<uint32_t>>& edges_at) {
  std::vector<int64_t> fees(network.zones, kUnreachable);
  using Reached = std::pair<int64_t, uint32_t>;
  std::priority_queue<Reached, std::vector<Reached>, std::greater<>> queue;
  fees[zone] = 0;
  queue.push({0, zone});
  while (!queue.empty()) {
    const auto [fee, at] = queue.top();
    queue.pop();
    if (fee > fees[at]) {
      continue;
    }
    for (const uint32_t i : edges_at[at]) {
      const Edge& edge = network.edges[i];
      const uint32_t next = edge.from == at ? edge.to : edge.from;
      if (fee + edge.fee < fees[next]) {
        fees[next] = fee + edge.fee;
        queue.push({fees[next], next});
      }
    }
  }
  return fees;
}

absl::Status CheckRequests(std::span<const Request> requests,
                           std::span<const Preference> preferences, const Network& network) {
  PW_RETURN_IF_ERROR(CheckNetwork(network));
  int64_t premium_max = 0;
  bool is_valid = true;
  for (const Preference& preference : preferences) {
    is_valid = is_valid && preference.premium >= 0 && preference.premium <= kLimitMax;
    premium_max = std::max<int64_t>(premium_max, preference.premium);
  }
  for (const Request& request : requests) {
    is_valid = is_valid && request.zone < network.zones && request.type < kTypes &&
               request.preference < preferences.size() &&
               (!IsBid(request) || request.entry.limit <= kLimitMax - premium_max);
  }
  for (const Edge& edge : network.edges) {
    is_valid = is_valid && !edge.capacity.has_value() && !edge.capacity_back.has_value();
  }
  return is_valid ? absl::OkStatus()
                  : Error(kPreferencesInvalid, "a preference of the book cannot be honoured");
}

// Turns the book into one over classes, which CrossZones clears.
class Classes {
 public:
  Classes(std::span<const Request> requests, std::span<const Preference> preferences,
          const Network& network)
      : requests_(requests), preferences_(preferences), network_(network) {
    for (const Preference& preference : preferences) {
      premium_max_ = std::max(premium_max_, preference.premium);
    }
  }

  void Build(PreferenceOutcome& result) {
    NoteWhoMatters();
    std::map<std::tuple<Way, uint32_t, uint8_t, uint32_t, uint32_t, uint32_t>, uint32_t> numbers;
    for (uint32_t i = 0; i < requests_.size(); ++i) {
      const Request& request = requests_[i];
      const uint32_t owner =
          owners_that_matter_.contains(request.entry.owner()) ? request.entry.owner() : kNobody;
      const uint32_t account = PW_MUTANT(kNamedAccountsShareAClass, false,
                                         accounts_that_matter_.contains(request.account))
                                   ? request.account
                                   : kNobody;
      const auto [at, is_new] = numbers.try_emplace(
          {request.entry.way(), request.zone, IsBid(request) ? uint8_t{0} : request.type,
           request.preference, owner, account},
          static_cast<uint32_t>(members_.size()));
      if (is_new) {
        members_.push_back(i);
      }
      result.classes.push_back(at->second);
      Entry entry = request.entry;
      entry.limit += IsBid(request) ? premium_max_ : 0;
      result.class_book.push_back(entry);
    }
    result.class_network.zones = static_cast<uint32_t>(std::max<size_t>(members_.size(), 1));
    Join(result.class_network);
  }

  // The fee of an edge between classes.
  int64_t FeeOf(size_t edge) const { return fees_[edge]; }

 private:
  // An owner matters when he is on both sides, an account when it is named by somebody.
  void NoteWhoMatters() {
    std::map<uint32_t, int> sides;
    for (const Request& request : requests_) {
      sides[request.entry.owner()] |= IsBid(request) ? 1 : 2;
    }
    for (const auto& [owner, side] : sides) {
      if (side == 3) {
        owners_that_matter_.insert(owner);
      }
    }
    for (const Preference& preference : preferences_) {
      for (const Condition& condition : preference.any_of) {
        accounts_that_matter_.insert(condition.partners.begin(), condition.partners.end());
        accounts_that_matter_.insert(condition.excluded.begin(), condition.excluded.end());
      }
    }
  }

  void Join(Network& class_network) {
    std::vector<std::vector<uint32_t>> edges_at(network_.zones);
    for (uint32_t i = 0; i < network_.edges.size(); ++i) {
      edges_at[network_.edges[i].from].push_back(i);
      edges_at[network_.edges[i].to].push_back(i);
    }
    std::map<uint32_t, std::vector<int64_t>> fees_from;
    for (uint32_t from = 0; from < members_.size(); ++from) {
      const Request& offer = requests_[members_[from]];
      if (IsBid(offer)) {
        continue;
      }
      auto [fees, is_new] = fees_from.try_emplace(offer.zone);
      if (is_new) {
        fees->second = FeesFrom(offer.zone, network_, edges_at);
      }
      for (uint32_t to = 0; to < members_.size(); ++to) {
        const Request& bid = requests_[members_[to]];
        if (IsBid(bid)) {
          JoinTwo(from, to, fees->second[bid.zone], class_network);
        }
      }
    }
  }

  void JoinTwo(uint32_t from, uint32_t to, int64_t fee, Network& class_network) {
    const Request& offer = requests_[members_[from]];
    const Request& bid = requests_[members_[to]];
    const Preference& wish = preferences_[bid.preference];
    const bool is_same_owner = offer.entry.owner() == bid.entry.owner();
    // No limits differ by more than this: no energy ever flows at such a fee.
    if (fee > 2 * kLimitMax - premium_max_ ||
        PW_MUTANT(kPreferringOwnerTradesWithHimself, false, is_same_owner) ||
        PW_MUTANT(kBidsRequireNothing, false, !Accepts(wish, offer)) ||
        PW_MUTANT(kOffersRequireNothing, false, !Accepts(preferences_[offer.preference], bid))) {
      return;
    }
    const int64_t premium =
        MeetsPremium(wish, bid, offer) ? PW_MUTANT(kPremiumsDoNotCount, 0, wish.premium) : 0;
    Edge edge;
    edge.from = from;
    edge.to = to;
    edge.fee = static_cast<int32_t>(fee - premium + premium_max_);
    edge.capacity_back = Energy();
    class_network.edges.push_back(edge);
    fees_.push_back(fee);
  }

  std::span<const Request> requests_;
  std::span<const Preference> preferences_;
  const Network& network_;
  int32_t premium_max_ = 0;
  std::set<uint32_t> owners_that_matter_;
  std::set<uint32_t> accounts_that_matter_;
  std::vector<uint32_t> members_;  // One order of each class.
  std::vector<int64_t> fees_;
};

void Report(std::span<const Request> requests, std::span<const Preference> preferences,
            PreferenceOutcome& result) {
  for (size_t i = 0; i < requests.size(); ++i) {
    if (!preferences[requests[i].preference].any_of.empty()) {
      result.requiring += requests[i].entry.energy;
      result.requiring_traded += result.outcome.fills[i];
    }
  }
  for (const Deal& deal : result.deals) {
    const Preference& wish = preferences[requests[deal.bid].preference];
    if (wish.premium > 0) {
      result.premium_traded += deal.energy;
      result.premium_met +=
          MeetsPremium(wish, requests[deal.bid], requests[deal.offer]) ? deal.energy : Energy();
    }
  }
}

}  // namespace

bool Accepts(const Preference& preference, const Request& partner) {
  return preference.any_of.empty() ||
         std::any_of(preference.any_of.begin(), preference.any_of.end(),
                     [&](const Condition& condition) { return Holds(condition, partner); });
}

absl::StatusOr<PreferenceOutcome> ClearWithPreferences(std::span<const Request> requests,
                                                       std::span<const Preference> preferences,
                                                       const Network& network, TieRule tie_rule) {
  PW_RETURN_IF_ERROR(CheckRequests(requests, preferences, network));
  PreferenceOutcome result;
  Classes classes(requests, preferences, network);
  classes.Build(result);
  PW_RETURN_IF_ERROR(CrossZones(result.class_book, result.classes, result.class_network,
                                Energy::WattHours(1), tie_rule, result.outcome)
                         .status());
  const ZonePairs paired =
      PairZones(result.class_book, result.classes, result.class_network, result.outcome);
  PW_CHECK(paired.self_pairs.empty(), "an owner would trade with himself");
  std::map<std::pair<uint32_t, uint32_t>, int64_t> fees;
  for (size_t i = 0; i < result.class_network.edges.size(); ++i) {
    const Edge& edge = result.class_network.edges[i];
    fees[{edge.from, edge.to}] = classes.FeeOf(i);
  }
  for (const Pair& pair : paired.pairs) {
    const uint32_t seller = result.classes[pair.offer];
    result.deals.push_back({pair.bid, pair.offer, pair.energy, result.outcome.zones[seller].price,
                            fees.at({seller, result.classes[pair.bid]})});
  }
  Report(requests, preferences, result);
  return result;
}

}  // namespace peerwatt::market::clearing
