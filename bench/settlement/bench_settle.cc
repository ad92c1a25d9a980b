// Times settlement runs on a database that is there. What the peers know is in memory; storage is
// the service's own. Prints one JSON line.
//
//   bench_settle --dsn=… --mode=settle --points=100000 --rounds=3
//   bench_settle --dsn=… --mode=restate --points=1000 --days=30

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "libs/base/check.h"
#include "libs/base/clock.h"
#include "libs/crypto/digest.h"
#include "libs/postgres/codec.h"
#include "services/settlement/core/batch_settler.h"
#include "services/settlement/storage/postgres_run_store.h"
#include "services/settlement/storage/queries.h"

ABSL_FLAG(std::string, dsn, "", "Database, with the schema and the tables of the limit");
ABSL_FLAG(std::string, mode, "settle", "settle or restate");
ABSL_FLAG(std::string, ledger, "bench", "Community; its ledger is made");
ABSL_FLAG(int, points, 100'000, "Metering points");
ABSL_FLAG(int, trades_per_ten_points, 30, "Trades of a period, per ten points");
ABSL_FLAG(int, rounds, 3, "Turns of settlement and COPY");
ABSL_FLAG(int, days, 30, "restate: days of the month");

namespace peerwatt::settlement {
namespace {

constexpr int kPeriodsPerDay = 96;

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

absl::Time PeriodAt(int64_t index) {
  return absl::FromUnixSeconds(1'782'864'000) + absl::Minutes(15) * index;
}

std::string PointName(int64_t index) { return absl::StrFormat("m%07d", index); }

/// Every other point draws, every other one feeds in.
class Registry final : public RegistryPort {
 public:
  explicit Registry(int points) {
    snapshot_.fees = {50'000, Price::MicrosPerKwh(20'000)};
    Tariff& tariff = tariffs_.versions.emplace_back();
    tariff.id = TariffId("t");
    tariff.starts_at = absl::InfinitePast();
    tariff.rules.retail.default_price = Price::MicrosPerKwh(300'000);
    tariff.rules.feed_in.default_price = Price::MicrosPerKwh(80'000);
    tariff.number = tariffs_.version_count = 1;
    for (int i = 0; i < points; ++i) {
      snapshot_.members.push_back({MeteringPointId(PointName(i)),
                                   ParticipantId(absl::StrFormat("p%07d", i)),
                                   GridConnectionId(PointName(i))});
    }
  }
  absl::StatusOr<std::vector<CommunityRules>> ListCommunityRules() override {
    return std::vector<CommunityRules>();
  }
  absl::StatusOr<CommunitySnapshot> GetSnapshot(const CommunityId& /*community*/,
                                                absl::Time /*time*/) override {
    return snapshot_;
  }
  absl::StatusOr<ParticipantContext> GetContext(const ParticipantId& participant) override {
    return ParticipantContext{participant, CommunityId(), "EUR"};
  }
  absl::StatusOr<std::vector<Scheme>> ListSchemes(const CommunityRules& /*rules*/,
                                                  Interval /*span*/) override {
    return std::vector<Scheme>();
  }
  absl::StatusOr<Tariffs> ListTariffs(const CommunityRules& /*rules*/,
                                      Interval /*span*/) override {
    return tariffs_;
  }
  absl::StatusOr<std::map<CommunityId, int64_t>> ListTariffCounts() override {
    return std::map<CommunityId, int64_t>();
  }
  const std::vector<Member>& members() const { return snapshot_.members; }

 private:
  CommunitySnapshot snapshot_;
  Tariffs tariffs_;
};

class Market final : public MarketPort {
 public:
  Market(const std::vector<Member>& members, int trades) : members_(members), trades_(trades) {}

  absl::StatusOr<std::vector<AuctionOutcome>> ListOutcomes(const CommunityId& /*community*/,
                                                           Interval span) override {
    std::vector<AuctionOutcome> outcomes;
    for (absl::Time start = span.start; start < span.end; start += absl::Minutes(15)) {
      outcomes.push_back({start, TradesAt(start)});
    }
    return outcomes;
  }

 private:
  std::vector<Trade> TradesAt(absl::Time start) const {
    std::vector<Trade> trades;
    trades.reserve(static_cast<size_t>(trades_));
    std::mt19937_64 random(static_cast<uint64_t>(absl::ToUnixSeconds(start)));
    const size_t half = members_.size() / 2;
    for (int i = 0; i < trades_; ++i) {
      const Member& buyer = members_[2 * (random() % half)];
      const Member& seller = members_[2 * (random() % half) + 1];
      trades.push_back({TradeId(absl::StrFormat("t%08d", i)),
                        Energy::WattHours(static_cast<int64_t>(random() % 500) + 1),
                        Price::MicrosPerKwh(150'000 + static_cast<int64_t>(random() % 50'000)),
                        Price::MicrosPerKwh(20'000), buyer.point, seller.point,
                        buyer.participant, seller.participant});
    }
    return trades;
  }

  const std::vector<Member>& members_;
  const int trades_;
};

class Metering final : public MeteringPort {
 public:
  absl::StatusOr<ReadingGrid> QueryReadings(const std::vector<MeteringPointId>& points,
                                            Interval span, absl::Duration resolution) override {
    ReadingGrid grid;
    grid.cursor = cursor;
    grid.readings.reserve(points.size());
    for (const MeteringPointId& point : points) {
      std::vector<PointReading>& row = grid.readings.emplace_back();
      const uint64_t number = std::stoull(point.value().substr(1));
      const bool feeds_in = number % 2 == 1;
      for (absl::Time start = span.start; start < span.end; start += resolution) {
        const auto slot = static_cast<uint64_t>(absl::ToUnixSeconds(start) / 900);
        int64_t wh = static_cast<int64_t>((number * 7919 + slot * 104'729) % 2'000) + 1;
        if (number == corrected) wh += 17;
        row.push_back({Energy::WattHours(feeds_in ? 0 : wh), Energy::WattHours(feeds_in ? wh : 0),
                       true});
      }
    }
    return grid;
  }
  absl::Status WatchReadings(
      int64_t /*cursor*/,
      absl::FunctionRef<absl::Status(const std::vector<ReadingChange>&, int64_t)> /*sink*/)
      override {
    return absl::OkStatus();
  }
  void CancelWatch() override {}

  int64_t cursor = 1;
  uint64_t corrected = ~0ULL;  ///< the number of the point that was
};

class Silent final : public RunProbe {
 public:
  void PeriodSettled(absl::Duration /*took*/, size_t /*entry_count*/) override {}
  void PeriodRestated(absl::Duration /*took*/, size_t /*entry_count*/) override {}
  void Lag(absl::Duration /*lag*/) override {}
};

class Bench {
 public:
  Bench()
      : rules_{CommunityId(absl::GetFlag(FLAGS_ledger)), "EUR", absl::Minutes(15), PeriodAt(0),
               absl::ZeroDuration()},
        registry_(absl::GetFlag(FLAGS_points)),
        market_(registry_.members(), absl::GetFlag(FLAGS_points) / 10 *
                                         absl::GetFlag(FLAGS_trades_per_ten_points)) {
    clock_.Set(PeriodAt(kPeriodsPerDay * 400));
    const absl::Status made = runs_.EnsureLedger(rules_);
    PW_CHECK(made.ok(), made.ToString());
  }

  /// Seconds to settle a period for the first time.
  double Settle(int64_t period) { return Run(settler_, {PeriodAt(period)}, RunKind::kFirst); }

  /// Seconds to copy as many rows of entries and postings as a period has.
  double Copy(int64_t entries, int64_t postings) {
    std::mt19937_64 random(7);
    const double start = Now();
    const absl::Status copied = pool_.Run([&](pqxx::work& tx) {
      const std::string now = postgres::ToSql(PeriodAt(0));
      pqxx::stream_to entry_rows(tx, "bench_entries",
                                 std::vector<std::string>{"community_id", "entry_no", "kind",
                                                          "key", "created_at"});
      for (int64_t i = 1; i <= entries; ++i) {
        entry_rows << std::make_tuple(rules_.id.value(), copied_entries_ + i, "trade",
                                      absl::StrFormat("trade:20260701t000000z:t%08d:1", i), now);
      }
      entry_rows.complete();
      pqxx::stream_to posting_rows(tx, "bench_postings",
                                   std::vector<std::string>{"community_id", "entry_no",
                                                            "posting_no", "account_no",
                                                            "amount_micros"});
      for (int64_t i = 0; i < postings; ++i) {
        posting_rows << std::make_tuple(rules_.id.value(),
                                        copied_entries_ + 1 + i * entries / postings, i % 100,
                                        random() % 1'000'000, random() % 1'000'000);
      }
      posting_rows.complete();
      return absl::OkStatus();
    });
    PW_CHECK(copied.ok(), copied.ToString());
    copied_entries_ += entries;
    return Now() - start;
  }

  /// Seconds to restate all periods of so many days for one corrected meter.
  double RestateMonth(int days) {
    for (int day = 0; day < days; ++day) Run(hasty_settler_, DayAt(day), RunKind::kFirst);
    // As autovacuum does in the course of a month.
    const absl::Status analyzed = pool_.Run([](pqxx::work& tx) {
      tx.exec("ANALYZE settlement_lines, settlement_periods, run_evidence, journal_entries");
      return absl::OkStatus();
    });
    PW_CHECK(analyzed.ok(), analyzed.ToString());
    ++metering_.cursor;
    metering_.corrected = 0;
    const Interval span{PeriodAt(0), PeriodAt(static_cast<int64_t>(days) * kPeriodsPerDay)};
    const absl::Status marked = runs_.MarkChanged(
        {{metering_.cursor, MeteringPointId(PointName(0)), rules_.id, span}}, metering_.cursor);
    PW_CHECK(marked.ok(), marked.ToString());
    const double start = Now();
    const absl::StatusOr<Progress> progress = runs_.LoadProgress(rules_.id);
    PW_CHECK(progress.ok(), progress.status().ToString());
    PW_CHECK(progress->dirty.size() == static_cast<size_t>(days) * kPeriodsPerDay,
             "every period of the month changed");
    for (const std::vector<absl::Time>& batch : InBatches(rules_, progress->dirty)) {
      Run(settler_, batch, RunKind::kCorrection);
    }
    return Now() - start;
  }

  int64_t NumberFrom(const std::string& sql) {
    int64_t number = 0;
    const absl::Status read = pool_.Run([&](pqxx::work& tx) {
      number = tx.exec1(sql)[0].as<int64_t>();
      return absl::OkStatus();
    });
    PW_CHECK(read.ok(), read.ToString());
    return number;
  }
  const std::string& ledger() const { return rules_.id.value(); }

 private:
  static std::vector<absl::Time> DayAt(int day) {
    std::vector<absl::Time> starts;
    for (int i = 0; i < kPeriodsPerDay; ++i) {
      starts.push_back(PeriodAt(static_cast<int64_t>(day) * kPeriodsPerDay + i));
    }
    return starts;
  }

  double Run(BatchSettler& settler, const std::vector<absl::Time>& starts, RunKind kind) {
    const RunRecord record = MakeRunRecord(
        kind, RunCalendar(), {starts.front(), starts.back() + rules_.interval}, clock_.Now(),
        real_clock_.Now());
    const double start = Now();
    const auto waiting = kind == RunKind::kFirst ? settler.SettleFirst(rules_, starts, record)
                                                 : settler.Restate(rules_, starts, record);
    PW_CHECK(waiting.ok() && waiting->empty(), waiting.status().ToString());
    return Now() - start;
  }

  const CommunityRules rules_;
  Registry registry_;
  Market market_;
  Metering metering_;
  Silent probe_;
  ManualClock clock_{PeriodAt(0)};
  SystemClock real_clock_;
  postgres::Pool pool_{absl::GetFlag(FLAGS_dsn), AllQueries(), 2};
  LedgerCache cache_{crypto::Sha256};
  PostgresRunStore runs_{pool_, cache_};
  BatchSettler settler_{{registry_, market_, metering_}, runs_, clock_, real_clock_, probe_};
  // For what is not measured, and need not wait for the disk.
  postgres::Pool hasty_pool_{
      absl::StrCat(absl::GetFlag(FLAGS_dsn), " options='-c synchronous_commit=off'"), AllQueries(),
      1};
  PostgresRunStore hasty_runs_{hasty_pool_, cache_};
  BatchSettler hasty_settler_{{registry_, market_, metering_}, hasty_runs_, clock_, real_clock_,
                              probe_};
  int64_t copied_entries_ = 0;
};

/// What a settled period leaves, and the tables of the limit.
constexpr const char* kTables[] = {"journal_entries",    "settlement_lines", "account_pages",
                                   "settlement_periods", "run_periods",      "run_evidence",
                                   "bench_entries",      "bench_postings"};

/// Bytes of each table's rows, of its indexes, and of what is kept beside the rows.
std::vector<std::array<int64_t, 3>> BytesOfTables(Bench& bench) {
  std::vector<std::array<int64_t, 3>> bytes;
  for (const char* table : kTables) {
    const auto size = [&](const char* of) {
      return bench.NumberFrom(absl::StrCat("SELECT ", of, "('", table, "')"));
    };
    const int64_t rows = size("pg_relation_size");
    const int64_t indexes = size("pg_indexes_size");
    bytes.push_back({rows, indexes, size("pg_total_relation_size") - rows - indexes});
  }
  return bytes;
}

/// Bytes per reading that were added, as JSON: by table those of rows, indexes and the rest.
std::string BytesPerReading(const std::vector<std::array<int64_t, 3>>& before,
                            const std::vector<std::array<int64_t, 3>>& after, int64_t readings) {
  std::vector<std::string> tables;
  for (size_t i = 0; i < before.size(); ++i) {
    std::vector<std::string> parts;
    for (size_t part = 0; part < before[i].size(); ++part) {
      parts.push_back(absl::StrFormat("%.1f", static_cast<double>(after[i][part] -
                                                                  before[i][part]) /
                                                  static_cast<double>(readings)));
    }
    tables.push_back(absl::StrCat("\"", kTables[i], "\":[", absl::StrJoin(parts, ","), "]"));
  }
  return absl::StrCat("{", absl::StrJoin(tables, ","), "}");
}

void TimeSettle(Bench& bench) {
  const std::string where = absl::StrCat(" WHERE community_id = '", bench.ledger(), "'");
  // The first period opens the accounts, once in their lives.
  bench.Settle(0);
  const std::vector<std::array<int64_t, 3>> bytes_before = BytesOfTables(bench);
  std::vector<double> settled;
  std::vector<double> copied;
  int64_t entries = 0;
  int64_t postings = 0;
  const int rounds = absl::GetFlag(FLAGS_rounds);
  for (int round = 1; round <= rounds; ++round) {
    settled.push_back(bench.Settle(round));
    const std::string of_period =
        absl::StrCat(where, " AND period_start_at = '",
                     postgres::ToSql(PeriodAt(round)), "'");
    entries = bench.NumberFrom(absl::StrCat("SELECT count(*) FROM journal_entries", of_period));
    postings = bench.NumberFrom(absl::StrCat(
        "SELECT sum(cardinality(account_nos))::bigint FROM journal_entries", of_period));
    copied.push_back(bench.Copy(entries, postings));
  }
  const int64_t lines = bench.NumberFrom(absl::StrCat(
      "SELECT count(*) FROM settlement_lines", where, " AND period_start_at = '",
      postgres::ToSql(PeriodAt(rounds)), "'"));
  absl::PrintF(
      R"({"settle_s":[%s],"copy_s":[%s],"entries":%d,"postings":%d,"lines":%d,)"
      R"("bytes_per_reading":%s})"
      "\n",
      absl::StrJoin(settled, ","), absl::StrJoin(copied, ","), entries, postings, lines,
      BytesPerReading(bytes_before, BytesOfTables(bench),
                      int64_t{rounds} * absl::GetFlag(FLAGS_points)));
}

}  // namespace
}  // namespace peerwatt::settlement

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  peerwatt::settlement::Bench bench;
  if (absl::GetFlag(FLAGS_mode) == "restate") {
    absl::PrintF("{\"restate_s\":%.3f}\n", bench.RestateMonth(absl::GetFlag(FLAGS_days)));
  } else {
    peerwatt::settlement::TimeSettle(bench);
  }
  return 0;
}
