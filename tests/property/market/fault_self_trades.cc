// Clears 10^6 random orders whose owners hold several accounts in every mode, tie rule and kind of
// book, and counts who trades with himself. Control: by one mode and tie rule, not knowing who
// stands behind an account. Prints one JSON line.

#include <cstdint>
#include <cstdio>

#include "tests/property/market/owner_books.h"

namespace peerwatt::market {
namespace {

constexpr uint64_t kSeed = 20'260'701;

struct Totals {
  int64_t books = 0;
  int64_t orders = 0;
  int64_t trades = 0;
  int64_t self_trades = 0;
  int64_t withdrawn_wh = 0;
  int64_t refused = 0;

  void Add(const OwnerBook& asked, const OwnerFigures& figures) {
    ++books;
    orders += static_cast<int64_t>(asked.orders);
    trades += figures.trades;
    self_trades += figures.self_trades;
    withdrawn_wh += figures.withdrawn_wh;
    refused += figures.refusal.empty() ? 0 : 1;
  }
};

// Books of one kind that have 10^6 orders in all, or fewer where each is dear: one large, without
// and with an owner of most, and many small.
struct Share {
  OwnerBookKind kind;
  size_t orders;
  int books;
  int64_t whale_share;
};
constexpr Share kShares[] = {
    {OwnerBookKind::kOneZone, 1'000'000, 1, 10}, {OwnerBookKind::kOneZone, 200'000, 1, 70},
    {OwnerBookKind::kOneZone, 1'000, 800, 60},   {OwnerBookKind::kTree, 1'000'000, 1, 10},
    {OwnerBookKind::kTree, 1'000, 1'000, 60},    {OwnerBookKind::kPreferences, 40, 500, 40},
};

void Run(const clearing::Rules& rules, bool owners_are_known, Totals& totals) {
  for (const Share& share : kShares) {
    for (int i = 0; i < share.books; ++i) {
      const OwnerBook asked = {.kind = share.kind,
                               .orders = share.orders,
                               .whale_share = share.whale_share,
                               .rules = rules,
                               .owners_are_known = owners_are_known};
      totals.Add(asked, ClearOwnerBook(kSeed + static_cast<uint64_t>(i), asked));
    }
  }
}

}  // namespace
}  // namespace peerwatt::market

int main() {
  using namespace peerwatt::market;
  using clearing::SelfTradeMode;
  using clearing::TieRule;
  Totals known;
  for (const SelfTradeMode mode : {SelfTradeMode::kKeepGreaterWelfare, SelfTradeMode::kWithdrawBids,
                                   SelfTradeMode::kWithdrawOffers}) {
    for (const TieRule tie_rule : {TieRule::kTime, TieRule::kProRata}) {
      Run({tie_rule, mode}, true, known);
    }
  }
  Totals unknown;
  Run({}, false, unknown);
  const auto number = [](int64_t value) { return static_cast<long long>(value); };
  std::printf(
      "{\"books\":%lld,\"orders\":%lld,\"trades\":%lld,\"self_trades\":%lld,\"withdrawn_wh\":%lld,"
      "\"refused\":%lld,\"control_self_trades\":%lld}\n",
      number(known.books), number(known.orders), number(known.trades), number(known.self_trades),
      number(known.withdrawn_wh), number(known.refused), number(unknown.self_trades));
  return 0;
}
