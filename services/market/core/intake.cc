#include "services/market/core/intake.h"

#include <algorithm>
#include <deque>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "libs/base/status_macros.h"
#include "services/market/core/clearing/mutant.h"
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
    Reserve(intake);
    const Order* last = nullptr;
    bool is_sorted = true;
    for (uint32_t position = 0; position < orders_.size(); ++position) {
      const Order& order = orders_[position];
      if (order.state == OrderState::kActive) {
        is_sorted = is_sorted && (last == nullptr || !IsEarlier(order, *last));
        last = &order;
        Add(position, intake);
      }
    }
    if (!is_sorted) {  // Seldom: the store gives them in order.
      intake = Intake();
      owners_ = Numbers();
      Reserve(intake);
      for (const uint32_t position : BookOf(orders_)) {
        Add(position, intake);
      }
    }
    if (wrong_limit_ != nullptr) {
      return Error(kBookInvalid, "the limit of an order is out of range",
                   {{"order", wrong_limit_->id.value()}});
    }
    intake.preferences.emplace_back();
    if (has_preferences_) {
      PW_RETURN_IF_ERROR(TakePreferences(intake));
    }
    return intake;
  }

 private:
  void Reserve(Intake& intake) {
    intake.positions.reserve(orders_.size());
    intake.book.reserve(orders_.size());
    intake.zones.reserve(network_.zones.size() > 1 ? orders_.size() : 0);
    owners_.Reserve(orders_.size() / 4);
  }

  void Add(uint32_t position, Intake& intake) {
    const Order& order = orders_[position];
    if (order.limit > kPriceMax || order.limit < Price() - kPriceMax) [[unlikely]] {
      wrong_limit_ = &order;
      return;
    }
    const ParticipantId& owner =
        PW_MUTANT(kAccountsAreTakenForOwners, order.participant, OwnerOf(order));
    intake.positions.push_back(position);
    intake.book.push_back(MakeEntry(order.side == Side::kBid ? Way::kBuy : Way::kSell,
                                    owners_.Of(owner.value()), OpenEnergy(order), order.limit));
    if (network_.zones.size() > 1) {
      intake.zones.push_back(ZoneOf(order.zone, 0));
    }
    has_preferences_ = has_preferences_ || !order.preference.empty();
  }

  uint32_t ZoneOf(const ZoneId& zone, uint32_t unknown) const {
    const auto found = zones_.find(zone.value());
    return found == zones_.end() ? unknown : found->second;
  }

  absl::Status TakePreferences(Intake& intake) {
    absl::flat_hash_map<std::pair<absl::string_view, int64_t>, uint32_t> numbers;
    for (const uint32_t position : intake.positions) {
      const Order& order = orders_[position];
      uint32_t number = 0;
      if (!order.preference.empty()) {
        const int64_t premium = order.premium.micros_per_kwh();
        const auto [at, is_new] = numbers.try_emplace(
            {order.preference, premium}, static_cast<uint32_t>(intake.preferences.size()));
        if (is_new) {
          PW_ASSIGN_OR_RETURN(const OrderPreference named, ParsePreference(order.preference));
          intake.preferences.push_back(InNumbers(named, premium));
        }
        number = at->second;
      }
      intake.preference_of.push_back(number);
      intake.accounts.push_back(accounts_.Of(order.participant.value()));
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
        condition.partners.push_back(accounts_.Of(NameFor(partner)));
      }
      for (const ParticipantId& partner : requirement.excluded) {
        condition.excluded.push_back(accounts_.Of(NameFor(partner)));
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
  Numbers accounts_;
  std::deque<std::string> names_;
  bool has_preferences_ = false;
  const Order* wrong_limit_ = nullptr;
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
    requests.push_back({book[i], ZoneOf(i), types[i], preference_of[i], accounts[i]});
  }
  return requests;
}

absl::StatusOr<Intake> TakeIn(std::span<const Order> orders, const NetworkVersion& network) {
  return Taker(orders, network).Take();
}

}  // namespace peerwatt::market
