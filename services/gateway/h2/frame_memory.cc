#include "services/gateway/h2/frame_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace peerwatt::gateway {
namespace {

// What nghttp2 asks for lies between; everything else it asks for is smaller.
constexpr size_t kFrameBytesMin = 16 << 10;
constexpr size_t kPlaceBytes = 20 << 10;
constexpr size_t kPlacesPerRegion = 64;
constexpr size_t kRegionBytes = kPlaceBytes * kPlacesPerRegion;

bool IsFrame(size_t size) { return size >= kFrameBytesMin && size <= kPlaceBytes; }

}  // namespace

FrameMemory::FrameMemory() : allocator_{this, &Allocate, &Free, &Clear, &Resize} {}

FrameMemory::~FrameMemory() {
  for (char* region : regions_) munmap(region, kRegionBytes);
}

bool FrameMemory::Owns(const void* at) const {
  const auto* place = static_cast<const char*>(at);
  // Regions are sorted: the one that could hold it is the last that begins before.
  const auto after = std::upper_bound(regions_.begin(), regions_.end(), place);
  return after != regions_.begin() && place < *(after - 1) + kRegionBytes;
}

void* FrameMemory::TakePlace() {
  if (free_places_.empty()) {
    void* mapped = mmap(nullptr, kRegionBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    // A huge page would be resident as a whole.
    madvise(mapped, kRegionBytes, MADV_NOHUGEPAGE);
    char* region = static_cast<char*>(mapped);
    regions_.insert(std::upper_bound(regions_.begin(), regions_.end(), region), region);
    for (size_t i = kPlacesPerRegion; i-- > 0;) free_places_.push_back(region + i * kPlaceBytes);
  }
  char* place = free_places_.back();
  free_places_.pop_back();
  last_place_ = place;
  return place;
}

void FrameMemory::Rest(void* place) {
  if (place != nullptr) madvise(place, kPlaceBytes, MADV_DONTNEED);
}

void* FrameMemory::Allocate(size_t size, void* self) {
  return IsFrame(size) ? static_cast<FrameMemory*>(self)->TakePlace() : std::malloc(size);
}

void FrameMemory::Free(void* at, void* self) {
  auto& memory = *static_cast<FrameMemory*>(self);
  if (at == nullptr || !memory.Owns(at)) {
    std::free(at);
    return;
  }
  Rest(at);
  memory.free_places_.push_back(static_cast<char*>(at));
}

void* FrameMemory::Clear(size_t count, size_t size, void* self) {
  if (size != 0 && count > kRegionBytes / size) return nullptr;
  if (!IsFrame(count * size)) return std::calloc(count, size);
  void* place = Allocate(count * size, self);
  if (place != nullptr) std::memset(place, 0, count * size);
  return place;
}

void* FrameMemory::Resize(void* at, size_t size, void* self) {
  auto& memory = *static_cast<FrameMemory*>(self);
  if (at == nullptr) return Allocate(size, self);
  if (!memory.Owns(at)) return std::realloc(at, size);
  if (size <= kPlaceBytes) return at;
  void* moved = std::malloc(size);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, at, kPlaceBytes);
  Free(at, self);
  return moved;
}

}  // namespace peerwatt::gateway
