#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace peerwatt::agent {

/// A well-mixed function of a key and a counter: randomness without a state, so that a value does
/// not depend on what was asked before. Source: SplitMix64 (Steele, Lea and Flood 2014).
constexpr uint64_t Mix(uint64_t key, uint64_t counter) {
  uint64_t z = key + (counter + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/// A key made of a text and a number.
constexpr uint64_t KeyOf(uint64_t seed, absl::string_view text) {
  uint64_t key = Mix(seed, 0);
  for (const char c : text) key = Mix(key, static_cast<unsigned char>(c));
  return key;
}

/// Evenly spread over [0, 1).
constexpr double UnitOf(uint64_t key, uint64_t counter) {
  return static_cast<double>(Mix(key, counter) >> 11) * 0x1p-53;
}

}  // namespace peerwatt::agent
