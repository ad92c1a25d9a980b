#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libs/base/error.h"
#include "services/settlement/core/batch_settler.h"
#include "services/settlement/core/explain/evidence.h"
#include "services/settlement/core/peers.h"

namespace peerwatt::settlement {

/// A registry in memory: every community has the same members and prices.
class FakeRegistry final : public RegistryPort {
 public:
  absl::StatusOr<std::vector<CommunityRules>> ListCommunityRules() override { return rules; }
  absl::StatusOr<CommunitySnapshot> GetSnapshot(const CommunityId& /*community*/,
                                                absl::Time time) override {
    const auto after = later.upper_bound(time);
    return after == later.begin() ? snapshot : std::prev(after)->second;
  }
  absl::StatusOr<ParticipantContext> GetContext(const ParticipantId& participant) override {
    return ParticipantContext{participant, rules.front().id, rules.front().currency};
  }

  absl::StatusOr<std::vector<Scheme>> ListSchemes(const CommunityRules& /*rules*/,
                                                  Interval /*span*/) override {
    return schemes;
  }

  absl::StatusOr<Tariffs> ListTariffs(const CommunityRules& /*rules*/, Interval span) override {
    Tariffs found = tariffs;
    // Those in force within the span.
    std::erase_if(found.versions, [&](const Tariff& tariff) {
      const Tariff* at_start = TariffAt(tariffs.versions, span.start);
      return tariff.starts_at >= span.end ||
             (at_start != nullptr && tariff.starts_at < at_start->starts_at);
    });
    return found;
  }
  absl::StatusOr<std::map<CommunityId, int64_t>> ListTariffCounts() override {
    std::map<CommunityId, int64_t> counts;
    for (const CommunityRules& community : rules) counts[community.id] = tariffs.version_count;
    return counts;
  }
  /// Adds a version with the next number.
  void AddTariff(const std::string& id, absl::Time starts_at, const TariffRules& charges) {
    tariffs.versions.push_back({TariffId(id), starts_at, charges, ++tariffs.version_count});
    std::sort(tariffs.versions.begin(), tariffs.versions.end(),
              [](const Tariff& a, const Tariff& b) { return a.starts_at < b.starts_at; });
  }

  std::vector<CommunityRules> rules;
  CommunitySnapshot snapshot;
  Tariffs tariffs;
  std::map<absl::Time, CommunitySnapshot> later;  ///< what supersedes it from an instant on
  std::vector<Scheme> schemes;  ///< by start
};

/// A market in memory: auctions before `final_until` are final, those without trades are empty.
class FakeMarket final : public MarketPort, public TradeHistory {
 public:
  absl::StatusOr<std::vector<AuctionOutcome>> ListOutcomes(const CommunityId& /*community*/,
                                                           Interval span) override {
    before_answer();
    if (!answers) return Error(kPeerUnavailable, "the market does not answer");
    std::vector<AuctionOutcome> outcomes;
    const absl::Time end = std::min(span.end, final_until);
    for (absl::Time start = span.start; start < end; start += absl::Minutes(15)) {
      const auto found = trades.find(start);
      AuctionOutcome& outcome = outcomes.emplace_back();
      outcome.period_start = start;
      if (found == trades.end()) continue;
      outcome.trades = found->second;
      for (const Trade& trade : outcome.trades) {
        outcome.welfare += AmountOf(trade.energy, trade.gain, Rounding::kDown);
      }
    }
    return outcomes;
  }

  std::map<absl::Time, std::vector<Trade>> trades;
  absl::Time final_until = absl::InfiniteFuture();
  bool answers = true;
  /// Called within each call.
  absl::StatusOr<std::optional<TradeOrigin>> FindTrade(const CommunityId& /*community*/,
                                                       Interval period,
                                                       const TradeId& trade) override {
    for (const Trade& known : trades[period.start]) {
      if (known.id != trade) continue;
      return TradeOrigin{trade,        "the bid",   "the offer",      "AUCTION",
                         known.energy, known.price, known.network_fee};
    }
    return std::optional<TradeOrigin>();
  }

  std::function<void()> before_answer = [] {};
};

/// Readings in memory; the cursor counts them. They are stored while nobody asks.
class FakeMetering final : public MeteringPort, public ReadingHistory {
 public:
  absl::StatusOr<ReadingGrid> QueryReadings(const std::vector<MeteringPointId>& points,
                                            Interval span, absl::Duration resolution) override {
    ++query_count;
    ReadingGrid grid;
    grid.cursor = cursor_;
    for (const MeteringPointId& point : points) {
      std::vector<PointReading>& row = grid.readings.emplace_back();
      for (absl::Time start = span.start; start < span.end; start += resolution) {
        const auto found = readings_.find({point, start});
        row.push_back(found == readings_.end() ? PointReading{} : found->second);
      }
    }
    return grid;
  }
  /// Gives all changes after the cursor as one group, then ends.
  absl::Status WatchReadings(
      int64_t cursor,
      absl::FunctionRef<absl::Status(const std::vector<ReadingChange>&, int64_t)> sink) override {
    watched_after = cursor;
    std::vector<ReadingChange> later;
    for (const ReadingChange& change : changes_) {
      if (change.cursor > cursor) later.push_back(change);
    }
    return later.empty() ? absl::OkStatus() : sink(later, cursor_);
  }
  void CancelWatch() override {}
  absl::StatusOr<std::vector<RevisedReading>> ListRevisions(
      const std::vector<MeteringPointId>& points, Interval span,
      absl::Duration /*resolution*/) override {
    std::vector<RevisedReading> found;
    for (const RevisedReading& reading : history_) {
      const bool asked = std::find(points.begin(), points.end(), reading.point) != points.end();
      if (asked && reading.start >= span.start && reading.start < span.end) {
        found.push_back(reading);
      }
    }
    return found;
  }

  /// Stores a reading of a quarter of an hour, or a newer one in its place.
  void Store(const std::string& point, absl::Time start, int64_t import_wh, int64_t export_wh) {
    PointReading& reading = readings_[{MeteringPointId(point), start}];
    reading.import_energy = Energy::WattHours(import_wh);
    reading.export_energy = Energy::WattHours(export_wh);
    reading.present = true;
    ++reading.revision;
    history_.push_back({MeteringPointId(point), start, reading.revision, reading.import_energy,
                        reading.export_energy});
    changes_.push_back({++cursor_, MeteringPointId(point), CommunityId("hamlet"),
                        {start, start + absl::Minutes(15)}});
  }
  int64_t cursor() const { return cursor_; }

  /// How often readings were asked for.
  std::atomic<int> query_count = 0;
  /// The cursor of the newest watch.
  int64_t watched_after = -1;

 private:
  std::map<std::pair<MeteringPointId, absl::Time>, PointReading> readings_;
  std::vector<RevisedReading> history_;
  std::vector<ReadingChange> changes_;
  int64_t cursor_ = 0;
};

/// A payment provider in memory; charges once per key. Safe for many threads.
class FakePayments final : public PaymentProvider {
 public:
  absl::StatusOr<ChargeOutcome> Charge(const std::string& idempotency_key, Money amount,
                                       const std::string& currency) override {
    const std::lock_guard lock(mutex_);
    if (!answers) return Error(kPeerUnavailable, "the payment provider does not answer");
    last_currency = currency;
    if (amount > limit) return ChargeOutcome::kDeclined;
    charged.insert_or_assign(idempotency_key, amount);
    // The charge took place, and nobody hears of it.
    if (loses_answer) return Error(kPeerUnavailable, "the answer is lost");
    return ChargeOutcome::kConfirmed;
  }
  absl::StatusOr<ChargeOutcome> PayOut(const std::string& idempotency_key, Money amount,
                                       const std::string& currency) override {
    return Charge(idempotency_key, amount, currency);
  }
  bool uses_files() const override { return files; }

  std::map<std::string, Money> charged;  ///< by key
  bool files = false;                    ///< payments wait for files
  std::string last_currency;
  Money limit = Money::Micros(1'000'000'000);  ///< more than that is declined
  bool answers = true;
  bool loses_answer = false;

 private:
  std::mutex mutex_;
};

/// Counts runs. Safe for many threads.
class CountingProbe final : public RunProbe {
 public:
  void PeriodSettled(absl::Duration /*took*/, size_t /*entry_count*/) override { ++settled; }
  void PeriodRestated(absl::Duration /*took*/, size_t /*entry_count*/) override { ++restated; }
  void Lag(absl::Duration /*lag*/) override {}

  std::atomic<int> settled = 0;
  std::atomic<int> restated = 0;
};

}  // namespace peerwatt::settlement
