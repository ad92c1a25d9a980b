// Files of an agent's buffer with arbitrary contents: it opens, damaged parts set aside, and what
// it holds can be read and added to.
#include <stdlib.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "agent/buffer_salvage.h"
#include "agent/crc32.h"
#include "agent/disk.h"
#include "libs/base/check.h"
#include "libs/base/log.h"

namespace {

void PutCrc(std::string& bytes, size_t at, absl::string_view of) {
  const uint32_t crc = peerwatt::agent::Crc32(of);
  for (size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>((crc >> (8 * i)) & 255);
}

// Makes the checksums right, so that the search comes past them: of the head and the records …
std::string SealedSegment(std::string bytes) {
  if (bytes.size() < 32) return bytes;
  bytes.replace(0, 8, "PWSEG001");
  PutCrc(bytes, 24, absl::string_view(bytes).substr(0, 24));
  for (size_t at = 32; at + 24 <= bytes.size();) {
    size_t size = 0;
    for (size_t i = 0; i < 4; ++i) {
      size |= static_cast<size_t>(static_cast<unsigned char>(bytes[at + 4 + i])) << (8 * i);
    }
    if (at + 24 + size > bytes.size()) break;
    PutCrc(bytes, at, absl::string_view(bytes).substr(at + 4, 20 + size));
    at += 24 + size;
  }
  return bytes;
}

// … and of both slots of the position.
std::string SealedPosition(std::string bytes) {
  for (size_t at = 0; at + 64 <= bytes.size(); at += 64) {
    PutCrc(bytes, at + 56, absl::string_view(bytes).substr(at, 56));
  }
  return bytes;
}

const std::string& Folder() {
  static const std::string* const folder = [] {
    std::string pattern = (std::filesystem::temp_directory_path() / "peerwatt-XXXXXX").string();
    PW_CHECK(mkdtemp(pattern.data()) != nullptr, "a temporary folder");
    std::atexit([] { std::filesystem::remove_all(Folder()); });
    peerwatt::StartLog("fuzz", "error");
    return new std::string(pattern);  // used until the very end
  }();
  return *folder;
}

void Write(const std::string& name, absl::string_view bytes) {
  std::ofstream(Folder() + "/buffer/" + name, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Two bytes say how long the segments are, a third whether checksums are made right.
  if (size < 3) return 0;
  std::string rest(reinterpret_cast<const char*>(data + 3), size - 3);
  const auto take = [&](size_t count) {
    const std::string taken = rest.substr(0, count);
    rest.erase(0, taken.size());
    return taken;
  };
  const bool sealed = data[2] % 2 == 0;
  const auto seal = [&](std::string bytes, std::string (*how)(std::string)) {
    return sealed ? how(std::move(bytes)) : bytes;
  };
  std::filesystem::remove_all(Folder());
  PW_CHECK(std::filesystem::create_directories(Folder() + "/buffer"), "a folder to begin in");
  Write("segment-0000000000000000001", seal(take(data[0]), SealedSegment));
  if (data[1] != 0) Write("segment-0000000000000000002", seal(take(data[1]), SealedSegment));
  Write("position", seal(take(128), SealedPosition));
  if (!rest.empty()) Write("refused.jsonl", rest);
  auto buffer = peerwatt::agent::OpenOrSalvage(
      {.folder = Folder() + "/buffer", .segment_bytes = 4096, .sync = false});
  PW_CHECK(buffer.ok(), buffer.status().message());
  const peerwatt::agent::BufferState state = (*buffer)->state();
  for (int64_t i = state.first_index; i <= state.last_index; ++i) {
    PW_CHECK((*buffer)->Read(i).ok(), "what was recovered can be read");
  }
  (void)(*buffer)->RefusedPayloads();
  PW_CHECK((*buffer)->Append("more", absl::UnixEpoch()).ok(), "there is room");
  const auto more = (*buffer)->Read(state.last_index + 1);
  PW_CHECK(more.ok() && more->payload == "more", "what was added can be read");
  return 0;
}
