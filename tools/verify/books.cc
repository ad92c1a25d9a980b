#include "tools/verify/books.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/numeric/int128.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "tools/verify/csv.h"

namespace peerwatt::verify {
namespace {

constexpr int64_t kKeptMax = 1000;
// Groups that are looked at before one is searched for.
constexpr uint32_t kNear = 16;

std::string EntryName(int64_t number) { return absl::StrCat("journalEntries/", number); }

/// All debits and credits of an account so far.
struct Sums {
  absl::int128 debits = 0;
  absl::int128 credits = 0;
};

/// A line of the file of accounts.
struct Claim {
  uint32_t account = 0;
  int64_t debits = 0;
  int64_t credits = 0;
};

/// Reads the claims, by the entry that they are as of.
absl::StatusOr<std::map<int64_t, std::vector<Claim>>> ReadClaims(absl::string_view text,
                                                                 Accounts& accounts) {
  std::map<int64_t, std::vector<Claim>> claims;
  PW_ASSIGN_OR_RETURN(
      CsvReader reader,
      CsvReader::Open(text, {"account", "entry", "debits_posted_micros", "credits_posted_micros"}));
  while (reader.Next()) {
    const auto& fields = reader.fields();
    Claim claim;
    claim.account = accounts.NumberOf(fields[0]);
    PW_ASSIGN_OR_RETURN(const int64_t entry, NumberFrom(fields[1]));
    PW_ASSIGN_OR_RETURN(claim.debits, NumberFrom(fields[2]));
    PW_ASSIGN_OR_RETURN(claim.credits, NumberFrom(fields[3]));
    claims[entry].push_back(claim);
  }
  PW_RETURN_IF_ERROR(reader.status());
  return claims;
}

bool IsCharge(absl::string_view kind) { return kind == "subscription" || kind == "piece-fee"; }

bool IsOfRun(absl::string_view kind) {
  return kind == "trade" || kind == "pool" || kind == "imbalance" || kind == "retail" ||
         kind == "feed-in" || IsCharge(kind);
}

/// The journal as it is read.
class Journal {
 public:
  Journal(Accounts& accounts, Expectations& expectations, Findings& findings, JournalCounts& counts)
      : accounts_(accounts), expectations_(expectations), findings_(findings), counts_(counts) {}

  absl::Status Read(absl::string_view text, std::map<int64_t, std::vector<Claim>> claims) {
    PW_ASSIGN_OR_RETURN(CsvReader reader, CsvReader::Open(text, {"entry", "kind", "key",
                                                                 "period_start", "postings"}));
    auto due = claims.begin();
    while (reader.Next()) {
      const auto& fields = reader.fields();
      PW_ASSIGN_OR_RETURN(const int64_t number, NumberFrom(fields[0]));
      for (; due != claims.end() && due->first < number; ++due) Compare(due->first, due->second);
      CheckNumber(number);
      PW_RETURN_IF_ERROR(TakePostings(number, fields[1], fields[2], fields[3], fields[4]));
      ++counts_.entries;
    }
    PW_RETURN_IF_ERROR(reader.status());
    for (; due != claims.end(); ++due) {
      if (due->first > last_) {
        findings_.Add("entry_gap", EntryName(due->first),
                      absl::StrCat("accounts are as of it, the journal ends with ", last_));
      }
      Compare(due->first, due->second);
    }
    return absl::OkStatus();
  }

 private:
  void CheckNumber(int64_t number) {
    if (number != last_ + 1) {
      findings_.Add("entry_gap", EntryName(number), absl::StrCat("comes after entry ", last_));
    }
    last_ = number;
  }
  void CheckKey(int64_t number, absl::string_view key) {
    // 64 bits of a hash that is seeded anew in each process stand for the key.
    if (!keys_.insert(absl::HashOf(key)).second) {
      findings_.Add("entry_key", EntryName(number),
                    absl::StrCat("the key ", key, " is used again"));
    }
  }

  /// The group of an entry of a period, or `kNone`; reports one that is none.
  absl::StatusOr<uint32_t> GroupOf(int64_t number, absl::string_view kind, absl::string_view key,
                                   absl::string_view period) {
    counts_.of_periods += !period.empty() || IsOfRun(kind) ? 1 : 0;
    counts_.charges += IsCharge(kind) ? 1 : 0;
    if (period.empty() && !IsOfRun(kind)) {
      CheckKey(number, key);
      return Expectations::kNone;
    }
    const size_t colon = std::min(key.rfind(':'), key.size());
    const uint32_t group = expectations_.GroupOf(key.substr(0, colon));
    const absl::StatusOr<int64_t> run = NumberFrom(key.substr(std::min(colon + 1, key.size())));
    if (group == Expectations::kNone || !run.ok()) {
      findings_.Add("entry_unexplained", EntryName(number),
                    absl::StrCat("nothing was agreed or measured for ", key));
      CheckKey(number, key);
      return Expectations::kNone;
    }
    if (!expectations_.AddRun(group, *run)) {
      findings_.Add("entry_key", EntryName(number),
                    absl::StrCat("the run of ", key, " was there before"));
    }
    if (period != last_period_) {
      PW_ASSIGN_OR_RETURN(last_period_start_, SecondsFrom(period));
      last_period_ = std::string(period);
    }
    if (expectations_.PeriodOf(group) != last_period_start_) {
      findings_.Add("entry_unexplained", EntryName(number),
                    absl::StrCat("its key names another period than ", period));
    }
    return group;
  }

  absl::Status TakePostings(int64_t number, absl::string_view kind, absl::string_view key,
                            absl::string_view period, absl::string_view postings) {
    PW_ASSIGN_OR_RETURN(const uint32_t group, GroupOf(number, kind, key, period));
    absl::int128 sum = 0;
    int count = 0;
    while (!postings.empty()) {
      const size_t end = std::min(postings.find(' '), postings.size());
      const absl::string_view posting = postings.substr(0, end);
      postings.remove_prefix(std::min(end + 1, postings.size()));
      const size_t colon = posting.rfind(':');
      if (colon == posting.npos) {
        return absl::InvalidArgumentError(absl::StrCat("'", posting, "' is not a posting"));
      }
      PW_ASSIGN_OR_RETURN(const int64_t micros, NumberFrom(posting.substr(colon + 1)));
      const uint32_t account = accounts_.NumberOf(posting.substr(0, colon));
      if (account >= sums_.size()) sums_.resize(account + 1);
      (micros < 0 ? sums_[account].debits : sums_[account].credits) +=
          micros < 0 ? -micros : micros;
      sum += micros;
      ++count;
      if (group != Expectations::kNone && !expectations_.Take(group, account, micros)) {
        findings_.Add(expectations_.CheckOf(group), EntryName(number),
                      absl::StrCat("posts ", micros, " to ", accounts_.NameOf(account),
                                   ", which takes no part"));
      }
    }
    if (sum != 0 || count < 2) {
      findings_.Add(
          "entry_balance", EntryName(number),
          absl::StrCat("sums to ", static_cast<int64_t>(sum), " over ", count, " postings"));
    }
    return absl::OkStatus();
  }

  void Compare(int64_t entry, const std::vector<Claim>& claims) {
    sums_.resize(std::max(sums_.size(), accounts_.size()));
    for (const Claim& claim : claims) {
      const Sums& sums = sums_[claim.account];
      if (sums.debits == claim.debits && sums.credits == claim.credits) continue;
      findings_.Add("account_balance", absl::StrCat("accounts/", accounts_.NameOf(claim.account)),
                    absl::StrCat("says ", claim.debits, " and ", claim.credits, " as of entry ",
                                 entry, ", its postings make ", static_cast<int64_t>(sums.debits),
                                 " and ", static_cast<int64_t>(sums.credits)));
    }
  }

  Accounts& accounts_;
  Expectations& expectations_;
  Findings& findings_;
  JournalCounts& counts_;
  std::vector<Sums> sums_;
  absl::flat_hash_set<size_t> keys_;
  int64_t last_ = 0;
  std::string last_period_;
  int64_t last_period_start_ = 0;
};

}  // namespace

void Findings::Add(const std::string& check, std::string subject, std::string detail) {
  ++count_;
  if (++by_check_[check] <= kKeptMax) {
    kept_.push_back({check, std::move(subject), std::move(detail)});
  }
}

uint32_t Accounts::NumberOf(absl::string_view name) {
  const auto found = numbers_.find(name);
  if (found != numbers_.end()) return found->second;
  const auto number = static_cast<uint32_t>(names_.size());
  names_.emplace_back(name);
  numbers_.emplace(name, number);
  return number;
}

void Expectations::Expect(absl::string_view key, const char* check, int64_t period,
                          std::vector<std::pair<uint32_t, int64_t>>& amounts) {
  Group& group = groups_.emplace_back();
  group.check = check;
  group.period = period;
  group.key_begin = keys_.size();
  group.key_size = static_cast<uint32_t>(key.size());
  group.begin = owed_.size();
  keys_.append(key.data(), key.size());
  std::sort(amounts.begin(), amounts.end());
  for (const auto& [account, micros] : amounts) {
    if (owed_.size() > group.begin && owed_.back().account == account) {
      owed_.back().micros += micros;
    } else {
      owed_.push_back({account, micros});
    }
  }
  group.size = static_cast<uint32_t>(owed_.size() - group.begin);
}

bool Expectations::Take(uint32_t group, uint32_t account, int64_t micros) {
  const Group& own = groups_[group];
  const auto begin = owed_.begin() + static_cast<std::ptrdiff_t>(own.begin);
  const auto end = begin + own.size;
  const auto found = std::lower_bound(
      begin, end, account, [](const Owed& owed, uint32_t sought) { return owed.account < sought; });
  if (found == end || found->account != account) return false;
  found->micros -= micros;
  return true;
}

uint32_t Expectations::GroupOf(absl::string_view key) {
  // Those between may have come to nothing, and so have no entry.
  const size_t near = std::min<size_t>(next_ + size_t{kNear}, groups_.size());
  for (uint32_t group = next_; group < near; ++group) {
    if (KeyOf(groups_[group]) != key) continue;
    next_ = group + 1;
    return group;
  }
  if (by_key_.empty()) {
    by_key_.reserve(groups_.size());
    for (uint32_t group = 0; group < groups_.size(); ++group) {
      by_key_.emplace(KeyOf(groups_[group]), group);
    }
  }
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return kNone;
  next_ = found->second + 1;
  return found->second;
}

bool Expectations::AddRun(uint32_t group, int64_t run) {
  if (run <= groups_[group].last_run) return false;
  groups_[group].last_run = run;
  return true;
}

void Expectations::Finish(const Accounts& accounts, Findings& findings) const {
  for (const Group& group : groups_) {
    for (size_t i = group.begin; i < group.begin + group.size; ++i) {
      if (owed_[i].micros == 0) continue;
      findings.Add(group.check, std::string(KeyOf(group)),
                   absl::StrCat(accounts.NameOf(owed_[i].account), " lacks ", owed_[i].micros,
                                " micro-units over all runs"));
    }
  }
}

absl::Status ReadJournal(absl::string_view journal_csv, absl::string_view accounts_csv,
                         Accounts& accounts, Expectations& expectations, Findings& findings,
                         JournalCounts& counts) {
  using Claims = std::map<int64_t, std::vector<Claim>>;
  Claims claims;
  if (!accounts_csv.empty()) {
    PW_ASSIGN_OR_RETURN(claims, ReadClaims(accounts_csv, accounts));
  }
  return Journal(accounts, expectations, findings, counts).Read(journal_csv, std::move(claims));
}

}  // namespace peerwatt::verify
