#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace peerwatt::verify {

/// Something that is wrong.
struct Finding {
  std::string check;
  std::string subject;
  std::string detail;
};

/// Collects findings; of one check, the first thousand and how many there were.
class Findings {
 public:
  void Add(const std::string& check, std::string subject, std::string detail);
  const std::vector<Finding>& kept() const { return kept_; }
  int64_t count() const { return count_; }

 private:
  std::vector<Finding> kept_;
  std::map<std::string, int64_t> by_check_;
  int64_t count_ = 0;
};

/// Numbers the accounts by their names, from 0.
class Accounts {
 public:
  uint32_t NumberOf(absl::string_view name);
  absl::string_view NameOf(uint32_t number) const { return names_[number]; }
  size_t size() const { return names_.size(); }

 private:
  absl::flat_hash_map<std::string, uint32_t> numbers_;
  std::vector<std::string> names_;
};

/// What a group of entries - those of a trade, or of a connection's retail energy - must post over
/// all runs. Each posting is taken off; what is left is wrong.
class Expectations {
 public:
  /// Announces a group by how the keys of its entries begin: all before the run. Each key once.
  /// check: that a difference belongs to. Amounts of one account add up.
  void Expect(absl::string_view key, const char* check, int64_t period,
              std::vector<std::pair<uint32_t, int64_t>>& amounts);
  /// Takes a posting off the group of a key. Returns false when the group has no such account.
  bool Take(uint32_t group, uint32_t account, int64_t micros);
  /// The group of a key, or `kNone`. Entries mostly come in the order in which their groups were
  /// announced: then nothing is searched.
  uint32_t GroupOf(absl::string_view key);
  /// Notes a run of a group. Returns false when it is not after the last one.
  bool AddRun(uint32_t group, int64_t run);
  int64_t PeriodOf(uint32_t group) const { return groups_[group].period; }
  const char* CheckOf(uint32_t group) const { return groups_[group].check; }
  /// Reports what is left of all groups.
  void Finish(const Accounts& accounts, Findings& findings) const;

  static constexpr uint32_t kNone = UINT32_MAX;

 private:
  struct Group {
    const char* check = "";
    int64_t period = 0;
    size_t key_begin = 0;  // among `keys_`
    size_t begin = 0;      // among `owed_`, by account
    uint32_t key_size = 0;
    uint32_t size = 0;
    int64_t last_run = 0;
  };
  struct Owed {
    uint32_t account = 0;
    int64_t micros = 0;
  };

  absl::string_view KeyOf(const Group& group) const {
    return absl::string_view(keys_).substr(group.key_begin, group.key_size);
  }

  std::vector<Group> groups_;
  std::vector<Owed> owed_;
  std::string keys_;
  absl::flat_hash_map<absl::string_view, uint32_t> by_key_;  // made when it is needed
  uint32_t next_ = 0;                                        // where the next entry's group may be
};

/// How many entries of which sort were read.
struct JournalCounts {
  int64_t entries = 0;
  int64_t of_periods = 0;
  int64_t charges = 0;  ///< of subscriptions and fees per piece
};

/// Reads a journal once: numbers without gaps, keys once, each entry zero, each entry of a period
/// expected. accounts_csv: sums as of an entry, compared when that entry is reached.
/// Errors: kInvalidArgument when a file is not such a file.
absl::Status ReadJournal(absl::string_view journal_csv, absl::string_view accounts_csv,
                         Accounts& accounts, Expectations& expectations, Findings& findings,
                         JournalCounts& counts);

}  // namespace peerwatt::verify
