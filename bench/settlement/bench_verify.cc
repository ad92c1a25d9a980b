// Times the independent checker on exported files of a community: ten periods with three trades
// per metering point, settled by the engine. The limit is reading the same files and splitting them
// into fields. Prints one JSON line.
//
//   bench_verify --folder=… --points=25000 --periods=10

#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/base/check.h"
#include "services/settlement/core/reconciliation/books_file.h"
#include "services/settlement/core/settlement.h"
#include "tools/verify/verify.h"

ABSL_FLAG(std::string, folder, "", "Where the files are written; empty, or not there yet");
ABSL_FLAG(int, points, 25'000, "Metering points, each with a participant of its own");
ABSL_FLAG(int, periods, 10, "Settled periods");
ABSL_FLAG(int, rounds, 3, "Turns of splitting and checking; the fastest of each counts");

namespace peerwatt::settlement {
namespace {

using reconciliation::AccountSums;
using reconciliation::AppendHeader;
using reconciliation::AppendLine;
using reconciliation::BooksPart;

constexpr absl::Duration kInterval = absl::Minutes(15);
constexpr int kTradesPerPoint = 3;
constexpr char kStart[] = "2026-07-01T00:00:00Z";

double CpuSeconds() {
  rusage usage{};
  PW_CHECK(getrusage(RUSAGE_SELF, &usage) == 0, "the process knows its time");
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::string Instant(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string NameAt(int64_t number) { return absl::StrCat("household-", number); }

/// Makes the files of a community.
class Community {
 public:
  explicit Community(std::string folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_ + "/readings");
    AppendHeader(BooksPart::kJournal, journal_);
    AppendHeader(BooksPart::kPeriods, periods_);
    AppendHeader(BooksPart::kAccounts, accounts_);
    trades_ =
        "community,delivery_start,delivery_end,trade,seller,buyer,seller_metering_point,"
        "buyer_metering_point,offer,bid,energy_wh,price_per_kwh,buyer_price_per_kwh,"
        "network_fee_per_kwh,currency,trade_time,origin\r\n";
    readings_ =
        "metering_point,start_time,end_time,import_wh,export_wh,quality,method,revision\r\n";
    input_.fees.operator_share_ppm = 20'000;
    input_.tariff = {Price::MicrosPerKwh(300'000), Price::MicrosPerKwh(80'000)};
  }

  void AddPeriod(absl::Time start) {
    Measure(start);
    Trade(start);
    const SettlementResult result = Settle(input_);
    const RunEntries run = EntriesOf(start, 1, result.lines);
    for (const JournalEntry& entry : run.entries) {
      for (const Posting& posting : entry.postings) {
        AccountSums& sums = sums_[posting.account];
        (posting.amount < Money() ? sums.debits_posted : sums.credits_posted) +=
            posting.amount < Money() ? -posting.amount : posting.amount;
      }
      AppendLine({++entry_count_, entry, start + absl::Hours(1)}, journal_);
    }
    SettledPeriod period;
    period.period = {start, start + kInterval};
    period.run_count = 1;
    period.totals = result.totals;
    AppendLine(period, periods_);
  }

  /// Returns how many entries there are.
  int64_t Write() {
    for (auto& [account, sums] : sums_) {
      sums.account = account;
      sums.entry_number = entry_count_;
      AppendLine(sums, accounts_);
    }
    Save("journal.csv", journal_);
    Save("periods.csv", periods_);
    Save("accounts.csv", accounts_);
    Save("trades.csv", trades_);
    Save("readings/all.csv", readings_);
    Save("schemes.json", "{}");
    Save("community.json",
         "{\"name\":\"communities/bench\",\"interval\":\"900s\",\"operatorSharePpm\":\"20000\"}");
    Save("tariffs.json",
         "{\"tariffs\":[{\"name\":\"communities/bench/tariffs/t\",\"startTime\":\"2026-01-01T00:00:"
         "00Z\",\"retailPricePerKwh\":{\"nanos\":300000000},\"feedInPricePerKwh\":{\"nanos\":"
         "80000000}}]}");
    std::string points = "{\"meteringPoints\":[";
    for (int i = 0; i < absl::GetFlag(FLAGS_points); ++i) {
      absl::StrAppend(&points, i == 0 ? "" : ",", "{\"name\":\"meteringPoints/", NameAt(i),
                      "\",\"participant\":\"participants/", NameAt(i),
                      "\",\"community\":\"communities/bench\"}");
    }
    Save("metering-points.json", points + "]}");
    return entry_count_;
  }

 private:
  /// Every other point feeds in.
  void Measure(absl::Time start) {
    input_.connections.clear();
    for (int i = 0; i < absl::GetFlag(FLAGS_points); ++i) {
      const int64_t energy = std::uniform_int_distribution<int64_t>(0, 3000)(random_);
      Connection& connection = input_.connections.emplace_back();
      connection.participant = ParticipantId(NameAt(i));
      connection.id = GridConnectionId(NameAt(i));
      (i % 2 == 0 ? connection.import_energy : connection.export_energy) =
          Energy::WattHours(energy);
      absl::StrAppend(&readings_, NameAt(i), ",", Instant(start), ",", Instant(start + kInterval),
                      ",", i % 2 == 0 ? energy : 0, ",", i % 2 == 0 ? 0 : energy,
                      ",MEASURED,,1\r\n");
    }
  }
  void Trade(absl::Time start) {
    input_.trades.clear();
    const int pairs = absl::GetFlag(FLAGS_points) / 2;
    std::uniform_int_distribution<int> pair(0, pairs - 1);
    for (int i = 0; i < kTradesPerPoint * absl::GetFlag(FLAGS_points); ++i) {
      ConnectedTrade& trade = input_.trades.emplace_back();
      trade.id = TradeId(absl::StrCat("t", i + 1));
      trade.energy = Energy::WattHours(std::uniform_int_distribution<int64_t>(1, 700)(random_));
      trade.price =
          Price::MicrosPerKwh(std::uniform_int_distribution<int64_t>(80'000, 300'000)(random_));
      trade.network_fee = Price::MicrosPerKwh(20'000);
      trade.buyer = static_cast<size_t>(pair(random_)) * 2;
      trade.seller = static_cast<size_t>(pair(random_)) * 2 + 1;
      const std::string buyer = NameAt(static_cast<int64_t>(trade.buyer));
      const std::string seller = NameAt(static_cast<int64_t>(trade.seller));
      absl::StrAppend(&trades_, "bench,", Instant(start), ",", Instant(start + kInterval), ",",
                      trade.id.value(), ",", seller, ",", buyer, ",", seller, ",", buyer);
      absl::StrAppend(&trades_, ",o", i, ",b", i, ",", trade.energy.wh(), ",0.",
                      absl::Dec(trade.price.micros_per_kwh(), absl::kZeroPad6), ",0.",
                      absl::Dec(trade.price.micros_per_kwh() + 20'000, absl::kZeroPad6),
                      ",0.020000,EUR,", Instant(start - absl::Hours(1)), ",AUCTION\r\n");
    }
  }
  void Save(const std::string& name, const std::string& text) {
    std::ofstream file(folder_ + "/" + name, std::ios::binary);
    file << text;
    PW_CHECK(file.good(), "the folder can be written");
  }

  const std::string folder_;
  std::mt19937_64 random_{1};
  SettlementInput input_;
  std::string journal_, periods_, accounts_, trades_, readings_;
  std::map<AccountId, AccountSums> sums_;
  int64_t entry_count_ = 0;
};

/// Reads the files and splits them into the fields of their lines, without a look at what they say:
/// what any checker of these files has to do. Returns how many fields and bytes of them there are.
std::pair<int64_t, size_t> SplitAll(const std::string& folder) {
  int64_t fields = 0;
  size_t bytes = 0;
  for (const char* name :
       {"journal.csv", "periods.csv", "accounts.csv", "trades.csv", "readings/all.csv"}) {
    std::ifstream file(absl::StrCat(folder, "/", name), std::ios::binary);
    std::string line;
    while (std::getline(file, line)) {
      const char* const end = line.data() + line.size();
      for (const char* begin = line.data();; ++fields) {
        const char* const comma = std::find(begin, end, ',');
        bytes += static_cast<size_t>(comma - begin);
        if (comma == end) break;
        begin = comma + 1;
      }
    }
  }
  return {fields, bytes};
}

int Run() {
  const std::string folder = absl::GetFlag(FLAGS_folder);
  Community community(folder);
  absl::Time start;
  std::string error;
  PW_CHECK(absl::ParseTime(absl::RFC3339_full, kStart, &start, &error), "a time");
  for (int i = 0; i < absl::GetFlag(FLAGS_periods); ++i) {
    community.AddPeriod(start + kInterval * i);
  }
  const int64_t entries = community.Write();
  double split_seconds = 1e9;
  double verify_seconds = 1e9;
  std::pair<int64_t, size_t> split;
  for (int round = 0; round < absl::GetFlag(FLAGS_rounds); ++round) {
    const double begun = CpuSeconds();
    split = SplitAll(folder);
    const double ended = CpuSeconds();
    const auto result = verify::VerifyFolder(folder);
    const double verified = CpuSeconds();
    PW_CHECK(result.ok(), "the files are read");
    PW_CHECK(result->findings.count() == 0, "sound books have no findings");
    PW_CHECK(result->journal.entries == entries, "every entry is read");
    split_seconds = std::min(split_seconds, ended - begun);
    verify_seconds = std::min(verify_seconds, verified - ended);
  }
  std::puts(absl::StrFormat("{\"entries\": %d, \"fields\": %d, \"bytes\": %d, "
                            "\"verify_cpu_seconds\": %.4f, \"split_cpu_seconds\": %.4f}",
                            entries, split.first, split.second, verify_seconds, split_seconds)
                .c_str());
  return 0;
}

}  // namespace
}  // namespace peerwatt::settlement

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  return peerwatt::settlement::Run();
}
