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

/// Numbers names, of accounts or points, from 0.
class Names {
 public:
  /// The number of a name; a new one for a new name.
  uint32_t NumberOf(absl::string_view name);
  /// The number of a name, or `kNone`.
  uint32_t Find(absl::string_view name) const;
  absl::string_view NameOf(uint32_t number) const {
    return absl::string_view(letters_).substr(ends_[number], ends_[number + 1] - ends_[number]);
  }
  size_t size() const { return ends_.size() - 1; }

  static constexpr uint32_t kNone = UINT32_MAX;

 private:
  /// A place of the table: empty while `number` is `kNone`.
  struct Slot {
    uint32_t hash = 0;
    uint32_t number = kNone;
  };
  /// The place of a name, or the empty one where it belongs.
  size_t PlaceOf(absl::string_view name, uint32_t hash) const;
  void Grow();

  std::string letters_;          // of all names
  std::vector<size_t> ends_{0};  // of each name; before them, the first one's beginning
  std::vector<Slot> slots_;      // a power of two of them, at most half of them taken
};

/// What a group of entries - those of a trade, or of a connection's retail energy - must post over
/// all runs. Each posting is taken off; what is left is wrong.
class Expectations {
 public:
  /// Makes room for so many groups and amounts besides.
  void Reserve(size_t groups, size_t amounts);
  /// Announces groups whose keys all begin with `prefix`, up to and with its second colon, or whole
  /// for a group that is alone. check: that a difference belongs to. Returns their number.
  uint32_t Begin(std::string prefix, const char* check, int64_t period);
  /// Announces a group by how the keys of its entries go on up to the run. Each key once.
  /// tail: stays where it is. Amounts of one account add up.
  void Expect(uint32_t prefix, absl::string_view tail,
              std::vector<std::pair<uint32_t, int64_t>>& amounts);
  /// Takes a posting off a group. position: of the posting in its entry, which is mostly that of
  /// the account in the group. Returns the account's number, or `kNone` when the group has none
  /// of that name.
  uint32_t Take(uint32_t group, size_t position, absl::string_view account, const Names& accounts,
                int64_t micros);
  /// The group of a key without its run, or `kNone`. Entries mostly come in the order in which
  /// their groups were announced: then nothing is searched.
  uint32_t GroupOf(absl::string_view key);
  /// Notes a run of a group. Returns false when it is not after the last one.
  bool AddRun(uint32_t group, int64_t run);
  int64_t PeriodOf(uint32_t group) const { return prefixes_[groups_[group].prefix].period; }
  const char* CheckOf(uint32_t group) const { return prefixes_[groups_[group].prefix].check; }
  /// Reports what is left of all groups.
  void Finish(const Names& accounts, Findings& findings) const;

  static constexpr uint32_t kNone = Names::kNone;

 private:
  struct Prefix {
    std::string text;
    const char* check = "";
    int64_t period = 0;
  };
  struct Group {
    const char* tail = nullptr;
    size_t begin = 0;  // among `owed_`, by account
    uint32_t tail_size = 0;
    uint32_t prefix = 0;
    uint32_t size = 0;
    int64_t last_run = 0;
  };
  struct Owed {
    uint32_t account = 0;
    int64_t micros = 0;
  };

  static absl::string_view TailOf(const Group& group) { return {group.tail, group.tail_size}; }
  bool HasKey(const Group& group, absl::string_view key) const;
  uint32_t SearchGroup(absl::string_view key);

  std::vector<Prefix> prefixes_;
  std::vector<Group> groups_;
  std::vector<Owed> owed_;
  // Made when they are needed: prefixes, and groups by prefix and tail.
  absl::flat_hash_map<absl::string_view, uint32_t> by_prefix_;
  absl::flat_hash_map<std::pair<uint32_t, absl::string_view>, uint32_t> by_key_;
  uint32_t next_ = 0;  // where the next entry's group may be
};

/// How many entries of which sort were read.
struct JournalCounts {
  int64_t entries = 0;
  int64_t of_periods = 0;
  int64_t charges = 0;  ///< of subscriptions and fees per piece, which are not recomputed
};

/// Reads a journal once: numbers without gaps, keys once, each entry zero, each entry of a period
/// expected. accounts_csv: sums as of an entry, compared when that entry is reached.
/// Errors: kInvalidArgument when a file is not such a file.
absl::Status ReadJournal(absl::string_view journal_csv, absl::string_view accounts_csv,
                         Names& accounts, Expectations& expectations, Findings& findings,
                         JournalCounts& counts);

}  // namespace peerwatt::verify
