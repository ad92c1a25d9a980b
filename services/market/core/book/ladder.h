#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "services/market/core/book/arena_array.h"
#include "services/market/core/book/mutant.h"
#include "services/market/core/book/number_map.h"
#include "services/market/core/model.h"

namespace peerwatt::market::book {

/// A price as a key of its side: the better the price, the larger the key. Its own inverse for
/// each side, for every 64-bit price.
inline int64_t KeyOf(Side side, int64_t price) {
  // ~price of an offer, without a branch on what nobody can foresee.
  static_assert(static_cast<int>(Side::kBid) == 0 && static_cast<int>(Side::kOffer) == 1);
  return price ^ -static_cast<int64_t>(PW_BOOK_MUTANT(kOffersAreReversed, Side::kBid, side));
}

/// Keys and their levels in one stretch of memory. Keys that are not in use are the greatest that
/// there is, so that a search needs no length.
struct alignas(64) LadderBlock {
  static constexpr uint32_t kSize = 64;
  int64_t keys[kSize];
  uint32_t levels[kSize];
};

/// The blocks of all ladders of an engine; freed ones are used again.
class LadderBlocks {
 public:
  /// Makes room for `blocks` without a further allocation.
  void Reserve(size_t blocks) { blocks_.Reserve(blocks); }

  LadderBlock& operator[](uint32_t at) { return blocks_[at]; }
  const LadderBlock& operator[](uint32_t at) const { return blocks_[at]; }

  uint32_t Take() {
    if (free_.empty()) {
      free_.push_back(static_cast<uint32_t>(blocks_.size()));
      blocks_.Add();
    }
    const uint32_t at = free_.back();
    free_.pop_back();
    std::fill_n(blocks_[at].keys, LadderBlock::kSize, std::numeric_limits<int64_t>::max());
    return at;
  }
  void Return(uint32_t at) { free_.push_back(at); }

 private:
  ArenaArray<LadderBlock> blocks_;
  std::vector<uint32_t> free_;
};

/// The prices of one side of a book, sorted in blocks, the best one last: trades take from the end,
/// and orders near the best price move little memory. With n prices, finding costs O(log n), adding
/// or dropping one moves at most a block, and a directory entry per 32 prices when a block splits.
class Ladder {
 public:
  /// A place in the ladder: a span, and a key in it. Adding or dropping keys moves better ones
  /// only.
  struct Rung {
    size_t span;
    uint32_t at;
  };

  bool empty() const { return spans_.empty(); }

  /// The best key; the lowest that there is when the ladder is empty.
  int64_t best_key() const { return best_key_; }

  /// The level of the best key; only if not empty.
  uint32_t best_level() const { return best_level_; }

  /// The place of the best key; only if not empty.
  Rung Best() const { return {spans_.size() - 1, spans_.back().size - 1}; }

  /// Moves to the next worse key. Returns false when there is none.
  bool Descend(Rung& rung) const {
    if (rung.at > 0) {
      --rung.at;
      return true;
    }
    if (rung.span == 0) {
      return false;
    }
    --rung.span;
    rung.at = spans_[rung.span].size - 1;
    return true;
  }

  uint32_t LevelAt(Rung rung, const LadderBlocks& blocks) const {
    return blocks[spans_[rung.span].block].levels[rung.at];
  }

  /// The level of `key`; where there is none, that of make_level(), which is added.
  template <typename MakeLevel>
  uint32_t FindOrAdd(int64_t key, LadderBlocks& blocks, const MakeLevel& make_level) {
    if (spans_.empty()) {
      spans_.push_back({key, blocks.Take(), 0});
    }
    Rung rung = Place(key, blocks);
    const Span& span = spans_[rung.span];
    if (rung.at < span.size && blocks[span.block].keys[rung.at] == key) {
      return blocks[span.block].levels[rung.at];
    }
    const uint32_t level = make_level();
    Add(rung, key, level, blocks);
    return level;
  }

  /// Drops a key that is there.
  void Drop(int64_t key, LadderBlocks& blocks) { Drop(Place(key, blocks), blocks); }
  void Drop(Rung rung, LadderBlocks& blocks) {
    Span& span = spans_[rung.span];
    LadderBlock& block = blocks[span.block];
    const uint32_t behind = span.size - rung.at - 1;
    std::memmove(&block.keys[rung.at], &block.keys[rung.at + 1], behind * sizeof(int64_t));
    std::memmove(&block.levels[rung.at], &block.levels[rung.at + 1], behind * sizeof(uint32_t));
    const bool was_best = behind == 0 && rung.span + 1 == spans_.size();
    --span.size;
    block.keys[span.size] = std::numeric_limits<int64_t>::max();
    if (span.size == 0) {
      blocks.Return(span.block);
      spans_.erase(spans_.begin() + static_cast<ptrdiff_t>(rung.span));
    } else if (rung.at == 0) {
      span.low = block.keys[0];
    }
    if (was_best) {
      SetBest(blocks);
    }
  }

  /// Asks the processor for the directory.
  [[gnu::always_inline]] void PrefetchSpans() const { __builtin_prefetch(spans_.data()); }
  /// Asks the processor for what finding `key` reads.
  [[gnu::always_inline]] void PrefetchKey(int64_t key, const LadderBlocks& blocks) const {
    if (!spans_.empty()) {
      const Span& span = spans_[SpanOf(key)];
      const LadderBlock& block = blocks[span.block];
      for (uint32_t at = 0; at < span.size; at += 8) {
        __builtin_prefetch(&block.keys[at]);
      }
    }
  }

 private:
  /// Keys in a cache line.
  static constexpr uint32_t kLine = 8;

  /// One block, and its lowest key.
  struct Span {
    int64_t low;
    uint32_t block;
    uint32_t size;
  };

  /// The span in which `key` is or would be.
  size_t SpanOf(int64_t key) const {
    size_t from = 0;
    for (size_t left = spans_.size(); left > 1;) {
      const size_t half = left / 2;
      from = spans_[from + half].low <= key ? from + half : from;
      left -= half;
    }
    return from;
  }

  /// The place of the lowest key that is not below `key`, in the span where `key` belongs.
  Rung Place(int64_t key, const LadderBlocks& blocks) const {
    const size_t span = SpanOf(key);
    const int64_t* keys = blocks[spans_[span].block].keys;
    // Counts instead of halving: nothing waits for a comparison before it, nor for more than one
    // cache miss, and no branch depends on the outcome.
    uint32_t line = 0;
    for (uint32_t i = 1; i <= LadderBlock::kSize / kLine; ++i) {
      line += keys[i * kLine - 1] < key;
    }
    if (line == LadderBlock::kSize / kLine) {
      return {span, LadderBlock::kSize};
    }
    uint32_t at = line * kLine;
    for (uint32_t i = 0; i < kLine - 1; ++i) {
      at += keys[line * kLine + i] < key;
    }
    return {span, at};
  }

  void Add(Rung rung, int64_t key, uint32_t level, LadderBlocks& blocks) {
    if (spans_[rung.span].size == LadderBlock::kSize) {
      rung = Split(rung, blocks);
    }
    Span& span = spans_[rung.span];
    LadderBlock& block = blocks[span.block];
    const uint32_t behind = span.size - rung.at;
    std::memmove(&block.keys[rung.at + 1], &block.keys[rung.at], behind * sizeof(int64_t));
    std::memmove(&block.levels[rung.at + 1], &block.levels[rung.at], behind * sizeof(uint32_t));
    block.keys[rung.at] = key;
    block.levels[rung.at] = level;
    ++span.size;
    span.low = block.keys[0];
    if (key >= best_key_ && PW_BOOK_MUTANT(kBestIsNotRaised, false, true)) {
      best_key_ = key;
      best_level_ = level;
    }
  }

  /// Moves the upper half of a full span into a new one. Returns where `rung` is now.
  Rung Split(Rung rung, LadderBlocks& blocks) {
    constexpr uint32_t kHalf = LadderBlock::kSize / 2;
    const uint32_t upper_block = blocks.Take();
    LadderBlock& lower = blocks[spans_[rung.span].block];
    LadderBlock& upper = blocks[upper_block];
    std::memcpy(upper.keys, &lower.keys[kHalf], kHalf * sizeof(int64_t));
    std::memcpy(upper.levels, &lower.levels[kHalf], kHalf * sizeof(uint32_t));
    std::fill_n(&lower.keys[kHalf], kHalf, std::numeric_limits<int64_t>::max());
    spans_[rung.span].size = PW_BOOK_MUTANT(kSplitLosesPrice, kHalf - 1, kHalf);
    spans_.insert(spans_.begin() + static_cast<ptrdiff_t>(rung.span) + 1,
                  {upper.keys[0], upper_block, kHalf});
    if (rung.at <= spans_[rung.span].size) {
      return rung;
    }
    return {rung.span + 1, rung.at - kHalf};
  }

  void SetBest(const LadderBlocks& blocks) {
    best_key_ = std::numeric_limits<int64_t>::min();
    if (!spans_.empty()) {
      best_key_ = blocks[spans_.back().block].keys[spans_.back().size - 1];
      best_level_ = LevelAt(Best(), blocks);
    }
  }

  int64_t best_key_ = std::numeric_limits<int64_t>::min();
  uint32_t best_level_ = kNowhere;
  std::vector<Span> spans_;
};

}  // namespace peerwatt::market::book
