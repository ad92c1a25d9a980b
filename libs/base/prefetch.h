#pragma once

#include <cstdint>

namespace peerwatt {

/// Asks for what a loop over an array comes to 64 elements after `at`, which may lie beyond its
/// end. Of use where a loop takes a few nanoseconds an element: the hardware itself looks ahead no
/// further than the page. Inlined, because the compiler takes a function that only prefetches for
/// one without effect.
template <typename T>
[[gnu::always_inline]] inline void PrefetchAhead(const T* at) {
  __builtin_prefetch(
      reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(at) + 64 * sizeof(T)));
}

/// The same for what the loop writes.
template <typename T>
[[gnu::always_inline]] inline void PrefetchAheadToWrite(T* at) {
  __builtin_prefetch(
      reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(at) + 64 * sizeof(T)), 1);
}

}  // namespace peerwatt
