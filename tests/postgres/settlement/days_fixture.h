#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/settlement/core/batch_settler.h"
#include "tests/postgres/settlement/ledger_fixture.h"
#include "tests/postgres/settlement/peers.h"

namespace peerwatt::settlement {

/// Hands everything on to another store; says which points changed, or does not know, or forgets.
class SelectiveStore final : public RunStore {
 public:
  enum class Knows { kAllPoints, kNoPoints, kAllPointsButOne };
  SelectiveStore(RunStore& store, Knows knows) : store_(store), knows_(knows) {}

  absl::Status EnsureLedger(const CommunityRules& rules) override {
    return store_.EnsureLedger(rules);
  }
  absl::StatusOr<Progress> LoadProgress(const CommunityId& community) override {
    return store_.LoadProgress(community);
  }
  absl::StatusOr<PostedPeriod> LoadPosted(const CommunityId& community,
                                          absl::Time period_start) override {
    return store_.LoadPosted(community, period_start);
  }
  absl::Status CommitRun(const RunCommit& run) override { return store_.CommitRun(run); }
  absl::StatusOr<ChangedPoints> LoadChangedPoints(const CommunityId& community,
                                                  const std::vector<absl::Time>& starts) override {
    if (knows_ == Knows::kNoPoints) return ChangedPoints();
    absl::StatusOr<ChangedPoints> changed = store_.LoadChangedPoints(community, starts);
    if (!changed.ok() || knows_ == Knows::kAllPoints) return changed;
    for (auto& [start, points] : changed->points) points.pop_back();
    return changed;
  }
  absl::StatusOr<PostedParts> LoadPostedOf(
      const CommunityId& community,
      const std::map<absl::Time, std::set<ParticipantId>>& participants) override {
    return store_.LoadPostedOf(community, participants);
  }
  absl::Status CommitChanges(const std::vector<RunCommit>& runs) override {
    narrow_count += static_cast<int64_t>(runs.size());
    return store_.CommitChanges(runs);
  }
  absl::StatusOr<RunCalendar> LoadCalendar(const CommunityId& community) override {
    return store_.LoadCalendar(community);
  }
  absl::Status FinishRun(const CommunityId& community, const RunRecord& record,
                         const RunReach& reach) override {
    return store_.FinishRun(community, record, reach);
  }
  absl::Status ListLate(const CommunityId& community, const std::vector<absl::Time>& starts,
                        absl::Time now) override {
    return store_.ListLate(community, starts, now);
  }
  absl::StatusOr<int64_t> LoadWatchCursor() override { return store_.LoadWatchCursor(); }
  absl::Status MarkChanged(const std::vector<ReadingChange>& changes, int64_t cursor) override {
    return store_.MarkChanged(changes, cursor);
  }

  int64_t narrow_count = 0;  ///< periods that were settled again by what changed alone

 private:
  RunStore& store_;
  const Knows knows_;
};

/// Random days of quarters of an hour, each settled first and then again as corrections come, of
/// its own readings and of those that stand in for them the day after. On each day a point changes
/// hands, the tariff changes, and trades are settled as delivered, firmly, or not at all.
class DaysTest : public LedgerTest {
 protected:
  static constexpr int kPeriods = 96;
  static constexpr int kRuns = 5;
  static constexpr int kPoints = 8;

  void SetUp() override {
    LedgerTest::SetUp();
    CountRewrites();
  }
  void TearDown() override {
    Execute("DROP TABLE rewritten CASCADE; DROP FUNCTION note_rewrite CASCADE");
    LedgerTest::TearDown();
  }

  /// Lives so many days, for each of these communities in the same way.
  void Live(int days, const std::map<std::string, SelectiveStore*>& stores) {
    for (const auto& [name, store] : stores) {
      ASSERT_TRUE(store->EnsureLedger(RulesOf(name)).ok());
    }
    for (int day = 0; day < days; ++day) {
      MakeDay(day);
      for (int run = 0; run < kRuns; ++run) {
        const std::vector<ReadingChange> changes = Arrive(day, run);
        clock_.Set(std::max(clock_.Now(), At(day + 1, 8)) + absl::Minutes(1));
        for (const auto& [name, store] : stores) {
          Mark(name, changes);
          if (run == 0) SettleDay(name, day, *store);
          SettleAgain(name, *store);
          if (HasFatalFailure()) return;
        }
      }
    }
  }
  /// Settles all days once more in a community of its own. Returns how many sums by key differ from
  /// those of a community, and how many balances.
  int64_t DifferencesFromScratch(const std::string& community, int days) {
    EXPECT_TRUE(runs_.EnsureLedger(RulesOf("scratch")).ok());
    for (int day = 0; day < days && NumberFrom(absl::StrCat(
             "SELECT count(*) FROM settlement_periods WHERE community_id = 'scratch'")) <
             static_cast<int64_t>(days) * kPeriods; ++day) {
      SettleDay("scratch", day, runs_);
    }
    const auto sums = [](const std::string& name) {
      return absl::StrCat(
          "SELECT period_start_at, participant_id, connection_id, kind, trade_id, is_taxable, "
          "is_price_missing, sum(energy_wh), sum(amount_micros) FROM settlement_lines "
          "WHERE community_id = '", name, "' GROUP BY 1, 2, 3, 4, 5, 6, 7 "
          "HAVING sum(energy_wh) <> 0 OR sum(amount_micros) <> 0");
    };
    const auto balances = [](const std::string& name) {
      return absl::StrCat("SELECT account_id, balance_micros FROM account_states "
                          "WHERE balance_micros <> 0 AND community_id = '", name, "'");
    };
    const auto periods = [](const std::string& name) {
      return absl::StrCat(
          "SELECT period_start_at, drawn_wh, fed_in_wh, self_consumed_wh, delivered_wh, retail_wh, "
          "surplus_wh, imbalance_bought_wh, imbalance_sold_wh, substituted_count, "
          "price_missing_count, optimum_micros, delivered_micros FROM settlement_periods "
          "LEFT JOIN period_welfare USING (community_id, period_start_at) "
          "WHERE community_id = '", name, "'");
    };
    int64_t count = 0;
    for (const auto& [left, right] :
         {std::pair(sums(community), sums("scratch")), std::pair(sums("scratch"), sums(community)),
          std::pair(balances(community), balances("scratch")),
          std::pair(balances("scratch"), balances(community)),
          std::pair(periods(community), periods("scratch"))}) {
      count += NumberFrom(absl::StrCat("SELECT count(*) FROM ((", left, ") EXCEPT (", right,
                                       ")) AS differing"));
    }
    return count;
  }
  /// Rows of the books that were changed or removed by anybody since the test began.
  int64_t Rewrites() const { return NumberFrom("SELECT count(*) FROM rewritten"); }

  void Execute(const std::string& sql) const {
    pqxx::connection connection(database_->owner_dsn());
    pqxx::work tx(connection);
    tx.exec(sql);
    tx.commit();
  }

  FakeMarket market_;
  ManualClock clock_{Start()};
  CountingProbe probe_;
  std::mt19937_64 random_{20260701};

 private:
  int Number(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  Price AnyPrice() { return Price::MicrosPerKwh(Number(-100'000, 400'000)); }
  static absl::Time At(int day, int period) { return Quarter(day * kPeriods + period); }
  static std::string PointOf(int point) { return absl::StrCat("m", point); }

  void CountRewrites() const {
    std::string sql =
        "CREATE TABLE rewritten (name text NOT NULL);"
        "CREATE FUNCTION note_rewrite() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$"
        " BEGIN INSERT INTO rewritten VALUES (tg_table_name); RETURN coalesce(new, old); END $$;";
    for (const char* table : {"journal_entries", "settlement_lines", "settlement_runs",
                              "run_periods", "run_evidence", "transfer_keys"}) {
      absl::StrAppend(&sql, "CREATE TRIGGER rewrites BEFORE UPDATE OR DELETE ON ", table,
                      " FOR EACH ROW EXECUTE FUNCTION note_rewrite();");
    }
    Execute(sql);
  }

  void MakeDay(int day) {
    CommunitySnapshot snapshot;
    snapshot.fees = {Number(0, 2) * 50'000, Price::MicrosPerKwh(20'000)};
    // Fees are the community's for ever.
    if (day > 0) snapshot.fees = registry_.snapshot.fees;
    snapshot.has_tariff = true;
    snapshot.tariff_name = absl::StrCat("t", 2 * day);
    snapshot.tariff = {AnyPrice(), AnyPrice()};
    for (int i = 0; i < kPoints; ++i) {
      // The first two lie behind one connection.
      const std::string owner = absl::StrCat("p", i < 2 ? 0 : i);
      snapshot.members.push_back({MeteringPointId(PointOf(i)), ParticipantId(owner),
                                  GridConnectionId(absl::StrCat("c", i < 2 ? 0 : i))});
    }
    snapshot.membership_version = 2 * day;
    if (day == 0) registry_.snapshot = snapshot;
    registry_.later[At(day, 0)] = snapshot;
    snapshot.tariff_name = absl::StrCat("t", 2 * day + 1);
    snapshot.tariff = {AnyPrice(), AnyPrice()};
    ++snapshot.membership_version;
    snapshot.members.back().participant = ParticipantId("heir");
    registry_.later[At(day, Number(1, kPeriods - 1))] = snapshot;
    MakeSchemes(day);
    for (int period = 0; period < kPeriods; ++period) MakeTrades(At(day, period));
  }

  void MakeSchemes(int day) {
    const int firm_from = Number(20, 40);
    const int shared_from = Number(85, kPeriods - 1);
    Scheme scheme;
    scheme.local_price = AnyPrice();
    scheme.id = SchemeId(absl::StrCat("delivered-", day));
    scheme.starts_at = At(day, 0);
    registry_.schemes.push_back(scheme);
    scheme.id = SchemeId(absl::StrCat("firm-", day));
    scheme.policy = DeliveryPolicy::kFirm;
    scheme.imbalance_purchase = AnyPrice();
    scheme.starts_at = At(day, firm_from);
    registry_.schemes.push_back(scheme);
    scheme.id = SchemeId(absl::StrCat("shared-", day));
    scheme.mechanism = Mechanism::kSharing;
    scheme.starts_at = At(day, shared_from);
    registry_.schemes.push_back(scheme);
  }

  void MakeTrades(absl::Time start) {
    std::vector<Trade>& trades = market_.trades[start];
    const int count = Number(0, 5);
    for (int i = 0; i < count; ++i) {
      const int buyer = Number(0, 3);
      const int seller = Number(4, kPoints - 1);
      trades.push_back({TradeId(absl::StrCat("t", i)), Energy::WattHours(Number(1, 1'500)),
                        AnyPrice(), Price::MicrosPerKwh(Number(-10'000, 30'000)),
                        MeteringPointId(PointOf(buyer)), MeteringPointId(PointOf(seller)),
                        ParticipantId(absl::StrCat("p", buyer < 2 ? 0 : buyer)),
                        ParticipantId(absl::StrCat("p", seller)),
                        Price::MicrosPerKwh(Number(0, 90'000))});
    }
  }

  /// Readings come: most on the day, later those that were late or wrong, some of the day before.
  std::vector<ReadingChange> Arrive(int day, int run) {
    std::vector<ReadingChange> changes;
    const int count = run == 0 ? kPeriods * kPoints : kPeriods * kPoints / 10;
    for (int i = 0; i < count; ++i) {
      const bool is_late = day > 0 && Number(0, 9) == 0;
      const absl::Time start = At(is_late ? day - 1 : day, Number(0, kPeriods - 1));
      const int point = Number(0, kPoints - 1);
      const bool is_absurd = Number(0, 99) == 0;
      const bool draws = point < 4 ? Number(0, 9) > 0 : Number(0, 9) == 0;
      const int64_t wh = is_absurd ? 1'000'000'000'000'000 : Number(0, 2'000);
      metering_.Store(PointOf(point), start, draws ? wh : 0, draws ? 0 : wh);
      changes.push_back({metering_.cursor(), MeteringPointId(PointOf(point)), CommunityId(),
                         {start, start + absl::Minutes(15)}});
    }
    return changes;
  }

  void Mark(const std::string& name, std::vector<ReadingChange> changes) {
    for (ReadingChange& change : changes) change.community = CommunityId(name);
    const absl::Status marked = runs_.MarkChanged(changes, metering_.cursor());
    ASSERT_TRUE(marked.ok()) << marked;
  }

  void SettleDay(const std::string& name, int day, RunStore& store) {
    std::vector<absl::Time> starts;
    for (int period = 0; period < kPeriods; ++period) starts.push_back(At(day, period));
    const RunRecord record = RecordOf(RunKind::kFirst, starts);
    BatchSettler settler({registry_, market_, metering_}, store, clock_, clock_, probe_);
    const auto waiting = settler.SettleFirst(RulesOf(name), starts, record);
    ASSERT_TRUE(waiting.ok()) << waiting.status();
    ASSERT_TRUE(waiting->empty());
  }

  void SettleAgain(const std::string& name, RunStore& store) {
    const auto progress = store.LoadProgress(CommunityId(name));
    ASSERT_TRUE(progress.ok()) << progress.status();
    BatchSettler settler({registry_, market_, metering_}, store, clock_, clock_, probe_);
    for (const std::vector<absl::Time>& batch : InBatches(RulesOf(name), progress->dirty)) {
      const auto waiting =
          settler.Restate(RulesOf(name), batch, RecordOf(RunKind::kCorrection, batch));
      ASSERT_TRUE(waiting.ok()) << waiting.status();
      ASSERT_TRUE(waiting->empty());
    }
  }

  RunRecord RecordOf(RunKind kind, const std::vector<absl::Time>& starts) {
    return MakeRunRecord(kind, RunCalendar(), {starts.front(), starts.back() + absl::Minutes(15)},
                         clock_.Now(), clock_.Now());
  }

  FakeRegistry registry_;
  FakeMetering metering_;
};

}  // namespace peerwatt::settlement
