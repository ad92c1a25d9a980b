#include <random>
#include <set>
#include <thread>

#include "libs/postgres/codec.h"
#include "tests/postgres/metering/store_fixture.h"

namespace peerwatt::metering {
namespace {

using testing::Quarters;
using testing::StoreTest;

/// Two processes with one database, and what they do to its blocks.
class BlockLogTest : public StoreTest {
 protected:
  static void CompactAll(postgres::Pool& pool, PostgresReadingStore& store) {
    for (int16_t shard_no = 0; shard_no < kShardCount; ++shard_no) {
      const auto days = CompactShard(pool, store.cache(), shard_no);
      ASSERT_TRUE(days.ok()) << days.status();
    }
  }
  int64_t Count(const std::string& table) {
    pqxx::connection connection(database_->dsn());
    pqxx::work tx(connection);
    return postgres::Int64From(tx.exec1("SELECT count(*) FROM " + table)[0]);
  }
  int64_t PointCount() { return Count("metering_points"); }
  void RunAsOwner(const std::string& sql) {
    pqxx::connection owner(database_->owner_dsn());
    pqxx::work tx(owner);
    tx.exec(sql);
    tx.commit();
  }
  StoredCounts StoreBy(PostgresReadingStore& store, const Batch& batch) {
    const std::vector<AcceptedBatch> accepted = {
        {&batch, std::vector<CommunityId>(batch.series.size(), CommunityId("c1"))}};
    auto counts = store.Store(accepted, now_);
    EXPECT_TRUE(counts.ok()) << counts.status();
    return counts.ok() ? counts->at(0) : StoredCounts{};
  }
  static std::vector<Reading> RevisionsBy(PostgresReadingStore& store, const std::string& point) {
    auto readings = store.List({.metering_point = MeteringPointId(point),
                                .start = std::nullopt,
                                .end = std::nullopt,
                                .resolution = absl::Minutes(15),
                                .revisions = true,
                                .as_of = std::nullopt,
                                .after = std::nullopt,
                                .limit = 100'000});
    EXPECT_TRUE(readings.ok()) << readings.status();
    return *readings;
  }
  static std::vector<std::tuple<absl::Time, int64_t, int, absl::Time>> Facts(
      const std::vector<Reading>& readings) {
    std::vector<std::tuple<absl::Time, int64_t, int, absl::Time>> facts;
    for (const Reading& reading : readings) {
      facts.emplace_back(reading.start, reading.imported.wh(), reading.revision,
                         reading.created_at);
    }
    return facts;
  }

  postgres::Pool other_pool_{database_->dsn(), Queries(), 4};
  PostgresReadingStore other_{other_pool_};
};

TEST_F(BlockLogTest, CompactionChangesNothingThatCanBeSeen) {
  Series series = Quarters("m1", Start() - absl::Hours(6), 96);
  series.export_wh.assign(96, 3);
  Store(BatchOf({series, Quarters("m2", Start(), 3)}, "d1", 1));
  now_ += absl::Hours(1);
  series.import_wh[40] = 70'000;
  series.qualities = {Quality::kEstimated};
  series.method = Method::kLinear;
  Store(BatchOf({series}, "d1", 2));
  const auto before = Facts(Revisions("m1"));
  ASSERT_EQ(before.size(), 192u);
  const ReadingColumns columns = Columns({"m1", "m2"}, -24, 96);
  EXPECT_GT(Count("blocks"), 0);
  EXPECT_EQ(Count("days"), 0);

  CompactAll(pool_, store_);

  EXPECT_EQ(Count("blocks"), 0);
  EXPECT_EQ(Count("days"), 3);
  EXPECT_EQ(store_.cache().DayCount(), 0u);
  EXPECT_EQ(Facts(Revisions("m1")), before);
  const ReadingColumns after = Columns({"m1", "m2"}, -24, 96);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(after.columns[i].import_wh, columns.columns[i].import_wh);
    EXPECT_EQ(after.columns[i].export_wh, columns.columns[i].export_wh);
    EXPECT_EQ(after.columns[i].qualities, columns.columns[i].qualities);
    EXPECT_EQ(after.columns[i].revisions, columns.columns[i].revisions);
  }
  EXPECT_EQ(Revisions("m1").back().method, Method::kLinear);
  EXPECT_EQ(Store(BatchOf({series}, "d1", 2)).unchanged, 96) << "a replay after compaction";
}

TEST_F(BlockLogTest, AProcessThatStartsSeesWhatAnotherStored) {
  Store(BatchOf({Quarters("m1", Start(), 10)}, "d1", 1));
  EXPECT_EQ(Facts(RevisionsBy(other_, "m1")), Facts(Revisions("m1")));
  CompactAll(pool_, store_);
  Store(BatchOf({Quarters("m1", Quarter(5), 10, 80)}, "d1", 2));
  PostgresReadingStore late(other_pool_);
  EXPECT_EQ(RevisionsBy(late, "m1").size(), 20u);
  EXPECT_EQ(Facts(RevisionsBy(late, "m1")), Facts(Revisions("m1")));
  EXPECT_EQ(StoreBy(late, BatchOf({Quarters("m1", Quarter(5), 10, 80)})).unchanged, 10);
}

TEST_F(BlockLogTest, LatestIsFoundInMemoryAndInStorage) {
  EXPECT_FALSE(store_.Latest(MeteringPointId("m1"))->has_value());
  Store(BatchOf({Quarters("m1", Start(), 10)}));
  EXPECT_EQ((*store_.Latest(MeteringPointId("m1")))->start, Quarter(9));
  CompactAll(pool_, store_);
  Store(BatchOf({Quarters("m2", Start() + absl::Hours(24 * 200), 1)}));
  EXPECT_EQ((*store_.Latest(MeteringPointId("m1")))->start, Quarter(9));
  Store(BatchOf({Quarters("m1", Quarter(40), 1)}));
  EXPECT_EQ((*store_.Latest(MeteringPointId("m1")))->start, Quarter(40));
}

/// What a test knows to be right: every value sent, one after the other.
class Naive {
 public:
  /// Returns how many values were new.
  int Write(const Series& series) {
    int stored = 0;
    for (size_t i = 0; i < series.size(); ++i) {
      auto& revisions = values_[{series.metering_point.value(), series.StartOf(i)}];
      if (revisions.empty() || revisions.back() != series.import_wh[i]) {
        revisions.push_back(series.import_wh[i]);
        ++stored;
      }
    }
    return stored;
  }
  std::vector<std::tuple<absl::Time, int64_t, int>> FactsOf(const std::string& point) const {
    std::vector<std::tuple<absl::Time, int64_t, int>> facts;
    for (const auto& [key, revisions] : values_) {
      if (key.first == point) {
        for (size_t r = 0; r < revisions.size(); ++r) {
          facts.emplace_back(key.second, revisions[r], static_cast<int>(r + 1));
        }
      }
    }
    return facts;
  }

 private:
  std::map<std::pair<std::string, absl::Time>, std::vector<int64_t>> values_;
};

TEST_F(BlockLogTest, TwoProcessesRestartsAndCompactionsLeaveWhatANaiveStoreHas) {
  constexpr uint32_t kSeed = 20261121;
  constexpr int kSteps = 600;
  constexpr int kPoints = 5;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  Naive naive;
  std::vector<std::unique_ptr<PostgresReadingStore>> processes;
  for (int i = 0; i < 2; ++i) {
    processes.push_back(std::make_unique<PostgresReadingStore>(pool_));
  }
  for (int step = 0; step < kSteps; ++step) {
    now_ += absl::Seconds(1);
    auto& process = processes[random() % 2];
    const auto what = random() % 20;
    if (what == 0) {
      process = std::make_unique<PostgresReadingStore>(pool_);
    } else if (what <= 2) {
      CompactAll(pool_, *process);
    } else {
      const std::string point = "m" + std::to_string(random() % kPoints);
      const Series series = Quarters(point, Quarter(static_cast<int>(random() % 150)),
                                     1 + random() % 120, static_cast<int64_t>(random() % 3));
      const int stored = naive.Write(series);
      const StoredCounts counts = StoreBy(*process, BatchOf({series}));
      ASSERT_EQ(counts.stored, stored) << "step " << step;
      ASSERT_EQ(counts.stored + counts.unchanged, std::ssize(series.import_wh));
    }
  }
  for (int p = 0; p < kPoints; ++p) {
    const std::string point = "m" + std::to_string(p);
    std::vector<std::tuple<absl::Time, int64_t, int>> facts;
    for (const Reading& reading : RevisionsBy(*processes[0], point)) {
      facts.emplace_back(reading.start, reading.imported.wh(), reading.revision);
    }
    EXPECT_EQ(facts, naive.FactsOf(point)) << point;
    EXPECT_EQ(Facts(RevisionsBy(*processes[1], point)), Facts(RevisionsBy(*processes[0], point)));
  }
}

// Taking FOR NO KEY UPDATE out of lock_shards turns this red: within a process writers wait for
// each other anyway, two processes meet at the row of the shard.
TEST_F(BlockLogTest, TwoProcessesThatCorrectAtOnceLoseNoRevision) {
  constexpr int64_t kCorrections = 60;
  PostgresReadingStore* const processes[2] = {&store_, &other_};
  std::vector<std::thread> writers;
  for (int64_t p = 0; p < 2; ++p) {
    writers.emplace_back([&, p] {
      for (int64_t i = 0; i < kCorrections; ++i) {
        const Batch batch = BatchOf({Quarters("m1", Start(), 1, 1 + 2 * i + p)});
        EXPECT_EQ(StoreBy(*processes[p], batch).stored, 1);
      }
    });
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  std::set<int64_t> energies;
  for (const Reading& reading : RevisionsBy(store_, "m1")) {
    EXPECT_EQ(reading.revision, std::ssize(energies) + 1);
    energies.insert(reading.imported.wh());
  }
  EXPECT_EQ(std::ssize(energies), 2 * kCorrections);
  EXPECT_EQ(Facts(RevisionsBy(other_, "m1")), Facts(RevisionsBy(store_, "m1")));
}

// Another process may compact between a reader's look at the blocks and that at the days; the
// reader then has the values twice. Taking `block_no <= day.last_block_no` out of Apply turns this
// red.
TEST_F(BlockLogTest, ABlockThatItsDayHasAlreadyIsNotAppliedAgain) {
  for (const int64_t first_wh : {10, 500, 10}) {
    StoreBy(store_, BatchOf({Quarters("m1", Start(), 4, first_wh)}));
  }
  const auto before = Facts(RevisionsBy(store_, "m1"));
  ASSERT_EQ(before.size(), 12u);
  RunAsOwner("CREATE TABLE kept AS SELECT * FROM blocks");
  CompactAll(pool_, store_);
  RunAsOwner("INSERT INTO blocks SELECT * FROM kept");
  RunAsOwner("UPDATE compactions SET compacted_block_no = 0");
  ASSERT_EQ(Count("blocks"), 3);
  EXPECT_EQ(Facts(RevisionsBy(other_, "m1")), before);
  EXPECT_EQ(StoreBy(other_, BatchOf({Quarters("m1", Start(), 4, 10)})).stored, 0);
  EXPECT_EQ(Facts(RevisionsBy(other_, "m1")), before);
}

TEST_F(BlockLogTest, AViewOfAnotherDatabaseIsGivenUp) {
  Store(BatchOf({Quarters("m1", Start(), 4)}));
  RunAsOwner(
      "TRUNCATE blocks, changes, metering_points; UPDATE shards SET last_block_no = 0");
  const Batch batch = BatchOf({Quarters("m1", Start(), 4)});
  const std::vector<AcceptedBatch> accepted = {{&batch, {CommunityId("c1")}}};
  EXPECT_TRUE(absl::IsUnavailable(store_.Store(accepted, now_).status()));
  EXPECT_EQ(StoreBy(store_, batch).stored, 4) << "the next attempt finds what is there";
  EXPECT_EQ(PointCount(), 1) << "the point has a number there";
}

TEST_F(BlockLogTest, AReaderMayNoticeFirstThatTheDatabaseIsAnother) {
  const Batch batch = BatchOf({Quarters("m1", Start(), 4)});
  StoreBy(store_, batch);
  RunAsOwner(
      "TRUNCATE blocks, changes, metering_points; UPDATE shards SET last_block_no = 0");
  EXPECT_TRUE(absl::IsUnavailable(
      store_.Columns({MeteringPointId("m1")}, batch.series[0].Span(), absl::Minutes(15))
          .status()));
  EXPECT_EQ(StoreBy(store_, batch).stored, 4);
  EXPECT_EQ(PointCount(), 1);
}

// A failure of another kind costs nothing later: with a million points it would be seconds.
TEST_F(BlockLogTest, NumbersOfPointsOutliveOtherFailures) {
  StoreBy(store_, BatchOf({Quarters("m1", Start(), 4)}));
  RunAsOwner("REVOKE INSERT ON blocks FROM peerwatt_metering");
  const Batch more = BatchOf({Quarters("m1", Start() + absl::Hours(1), 4)});
  const std::vector<AcceptedBatch> accepted = {{&more, {CommunityId("c1")}}};
  EXPECT_FALSE(store_.Store(accepted, now_).ok());
  RunAsOwner("GRANT INSERT ON blocks TO peerwatt_metering; DELETE FROM metering_points");
  EXPECT_EQ(StoreBy(store_, more).stored, 4);
  EXPECT_EQ(PointCount(), 0) << "the number was asked for again";
}

TEST_F(BlockLogTest, PositionOfADeviceIsSeenByEveryProcessAndOutlivesCompaction) {
  const DeviceId device("d1");
  Store(BatchOf({Quarters("m1", Start(), 1)}, "d1", 7));
  EXPECT_EQ(Count("device_positions"), 0);
  EXPECT_EQ(*other_.AcknowledgedSequence(device), 7);
  CompactAll(pool_, store_);
  EXPECT_EQ(Count("device_positions"), 1);
  EXPECT_EQ(Count("blocks"), 0);
  PostgresReadingStore restarted(other_pool_);
  for (PostgresReadingStore* process : {&store_, &other_, &restarted}) {
    EXPECT_EQ(*process->AcknowledgedSequence(device), 7);
  }

  EXPECT_EQ(StoreBy(other_, BatchOf({Quarters("m1", Start(), 1)}, "d1", 9)).unchanged, 1);
  EXPECT_EQ(*store_.AcknowledgedSequence(device), 9) << "a replay moves the device on";
  CompactAll(other_pool_, other_);
  StoreBy(restarted, BatchOf({Quarters("m1", Quarter(1), 1)}, "d1", 8));
  CompactAll(other_pool_, restarted);
  for (PostgresReadingStore* process : {&store_, &other_, &restarted}) {
    EXPECT_EQ(*process->AcknowledgedSequence(device), 9) << "nor does compaction go back";
  }
}

TEST_F(BlockLogTest, ReadingsOfATransactionThatFollowEachOtherAreOneChange) {
  Series corrected = Quarters("m1", Quarter(2), 1, 900);
  corrected.qualities = {Quality::kEstimated};
  Store({BatchOf({Quarters("m1", Start(), 1, 10)}, "d1", 1),
         BatchOf({Quarters("m1", Quarter(1), 1, 11)}, "d1", 2),
         BatchOf({Quarters("m1", Quarter(2), 1, 12)}, "d1", 3), BatchOf({corrected}, "d1", 4),
         BatchOf({Quarters("m1", Quarter(5), 1, 15)}, "d1", 5)});
  const std::vector<Change> changes = ChangesAfter(0);
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[0].span, (Interval{Start(), Quarter(3)}));
  EXPECT_EQ(changes[1].span, (Interval{Quarter(2), Quarter(3)}));
  EXPECT_EQ(changes[2].span, (Interval{Quarter(5), Quarter(6)}));
  EXPECT_EQ(Revisions("m1").size(), 5u);
  EXPECT_EQ(Facts(RevisionsBy(other_, "m1")), Facts(Revisions("m1"))) << "from the block alone";
}

}  // namespace
}  // namespace peerwatt::metering
