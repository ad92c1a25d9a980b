#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace peerwatt::testing {

/// Builds the registers of a SunSpec device, from its mark on.
class SunSpecMap {
 public:
  SunSpecMap() : words_{0x5375, 0x6e53} {}

  /// The common model with a serial number.
  SunSpecMap& Common(const std::string& serial) {
    const size_t at = Model(1, 66);
    for (size_t i = 0; i < serial.size() && i < 32; ++i) {
      const auto byte = static_cast<unsigned char>(serial[i]);
      words_[at + 50 + i / 2] =
          static_cast<uint16_t>(words_[at + 50 + i / 2] | (i % 2 == 0 ? byte << 8 : byte));
    }
    return *this;
  }
  /// A model of zeros. Returns where it begins.
  size_t Model(uint16_t id, uint16_t length) {
    const size_t at = words_.size();
    words_.resize(at + 2u + length, 0);
    words_[at] = id;
    words_[at + 1] = length;
    return at;
  }
  void Put(size_t at, uint16_t word) { words_[at] = word; }
  void Put32(size_t at, uint32_t value) {
    words_[at] = static_cast<uint16_t>(value >> 16);
    words_[at + 1] = static_cast<uint16_t>(value & 0xffff);
  }
  void Put64(size_t at, uint64_t value) {
    Put32(at, static_cast<uint32_t>(value >> 32));
    Put32(at + 2, static_cast<uint32_t>(value));
  }
  SunSpecMap& End() {
    words_.push_back(0xffff);
    words_.push_back(0);
    return *this;
  }
  const std::vector<uint16_t>& words() const { return words_; }

 private:
  std::vector<uint16_t> words_;
};

}  // namespace peerwatt::testing
