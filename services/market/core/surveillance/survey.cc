#include "services/market/core/surveillance/survey.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "services/market/core/surveillance/mutant.h"
#include "services/market/core/surveillance/rings.h"

namespace peerwatt::market {
namespace {

using surveillance::Flow;
using surveillance::Ring;

constexpr int64_t kMillion = 1'000'000;

using Trades = std::vector<const SurveyedTrade*>;
using Orders = std::vector<const SurveyedOrder*>;

// What one owner sold another within a window.
struct Sale {
  Energy energy;
  Trades trades;
};
// Sales by the numbers of seller and buyer.
using Sales = std::map<std::pair<int32_t, int32_t>, Sale>;

// What one owner did on one side.
struct Part {
  Energy energy;
  std::vector<ParticipantId> participants;
  Interval deliveries = {absl::InfiniteFuture(), absl::InfinitePast()};
  int64_t trades = 0;
};

int64_t PartPerMillion(Energy part, Energy whole, Rounding rounding = Rounding::kDown) {
  return MulDiv(part.wh(), kMillion, whole.wh(), rounding);
}

bool Reaches(Energy energy, Energy least) {
  return PW_SURVEY_MUTANT(kThresholdMustBeExceeded, energy > least, energy >= least);
}

void Widen(Interval& span, Interval delivery) {
  span.start = std::min(span.start, delivery.start);
  span.end = std::max(span.end, delivery.end);
}

void SortOnce(std::vector<ParticipantId>& ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

std::string NameOf(const SurveyedTrade& trade) {
  return absl::StrCat("auctions/", TimeSegment(trade.delivery.start), "/trades/t", trade.number);
}
std::string NameOf(const SurveyedOrder& order) {
  return absl::StrCat("auctions/", TimeSegment(order.delivery.start), "/orders/", order.id.value());
}

// A survey of one day.
class DaySurvey {
 public:
  DaySurvey(const SurveyInput& input, const SurveyThresholds& thresholds)
      : input_(input), thresholds_(thresholds), steps_(thresholds.ring_steps_max) {
    for (const SurveyedTrade& trade : input.trades) {
      trades_.push_back(&trade);
      owners_.push_back(OwnerOf(trade.buyer));
      owners_.push_back(OwnerOf(trade.seller));
    }
    for (const SurveyedOrder& order : input.orders) {
      orders_.push_back(&order);
      owners_.push_back(OwnerOf(order.participant));
    }
    SortOnce(owners_);
    if (PW_SURVEY_MUTANT(kOrderOfInputCounts, true, false)) {
      return;
    }
    std::sort(trades_.begin(), trades_.end(), [](const auto* a, const auto* b) {
      return std::tie(a->delivery.start, a->number) < std::tie(b->delivery.start, b->number);
    });
    std::sort(orders_.begin(), orders_.end(), [](const auto* a, const auto* b) {
      return std::tie(a->delivery.start, a->id) < std::tie(b->delivery.start, b->id);
    });
  }

  SurveyResult Run() {
    FindOwnTrades();
    CollectSales();
    FindReturns();
    FindAllRings();
    FindLayering();
    FindConcentration(Side::kOffer);
    FindConcentration(Side::kBid);
    return std::move(result_);
  }

 private:
  const ParticipantId& OwnerOf(const ParticipantId& participant) const {
    const auto found = input_.owners.find(participant);
    return PW_SURVEY_MUTANT(kOwnersAreNotKnown, true, found == input_.owners.end()) ? participant
                                                                                    : found->second;
  }
  int32_t NumberOf(const ParticipantId& participant) const {
    return static_cast<int32_t>(
        std::lower_bound(owners_.begin(), owners_.end(), OwnerOf(participant)) - owners_.begin());
  }
  const ParticipantId& Owner(int32_t number) const { return owners_[static_cast<size_t>(number)]; }

  // Keeps a finding unless there are as many as may be.
  void Keep(Finding finding) {
    if (result_.findings.size() >= static_cast<size_t>(thresholds_.findings_max)) {
      result_.complete = false;
      return;
    }
    SortOnce(finding.participants);
    result_.findings.push_back(std::move(finding));
  }

  // A finding about trades in groups, of which each gets its share of the references.
  Finding About(SurveillanceRule rule, const std::vector<const Trades*>& groups) const {
    Finding finding;
    finding.rule = rule;
    finding.deliveries = {absl::InfiniteFuture(), absl::InfinitePast()};
    const size_t most = static_cast<size_t>(thresholds_.references_max) / groups.size();
    for (const Trades* group : groups) {
      for (size_t i = 0; i < group->size(); ++i) {
        const SurveyedTrade& trade = *(*group)[i];
        Widen(finding.deliveries, trade.delivery);
        finding.participants.push_back(trade.seller);
        finding.participants.push_back(trade.buyer);
        if (i < most) {
          finding.references.push_back(NameOf(trade));
        }
      }
      finding.reference_count += static_cast<int64_t>(group->size());
    }
    return finding;
  }

  void FindOwnTrades() {
    std::map<int32_t, Sale> own;
    for (const SurveyedTrade* trade : trades_) {
      const int32_t seller = NumberOf(trade->seller);
      if (seller == NumberOf(trade->buyer)) {
        own[seller].energy += trade->energy;
        own[seller].trades.push_back(trade);
      }
    }
    for (const auto& [owner, sale] : own) {
      if (Reaches(sale.energy, thresholds_.own_trade_energy_min)) {
        Finding finding = About(SurveillanceRule::kOwnTrade, {&sale.trades});
        finding.owners = {Owner(owner)};
        finding.energy = sale.energy;
        finding.measure = finding.reference_count;
        Keep(std::move(finding));
      }
    }
  }

  void CollectSales() {
    for (const SurveyedTrade* trade : trades_) {
      const int32_t seller = NumberOf(trade->seller);
      const int32_t buyer = NumberOf(trade->buyer);
      if (seller != buyer) {
        const absl::Time window = FloorToGrid(trade->delivery.start, thresholds_.window);
        Sale& sale =
            windows_[PW_SURVEY_MUTANT(kWindowsDoNotEnd, input_.day.start, window)][{seller, buyer}];
        sale.energy += trade->energy;
        sale.trades.push_back(trade);
      }
    }
  }

  // Reports what came back, and leaves in the windows what did not.
  void FindReturns() {
    for (auto& [start, sales] : windows_) {
      for (auto& [pair, sale] : sales) {
        const auto back = sales.find({pair.second, pair.first});
        if (pair.first > pair.second || back == sales.end()) {
          continue;
        }
        const Energy larger = std::max(sale.energy, back->second.energy);
        const Energy returned = PW_SURVEY_MUTANT(kReturnIsTheLarger, larger,
                                                 std::min(sale.energy, back->second.energy));
        if (Reaches(returned, thresholds_.return_energy_min)) {
          Finding finding =
              About(SurveillanceRule::kReturnTrade, {&sale.trades, &back->second.trades});
          finding.owners = {Owner(pair.first), Owner(pair.second)};
          finding.energy = returned;
          finding.measure = PartPerMillion(returned, larger);
          Keep(std::move(finding));
        }
        if (PW_SURVEY_MUTANT(kReturnsStayInTheFlows, false, true)) {
          sale.energy -= returned;
          back->second.energy -= returned;
        }
      }
    }
  }

  void FindAllRings() {
    for (const auto& [start, sales] : windows_) {
      std::vector<Flow> flows;
      for (const auto& [pair, sale] : sales) {
        if (sale.energy > Energy()) {
          flows.push_back({pair.first, pair.second, sale.energy.wh()});
        }
      }
      const surveillance::RingsFound found =
          surveillance::FindRings(std::move(flows),
                                  {.energy_wh_min = thresholds_.ring_energy_min.wh(),
                                   .owners_max = thresholds_.ring_owners_max,
                                   .rings_max = static_cast<size_t>(thresholds_.findings_max)},
                                  steps_);
      result_.complete = result_.complete && found.complete;
      for (const Ring& ring : found.rings) {
        KeepRing(ring, sales);
      }
    }
  }

  void KeepRing(const Ring& ring, const Sales& sales) {
    std::vector<const Trades*> groups;
    for (size_t i = 0; i < ring.owners.size(); ++i) {
      const int32_t buyer = ring.owners[(i + 1) % ring.owners.size()];
      groups.push_back(&sales.at({ring.owners[i], buyer}).trades);
    }
    Finding finding = About(SurveillanceRule::kRing, groups);
    for (const int32_t owner : ring.owners) {
      finding.owners.push_back(Owner(owner));
    }
    finding.energy = Energy::WattHours(ring.energy_wh);
    finding.measure = PartPerMillion(finding.energy, Energy::WattHours(ring.energy_wh_max));
    Keep(std::move(finding));
  }

  // The orders of one owner on one side of one delivery.
  struct Layer {
    Energy ordered;
    Energy withdrawn;
    Orders orders;
  };
  using LayerKey = std::tuple<absl::Time, int32_t, Side>;

  void FindLayering() {
    std::map<LayerKey, Energy> traded;
    for (const SurveyedTrade* trade : trades_) {
      const absl::Time start = trade->delivery.start;
      traded[{start, NumberOf(trade->seller), Side::kOffer}] += trade->energy;
      traded[{start, NumberOf(trade->buyer), Side::kBid}] += trade->energy;
    }
    std::map<LayerKey, Layer> layers;
    for (const SurveyedOrder* order : orders_) {
      Layer& layer = layers[{order->delivery.start, NumberOf(order->participant), order->side}];
      layer.ordered += order->energy;
      if (order->withdrawn) {
        layer.withdrawn += order->energy;
        layer.orders.push_back(order);
      }
    }
    for (const auto& [key, layer] : layers) {
      const auto& [start, owner, side] = key;
      const Side opposite = side == Side::kBid ? Side::kOffer : Side::kBid;
      const auto found =
          traded.find({start, owner, PW_SURVEY_MUTANT(kSameSideIsCompared, side, opposite)});
      if (found != traded.end() && IsLayering(layer, found->second)) {
        KeepLayer(owner, side, layer);
      }
    }
  }

  bool IsLayering(const Layer& layer, Energy traded) const {
    const auto count = static_cast<int64_t>(layer.orders.size());
    const int64_t least =
        PW_SURVEY_MUTANT(kFewWithdrawalsAreLayering, thresholds_.layering_orders_min - 1,
                         thresholds_.layering_orders_min);
    return count >= least &&
           PW_SURVEY_MUTANT(kWithdrawnShareDoesNotCount, kMillion,
                            PartPerMillion(layer.withdrawn, layer.ordered)) >=
               thresholds_.layering_withdrawn_ppm_min &&
           MulDiv(layer.withdrawn.wh(), 1, traded.wh(), Rounding::kDown) >=
               thresholds_.layering_multiple_min;
  }

  void KeepLayer(int32_t owner, Side side, const Layer& layer) {
    Finding finding;
    finding.rule = SurveillanceRule::kLayering;
    finding.side = side;
    finding.owners = {Owner(owner)};
    finding.energy = layer.withdrawn;
    finding.deliveries = layer.orders.front()->delivery;
    finding.measure = finding.reference_count = static_cast<int64_t>(layer.orders.size());
    for (const SurveyedOrder* order : layer.orders) {
      finding.participants.push_back(order->participant);
      if (finding.references.size() < static_cast<size_t>(thresholds_.references_max)) {
        finding.references.push_back(NameOf(*order));
      }
    }
    Keep(std::move(finding));
  }

  void FindConcentration(Side side) {
    std::map<int32_t, Part> parts;
    Energy whole;
    for (const SurveyedTrade* trade : trades_) {
      const ParticipantId& participant = side == Side::kBid ? trade->buyer : trade->seller;
      Part& part = parts[NumberOf(participant)];
      part.energy += trade->energy;
      part.participants.push_back(participant);
      Widen(part.deliveries, trade->delivery);
      ++part.trades;
      whole += trade->energy;
    }
    if (static_cast<int64_t>(parts.size()) < thresholds_.concentration_owners_min &&
        PW_SURVEY_MUTANT(kFewOwnersAreJudged, false, true)) {
      return;
    }
    for (auto& [owner, part] : parts) {
      const int64_t share = PartPerMillion(
          part.energy, whole, PW_SURVEY_MUTANT(kShareIsRoundedUp, Rounding::kUp, Rounding::kDown));
      if (share >= thresholds_.concentration_ppm_min) {
        Keep({.rule = SurveillanceRule::kConcentration,
              .deliveries = part.deliveries,
              .side = side,
              .owners = {Owner(owner)},
              .participants = std::move(part.participants),
              .energy = part.energy,
              .measure = share,
              .references = {},
              .reference_count = part.trades});
      }
    }
  }

  const SurveyInput& input_;
  const SurveyThresholds& thresholds_;
  int64_t steps_;
  Trades trades_;
  Orders orders_;
  // By number.
  std::vector<ParticipantId> owners_;
  std::map<absl::Time, Sales> windows_;
  SurveyResult result_;
};

}  // namespace

absl::string_view RuleName(SurveillanceRule rule) {
  constexpr std::array<absl::string_view, std::size(kSurveillanceRules)> kNames = {
      "OWN_TRADE", "RETURN_TRADE", "RING", "LAYERING", "CONCENTRATION"};
  return kNames[static_cast<size_t>(rule)];
}

std::string Describe(const SurveyThresholds& t) {
  return absl::StrCat(
      "own_trade_energy_min=", t.own_trade_energy_min.wh(),
      " window=", absl::ToInt64Seconds(t.window), " return_energy_min=", t.return_energy_min.wh(),
      " ring_energy_min=", t.ring_energy_min.wh(), " ring_owners_max=", t.ring_owners_max,
      " layering_orders_min=", t.layering_orders_min,
      " layering_withdrawn_ppm_min=", t.layering_withdrawn_ppm_min,
      " layering_multiple_min=", t.layering_multiple_min,
      " concentration_ppm_min=", t.concentration_ppm_min,
      " concentration_owners_min=", t.concentration_owners_min);
}

SurveyResult Survey(const SurveyInput& input, const SurveyThresholds& thresholds) {
  return DaySurvey(input, thresholds).Run();
}

}  // namespace peerwatt::market
