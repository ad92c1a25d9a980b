#include "tests/property/market/preferences_oracle.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "services/market/checker/preferences.h"
#include "services/market/core/clearing/preferences.h"
#include "services/market/core/clearing/zones.h"

namespace peerwatt::market {
namespace {

using clearing::Condition;
using clearing::Preference;
using clearing::Request;
using clearing::Way;

struct SmallBook {
  std::vector<Request> requests;
  std::vector<Preference> preferences;
  clearing::Network network;  // Zones 0, 1, 2 in a row, or in a ring.
};

bool Has(const std::vector<uint32_t>& list, uint32_t value) {
  return std::count(list.begin(), list.end(), value) > 0;
}

// Spelled out, not shared with the engine.
bool MayTrade(const SmallBook& book, size_t self, size_t other) {
  const std::vector<Condition>& any_of = book.preferences[book.requests[self].preference].any_of;
  const Request& partner = book.requests[other];
  bool may = any_of.empty();
  for (const Condition& condition : any_of) {
    bool all = condition.zones.empty() || Has(condition.zones, partner.zone);
    all = all && (condition.partners.empty() || Has(condition.partners, partner.account));
    all = all && !Has(condition.excluded, partner.account);
    if (partner.entry.way() == Way::kSell) {
      all = all && (condition.types & (1u << partner.type)) != 0;
    }
    may = may || all;
  }
  return may && book.requests[self].entry.owner() != partner.entry.owner();
}

int64_t PremiumOf(const SmallBook& book, size_t bid, size_t offer) {
  const Preference& wish = book.preferences[book.requests[bid].preference];
  const Request& seller = book.requests[offer];
  if (wish.premium_local && seller.zone != book.requests[bid].zone) {
    return 0;
  }
  if (wish.premium_types != 0 && (wish.premium_types & (1u << seller.type)) == 0) {
    return 0;
  }
  return wish.premium;
}

// Without the fees of lines.
int64_t WorthOf(const SmallBook& book, size_t bid, size_t offer) {
  return book.requests[bid].entry.limit + PremiumOf(book, bid, offer) -
         book.requests[offer].entry.limit;
}

// The least fees at which lines bring what zones sell too much to where it is missing; nothing when
// they cannot. Tries every flow around the ring.
std::optional<int64_t> LeastFees(const clearing::Network& network,
                                 const std::array<int64_t, 3>& sold) {
  const bool is_ring = network.edges.size() == 3;
  std::optional<int64_t> least;
  for (int64_t around = is_ring ? -12 : 0; around <= (is_ring ? 12 : 0); ++around) {
    const std::array<int64_t, 3> flows = {sold[0] + around, sold[0] + sold[1] + around, around};
    int64_t fees = 0;
    bool fits = true;
    for (size_t i = 0; i < network.edges.size(); ++i) {
      const clearing::Edge& edge = network.edges[i];
      const int64_t flow = edge.to == (edge.from + 1) % 3 ? flows[i] : -flows[i];
      fits = fits && !(edge.capacity.has_value() && flow > edge.capacity->wh()) &&
             !(edge.capacity_back.has_value() && -flow > edge.capacity_back->wh());
      fees += edge.fee * std::max(flow, -flow);
    }
    if (fits) {
      least = std::min(least.value_or(fees), fees);
    }
  }
  return least;
}

// Tries every quantity for every bid and offer that may trade.
struct Search {
  const SmallBook& book;
  std::vector<std::pair<size_t, size_t>> pairs;
  std::vector<int64_t> left;
  std::array<int64_t, 3> sold = {0, 0, 0};  // Less what is bought, by zone.
  // Of the greatest welfare the most energy.
  std::pair<int64_t, int64_t> best = {0, 0};

  void Try(size_t at, int64_t worth, int64_t traded) {
    if (at == pairs.size()) {
      if (const std::optional<int64_t> fees = LeastFees(book.network, sold); fees.has_value()) {
        best = std::max(best, {worth - *fees, traded});
      }
      return;
    }
    const auto [bid, offer] = pairs[at];
    const int64_t most = std::min(left[bid], left[offer]);
    for (int64_t energy = 0; energy <= most; ++energy) {
      Move(bid, offer, energy);
      Try(at + 1, worth + energy * WorthOf(book, bid, offer), traded + energy);
      Move(bid, offer, -energy);
    }
  }

  void Move(size_t bid, size_t offer, int64_t energy) {
    left[bid] -= energy;
    left[offer] -= energy;
    sold[book.requests[offer].zone] += energy;
    sold[book.requests[bid].zone] -= energy;
  }
};

std::pair<int64_t, int64_t> BestOutcome(const SmallBook& book) {
  Search search = {book, {}, {}, {0, 0, 0}, {0, 0}};
  for (size_t i = 0; i < book.requests.size(); ++i) {
    search.left.push_back(book.requests[i].entry.energy.wh());
    for (size_t n = 0; n < book.requests.size(); ++n) {
      if (book.requests[i].entry.way() == Way::kBuy && book.requests[n].entry.way() == Way::kSell &&
          MayTrade(book, i, n) && MayTrade(book, n, i)) {
        search.pairs.push_back({i, n});
      }
    }
  }
  search.Try(0, 0, 0);
  return search.best;
}

class RandomBooks {
 public:
  explicit RandomBooks(uint64_t seed) : random_(seed) {}

  SmallBook Next() {
    SmallBook book;
    book.network = NextNetwork();
    book.preferences.emplace_back();
    for (int64_t i = Draw(0, 3); i > 0; --i) {
      book.preferences.push_back(NextPreference());
    }
    std::array<int64_t, 2> count = {0, 0};
    for (int64_t i = Draw(0, 6); i > 0; --i) {
      const int64_t side = Draw(0, 1);
      if (++count[static_cast<size_t>(side)] > 3) {
        continue;
      }
      Request request;
      request.entry =
          MakeEntry(side == 0 ? Way::kBuy : Way::kSell, static_cast<uint32_t>(Draw(1, 3)),
                    Energy::WattHours(Draw(1, 2)), Price::MicrosPerKwh(Draw(-4, 6)));
      // The first owner has two accounts.
      request.account = request.entry.owner() == 1 && Draw(0, 1) == 0 ? 4 : request.entry.owner();
      request.zone = static_cast<uint32_t>(Draw(0, 2));
      request.type = static_cast<uint8_t>(Draw(0, 2));
      request.preference =
          static_cast<uint32_t>(Draw(0, static_cast<int64_t>(book.preferences.size()) - 1));
      book.requests.push_back(request);
    }
    return book;
  }

  // Without preferences, everybody another owner.
  SmallBook NextPlain() {
    SmallBook book = Next();
    book.preferences.resize(1);
    for (uint32_t i = 0; i < book.requests.size(); ++i) {
      Request& request = book.requests[i];
      request.entry.owner_and_way = 2 * i + (request.entry.owner_and_way & 1);
      request.preference = 0;
    }
    return book;
  }

 private:
  clearing::Network NextNetwork() {
    clearing::Network network;
    network.zones = 3;
    const auto capacity = [&] {
      return Draw(0, 2) == 0 ? std::optional(Energy::WattHours(Draw(0, 3))) : std::nullopt;
    };
    const uint32_t lines = Draw(0, 2) == 0 ? 3 : 2;
    for (uint32_t zone = 0; zone < lines; ++zone) {
      clearing::Edge edge = {zone, (zone + 1) % 3, static_cast<int32_t>(Draw(0, 3)), capacity(),
                             capacity()};
      if (Draw(0, 1) == 0) {
        std::swap(edge.from, edge.to);
      }
      network.edges.push_back(edge);
    }
    return network;
  }

  Preference NextPreference() {
    Preference preference;
    for (int64_t i = Draw(0, 2); i > 0; --i) {
      Condition condition;
      condition.types = Draw(0, 1) == 0 ? ~0u : static_cast<uint32_t>(Draw(1, 7));
      const auto some = [&](std::vector<uint32_t>& list, int64_t low, int64_t high) {
        if (Draw(0, 2) == 0) {
          list.push_back(static_cast<uint32_t>(Draw(low, high)));
        }
      };
      some(condition.zones, 0, 2);
      some(condition.partners, 1, 4);
      some(condition.excluded, 1, 4);
      preference.any_of.push_back(condition);
    }
    if (Draw(0, 1) == 0) {
      preference.premium = static_cast<int32_t>(Draw(0, 4));
      preference.premium_types = static_cast<uint32_t>(Draw(0, 7));
      preference.premium_local = Draw(0, 1) == 0;
    }
    return preference;
  }

  int64_t Draw(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }
  std::mt19937_64 random_;
};

std::string DealFault(const SmallBook& book, const clearing::PreferenceOutcome& result) {
  std::vector<int64_t> traded(book.requests.size(), 0);
  std::array<int64_t, 3> sold = {0, 0, 0};
  int64_t welfare = 0;
  int64_t energy = 0;
  for (const clearing::Deal& deal : result.deals) {
    if (!MayTrade(book, deal.bid, deal.offer) || !MayTrade(book, deal.offer, deal.bid)) {
      return "a trade breaks what an order requires";
    }
    const Request& bid = book.requests[deal.bid];
    const Request& offer = book.requests[deal.offer];
    if (deal.price < offer.entry.limit ||
        deal.price + deal.fee > bid.entry.limit + PremiumOf(book, deal.bid, deal.offer)) {
      return "a trade is worse than a limit";
    }
    traded[deal.bid] += deal.energy.wh();
    traded[deal.offer] += deal.energy.wh();
    sold[offer.zone] += deal.energy.wh();
    sold[bid.zone] -= deal.energy.wh();
    welfare += deal.energy.wh() * WorthOf(book, deal.bid, deal.offer);
    energy += deal.energy.wh();
  }
  for (size_t i = 0; i < traded.size(); ++i) {
    if (traded[i] != result.outcome.fills[i].wh() ||
        traded[i] > book.requests[i].entry.energy.wh()) {
      return "trades and fills differ";
    }
  }
  const std::optional<int64_t> fees = LeastFees(book.network, sold);
  if (!fees.has_value()) {
    return "the lines cannot carry what is sold";
  }
  if (result.outcome.welfare_milli_micros != welfare - *fees) {
    return "another welfare is stated";
  }
  const auto [best_welfare, best_energy] = BestOutcome(book);
  if (welfare - *fees != best_welfare) {
    return "the welfare is not the greatest";
  }
  return energy == best_energy ? "" : "the energy is not the most";
}

// Where nobody prefers anything the outcome is that of zones alone.
std::string PlainFault(const SmallBook& book) {
  std::vector<clearing::Entry> entries;
  std::vector<uint32_t> zones;
  for (const Request& request : book.requests) {
    entries.push_back(request.entry);
    zones.push_back(request.zone);
  }
  clearing::Outcome plain;
  const bool is_cleared = CrossZones(entries, zones, book.network, Energy::WattHours(1),
                                     clearing::TieRule::kTime, plain)
                              .ok();
  const auto found =
      ClearWithPreferences(book.requests, book.preferences, book.network, clearing::TieRule::kTime);
  if (!is_cleared || !found.ok()) {
    return "refused";
  }
  if (plain.welfare_milli_micros != found->outcome.welfare_milli_micros ||
      plain.energy != found->outcome.energy) {
    return "welfare or energy is not that of zones alone";
  }
  for (const clearing::Deal& deal : found->deals) {
    const int64_t price = plain.zones[zones[deal.offer]].price;
    if (deal.price != price || deal.price + deal.fee != plain.zones[zones[deal.bid]].price) {
      return "a price is not that of zones alone";
    }
  }
  return "";
}

}  // namespace

std::string FirstPreferenceFault(uint64_t seed, int books) {
  RandomBooks random(seed);
  for (int i = 0; i < books; ++i) {
    if (const std::string fault = PlainFault(random.NextPlain()); !fault.empty()) {
      return "plain book " + std::to_string(i) + " of seed " + std::to_string(seed) + ": " + fault;
    }
    const SmallBook book = random.Next();
    const std::string where = "book " + std::to_string(i) + " of seed " + std::to_string(seed);
    const auto result = ClearWithPreferences(book.requests, book.preferences, book.network,
                                             clearing::TieRule::kTime);
    if (!result.ok()) {
      return where + ": refused";
    }
    if (const std::string fault = DealFault(book, *result); !fault.empty()) {
      return where + ": " + fault;
    }
    const checker::Verdict verdict =
        checker::CheckPreferences(book.requests, book.preferences, book.network, *result);
    if (!verdict.ok()) {
      return where + ": the checker says " + std::string(checker::NameOf(verdict.flaw));
    }
  }
  return "";
}

}  // namespace peerwatt::market
