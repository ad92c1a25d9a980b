#include "tools/verify/verify.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/base/status_macros.h"
#include "tools/verify/charges.h"
#include "tools/verify/claims.h"
#include "tools/verify/csv.h"
#include "tools/verify/loss.h"
#include "tools/verify/period.h"
#include "tools/verify/readings.h"
#include "tools/verify/rules.h"

namespace peerwatt::verify {
namespace {

constexpr int64_t kDaySeconds = 86'400;

/// The last part of keys that name a period.
std::string SegmentOf(int64_t period) {
  return absl::FormatTime("%Y%m%dt%H%M%Sz", absl::FromUnixSeconds(period), absl::UTCTimeZone());
}

/// A trade as the market exported it.
struct TradeLine {
  absl::string_view id;
  uint64_t id_begin = 0;  ///< its first eight bytes as a number: orders most ids
  uint32_t buyer = 0;     ///< index of a site
  uint32_t seller = 0;
  int64_t energy_wh = 0;
  int64_t price = 0;
  int64_t fee = 0;
};

class Verifier {
 public:
  Verifier(const Inputs& inputs, Rules rules) : inputs_(inputs), rules_(std::move(rules)) {}

  absl::StatusOr<Result> Run() {
    NumberPoints();
    Readings readings(rules_.interval, rules_.points.size() + rules_.boundaries.size());
    // Boundaries measure after the members' points.
    PointIndex meters;
    uint32_t count = 0;
    for (const Point& point : rules_.points) meters.Add(point.id, count++);
    for (const BoundaryPoint& boundary : rules_.boundaries) meters.Add(boundary.id, count++);
    for (const absl::string_view file : inputs_.readings) {
      PW_RETURN_IF_ERROR(readings.Read(file, meters));
    }
    PW_RETURN_IF_ERROR(ReadTrades());
    PW_ASSIGN_OR_RETURN(const std::vector<PeriodClaim> claims, ReadClaims(inputs_.periods));
    // A trade has four parties; of each period, a site has two postings of two amounts.
    const size_t of_sites = 2 * claims.size() * sites_.size();
    const auto trades = static_cast<size_t>(result_.trades);
    expectations_.Reserve(trades + of_sites, 4 * trades + 2 * of_sites);
    for (const PeriodClaim& claim : claims) CheckPeriod(claim, readings);
    PW_RETURN_IF_ERROR(ReadJournal(inputs_.journal, inputs_.accounts, accounts_, expectations_,
                                   result_.findings, result_.journal));
    expectations_.Finish(accounts_, result_.findings);
    result_.readings = readings.count();
    return std::move(result_);
  }

 private:
  using SiteName = std::pair<std::string, std::string>;  // participant, connection

  /// Sites are numbered in the order of (participant, connection): ties fall by it.
  void NumberPoints() {
    std::map<SiteName, uint32_t> numbers;
    for (const Point& point : rules_.points) numbers[{point.participant, point.connection}] = 0;
    for (auto& [name, number] : numbers) {
      number = static_cast<uint32_t>(sites_.size());
      AddSite(name);
    }
    for (size_t i = 0; i < rules_.points.size(); ++i) {
      const Point& point = rules_.points[i];
      points_.Add(point.id, static_cast<uint32_t>(i));
      site_of_point_.push_back(numbers[{point.participant, point.connection}]);
    }
  }
  void AddSite(const SiteName& name) {
    sites_.push_back(name);
    site_keys_.push_back(absl::StrCat(name.first, ":", name.second));
    participants_.push_back(accounts_.NumberOf(absl::StrCat("participant-", name.first)));
  }
  /// The site of a point, also of one that has left the community: that is a site of its own.
  uint32_t SiteOf(absl::string_view point, absl::string_view participant) {
    const uint32_t known = points_.Find(point);
    if (known != PointIndex::kNone) return site_of_point_[known];
    const auto [gone, is_new] =
        gone_.try_emplace(absl::StrCat(participant, " ", point), sites_.size());
    if (is_new) AddSite({std::string(participant), std::string(point)});
    return gone->second;
  }

  /// A field of the trades that is there for good: one that was quoted is not in the file itself.
  absl::string_view Kept(absl::string_view field) {
    const absl::string_view file = inputs_.trades;
    if (field.data() >= file.data() && field.data() < file.data() + file.size()) return field;
    return quoted_.emplace_back(field);
  }

  absl::Status ReadTrades() {
    PW_ASSIGN_OR_RETURN(
        CsvReader reader,
        CsvReader::Open(inputs_.trades, {"delivery_start", "trade", "seller", "buyer",
                                         "seller_metering_point", "buyer_metering_point",
                                         "energy_wh", "price_per_kwh", "network_fee_per_kwh"}));
    std::string last;
    std::vector<TradeLine>* trades = nullptr;
    while (reader.Next()) {
      const auto& fields = reader.fields();
      if (fields[0] != last) {
        last = std::string(fields[0]);
        PW_ASSIGN_OR_RETURN(const int64_t period, SecondsFrom(last));
        trades = &trades_[period];
      }
      TradeLine trade;
      trade.id = Kept(fields[1]);
      for (size_t i = 0; i < sizeof(trade.id_begin); ++i) {
        const auto byte = i < trade.id.size() ? static_cast<unsigned char>(trade.id[i]) : 0U;
        trade.id_begin = trade.id_begin << 8U | byte;
      }
      trade.seller = SiteOf(fields[4], fields[2]);
      trade.buyer = SiteOf(fields[5], fields[3]);
      PW_ASSIGN_OR_RETURN(trade.energy_wh, NumberFrom(fields[6]));
      PW_ASSIGN_OR_RETURN(trade.price, MicrosFrom(fields[7]));
      PW_ASSIGN_OR_RETURN(trade.fee, MicrosFrom(fields[8]));
      trades->push_back(trade);
      ++result_.trades;
    }
    return reader.status();
  }

  /// What the sites measured. A missing value is that of the day before, or 0.
  std::vector<Site> SitesAt(int64_t period, const Readings& readings, int64_t& substituted) {
    std::vector<Site> sites(sites_.size());
    for (uint32_t point = 0; point < rules_.points.size(); ++point) {
      const Measured* measured = readings.Find(point, period);
      if (measured == nullptr) {
        ++substituted;
        measured = readings.Find(point, period - kDaySeconds);
      }
      if (measured == nullptr) continue;
      Site& site = sites[site_of_point_[point]];
      site.import_wh += measured->import_wh;
      site.export_wh += measured->export_wh;
    }
    const SchemeVersion* scheme = rules_.SchemeAt(period);
    if (scheme == nullptr) return sites;
    for (const auto& [point, share] : scheme->shares) {
      const uint32_t known = points_.Find(point);
      if (known == PointIndex::kNone) continue;
      Site& site = sites[site_of_point_[known]];
      site.coefficient += share.coefficient;
      if (share.rank.has_value()) site.rank = std::min(site.rank, *share.rank);
    }
    return sites;
  }

  std::vector<TradeLine> TradesAt(int64_t period, const Terms& terms) {
    const auto found = trades_.find(period);
    if (found == trades_.end() || terms.mechanism == Terms::Mechanism::kSharing ||
        terms.mechanism == Terms::Mechanism::kPool) {
      return {};
    }
    const std::vector<TradeLine> listed = std::move(found->second);
    std::vector<std::pair<uint64_t, uint32_t>> order;
    order.reserve(listed.size());
    for (uint32_t i = 0; i < listed.size(); ++i) order.emplace_back(listed[i].id_begin, i);
    std::sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
      return a.first != b.first ? a.first < b.first : listed[a.second].id < listed[b.second].id;
    });
    std::vector<TradeLine> trades;
    trades.reserve(listed.size());
    for (const auto& [id_begin, i] : order) trades.push_back(listed[i]);
    for (size_t i = 1; i < trades.size(); ++i) {
      if (trades[i].id != trades[i - 1].id) continue;
      result_.findings.Add("trade_twice",
                           absl::StrCat("auctions/", SegmentOf(period), "/trades/", trades[i].id),
                           "the market exported it twice");
    }
    return trades;
  }

  void CheckPeriod(const PeriodClaim& claim, const Readings& readings) {
    ++result_.periods;
    const std::string segment = SegmentOf(claim.start);
    const std::string subject = absl::StrCat("settlementPeriods/", segment);
    const Terms terms = rules_.TermsAt(claim.start);
    const SchemeVersion* scheme = rules_.SchemeAt(claim.start);
    if (claim.scheme != (scheme == nullptr ? "" : scheme->id)) {
      result_.findings.Add("period_rules", subject, "is settled by other rules than are in force");
      return;
    }
    const std::vector<TradeLine> trades = TradesAt(claim.start, terms);
    std::vector<Deal> deals;
    deals.reserve(trades.size());
    for (const TradeLine& trade : trades) {
      deals.push_back({trade.buyer, trade.seller, trade.energy_wh, trade.price, trade.fee});
    }
    int64_t substituted = 0;
    const std::vector<Site> sites = SitesAt(claim.start, readings, substituted);
    const Outcome outcome = Settle(terms, sites, deals);
    if (outcome.energies != claim.energies) {
      const Energies& due = outcome.energies;
      result_.findings.Add(
          "period_energy", subject,
          absl::StrCat("measured: ", due.drawn, " Wh drawn, ", due.fed_in, " fed in, ",
                       due.delivered, " delivered, ", due.retail, " retail, ", due.surplus,
                       " surplus; settled: ", claim.energies.drawn, ", ", claim.energies.fed_in,
                       ", ", claim.energies.delivered, ", ", claim.energies.retail, ", ",
                       claim.energies.surplus));
    }
    if (substituted != claim.substituted) {
      result_.findings.Add("period_energy", subject,
                           absl::StrCat(substituted, " readings are missing, ", claim.substituted,
                                        " were substituted"));
    }
    if (outcome.unpriced != claim.unpriced) {
      result_.findings.Add("period_price", subject,
                           absl::StrCat(outcome.unpriced, " energies have no price, ",
                                        claim.unpriced, " were settled without"));
    }
    ExpectDeals(claim.start, segment, trades, outcome);
    ExpectSites(claim.start, segment, terms, outcome);
    ExpectCharges(claim.start, segment, trades, outcome);
    const Loss loss =
        LossAt(claim.start, rules_.boundaries, static_cast<uint32_t>(rules_.points.size()),
               readings, outcome.energies, terms.retail);
    CheckLoss(claim, segment, loss);
  }

  void CheckLoss(const PeriodClaim& claim, const std::string& segment, const Loss& loss) {
    if (loss != claim.loss) {
      result_.findings.Add(
          "grid_loss", absl::StrCat("settlementPeriods/", segment),
          absl::StrCat("lost: ", TextOf(loss), "; settled: ", TextOf(claim.loss)));
    }
    if (rules_.boundaries.empty()) return;
    const int64_t micros = loss.micros.value_or(0);
    std::vector<std::pair<uint32_t, int64_t>> amounts = {{grid_loss_, -micros},
                                                         {main_grid_, micros}};
    expectations_.Expect(
        expectations_.Begin(absl::StrCat("grid-loss:", segment), "grid_loss", claim.start), "",
        amounts);
  }

  void ExpectDeals(int64_t period, const std::string& segment, const std::vector<TradeLine>& trades,
                   const Outcome& outcome) {
    std::vector<std::pair<uint32_t, int64_t>> amounts;
    const uint32_t prefix =
        expectations_.Begin(absl::StrCat("trade:", segment, ":"), "trade_transfer", period);
    for (size_t i = 0; i < trades.size(); ++i) {
      const DealAmounts& due = outcome.deals[i];
      amounts.assign({{participants_[trades[i].buyer], -due.price - due.fee},
                      {participants_[trades[i].seller], due.price - due.share},
                      {network_operator_, due.fee},
                      {operator_share_, due.share}});
      expectations_.Expect(prefix, trades[i].id, amounts);
    }
  }

  /// In the order in which a run posts.
  void ExpectSites(int64_t period, const std::string& segment, const Terms& terms,
                   const Outcome& outcome) {
    if (terms.mechanism == Terms::Mechanism::kSharing ||
        terms.mechanism == Terms::Mechanism::kPool) {
      std::vector<std::pair<uint32_t, int64_t>> pool;
      for (size_t i = 0; i < outcome.sites.size(); ++i) {
        pool.emplace_back(participants_[i], outcome.sites[i].pool);
      }
      pool.emplace_back(network_operator_, outcome.pool_fee);
      pool.emplace_back(operator_share_, outcome.pool_share);
      expectations_.Expect(
          expectations_.Begin(absl::StrCat("pool:", segment), "period_posting", period), "", pool);
    }
    if (terms.mechanism == Terms::Mechanism::kFirmTrading) {
      ExpectOfSites(period, absl::StrCat("imbalance-purchase:", segment, ":"), outcome,
                    &SiteAmounts::imbalance_purchase);
      ExpectOfSites(period, absl::StrCat("imbalance-sale:", segment, ":"), outcome,
                    &SiteAmounts::imbalance_sale);
    }
    ExpectOfSites(period, absl::StrCat("retail:", segment, ":"), outcome, &SiteAmounts::retail);
    ExpectOfSites(period, absl::StrCat("feed-in:", segment, ":"), outcome, &SiteAmounts::feed_in);
  }

  /// Subscriptions, then fees per piece: of months, and of trades that have energy.
  void ExpectCharges(int64_t period, const std::string& segment,
                     const std::vector<TradeLine>& trades, const Outcome& outcome) {
    const TariffVersion* tariff = rules_.TariffAt(period);
    if (tariff == nullptr || tariff->charges.empty()) return;
    MembershipDues dues = membership_.DuesAt(period, *tariff);
    for (const Charge& charge : tariff->charges) {
      const bool is_purchase = charge.counts == Charge::Counts::kPurchase;
      if (!is_purchase && charge.counts != Charge::Counts::kSale) continue;
      for (size_t i = 0; i < trades.size(); ++i) {
        if (outcome.deals[i].energy_wh == 0) continue;
        const SiteName& site = sites_[is_purchase ? trades[i].buyer : trades[i].seller];
        dues.fees[absl::StrCat(site.first, ":", site.second, ":", trades[i].id)] += charge.micros;
      }
    }
    ExpectDues(period, absl::StrCat("subscription:", segment, ":"), dues.subscriptions,
               accounts_.NumberOf("subscriptions"));
    ExpectDues(period, absl::StrCat("piece-fee:", segment, ":"), dues.fees,
               accounts_.NumberOf("piece-fees"));
  }
  void ExpectDues(int64_t period, std::string prefix, const std::map<std::string, int64_t>& dues,
                  uint32_t to) {
    const uint32_t group = expectations_.Begin(std::move(prefix), "period_posting", period);
    std::vector<std::pair<uint32_t, int64_t>> amounts;
    for (const auto& [payer, micros] : dues) {
      const std::string& tail = due_keys_.emplace_back(payer);
      const std::string participant = payer.substr(0, payer.find(':'));
      amounts.assign({{accounts_.NumberOf(absl::StrCat("participant-", participant)), -micros},
                      {to, micros}});
      expectations_.Expect(group, tail, amounts);
    }
  }

  void ExpectOfSites(int64_t period, std::string kind, const Outcome& outcome,
                     int64_t SiteAmounts::*amount) {
    const uint32_t prefix = expectations_.Begin(std::move(kind), "period_posting", period);
    std::vector<std::pair<uint32_t, int64_t>> amounts;
    for (size_t i = 0; i < outcome.sites.size(); ++i) {
      const int64_t micros = outcome.sites[i].*amount;
      amounts.assign({{participants_[i], micros}, {main_grid_, -micros}});
      expectations_.Expect(prefix, site_keys_[i], amounts);
    }
  }

  const Inputs& inputs_;
  const Rules rules_;
  const Membership membership_{rules_};
  Result result_;
  Names accounts_;
  Expectations expectations_;
  const uint32_t network_operator_ = accounts_.NumberOf("network-operator");
  const uint32_t operator_share_ = accounts_.NumberOf("operator-share");
  const uint32_t main_grid_ = accounts_.NumberOf("main-grid");
  const uint32_t grid_loss_ = accounts_.NumberOf("grid-loss");
  PointIndex points_;  // among those of the rules
  std::vector<uint32_t> site_of_point_;
  std::vector<SiteName> sites_;
  std::deque<std::string> site_keys_;   // as keys of entries name the sites
  std::vector<uint32_t> participants_;  // account of each site
  absl::flat_hash_map<std::string, uint32_t> gone_;
  std::deque<std::string> quoted_;
  std::deque<std::string> due_keys_;
  absl::flat_hash_map<int64_t, std::vector<TradeLine>> trades_;
};

}  // namespace

absl::StatusOr<Result> Verify(const Inputs& inputs) {
  PW_ASSIGN_OR_RETURN(Rules rules,
                      ReadRules(inputs.community, inputs.tariffs, inputs.schemes, inputs.points));
  return Verifier(inputs, std::move(rules)).Run();
}

}  // namespace peerwatt::verify
