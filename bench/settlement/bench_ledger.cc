// Times the ledger on a database that is there: batches of transfers, against COPY of one journal
// row per transfer by the same program, in turns; and one transfer per call from many callers;
// and what it takes to start on a ledger that is there, or to check it. Prints one JSON line.
//
//   bench_ledger --dsn=… --mode=batches --accounts=10000 --rounds=5 --batches=10
//   bench_ledger --dsn=… --mode=calls --accounts=10000 --hot=0 --callers=64 --seconds=5
//   bench_ledger --dsn=… --mode=start
//   bench_ledger --dsn=… --mode=look --rounds=5

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "libs/base/check.h"
#include "libs/base/clock.h"
#include "libs/crypto/digest.h"
#include "libs/postgres/binary_copy.h"
#include "libs/postgres/codec.h"
#include "services/settlement/storage/ledger_reader.h"
#include "services/settlement/storage/ledger_session.h"
#include "services/settlement/storage/ledger_tail.h"
#include "services/settlement/storage/postgres_reconciliation_store.h"
#include "services/settlement/storage/postgres_run_store.h"
#include "services/settlement/storage/postgres_transfer_store.h"
#include "services/settlement/storage/queries.h"

ABSL_FLAG(std::string, dsn, "", "Database, with the ledger's schema and a table bench_journal");
ABSL_FLAG(std::string, mode, "batches", "batches, calls, start or look");
ABSL_FLAG(std::string, ledger, "bench", "Community; the ledger is made if it does not exist");
ABSL_FLAG(int, accounts, 10'000, "Accounts");
ABSL_FLAG(int, hot, 0, "Every transfer debits one of the first so many accounts, if above zero");
ABSL_FLAG(int, rounds, 5, "Turns of COPY and ledger");
ABSL_FLAG(int, batches, 10, "Batches of 10,000 per turn");
ABSL_FLAG(int, warm, 0, "Batches before the first turn");
ABSL_FLAG(int, callers, 64, "Callers at the same time");
ABSL_FLAG(double, seconds, 5, "How long calls are made");

namespace peerwatt::settlement {
namespace {

constexpr int64_t kBatch = 10'000;
constexpr postgres::Query kCopyJournal{"copy_journal", R"sql(
  COPY bench_journal (community_id, entry_no, debit_no, credit_no, amount_micros, key,
                      content_hash, created_at)
  FROM STDIN (FORMAT binary)
)sql"};
constexpr int64_t kFunds = 1'000'000'000'000'000;

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Seconds that something took, on the clock and of processors.
struct Effort {
  double wall = 0;
  double cpu = 0;  ///< of this thread and of its session in the database, on the same machine

  void operator+=(const Effort& more) {
    wall += more.wall;
    cpu += more.cpu;
  }
};

/// Begins with its construction; `Spent` ends it.
class Stopwatch {
 public:
  /// server: process id of the session.
  explicit Stopwatch(int server) : server_(server), start_{Now(), Cpu()} {}
  Effort Spent() const { return {Now() - start_.wall, Cpu() - start_.cpu}; }

 private:
  double Cpu() const {
    timespec own{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own);
    double nanoseconds = 0;
    std::ifstream(absl::StrCat("/proc/", server_, "/schedstat")) >> nanoseconds;
    return static_cast<double>(own.tv_sec) + (static_cast<double>(own.tv_nsec) + nanoseconds) / 1e9;
  }
  const int server_;
  const Effort start_;
};

AccountId AccountAt(int64_t number) { return AccountId(absl::StrCat("general-", number)); }

class Bench {
 public:
  Bench()
      : community_(absl::GetFlag(FLAGS_ledger)),
        accounts_(absl::GetFlag(FLAGS_accounts)),
        pool_(absl::GetFlag(FLAGS_dsn), AllQueries(), 4) {}

  void Prepare() {
    const CommunityRules rules{community_, "EUR", absl::Minutes(15),
                               absl::FromUnixSeconds(1'782'864'000), absl::Hours(1)};
    PW_CHECK(runs_.EnsureLedger(rules).ok(), "the ledger is made");
    for (int64_t first = 0; first < accounts_; first += kBatch) {
      std::vector<ledger::AccountOpening> openings;
      for (int64_t i = first; i < std::min(first + kBatch, accounts_); ++i) {
        openings.push_back({AccountAt(i), {Money::Micros(kFunds), std::nullopt}});
      }
      const absl::Status opened = store_.OpenAccounts(community_, openings);
      PW_CHECK(opened.ok(), opened.ToString());
    }
  }

  ledger::Transfer Draw(std::mt19937_64& random, const std::string& key) const {
    const auto account = [&](int64_t limit) {
      return std::uniform_int_distribution<int64_t>(0, limit - 1)(random);
    };
    const int64_t hot = absl::GetFlag(FLAGS_hot);
    const int64_t debit = account(hot > 0 ? hot : accounts_);
    int64_t credit = account(accounts_);
    while (credit == debit) credit = account(accounts_);
    const Money amount = Money::Micros(account(1'000'000) + 1);
    ledger::Transfer transfer;
    transfer.key = key;
    transfer.currency = "EUR";
    transfer.postings = {{AccountAt(debit), -amount}, {AccountAt(credit), amount}};
    transfer.content_hash = crypto::Sha256(ledger::ContentOf(transfer));
    return transfer;
  }

  /// The session that this thread always gets.
  int Server() {
    int server = 0;
    const absl::Status found = pool_.Run([&](pqxx::work& tx) {
      server = tx.exec1("SELECT pg_backend_pid()")[0].as<int>();
      return absl::OkStatus();
    });
    PW_CHECK(found.ok(), found.ToString());
    return server;
  }

  /// What it takes to copy one journal row per transfer, with its hash, batch by batch.
  Effort Copy(int batches) {
    std::mt19937_64 random(static_cast<uint64_t>(copied_));
    const Stopwatch watch(Server());
    for (int i = 0; i < batches; ++i) {
      const absl::Status copied = pool_.Run([&](pqxx::work& tx) {
        postgres::BinaryCopy rows(tx, kCopyJournal);
        const absl::Time now = clock_.Now();
        const std::string seal = postgres::ToSql(now);
        for (int64_t k = 0; k < kBatch; ++k) {
          const int64_t number = ++copied_;
          const std::string key = absl::StrFormat("transfer:%012d", number);
          rows.BeginRow(8);
          rows.Add(run_);
          rows.Add(number);
          rows.Add(static_cast<int32_t>(random() % 1'000'000));
          rows.Add(static_cast<int32_t>(random() % 1'000'000));
          rows.Add(static_cast<int64_t>(random() % 1'000'000));
          rows.Add(key);
          rows.Add(crypto::Sha256(absl::StrCat(key, seal)));
          rows.Add(now);
        }
        rows.End();
        return absl::OkStatus();
      });
      PW_CHECK(copied.ok(), copied.ToString());
    }
    return watch.Spent();
  }

  /// What it takes to post as many transfers, batch by batch; drawing them is not counted.
  Effort Post(int batches) {
    std::mt19937_64 random(static_cast<uint64_t>(posted_) + 1);
    const int server = Server();
    Effort effort;
    for (int i = 0; i < batches; ++i) {
      std::vector<ledger::Transfer> transfers;
      transfers.reserve(kBatch);
      for (int64_t k = 0; k < kBatch; ++k) {
        transfers.push_back(Draw(random, absl::StrFormat("%s:%012d", run_, ++posted_)));
      }
      const Stopwatch watch(server);
      const auto results = store_.Create(community_, {transfers});
      effort += watch.Spent();
      PW_CHECK(results.ok(), results.status().ToString());
      for (const ledger::TransferResult& result : *results) {
        PW_CHECK(result.outcome == ledger::Outcome::kApplied, "every transfer is posted");
      }
    }
    return effort;
  }

  void Batches() {
    const int batches = absl::GetFlag(FLAGS_batches);
    Post(std::max(2, absl::GetFlag(FLAGS_warm)));
    Copy(2);
    std::vector<double> copies, posts, copies_cpu, posts_cpu;
    const auto transfers = static_cast<double>(batches * kBatch);
    for (int round = 0; round < absl::GetFlag(FLAGS_rounds); ++round) {
      const Effort copy = Copy(batches);
      const Effort post = Post(batches);
      copies.push_back(transfers / copy.wall);
      posts.push_back(transfers / post.wall);
      copies_cpu.push_back(1e6 * copy.cpu / transfers);
      posts_cpu.push_back(1e6 * post.cpu / transfers);
    }
    std::printf("{\"journal_per_second\":[%s],\"ledger_per_second\":[%s],"
                "\"journal_cpu_us\":[%s],\"ledger_cpu_us\":[%s]}\n",
                absl::StrJoin(copies, ",").c_str(), absl::StrJoin(posts, ",").c_str(),
                absl::StrJoin(copies_cpu, ",").c_str(), absl::StrJoin(posts_cpu, ",").c_str());
  }

  /// What a process that starts on the ledger needs for its first look, against reading the same
  /// rows and keeping nothing.
  void Start() {
    int64_t entries = 0;
    const double begun = Now();
    const absl::Status read = pool_.Run([&](pqxx::work& tx) {
      const LedgerPosition head =
          PositionFrom(postgres::Exec(tx, kSelectLedgerHead, community_.value())[0]);
      entries = head.entry_count - head.folded_entry_no;
      for (int64_t at = head.folded_entry_no; at < head.entry_count; at += kTailRowsMax) {
        ReadTail(tx, community_, at, std::min(at + kTailRowsMax, head.entry_count));
      }
      return absl::OkStatus();
    });
    PW_CHECK(read.ok(), read.ToString());
    const double ended = Now();
    const double resident = ResidentMebibytes();
    LedgerReader reader(pool_, cache_);
    const auto account = reader.GetAccount(community_, AccountAt(0));
    PW_CHECK(account.ok(), account.status().ToString());
    std::printf("{\"entries\":%lld,\"read_seconds\":%.3f,\"start_seconds\":%.3f,"
                "\"mebibytes\":%.1f}\n",
                static_cast<long long>(entries), ended - begun, Now() - ended,
                ResidentMebibytes() - resident);
  }

  /// What reconciliation needs to read all entries for the first time, and for each look after
  /// that: the part of everything that it reads again every minute.
  void Look() {
    PostgresReconciliationStore store(pool_);
    const auto look = [&] {
      reconciliation::Plan plan;
      plan.now = clock_.Now();
      const double begun = Now();
      const auto report = store.Look(community_, plan);
      PW_CHECK(report.ok() && report->done, report.status().ToString());
      PW_CHECK(report->changes.found.empty(), "sound books have no findings");
      return std::pair(report->caught_up, Now() - begun);
    };
    double first = 0;
    int looks = 0;
    for (bool is_caught_up = false; !is_caught_up; ++looks) {
      const auto [caught_up, seconds] = look();
      is_caught_up = caught_up;
      first += seconds;
    }
    const auto status = store.GetStatus(community_);
    PW_CHECK(status.ok(), status.status().ToString());
    std::vector<double> later;
    for (int i = 0; i < absl::GetFlag(FLAGS_rounds); ++i) later.push_back(look().second);
    std::printf("{\"entries\":%lld,\"first_looks\":%d,\"first_seconds\":%.3f,"
                "\"later_seconds\":[%s]}\n",
                static_cast<long long>(status->checked_entry_no), looks, first,
                absl::StrJoin(later, ",").c_str());
  }

  void Calls() {
    ledger::TransferQueue queue(store_);
    Post(2);
    const int callers = absl::GetFlag(FLAGS_callers);
    std::atomic<bool> stop = false;
    std::atomic<int64_t> calls = 0;
    std::vector<std::jthread> threads;
    const double start = Now();
    for (int caller = 0; caller < callers; ++caller) {
      threads.emplace_back([&, caller] {
        std::mt19937_64 random(static_cast<uint64_t>(caller));
        int64_t count = 0;
        while (!stop) {
          const ledger::Transfer transfer =
              Draw(random, absl::StrCat(run_, ":", caller, ":", ++count));
          const auto results = queue.Create(community_, absl::MakeConstSpan(&transfer, 1));
          PW_CHECK(results.ok() && results->front().outcome == ledger::Outcome::kApplied,
                   "every transfer is posted");
        }
        calls += count;
      });
    }
    std::this_thread::sleep_for(std::chrono::duration<double>(absl::GetFlag(FLAGS_seconds)));
    stop = true;
    threads.clear();
    std::printf("{\"calls_per_second\":%.1f}\n", static_cast<double>(calls) / (Now() - start));
  }

 private:
  static double ResidentMebibytes() {
    double total = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> total >> resident;
    return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
  }

  const CommunityId community_;
  const int64_t accounts_;
  const std::string run_ = absl::StrCat("run", absl::ToUnixMicros(absl::Now()));
  SystemClock clock_;
  postgres::Pool pool_;
  LedgerCache cache_{crypto::Sha256};
  PostgresRunStore runs_{pool_, cache_};
  PostgresTransferStore store_{pool_, cache_, clock_};
  int64_t copied_ = 0;
  int64_t posted_ = 0;
};

}  // namespace
}  // namespace peerwatt::settlement

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  peerwatt::settlement::Bench bench;
  const std::string mode = absl::GetFlag(FLAGS_mode);
  if (mode == "calls" || mode == "batches") bench.Prepare();
  if (mode == "start") {
    bench.Start();
  } else if (mode == "look") {
    bench.Look();
  } else if (mode == "calls") {
    bench.Calls();
  } else {
    bench.Batches();
  }
  return 0;
}
