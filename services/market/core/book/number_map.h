#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "services/market/core/book/arena_array.h"
#include "services/market/core/book/mutant.h"

namespace peerwatt::market::book {

/// No slot, no level, no block.
inline constexpr uint32_t kNowhere = ~uint32_t{0};

/// Finds the slot of an order by its number: open addressing, linear probing, no tombstones. The
/// numbers themselves stand in the slots, so a cell has eight bytes. Eight numbers in a row share
/// a cache line, because a service counts its orders. Numbers are given by the service and not by
/// callers, so a multiplication spreads the lines well enough.
class NumberMap {
 public:
  NumberMap() { Resize(kBitsMin); }

  /// Makes room for `numbers` without a further allocation.
  void Reserve(size_t numbers) {
    int bits = kBitsMin;
    while ((size_t{1} << bits) < kCellsPerNumber * (numbers + kErasuresPut)) {
      ++bits;
    }
    if ((size_t{1} << bits) > cells_.size()) {
      Resize(bits);
    }
  }

  /// The slot of `number`, or kNowhere. is_in: whether this number, and no erased one, stands in a
  /// slot.
  template <typename IsIn>
  uint32_t Find(uint64_t number, const IsIn& is_in) const {
    const uint32_t tag = TagOf(number);
    for (size_t at = HomeOf(tag);; at = (at + 1) & mask_) {
      const Cell cell = cells_[at];
      if (cell.is_free() || (cell.tag == tag && is_in(cell.slot()))) {
        return cell.slot();
      }
    }
  }

  /// The slot that Find most likely returns, read from one cell alone.
  uint32_t Guess(uint64_t number) const { return cells_[HomeOf(TagOf(number))].slot(); }

  /// Adds a number that is not there.
  void Insert(uint64_t number, uint32_t slot) {
    if (kCellsPerNumber * (size_ + 1) > cells_.size()) {
      Resize(bits_ + 1);
    }
    ++size_;
    Put({TagOf(number), ~slot});
  }

  /// Removes a number that is there, with its slot. Its cell is fetched now and emptied some
  /// erasures later; until then Find tells by the slot that it is gone. Should the slot hold the
  /// same number again by then, two cells are alike and it does not matter which one goes.
  void Erase(uint64_t number, uint32_t slot) {
    Cell& put = erasures_[erasure_];
    const Cell oldest = put;
    put = {TagOf(number), ~slot};
    __builtin_prefetch(&cells_[HomeOf(put.tag)], 1);
    erasure_ = (erasure_ + 1) % kErasuresPut;
    if (!oldest.is_free()) {
      EraseNow(oldest);
    }
  }

  /// Asks the processor for the cells that Find will read.
  [[gnu::always_inline]] void Prefetch(uint64_t number) const {
    __builtin_prefetch(&cells_[HomeOf(TagOf(number))]);
  }

 private:
  static constexpr int kBitsMin = 6;
  static constexpr size_t kCellsPerNumber = 3;
  static constexpr size_t kErasuresPut = 8;

  /// tag: where the number belongs, in any size of the map. Free memory is all zero bytes, and so
  /// is a free cell: the slot stands there with its bits turned round.
  struct Cell {
    uint32_t tag = 0;
    uint32_t slot_not = 0;

    uint32_t slot() const { return ~slot_not; }
    bool is_free() const { return slot_not == 0; }
  };

  // The line of eight cells in the upper 29 bits, the place in it in the lower 3.
  static uint32_t TagOf(uint64_t number) {
    const uint64_t line = ((number >> 3) * 0x9E37'79B9'7F4A'7C15u) >> 32;
    return static_cast<uint32_t>((line & ~uint64_t{7}) | (number & 7));
  }
  size_t HomeOf(uint32_t tag) const {
    return (static_cast<size_t>(tag) >> (32 - bits_) & ~size_t{7}) | (tag & 7);
  }

  void Put(Cell cell) {
    size_t at = HomeOf(cell.tag);
    while (!cells_[at].is_free()) {
      at = (at + 1) & mask_;
    }
    cells_[at] = cell;
  }

  void EraseNow(Cell cell) {
    size_t hole = HomeOf(cell.tag);
    while (cells_[hole].slot_not != cell.slot_not || cells_[hole].tag != cell.tag) {
      hole = (hole + 1) & mask_;
    }
    --size_;
    // Whoever was pushed past the hole moves into it.
    for (size_t at = (hole + 1) & mask_; !cells_[at].is_free(); at = (at + 1) & mask_) {
      const size_t home = HomeOf(cells_[at].tag);
      const bool moves = ((at - home) & mask_) >= ((at - hole) & mask_);
      if (PW_BOOK_MUTANT(kErasedNumberHidesOthers, false, moves)) {
        cells_[hole] = cells_[at];
        hole = at;
      }
    }
    cells_[hole] = Cell();
  }

  void Resize(int bits) {
    ArenaArray<Cell> old;
    old.GrowTo(size_t{1} << bits);
    old.swap(cells_);
    bits_ = bits;
    mask_ = cells_.size() - 1;
    for (const Cell& cell : old) {
      if (!cell.is_free()) {
        Put(cell);
      }
    }
  }

  ArenaArray<Cell> cells_;
  size_t mask_ = 0;
  /// Cells in use, those of erasures that are still to come among them.
  size_t size_ = 0;
  int bits_ = 0;
  size_t erasure_ = 0;
  std::array<Cell, kErasuresPut> erasures_;
};

}  // namespace peerwatt::market::book
