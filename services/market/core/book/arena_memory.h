#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace peerwatt::market::book {

/// Memory for arrays that are read here and there. What fills large pages is asked for in such,
/// where the system has them: far fewer address translations miss.
template <typename T>
class ArenaMemory {
 public:
  using value_type = T;

  ArenaMemory() = default;
  template <typename Other>
  ArenaMemory(const ArenaMemory<Other>&) {}

  T* allocate(size_t count) {
    const size_t bytes = count * sizeof(T);
    void* memory = ::operator new(bytes, AlignmentOf(bytes));
    if (bytes >= kLargePage) {
      // Only advice: without large pages all works the same.
      madvise(memory, bytes, MADV_HUGEPAGE);
    }
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t count) {
    ::operator delete(memory, AlignmentOf(count * sizeof(T)));
  }

  bool operator==(const ArenaMemory&) const = default;

 private:
  static constexpr size_t kLargePage = size_t{2} << 20;
  static constexpr size_t kLine = 64;

  static std::align_val_t AlignmentOf(size_t bytes) {
    return std::align_val_t{bytes >= kLargePage ? kLargePage : kLine};
  }
};

}  // namespace peerwatt::market::book
