#include "services/market/core/clearing/self_trade.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "libs/base/check.h"
#include "libs/base/status_macros.h"
#include "services/market/core/clearing/mutant.h"
#include "services/market/core/clearing/pairing.h"

namespace peerwatt::market::clearing {
namespace {

// What buys and sells of each order that trades.
std::optional<Excess> ExcessOf(std::span<const Entry> book, const Outcome& outcome) {
  std::vector<Filled> bids;
  std::vector<Filled> offers;
  for (size_t i = 0; i < book.size(); ++i) {
    if (outcome.fills[i] > Energy()) {
      (book[i].way() == Way::kBuy ? bids : offers)
          .push_back({static_cast<uint32_t>(i), book[i].owner(), outcome.fills[i].wh()});
    }
  }
  return FindExcess(bids, offers);
}

// The owner's orders of one side, worst first; of equal limits the later first.
std::vector<uint32_t> WorstFirst(std::span<const Entry> book, uint32_t owner, Way way) {
  std::vector<uint32_t> positions;
  for (size_t i = book.size(); i > 0; --i) {
    if (book[i - 1].owner() == owner && book[i - 1].way() == way) {
      positions.push_back(static_cast<uint32_t>(i - 1));
    }
  }
  std::stable_sort(positions.begin(), positions.end(), [&](uint32_t a, uint32_t b) {
    const bool is_bid = PW_MUTANT(kBestOrderIsCutFirst, way != Way::kBuy, way == Way::kBuy);
    return is_bid ? book[a].limit < book[b].limit : book[a].limit > book[b].limit;
  });
  return positions;
}

// Clears the book less `cut_wh` of one owner's orders, and can do it again with another cut.
class TrimmedBook {
 public:
  TrimmedBook(std::span<const Entry> book, uint32_t owner, Way way, TieRule tie_rule,
              Scratch& scratch)
      : whole_(book.begin(), book.end()),
        entries_(whole_),
        worst_first_(WorstFirst(book, owner, way)),
        tie_rule_(tie_rule),
        scratch_(scratch) {}

  int64_t TotalWh() const {
    int64_t total = 0;
    for (const uint32_t position : worst_first_) {
      total += whole_[position].energy.wh();
    }
    return total;
  }

  absl::Status Clear(int64_t cut_wh, Outcome& outcome) {
    for (const uint32_t position : worst_first_) {
      const int64_t cut = std::min(cut_wh, whole_[position].energy.wh());
      entries_[position].energy = whole_[position].energy - Energy::WattHours(cut);
      cut_wh -= cut;
    }
    return CrossOneZone(entries_, Energy(), tie_rule_, scratch_, outcome).status();
  }

  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> whole_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> worst_first_;
  TieRule tie_rule_;
  Scratch& scratch_;
};

struct Trimmed {
  Outcome outcome;
  std::vector<Entry> entries;
};

// Finds the least cut by bisection: what the owner exceeds by falls with the cut.
absl::StatusOr<Trimmed> Trim(std::span<const Entry> book, uint32_t owner, Way way, TieRule tie_rule,
                             Scratch& scratch) {
  TrimmedBook trimmed(book, owner, way, tie_rule, scratch);
  Trimmed result;
  int64_t too_little = 0;
  int64_t enough = trimmed.TotalWh();
  while (enough - too_little > 1) {
    const int64_t middle = too_little + (enough - too_little) / 2;
    PW_RETURN_IF_ERROR(trimmed.Clear(middle, result.outcome));
    const std::optional<Excess> excess = ExcessOf(book, result.outcome);
    (excess.has_value() && excess->owner == owner ? too_little : enough) = middle;
  }
  enough = PW_MUTANT(kCutIsOneTooLarge, std::min(enough + 1, trimmed.TotalWh()), enough);
  enough = PW_MUTANT(kCutIsOneTooSmall, enough - 1, enough);
  PW_RETURN_IF_ERROR(trimmed.Clear(enough, result.outcome));
  result.entries = trimmed.entries();
  return result;
}

}  // namespace

absl::Status KeepOwnersApart(std::span<const Entry> book, const Rules& rules, Scratch& scratch,
                             Outcome& outcome) {
  std::vector<Entry> left(book.begin(), book.end());
  bool is_trimmed = false;
  // Each turn withdraws energy, so this ends. By time one turn is enough; pro rata may round
  // another owner over the half.
  while (const std::optional<Excess> excess = ExcessOf(left, outcome)) {
    const bool may_cut_bids = rules.self_trade_mode != SelfTradeMode::kWithdrawOffers;
    const bool may_cut_offers = rules.self_trade_mode != SelfTradeMode::kWithdrawBids ||
                                PW_MUTANT(kModeIsIgnored, true, false);
    std::optional<Trimmed> best;
    for (const Way way : {Way::kBuy, Way::kSell}) {
      if (!(way == Way::kBuy ? may_cut_bids : may_cut_offers)) {
        continue;
      }
      PW_ASSIGN_OR_RETURN(Trimmed trimmed, Trim(left, excess->owner, way, rules.tie_rule, scratch));
      const bool is_better =
          !best.has_value() ||
          PW_MUTANT(kLesserWelfareIsKept,
                    trimmed.outcome
                        .welfare_milli_micros<best->outcome.welfare_milli_micros,
                                              trimmed.outcome.welfare_milli_micros>
                            best->outcome.welfare_milli_micros);
      if (is_better) {
        best = std::move(trimmed);
      }
    }
    outcome = std::move(best->outcome);
    left = std::move(best->entries);
    is_trimmed = true;
    if (PW_MUTANT(kCutIsOneTooSmall, true, false)) {
      break;
    }
  }
  if (is_trimmed) {
    outcome.withdrawn.resize(book.size());
    for (size_t i = 0; i < book.size(); ++i) {
      outcome.withdrawn[i] = book[i].energy - left[i].energy;
    }
  }
  return absl::OkStatus();
}

}  // namespace peerwatt::market::clearing
