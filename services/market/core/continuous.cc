#include "services/market/core/continuous.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "absl/numeric/int128.h"
#include "libs/base/status_macros.h"
#include "services/market/core/clearing/preferences.h"
#include "services/market/core/intake.h"

namespace peerwatt::market {
namespace {

using clearing::Request;
using clearing::Way;

// Orders that wait, best first: a bid's limit counts negative, so that the lowest key is best.
using Waiting = std::map<std::pair<int64_t, uint32_t>, Energy>;

class Matcher {
 public:
  Matcher(const Intake& intake, size_t zones)
      : preferences_(intake.preferences), bids_(zones), offers_(zones) {
    for (uint32_t i = 0; i < intake.book.size(); ++i) {
      const bool has = intake.HasPreferences();
      requests_.push_back({intake.book[i], intake.ZoneOf(i), has ? intake.types[i] : uint8_t{0},
                           has ? intake.preference_of[i] : 0, has ? intake.accounts[i] : 0});
    }
  }

  std::vector<PricedPair> Run() {
    for (uint32_t order = 0; order < requests_.size(); ++order) {
      Meet(order);
    }
    return std::move(trades_);
  }

 private:
  bool MayTrade(uint32_t a, uint32_t b) const {
    return requests_[a].entry.owner() != requests_[b].entry.owner() &&
           Accepts(preferences_[requests_[a].preference], requests_[b]) &&
           Accepts(preferences_[requests_[b].preference], requests_[a]);
  }

  void Meet(uint32_t order) {
    const clearing::Entry& entry = requests_[order].entry;
    const bool is_bid = entry.way() == Way::kBuy;
    Waiting& others = (is_bid ? offers_ : bids_)[requests_[order].zone];
    // An offer's key is its limit, a bid's is turned round: both cross up to this one.
    const int64_t worst = is_bid ? entry.limit : -int64_t{entry.limit};
    Energy left = entry.energy;
    for (auto at = others.begin();
         at != others.end() && at->first.first <= worst && left > Energy();) {
      const uint32_t other = at->first.second;
      if (!MayTrade(order, other)) {
        ++at;
        continue;
      }
      const Energy energy = std::min(left, at->second);
      const Price price = Price::MicrosPerKwh(requests_[other].entry.limit);
      trades_.push_back({is_bid ? order : other, is_bid ? other : order, energy, price, price});
      left -= energy;
      at->second -= energy;
      at = at->second == Energy() ? others.erase(at) : std::next(at);
    }
    if (left > Energy()) {
      Waiting& own = (is_bid ? bids_ : offers_)[requests_[order].zone];
      own[{is_bid ? -int64_t{entry.limit} : entry.limit, order}] = left;
    }
  }

  const std::vector<clearing::Preference>& preferences_;
  std::vector<Request> requests_;
  std::vector<Waiting> bids_;
  std::vector<Waiting> offers_;
  std::vector<PricedPair> trades_;
};

}  // namespace

absl::StatusOr<ClearingResult> ClearContinuously(std::span<const Order> orders,
                                                 const NetworkVersion& network) {
  PW_ASSIGN_OR_RETURN(const Intake intake, TakeIn(orders, network));
  ClearingResult result;
  result.fills.assign(orders.size(), Energy());
  result.record.zones.resize(network.zones.size());
  result.trades = Matcher(intake, network.zones.size()).Run();
  absl::int128 welfare = 0;
  for (PricedPair& trade : result.trades) {
    const int64_t gain = int64_t{intake.book[trade.bid].limit} - intake.book[trade.offer].limit;
    welfare += absl::int128(gain) * trade.energy.wh();
    ZoneRecord& zone = result.record.zones[intake.ZoneOf(trade.bid)];
    zone.bought += trade.energy;
    zone.sold += trade.energy;
    result.energy += trade.energy;
    trade.bid = intake.positions[trade.bid];
    trade.offer = intake.positions[trade.offer];
    result.fills[trade.bid] += trade.energy;
    result.fills[trade.offer] += trade.energy;
  }
  result.welfare = Money::Micros(static_cast<int64_t>(welfare / 1000));
  return result;
}

}  // namespace peerwatt::market
