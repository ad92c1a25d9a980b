#include "agent/signing_chain.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/crc32.h"
#include "agent/errors.h"
#include "libs/base/error.h"
#include "libs/base/status_macros.h"
#include "libs/domain/signed_batch.h"

namespace peerwatt::agent {
namespace {

// Two slots of 64 bytes, of even and of odd counters: counter, record, digest, CRC. A slot is only
// overwritten when the other one counts.
constexpr int64_t kSlot = 64;
constexpr size_t kDigestAt = 16;
constexpr size_t kCrcAt = kDigestAt + kBatchDigestSize;

void Put(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 255);
}

uint64_t Get(absl::string_view in, size_t offset, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) {
    value |= uint64_t{static_cast<unsigned char>(in[offset + i])} << (8 * i);
  }
  return value;
}

std::string SlotOf(int64_t counter, int64_t record_index, absl::string_view digest) {
  std::string slot;
  Put(slot, static_cast<uint64_t>(counter), 8);
  Put(slot, static_cast<uint64_t>(record_index), 8);
  slot.append(digest.data(), digest.size());
  Put(slot, Crc32(slot), 4);
  slot.resize(static_cast<size_t>(kSlot));
  return slot;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SigningChain>> SigningChain::Open(const std::string& folder,
                                                                 int64_t last_index, bool sync) {
  const std::string path = folder + "/chain";
  const absl::StatusOr<std::string> present = ReadWholeFile(path);
  if (absl::IsNotFound(present.status())) {
    const std::string first = SlotOf(0, 0, std::string(kBatchDigestSize, '\0'));
    PW_RETURN_IF_ERROR(ReplaceFile(path, first, 0600, sync));
  } else {
    PW_RETURN_IF_ERROR(present.status());
  }
  PW_ASSIGN_OR_RETURN(File file, File::Open(path, O_RDWR));
  std::unique_ptr<SigningChain> chain(new SigningChain(std::move(file), sync));
  PW_RETURN_IF_ERROR(chain->Recover(last_index));
  return chain;
}

absl::Status SigningChain::Recover(int64_t last_index) {
  struct Step {
    int64_t counter;
    int64_t record_index;
    std::string digest;
  };
  PW_ASSIGN_OR_RETURN(const std::string slots, file_.ReadAt(0, 2 * kSlot));
  std::vector<Step> steps;  // newest first
  for (size_t start = 0; start + kSlot <= slots.size(); start += kSlot) {
    const absl::string_view slot = absl::string_view(slots).substr(start, kSlot);
    if (Get(slot, kCrcAt, 4) == Crc32(slot.substr(0, kCrcAt))) {
      steps.push_back({static_cast<int64_t>(Get(slot, 0, 8)),
                       static_cast<int64_t>(Get(slot, 8, 8)),
                       std::string(slot.substr(kDigestAt, kBatchDigestSize))});
    }
  }
  std::sort(steps.begin(), steps.end(),
            [](const Step& a, const Step& b) { return a.counter > b.counter; });
  // Of the newest step alone the record may be missing. When more are, the buffer was lost; then
  // what is written here still counts, as the batches may have been sent.
  if (!steps.empty() && steps.front().record_index == last_index + 1) steps.erase(steps.begin());
  if (steps.empty()) {
    return Error(kBufferDamaged, "the chain of signed batches cannot be read");
  }
  counter_ = steps.front().counter;
  digest_ = steps.front().digest;
  return absl::OkStatus();
}

absl::Status SigningChain::Prepare(absl::string_view digest, int64_t record_index) {
  const int64_t counter = next_counter();
  prepared_digest_ = std::string(digest);
  PW_RETURN_IF_ERROR(
      file_.WriteAt(SlotOf(counter, record_index, digest), (counter % 2) * kSlot));
  return sync_ ? file_.Sync() : absl::OkStatus();
}

void SigningChain::Take() {
  ++counter_;
  digest_ = std::move(prepared_digest_);
}

}  // namespace peerwatt::agent
