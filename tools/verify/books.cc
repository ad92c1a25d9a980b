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
// Accounts of a group that are looked at one by one.
constexpr size_t kFew = 8;

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
                                                                 Names& accounts) {
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
         kind == "feed-in";
}

/// The journal as it is read.
class Journal {
 public:
  Journal(Names& accounts, Expectations& expectations, Findings& findings, JournalCounts& counts)
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
    const bool is_charge = IsCharge(kind);
    counts_.of_periods += !period.empty() || IsOfRun(kind) ? 1 : 0;
    counts_.charges += is_charge ? 1 : 0;
    if (is_charge || (period.empty() && !IsOfRun(kind))) {
      CheckKey(number, key);
      return Expectations::kNone;
    }
    const size_t colon = std::min(key.rfind(':'), key.size());
    const uint32_t group = expectations_.GroupOf(key.substr(0, colon));
    int64_t run = 0;
    if (group == Expectations::kNone ||
        !ReadShortNumber(key.substr(std::min(colon + 1, key.size())), run)) {
      findings_.Add("entry_unexplained", EntryName(number),
                    absl::StrCat("nothing was agreed or measured for ", key));
      CheckKey(number, key);
      return Expectations::kNone;
    }
    if (!expectations_.AddRun(group, run)) {
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
      size_t name_size = posting.size();
      while (name_size > 0 && posting[name_size - 1] != ':') --name_size;
      if (name_size == 0) {
        return absl::InvalidArgumentError(absl::StrCat("'", posting, "' is not a posting"));
      }
      int64_t micros = 0;
      if (!ReadShortNumber(posting.substr(name_size), micros)) {
        PW_ASSIGN_OR_RETURN(micros, NumberFrom(posting.substr(name_size)));
      }
      const absl::string_view name = posting.substr(0, name_size - 1);
      uint32_t account = Names::kNone;
      if (group != Expectations::kNone) {
        account = expectations_.Take(group, static_cast<size_t>(count), name, accounts_, micros);
        if (account == Names::kNone) {
          findings_.Add(expectations_.CheckOf(group), EntryName(number),
                        absl::StrCat("posts ", micros, " to ", name, ", which takes no part"));
        }
      }
      if (account == Names::kNone) account = accounts_.NumberOf(name);
      if (account >= sums_.size()) sums_.resize(accounts_.size());
      (micros < 0 ? sums_[account].debits : sums_[account].credits) +=
          micros < 0 ? -micros : micros;
      sum += micros;
      ++count;
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

  Names& accounts_;
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

size_t Names::PlaceOf(absl::string_view name, uint32_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t place = hash & mask;
  while (slots_[place].number != kNone &&
         (slots_[place].hash != hash || NameOf(slots_[place].number) != name)) {
    place = (place + 1) & mask;
  }
  return place;
}

void Names::Grow() {
  std::vector<Slot> old(std::max<size_t>(2 * slots_.size(), 16));
  std::swap(slots_, old);
  const size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.number == kNone) continue;
    size_t place = slot.hash & mask;
    while (slots_[place].number != kNone) place = (place + 1) & mask;
    slots_[place] = slot;
  }
}

uint32_t Names::NumberOf(absl::string_view name) {
  if (2 * size() >= slots_.size()) Grow();
  const auto hash = static_cast<uint32_t>(absl::HashOf(name));
  Slot& slot = slots_[PlaceOf(name, hash)];
  if (slot.number != kNone) return slot.number;
  slot = {hash, static_cast<uint32_t>(size())};
  letters_.append(name.data(), name.size());
  ends_.push_back(letters_.size());
  return slot.number;
}

uint32_t Names::Find(absl::string_view name) const {
  if (slots_.empty()) return kNone;
  return slots_[PlaceOf(name, static_cast<uint32_t>(absl::HashOf(name)))].number;
}

void Expectations::Reserve(size_t groups, size_t amounts) {
  groups_.reserve(groups_.size() + groups);
  owed_.reserve(owed_.size() + amounts);
}

uint32_t Expectations::Begin(std::string prefix, const char* check, int64_t period) {
  prefixes_.push_back({std::move(prefix), check, period});
  return static_cast<uint32_t>(prefixes_.size() - 1);
}

void Expectations::Expect(uint32_t prefix, absl::string_view tail,
                          std::vector<std::pair<uint32_t, int64_t>>& amounts) {
  Group& group = groups_.emplace_back();
  group.tail = tail.data();
  group.tail_size = static_cast<uint32_t>(tail.size());
  group.prefix = prefix;
  group.begin = owed_.size();
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

uint32_t Expectations::Take(uint32_t group, size_t position, absl::string_view account,
                            const Names& accounts, int64_t micros) {
  const Group& own = groups_[group];
  Owed* const begin = owed_.data() + own.begin;
  Owed* const end = begin + own.size;
  Owed* found = end;
  if (own.size <= kFew) {
    for (size_t i = 0; i < own.size && found == end; ++i) {
      Owed* const owed = begin + (position + i) % own.size;
      if (accounts.NameOf(owed->account) == account) found = owed;
    }
  } else {
    const uint32_t number = accounts.Find(account);
    found = std::lower_bound(begin, end, number, [](const Owed& owed, uint32_t sought) {
      return owed.account < sought;
    });
    if (found != end && found->account != number) found = end;
  }
  if (found == end) return kNone;
  found->micros -= micros;
  return found->account;
}

bool Expectations::HasKey(const Group& group, absl::string_view key) const {
  const absl::string_view prefix = prefixes_[group.prefix].text;
  // The tail differs more often.
  return key.size() == prefix.size() + group.tail_size &&
         key.substr(prefix.size()) == TailOf(group) && key.substr(0, prefix.size()) == prefix;
}

uint32_t Expectations::GroupOf(absl::string_view key) {
  // Those between may have come to nothing, and so have no entry.
  const size_t near = std::min<size_t>(next_ + size_t{kNear}, groups_.size());
  for (uint32_t group = next_; group < near; ++group) {
    if (!HasKey(groups_[group], key)) continue;
    next_ = group + 1;
    return group;
  }
  const uint32_t group = SearchGroup(key);
  if (group != kNone) next_ = group + 1;
  return group;
}

uint32_t Expectations::SearchGroup(absl::string_view key) {
  if (by_key_.empty()) {
    for (uint32_t i = 0; i < prefixes_.size(); ++i) by_prefix_.emplace(prefixes_[i].text, i);
    by_key_.reserve(groups_.size());
    for (uint32_t group = 0; group < groups_.size(); ++group) {
      by_key_.emplace(std::pair(groups_[group].prefix, TailOf(groups_[group])), group);
    }
  }
  size_t prefix_size = key.find(':');
  if (prefix_size != key.npos) prefix_size = key.find(':', prefix_size + 1);
  prefix_size = prefix_size == key.npos ? key.size() : prefix_size + 1;
  const auto prefix = by_prefix_.find(key.substr(0, prefix_size));
  if (prefix == by_prefix_.end()) return kNone;
  const auto found = by_key_.find(std::pair(prefix->second, key.substr(prefix_size)));
  return found == by_key_.end() ? kNone : found->second;
}

bool Expectations::AddRun(uint32_t group, int64_t run) {
  if (run <= groups_[group].last_run) return false;
  groups_[group].last_run = run;
  return true;
}

void Expectations::Finish(const Names& accounts, Findings& findings) const {
  for (const Group& group : groups_) {
    for (size_t i = group.begin; i < group.begin + group.size; ++i) {
      if (owed_[i].micros == 0) continue;
      const Prefix& prefix = prefixes_[group.prefix];
      findings.Add(prefix.check, absl::StrCat(prefix.text, TailOf(group)),
                   absl::StrCat(accounts.NameOf(owed_[i].account), " lacks ", owed_[i].micros,
                                " micro-units over all runs"));
    }
  }
}

absl::Status ReadJournal(absl::string_view journal_csv, absl::string_view accounts_csv,
                         Names& accounts, Expectations& expectations, Findings& findings,
                         JournalCounts& counts) {
  using Claims = std::map<int64_t, std::vector<Claim>>;
  Claims claims;
  if (!accounts_csv.empty()) {
    PW_ASSIGN_OR_RETURN(claims, ReadClaims(accounts_csv, accounts));
  }
  return Journal(accounts, expectations, findings, counts).Read(journal_csv, std::move(claims));
}

}  // namespace peerwatt::verify
