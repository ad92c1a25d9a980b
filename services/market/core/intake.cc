#include "services/market/core/intake.h"

#include <algorithm>
#include <deque>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "libs/base/status_macros.h"
#include "services/market/core/errors.h"
#include "services/market/core/preference.h"

namespace peerwatt::market {
namespace {

using clearing::Entry;
using clearing::Way;

bool IsEarlier(const Order& a, const Order& b) {
  return a.create_time != b.create_time ? a.create_time < b.create_time : a.id < b.id;
}

// Gives names numbers.
class Numbers {
 public:
  uint32_t Of(absl::string_view name) {
    return numbers_.try_emplace(name, static_cast<uint32_t>(numbers_.size())).first->second;
  }
  void Reserve(size_t count) { numbers_.reserve(count); }

 private:
  absl::flat_hash_map<absl::string_view, uint32_t> numbers_;
};

class Taker {
 public:
  Taker(std::span<const Order> orders, const NetworkVersion& network)
      : orders_(orders), network_(network) {
    for (uint32_t zone = 0; zone < network.zones.size(); ++zone) {
      zones_.try_emplace(network.zones[zone].value(), zone);
    }
  }

  absl::StatusOr<Intake> Take() {
    Intake intake;
    intake.positions = BookOf(orders_);
    intake.book.reserve(intake.positions.size());
    owners_.Reserve(intake.positions.size());
    intake.preferences.emplace_back();
    for (const uint32_t position : intake.positions) {
      const Order& order = orders_[position];
      if (order.limit > kPriceMax || order.limit < Price() - kPriceMax) {
        return Error(kBookInvalid, "the limit of an order is out of range",
                     {{"order", order.id.value()}});
      }
      intake.book.push_back(MakeEntry(order.side == Side::kBid ? Way::kBuy : Way::kSell,
                                      owners_.Of(order.participant.value()), OpenEnergy(order),
                                      order.limit));
      if (network_.zones.size() > 1) {
        intake.zones.push_back(ZoneOf(order.zone, 0));
      }
      has_preferences_ = has_preferences_ || !order.preference.empty();
    }
    if (has_preferences_) {
      PW_RETURN_IF_ERROR(TakePreferences(intake));
    }
    return intake;
  }

 private:
  uint32_t ZoneOf(const ZoneId& zone, uint32_t unknown) const {
    const auto found = zones_.find(zone.value());
    return found == zones_.end() ? unknown : found->second;
  }

  absl::Status TakePreferences(Intake& intake) {
    int64_t limit_max = -kPriceMax.micros_per_kwh();
    for (const uint32_t position : intake.positions) {
      if (orders_[position].side == Side::kBid) {
        limit_max = std::max(limit_max, orders_[position].limit.micros_per_kwh());
      }
    }
    const int64_t premium_max =
        std::min(kPriceMax.micros_per_kwh() - limit_max, kPriceMax.micros_per_kwh());
    absl::flat_hash_map<std::pair<absl::string_view, int64_t>, uint32_t> numbers;
    for (const uint32_t position : intake.positions) {
      const Order& order = orders_[position];
      uint32_t number = 0;
      if (!order.preference.empty()) {
        const int64_t premium = std::min(order.premium.micros_per_kwh(), premium_max);
        const auto [at, is_new] = numbers.try_emplace(
            {order.preference, premium}, static_cast<uint32_t>(intake.preferences.size()));
        if (is_new) {
          PW_ASSIGN_OR_RETURN(const OrderPreference named, ParsePreference(order.preference));
          intake.preferences.push_back(InNumbers(named, premium));
        }
        number = at->second;
      }
      intake.preference_of.push_back(number);
      intake.types.push_back(static_cast<uint8_t>(order.source));
    }
    return absl::OkStatus();
  }

  clearing::Preference InNumbers(const OrderPreference& named, int64_t premium) {
    clearing::Preference preference;
    for (const Requirement& requirement : named.any_of) {
      clearing::Condition& condition = preference.any_of.emplace_back();
      condition.types = requirement.sources == 0 ? ~uint32_t{0} : requirement.sources;
      for (const ZoneId& zone : requirement.zones) {
        // A zone that this network does not have holds nobody.
        condition.zones.push_back(ZoneOf(zone, static_cast<uint32_t>(network_.zones.size())));
      }
      for (const ParticipantId& partner : requirement.partners) {
        condition.partners.push_back(owners_.Of(NameFor(partner)));
      }
      for (const ParticipantId& partner : requirement.excluded) {
        condition.excluded.push_back(owners_.Of(NameFor(partner)));
      }
    }
    preference.premium = static_cast<int32_t>(premium);
    preference.premium_types = named.premium_sources;
    preference.premium_local = named.premium_local;
    return preference;
  }

  // Keeps a parsed name for as long as its number is looked for.
  absl::string_view NameFor(const ParticipantId& partner) {
    return names_.emplace_back(partner.value());
  }

  std::span<const Order> orders_;
  const NetworkVersion& network_;
  absl::flat_hash_map<absl::string_view, uint32_t> zones_;
  Numbers owners_;
  std::deque<std::string> names_;
  bool has_preferences_ = false;
};

}  // namespace

std::vector<uint32_t> BookOf(std::span<const Order> orders) {
  std::vector<uint32_t> positions;
  positions.reserve(orders.size());
  for (uint32_t i = 0; i < orders.size(); ++i) {
    if (orders[i].state == OrderState::kActive) {
      positions.push_back(i);
    }
  }
  const auto earlier = [&](uint32_t a, uint32_t b) { return IsEarlier(orders[a], orders[b]); };
  if (!std::is_sorted(positions.begin(), positions.end(), earlier)) {
    std::sort(positions.begin(), positions.end(), earlier);
  }
  return positions;
}

std::vector<clearing::Request> Intake::Requests() const {
  std::vector<clearing::Request> requests;
  requests.reserve(book.size());
  for (uint32_t i = 0; i < book.size(); ++i) {
    requests.push_back({book[i], ZoneOf(i), types[i], preference_of[i]});
  }
  return requests;
}

absl::StatusOr<Intake> TakeIn(std::span<const Order> orders, const NetworkVersion& network) {
  return Taker(orders, network).Take();
}

}  // namespace peerwatt::market
