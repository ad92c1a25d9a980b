#include "services/market/core/clearing.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "absl/container/flat_hash_map.h"
#include "absl/numeric/int128.h"
#include "absl/strings/string_view.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "services/market/checker/checker.h"
#include "services/market/core/clearing/network.h"
#include "services/market/core/errors.h"

namespace peerwatt::market {
namespace {

using clearing::Entry;
using clearing::Outcome;
using clearing::Way;

// Positions in the book by time, then id.
std::vector<uint32_t> ByTime(const std::vector<BookOrder>& orders) {
  const auto earlier = [](const BookOrder& a, const BookOrder& b) {
    return a.create_time != b.create_time ? a.create_time < b.create_time : a.id < b.id;
  };
  std::vector<uint32_t> positions(orders.size());
  std::iota(positions.begin(), positions.end(), 0u);
  if (!std::is_sorted(orders.begin(), orders.end(), earlier)) {
    std::sort(positions.begin(), positions.end(),
              [&](uint32_t a, uint32_t b) { return earlier(orders[a], orders[b]); });
  }
  return positions;
}

// Packs the orders in time order. Owners are numbered as they come.
absl::StatusOr<std::vector<Entry>> Pack(const std::vector<BookOrder>& orders,
                                        const std::vector<uint32_t>& by_time) {
  absl::flat_hash_map<absl::string_view, uint32_t> owners;
  owners.reserve(orders.size());
  std::vector<Entry> book;
  book.reserve(orders.size());
  for (const uint32_t position : by_time) {
    const BookOrder& order = orders[position];
    if (order.limit > kPriceMax || order.limit < Price() - kPriceMax) {
      return Error(kBookInvalid, "the limit of an order is out of range",
                   {{"order", order.id.value()}});
    }
    const uint32_t owner =
        owners.try_emplace(order.participant.value(), static_cast<uint32_t>(owners.size()))
            .first->second;
    book.push_back(MakeEntry(order.side == Side::kBid ? Way::kBuy : Way::kSell, owner, order.energy,
                             order.limit));
  }
  return book;
}

}  // namespace

absl::Status Prove(std::span<const Entry> book, const clearing::Rules& rules,
                   const Outcome& outcome, const std::vector<clearing::Pair>& trades) {
  std::vector<checker::Trade> shown;
  shown.reserve(trades.size());
  for (const clearing::Pair& trade : trades) {
    shown.push_back({trade.bid, trade.offer, trade.energy});
  }
  checker::Verdict verdict = checker::Check(book, {}, {}, rules, outcome);
  if (verdict.ok()) {
    verdict = checker::CheckTrades(book, outcome, shown);
  }
  if (verdict.ok()) {
    return absl::OkStatus();
  }
  return Error(kOutcomeUnproven, "the checker does not accept the outcome of an auction",
               {{"flaw", std::string(checker::NameOf(verdict.flaw))},
                {"position", std::to_string(verdict.position)}});
}

absl::StatusOr<ClearingResult> Clear(const std::vector<BookOrder>& orders,
                                     const clearing::Rules& rules) {
  const std::vector<uint32_t> by_time = ByTime(orders);
  PW_ASSIGN_OR_RETURN(const std::vector<Entry> book, Pack(orders, by_time));
  clearing::Scratch scratch;
  Outcome outcome;
  PW_RETURN_IF_ERROR(ClearOneZone(book, rules, scratch, outcome));

  const std::vector<clearing::Pair> trades = clearing::PairOutcome(book, {}, {}, outcome);
  PW_RETURN_IF_ERROR(Prove(book, rules, outcome, trades));

  ClearingResult result;
  result.fills.assign(orders.size(), Energy());
  if (outcome.energy == Energy()) {
    return result;
  }
  for (size_t i = 0; i < book.size(); ++i) {
    result.fills[by_time[i]] = outcome.fills[i];
  }
  result.energy = outcome.energy;
  result.price_low = Price::MicrosPerKwh(outcome.zones[0].low);
  result.price_high = Price::MicrosPerKwh(outcome.zones[0].high);
  result.price = Price::MicrosPerKwh(outcome.zones[0].price);
  const absl::int128 welfare = outcome.welfare_milli_micros / 1000;  // Never negative.
  PW_CHECK(welfare <= std::numeric_limits<int64_t>::max(), "welfare does not fit 64 bits");
  result.welfare = Money::Micros(static_cast<int64_t>(welfare));
  result.trades = trades;
  for (clearing::Pair& trade : result.trades) {
    trade.bid = by_time[trade.bid];
    trade.offer = by_time[trade.offer];
  }
  return result;
}

}  // namespace peerwatt::market
