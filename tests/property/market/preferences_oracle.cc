#include "tests/property/market/preferences_oracle.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <random>
#include <vector>

#include "services/market/checker/preferences.h"
#include "services/market/core/clearing/preferences.h"

namespace peerwatt::market {
namespace {

using clearing::Condition;
using clearing::Preference;
using clearing::Request;
using clearing::Way;

struct SmallBook {
  std::vector<Request> requests;
  std::vector<Preference> preferences;
  clearing::Network network;  // Zones 0, 1, 2 in a row.

  int64_t FeeBetween(uint32_t a, uint32_t b) const {
    int64_t fee = 0;
    for (uint32_t zone = std::min(a, b); zone < std::max(a, b); ++zone) {
      fee += network.edges[zone].fee;
    }
    return fee;
  }
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

int64_t WorthOf(const SmallBook& book, size_t bid, size_t offer) {
  const Request& buyer = book.requests[bid];
  const Request& seller = book.requests[offer];
  return buyer.entry.limit + PremiumOf(book, bid, offer) - seller.entry.limit -
         book.FeeBetween(buyer.zone, seller.zone);
}

// Tries every quantity for every bid and offer that may trade.
struct Search {
  const SmallBook& book;
  std::vector<std::pair<size_t, size_t>> pairs;
  std::vector<int64_t> left;
  int64_t best = 0;

  void Try(size_t at, int64_t welfare) {
    if (at == pairs.size()) {
      best = std::max(best, welfare);
      return;
    }
    const auto [bid, offer] = pairs[at];
    const int64_t most = std::min(left[bid], left[offer]);
    for (int64_t energy = 0; energy <= most; ++energy) {
      left[bid] -= energy;
      left[offer] -= energy;
      Try(at + 1, welfare + energy * WorthOf(book, bid, offer));
      left[bid] += energy;
      left[offer] += energy;
    }
  }
};

int64_t BestWelfare(const SmallBook& book) {
  Search search = {book, {}, {}, 0};
  for (size_t i = 0; i < book.requests.size(); ++i) {
    search.left.push_back(book.requests[i].entry.energy.wh());
    for (size_t n = 0; n < book.requests.size(); ++n) {
      if (book.requests[i].entry.way() == Way::kBuy && book.requests[n].entry.way() == Way::kSell &&
          MayTrade(book, i, n) && MayTrade(book, n, i)) {
        search.pairs.push_back({i, n});
      }
    }
  }
  search.Try(0, 0);
  return search.best;
}

class RandomBooks {
 public:
  explicit RandomBooks(uint64_t seed) : random_(seed) {}

  SmallBook Next() {
    SmallBook book;
    book.network.zones = 3;
    for (uint32_t zone = 0; zone < 2; ++zone) {
      book.network.edges.push_back({zone, zone + 1, static_cast<int32_t>(Draw(0, 3)), {}, {}});
    }
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

 private:
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
  int64_t welfare = 0;
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
    welfare += deal.energy.wh() * WorthOf(book, deal.bid, deal.offer);
  }
  for (size_t i = 0; i < traded.size(); ++i) {
    if (traded[i] != result.outcome.fills[i].wh() ||
        traded[i] > book.requests[i].entry.energy.wh()) {
      return "trades and fills differ";
    }
  }
  return welfare == BestWelfare(book) ? "" : "the welfare is not the greatest";
}

}  // namespace

std::string FirstPreferenceFault(uint64_t seed, int books) {
  RandomBooks random(seed);
  for (int i = 0; i < books; ++i) {
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
