#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

namespace peerwatt::market::book {

/// An array that only grows, for values that are read here and there. A large one has pages of its
/// own, in large pages where the system has them: few address translations miss, and growing moves
/// pages instead of copying values. New values are all zero bytes.
template <typename T>
class ArenaArray {
  static_assert(std::is_trivially_copyable_v<T>, "values are moved as bytes");

 public:
  ArenaArray() = default;
  ~ArenaArray() { Free(values_, capacity_); }
  ArenaArray(ArenaArray&& other) noexcept { swap(other); }
  ArenaArray& operator=(ArenaArray&& other) noexcept {
    swap(other);
    return *this;
  }

  size_t size() const { return size_; }
  T* data() { return values_; }
  const T* data() const { return values_; }
  T& operator[](size_t at) { return values_[at]; }
  const T& operator[](size_t at) const { return values_[at]; }
  T* begin() { return values_; }
  T* end() { return values_ + size_; }

  /// Makes room for `count` values without a further allocation.
  void Reserve(size_t count) {
    if (count > capacity_) {
      MoveTo(count);
    }
  }
  /// Adds a value of zero bytes.
  void Add() {
    if (size_ == capacity_) {
      MoveTo(std::max(2 * capacity_, kCapacityMin));
    }
    ++size_;
  }
  /// Adds as many values of zero bytes as bring the size to `size`, which is not below.
  void GrowTo(size_t size) {
    Reserve(size);
    size_ = size;
  }

  void swap(ArenaArray& other) noexcept {
    std::swap(values_, other.values_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  static constexpr size_t kCapacityMin = 16;
  static constexpr size_t kLargePage = size_t{2} << 20;
  static constexpr std::align_val_t kLine{64};

  static size_t BytesOf(size_t capacity) { return capacity * sizeof(T); }
  static bool IsPaged(size_t capacity) { return BytesOf(capacity) >= kLargePage; }
  static size_t MappedBytes(size_t capacity) {
    return (BytesOf(capacity) + kLargePage - 1) / kLargePage * kLargePage;
  }

  // Address space, aligned to large pages, without access.
  static std::byte* ReserveAddresses(size_t bytes) {
    void* const memory = mmap(nullptr, bytes + kLargePage, PROT_NONE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
      throw std::bad_alloc();
    }
    auto* const from = static_cast<std::byte*>(memory);
    const size_t before = -reinterpret_cast<uintptr_t>(from) % kLargePage;
    if (before > 0) {
      munmap(from, before);
    }
    munmap(from + before + bytes, kLargePage - before);
    return from + before;
  }

  static T* Allocate(size_t capacity) {
    if (!IsPaged(capacity)) {
      void* const memory = ::operator new(BytesOf(capacity), kLine);
      std::memset(memory, 0, BytesOf(capacity));
      return static_cast<T*>(memory);
    }
    const size_t bytes = MappedBytes(capacity);
    std::byte* const memory = ReserveAddresses(bytes);
    if (mprotect(memory, bytes, PROT_READ | PROT_WRITE) != 0) {
      munmap(memory, bytes);
      throw std::bad_alloc();
    }
    // Only advice: without large pages all works the same.
    madvise(memory, bytes, MADV_HUGEPAGE);
    return reinterpret_cast<T*>(memory);
  }
  static void Free(T* values, size_t capacity) {
    if (IsPaged(capacity)) {
      munmap(values, MappedBytes(capacity));
    } else {
      ::operator delete(values, kLine);
    }
  }

  void MoveTo(size_t capacity) {
    if (!IsPaged(capacity_)) {
      T* const values = Allocate(capacity);
      if (size_ > 0) {
        std::memcpy(static_cast<void*>(values), values_, BytesOf(size_));
      }
      Free(values_, capacity_);
      values_ = values;
    } else {
      const size_t bytes = MappedBytes(capacity);
      std::byte* const memory = ReserveAddresses(bytes);
      if (mremap(values_, MappedBytes(capacity_), bytes, MREMAP_MAYMOVE | MREMAP_FIXED, memory) ==
          MAP_FAILED) {
        munmap(memory, bytes);
        throw std::bad_alloc();
      }
      values_ = reinterpret_cast<T*>(memory);
    }
    capacity_ = capacity;
  }

  T* values_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace peerwatt::market::book
