#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

namespace peerwatt::gateway {

/// Memory of the HTTP/2 sessions of one thread.
///
/// Each session has a buffer of 16 KiB for the frame that it sends, of which an idle one has used
/// some hundred bytes. From the general heap it would mostly be memory that something else has
/// filled before. Here it is a place of its own in whole pages, and those never used cost nothing.
class FrameMemory {
 public:
  FrameMemory();
  /// All sessions have ended.
  ~FrameMemory();
  FrameMemory(const FrameMemory&) = delete;
  FrameMemory& operator=(const FrameMemory&) = delete;

  /// For `nghttp2_session_server_new3`; valid as long as this.
  nghttp2_mem* allocator() { return &allocator_; }
  /// The frame buffer that was handed out last; null when there was none since the last call.
  void* TakeLastPlace() { return std::exchange(last_place_, nullptr); }
  /// Gives the memory of a frame buffer back to the system, not the place: it reads as zeros. Only
  /// while no frame is under way.
  static void Rest(void* place);

 private:
  static void* Allocate(size_t size, void* self);
  static void Free(void* at, void* self);
  static void* Clear(size_t count, size_t size, void* self);
  static void* Resize(void* at, size_t size, void* self);

  bool Owns(const void* at) const;
  void* TakePlace();

  nghttp2_mem allocator_;
  std::vector<char*> regions_;
  std::vector<char*> free_places_;
  void* last_place_ = nullptr;
};

}  // namespace peerwatt::gateway
