#include "tests/property/settlement/grid_loss_oracle.h"

#include <optional>
#include <random>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/settlement/core/grid_loss.h"

namespace peerwatt::settlement {
namespace {

constexpr int kRuns = 6;

/// A point of a member or of the boundary, as its meter says.
struct Meter {
  int64_t imported = 0;
  int64_t exported = 0;
  bool is_missing = false;
  bool was_there = true;
};

class RandomPeriod {
 public:
  RandomPeriod(std::mt19937_64& random, int64_t number) : random_(random) {
    start_ = absl::FromUnixSeconds(1'782'864'000 + 900 * number);
    // A price in between rounds ties too.
    retail_ = Draw(-2'000, 2'000) * (Draw(0, 1) == 0 ? 1 : 250);
    for (int64_t i = Draw(1, 5); i > 0; --i) members_.push_back(MemberMeter());
    for (int64_t i = Draw(0, 3); i > 0; --i) {
      boundary_.push_back(BoundaryMeter());
      boundary_.back().was_there = Draw(0, 9) > 0;
    }
  }

  std::string Live() {
    for (int run = 1; run <= kRuns; ++run) {
      const GridLoss loss = Computed();
      const std::optional<JournalEntry> entry =
          GridLossEntry(start_, run, loss, Money::Micros(posted_));
      if (std::string fault = Take(entry); !fault.empty()) return fault;
      const std::optional<int64_t> due = Due();
      if (posted_ != due.value_or(0)) {
        return absl::StrCat("run ", run, ": ", posted_, " is posted, due is ", due.value_or(0));
      }
      if (due.has_value() != loss.amount.has_value()) {
        return absl::StrCat("run ", run, ": the loss is known, or not known, by mistake");
      }
      Change();
    }
    return "";
  }

 private:
  int64_t Draw(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }
  Meter MemberMeter() { return {Draw(0, 1'500), Draw(0, 900)}; }
  Meter BoundaryMeter() {
    Meter meter{Draw(0, 4'000), Draw(0, 2'000)};
    if (Draw(0, 7) == 0) meter.imported = -1;
    if (Draw(0, 7) == 0) meter.exported = 1'000'000'001;
    meter.is_missing = Draw(0, 3) == 0;
    return meter;
  }
  void Change() {
    if (!boundary_.empty() && Draw(0, 2) > 0) {
      Meter& meter =
          boundary_[static_cast<size_t>(Draw(0, static_cast<int64_t>(boundary_.size()) - 1))];
      const bool was_there = meter.was_there;
      meter = BoundaryMeter();
      meter.was_there = was_there;
    }
    if (Draw(0, 2) == 0) members_.front() = MemberMeter();
    if (Draw(0, 9) == 0) boundary_.clear();
    if (Draw(0, 5) == 0) retail_ = Draw(-500'000, 500'000);
  }

  GridLoss Computed() {
    PeriodReadings readings;
    for (const Meter& meter : boundary_) {
      PointReading reading;
      reading.present = !meter.is_missing;
      reading.expected = meter.was_there;
      if (reading.present) {
        reading.import_energy = Energy::WattHours(meter.imported);
        reading.export_energy = Energy::WattHours(meter.exported);
      }
      readings.push_back(Screened(reading));
    }
    SettlementInput input;
    input.tariff = {Price::MicrosPerKwh(retail_), Price::MicrosPerKwh(1)};
    for (size_t i = 0; i < members_.size(); ++i) {
      input.connections.push_back({ParticipantId(absl::StrCat("p", i)), GridConnectionId("c"),
                                   Energy::WattHours(members_[i].imported),
                                   Energy::WattHours(members_[i].exported)});
    }
    return GridLossOf(readings, Settle(input).totals, Price::MicrosPerKwh(retail_));
  }

  /// By the meters alone.
  std::optional<int64_t> Due() const {
    int64_t lost = 0;
    int points = 0;
    for (const Meter& meter : boundary_) {
      if (meter.is_missing && !meter.was_there) continue;
      ++points;
      if (meter.is_missing || meter.imported < 0 || meter.exported > 1'000'000'000) {
        return std::nullopt;
      }
      lost += meter.imported - meter.exported;
    }
    if (points == 0) return std::nullopt;
    for (const Meter& meter : members_) lost += meter.exported - meter.imported;
    // Twice the amount in thousandths, so that half of a micro-unit is a whole number.
    const int64_t doubled = lost * retail_ * 2;
    int64_t whole = doubled / 2000;
    while (whole * 2000 > doubled) --whole;
    const int64_t rest = doubled - whole * 2000;
    if (rest > 1000 || (rest == 1000 && whole % 2 != 0)) ++whole;
    return whole;
  }

  std::string Take(const std::optional<JournalEntry>& entry) {
    if (!entry.has_value()) return "";
    if (!keys_.insert(entry->idempotency_key).second) return "a key is used twice";
    if (entry->postings.size() != 2 || entry->postings[0].account.value() != "grid-loss" ||
        entry->postings[1].account.value() != "main-grid" ||
        entry->postings[0].amount + entry->postings[1].amount != Money()) {
      return "an entry moves money elsewhere";
    }
    posted_ += entry->postings[1].amount.micros();
    return "";
  }

  std::mt19937_64& random_;
  absl::Time start_;
  int64_t retail_ = 0;
  std::vector<Meter> members_;
  std::vector<Meter> boundary_;
  int64_t posted_ = 0;
  std::set<std::string> keys_;
};

}  // namespace

std::string FirstGridLossFault(uint64_t seed, int periods) {
  std::mt19937_64 random(seed);
  for (int period = 0; period < periods; ++period) {
    const std::string fault = RandomPeriod(random, period).Live();
    if (!fault.empty()) return absl::StrCat("seed ", seed, ", period ", period, ", ", fault);
  }
  return "";
}

}  // namespace peerwatt::settlement
