#include "tests/property/settlement/days.h"

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/settlement/core/difference.h"
#include "services/settlement/core/journal_entry.h"
#include "services/settlement/core/narrow_difference.h"
#include "services/settlement/core/neighbourhood.h"
#include "services/settlement/core/period_input.h"
#include "services/settlement/core/welfare.h"

namespace peerwatt::settlement {
namespace {

constexpr int kRuns = 5;
constexpr int64_t kAbsurd = 1'000'000'000'000'000;

/// Who holds a point from a period of the day on; nobody when the name is empty.
struct Hold {
  int from = 0;
  std::string participant;
  std::string connection;
};

struct Point {
  std::string id;
  std::vector<Hold> holds;  ///< by `from`, the first from 0
  int joined = 0;           ///< first period in which a reading is expected

  const Hold& At(int period) const {
    const Hold* found = &holds.front();
    for (const Hold& hold : holds) {
      if (hold.from <= period) found = &hold;
    }
    return *found;
  }
};

/// Sums over the runs of one period.
struct Books {
  std::map<LineKey, std::pair<int64_t, int64_t>> lines;  ///< energy and amount
  std::map<AccountId, int64_t> balances;
  int32_t run_count = 0;
  SettlementResult newest;  ///< from scratch
};

class Day {
 public:
  explicit Day(std::mt19937_64& random) : random_(random) {
    const int kind = Number(0, 9);
    periods_ = kind == 0 ? 92 : kind == 1 ? 100 : 96;  // the clocks change
    books_.resize(static_cast<size_t>(periods_));
    MakePoints();
    MakeRules();
    for (int period = 0; period < periods_; ++period) {
      yesterday_.push_back(Readings(8));
      today_.push_back(PeriodReadings(points_.size()));
      MakeTrades(period);
    }
  }

  std::string Live() {
    for (int run = 0; run < kRuns; ++run) {
      std::map<int, std::vector<MeteringPointId>> touched;
      if (run == 0) {
        for (int period = 0; period < periods_; ++period) touched[period];
      }
      // The first run has most of the readings, the later ones have what came late or was wrong.
      const int arrivals = periods_ * static_cast<int>(points_.size()) / (run == 0 ? 1 : 8);
      for (int i = 0; i < arrivals; ++i) {
        const int period = Number(0, periods_ - 1);
        const auto point = static_cast<size_t>(Number(0, static_cast<int>(points_.size()) - 1));
        today_[static_cast<size_t>(period)][point] = Reading();
        touched[period].emplace_back(points_[point].id);
      }
      for (const auto& [period, changed] : touched) {
        const std::string fault = Run(period, changed);
        if (!fault.empty()) return absl::StrCat("run ", run, ", period ", period, ": ", fault);
      }
    }
    return "";
  }

 private:
  int Number(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  Price AnyPrice() { return Price::MicrosPerKwh(Number(-300'000, 400'000)); }

  void MakePoints() {
    const int count = Number(3, 7);
    for (int i = 0; i < count; ++i) {
      Point& point = points_.emplace_back();
      point.id = absl::StrCat("m", i);
      // The first two lie behind one connection.
      const std::string owner = absl::StrCat("p", i < 2 ? 0 : i);
      point.holds.push_back({0, owner, absl::StrCat("c", i < 2 ? 0 : i)});
      const int life = Number(0, 9);
      const int at = Number(1, periods_ - 1);
      if (life == 0) point.holds.push_back({at, "", ""});
      if (life == 1) point.holds.push_back({at, absl::StrCat("p", count + i), point.id});
      if (life == 2) point.holds.push_back({at, absl::StrCat("p", count - 1), point.id});
      if (life == 3) point.joined = at;
    }
  }

  void MakeRules() {
    scheme_.mechanism = static_cast<Mechanism>(Number(0, 2));
    scheme_.policy = Number(0, 1) == 0 ? DeliveryPolicy::kAsDelivered : DeliveryPolicy::kFirm;
    scheme_.imbalance_purchase = AnyPrice();
    scheme_.local_price = AnyPrice();
    scheme_.key = Number(0, 1) == 0 ? SharingKey::kProportional : SharingKey::kEqual;
    snapshot_.fees = {Number(0, 2) * 100'000, Price::MicrosPerKwh(Number(0, 50'000))};
    snapshot_.has_tariff = true;
    snapshot_.tariff = {AnyPrice(), AnyPrice()};
  }

  PointReading Reading() {
    if (Number(0, 99) == 0) {
      return {Energy::WattHours(Number(0, 1) == 0 ? kAbsurd : -1), Energy(), true};
    }
    const bool feeds_in = Number(0, 1) == 0;
    return {Energy::WattHours(feeds_in ? Number(0, 50) : Number(0, 2'000)),
            Energy::WattHours(feeds_in ? Number(0, 3'000) : 0), true};
  }
  /// in_ten: how many of ten are there.
  PeriodReadings Readings(int in_ten) {
    PeriodReadings readings(points_.size());
    for (PointReading& reading : readings) {
      if (Number(0, 9) < in_ten) reading = Reading();
    }
    return readings;
  }

  /// Traded the day before: by those who held the points when the day began.
  void MakeTrades(int period) {
    std::vector<Trade>& trades = trades_.emplace_back();
    if (scheme_.mechanism != Mechanism::kTrading) return;
    const int count = Number(0, 4);
    for (int i = 0; i < count; ++i) {
      const Point& buyer = points_[static_cast<size_t>(Number(0, 1))];
      const Point& seller =
          points_[static_cast<size_t>(Number(2, static_cast<int>(points_.size()) - 1))];
      trades.push_back({TradeId(absl::StrCat("t", period, "-", i)),
                        Energy::WattHours(Number(1, 1'500)), AnyPrice(),
                        Price::MicrosPerKwh(Number(-10'000, 30'000)), MeteringPointId(buyer.id),
                        MeteringPointId(seller.id), ParticipantId(buyer.holds[0].participant),
                        ParticipantId(seller.holds[0].participant),
                        Price::MicrosPerKwh(Number(0, 100'000))});
    }
  }

  /// What the engine is given for a period, in any order of members and trades.
  SettlementInput InputOf(int period) {
    CommunitySnapshot snapshot = snapshot_;
    PeriodReadings readings;
    PeriodReadings before;
    std::vector<size_t> order(points_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random_);
    for (const size_t i : order) {
      const Hold& hold = points_[i].At(period);
      if (hold.participant.empty()) continue;
      snapshot.members.push_back({MeteringPointId(points_[i].id), ParticipantId(hold.participant),
                                  GridConnectionId(hold.connection)});
      PointReading& reading =
          readings.emplace_back(Screened(today_[static_cast<size_t>(period)][i]));
      reading.expected = points_[i].joined <= period;
      before.push_back(Screened(yesterday_[static_cast<size_t>(period)][i]));
    }
    std::vector<Trade> trades = trades_[static_cast<size_t>(period)];
    std::shuffle(trades.begin(), trades.end(), random_);
    return ComposeInput(snapshot, scheme_, Substitute(readings, before), trades);
  }

  std::string Run(int period, const std::vector<MeteringPointId>& changed) {
    Books& books = books_[static_cast<size_t>(period)];
    const SettlementResult result = Settle(InputOf(period));
    std::vector<PostedLine> posted;
    for (const auto& [key, sums] : books.lines) {
      posted.push_back({key, Energy::WattHours(sums.first), Money::Micros(sums.second)});
    }
    std::shuffle(posted.begin(), posted.end(), random_);
    const std::vector<Line> difference = DifferenceOf(result.lines, posted);
    const RunEntries entries = EntriesOf(absl::UnixEpoch(), ++books.run_count, difference);
    for (const Line& line : difference) {
      auto& [energy, amount] = books.lines[line.key];
      energy += line.energy.wh();
      amount += line.amount.micros();
      if (line.energy == Energy() && line.amount == Money()) return "a line says nothing";
    }
    AddTo(books.balances, entries);
    std::string fault = CompareWithScratch(books, result);
    if (fault.empty() && books.run_count > 1) {
      fault = CompareWithNarrow(period, changed, books.newest, result, posted, difference);
    }
    books.newest = result;
    if (fault.empty()) fault = CompareWithMeters(books, period);
    return fault.empty() ? CompareWithTrades(books, period) : fault;
  }

  /// What the changed points can have changed, computed alone, posts what all of the period would.
  std::string CompareWithNarrow(int period, const std::vector<MeteringPointId>& changed,
                                const SettlementResult& before, const SettlementResult& all,
                                const std::vector<PostedLine>& posted,
                                const std::vector<Line>& difference) const {
    if (scheme_.mechanism != Mechanism::kTrading) return "";
    const auto index = static_cast<size_t>(period);
    CommunitySnapshot members = snapshot_;
    PeriodReadings readings;
    PeriodReadings day_before;
    for (size_t i = 0; i < points_.size(); ++i) {
      const Hold& hold = points_[i].At(period);
      if (hold.participant.empty()) continue;
      members.members.push_back({MeteringPointId(points_[i].id), ParticipantId(hold.participant),
                                 GridConnectionId(hold.connection)});
      readings.emplace_back(Screened(today_[index][i])).expected = points_[i].joined <= period;
      day_before.push_back(Screened(yesterday_[index][i]));
    }
    const Neighbourhood part = Neighbours(members.members).Around(changed, trades_[index]);
    CommunitySnapshot few = snapshot_;
    PeriodReadings few_readings;
    PeriodReadings few_before;
    for (const size_t member : part.members) {
      few.members.push_back(members.members[member]);
      few_readings.push_back(readings[member]);
      few_before.push_back(day_before[member]);
    }
    const SettlementResult narrow =
        Settle(ComposeInput(few, scheme_, Substitute(few_readings, few_before), part.trades));
    std::optional<Welfare> welfare;
    if (scheme_.policy == DeliveryPolicy::kAsDelivered) welfare = WelfareAt(period, before);
    const auto found = DifferenceOfPart(part, narrow.lines, posted, welfare);
    if (!found.has_value()) {
      const bool is_clamped = welfare.has_value() && welfare->delivered == Money();
      return is_clamped ? "" : "a few points cannot be computed alone";
    }
    if (found->lines != difference) return "a few points post something else when alone";
    if (welfare.has_value() && found->welfare != WelfareAt(period, all)) {
      return "welfare comes out otherwise when a few points are alone";
    }
    return CompareTotals(before.totals, found->totals, all.totals);
  }

  /// The greatest worth is what the trades' gains come to, each rounded down.
  std::optional<Welfare> WelfareAt(int period, const SettlementResult& result) const {
    const std::vector<Trade>& trades = trades_[static_cast<size_t>(period)];
    Money optimum;
    for (const Trade& trade : trades) {
      optimum += AmountOf(trade.energy, trade.gain, Rounding::kDown);
    }
    if (optimum == Money()) return std::nullopt;
    return WelfareOf(optimum, trades, result.lines);
  }

  static std::string CompareTotals(const PeriodTotals& before, const PeriodTotals& change,
                                   const PeriodTotals& after) {
    for (const auto total :
         {&PeriodTotals::drawn, &PeriodTotals::fed_in, &PeriodTotals::self_consumed,
          &PeriodTotals::delivered, &PeriodTotals::retail, &PeriodTotals::surplus,
          &PeriodTotals::imbalance_bought, &PeriodTotals::imbalance_sold}) {
      if (before.*total + change.*total != after.*total) {
        return "totals come out otherwise when a few points are alone";
      }
    }
    return "";
  }

  static void AddTo(std::map<AccountId, int64_t>& balances, const RunEntries& entries) {
    for (const JournalEntry& entry : entries.entries) {
      for (const Posting& posting : entry.postings) {
        balances[posting.account] += posting.amount.micros();
      }
    }
  }

  static std::string CompareWithScratch(const Books& books, const SettlementResult& scratch) {
    std::map<LineKey, std::pair<int64_t, int64_t>> lines;
    for (const Line& line : scratch.lines) {
      lines[line.key] = {line.energy.wh(), line.amount.micros()};
    }
    for (const auto& [key, sums] : books.lines) {
      const auto expected = lines.try_emplace(key).first->second;
      if (sums != expected) {
        return absl::StrCat("posted ", sums.first, " Wh ", sums.second, ", from scratch ",
                            expected.first, " Wh ", expected.second, ", kind ",
                            static_cast<int>(key.kind));
      }
    }
    if (books.lines.size() < lines.size()) return "a line was never posted";
    std::map<AccountId, int64_t> balances;
    AddTo(balances, EntriesOf(absl::UnixEpoch(), 1, scratch.lines));
    int64_t sum = 0;
    for (const auto& [account, balance] : books.balances) {
      sum += balance;
      if (balance != balances[account]) return absl::StrCat(account.value(), " differs");
    }
    return sum == 0 ? "" : "balances do not sum to zero";
  }

  /// What a point counts with, by this test's own rules: a possible reading, else the day before's,
  /// else nothing; nothing before it joined.
  std::pair<int64_t, int64_t> Counts(size_t point, int period) const {
    const auto index = static_cast<size_t>(period);
    const auto possible = [](const PointReading& r) {
      return r.present && r.import_energy.wh() >= 0 && r.import_energy.wh() < kAbsurd;
    };
    const PointReading& today = today_[index][point];
    if (!today.present && period < points_[point].joined) return {0, 0};
    const PointReading& used = possible(today) ? today : yesterday_[index][point];
    if (!possible(used)) return {0, 0};
    return {used.import_energy.wh(), used.export_energy.wh()};
  }

  std::string CompareWithMeters(const Books& books, int period) const {
    std::map<std::pair<std::string, std::string>, std::pair<int64_t, int64_t>> connections;
    for (size_t i = 0; i < points_.size(); ++i) {
      const Hold& hold = points_[i].At(period);
      if (hold.participant.empty()) continue;
      const auto [imported, exported] = Counts(i, period);
      auto& sums = connections[{hold.participant, hold.connection}];
      sums.first += imported;
      sums.second += exported;
    }
    std::map<std::string, int64_t> draws;
    for (const auto& [who, sums] : connections) {
      draws[who.first] += std::max<int64_t>(sums.first - sums.second, 0);
      draws[who.first] -= std::max<int64_t>(sums.second - sums.first, 0);
    }
    for (const auto& [key, sums] : books.lines) {
      if (key.kind == LineKind::kReferenceDraw) draws[key.participant.value()] -= sums.first;
      if (key.kind == LineKind::kReferenceFeedIn) draws[key.participant.value()] += sums.first;
    }
    for (const auto& [participant, left] : draws) {
      if (left != 0) return absl::StrCat(participant, " has ", left, " Wh of others");
    }
    return "";
  }

  std::string CompareWithTrades(const Books& books, int period) const {
    std::map<TradeId, const Trade*> trades;
    for (const Trade& trade : trades_[static_cast<size_t>(period)]) trades[trade.id] = &trade;
    for (const auto& [key, sums] : books.lines) {
      if (key.trade.empty() || sums.first == 0) continue;
      const Trade& trade = *trades.at(key.trade);
      const bool is_buyer =
          key.kind == LineKind::kPurchase || key.kind == LineKind::kNetworkFee;
      if (key.participant != (is_buyer ? trade.buyer : trade.seller)) {
        return absl::StrCat(key.participant.value(), " did not trade ", key.trade.value());
      }
    }
    return "";
  }

  std::mt19937_64& random_;
  int periods_ = 0;
  std::vector<Point> points_;
  CommunitySnapshot snapshot_;
  Scheme scheme_;
  std::vector<PeriodReadings> yesterday_;
  std::vector<PeriodReadings> today_;
  std::vector<std::vector<Trade>> trades_;
  std::vector<Books> books_;
};

}  // namespace

std::string FirstDayFault(uint64_t seed, int days) {
  std::mt19937_64 random(seed);
  for (int i = 0; i < days; ++i) {
    const std::string fault = Day(random).Live();
    if (!fault.empty()) return absl::StrCat("day ", i, ", ", fault);
  }
  return "";
}

}  // namespace peerwatt::settlement
