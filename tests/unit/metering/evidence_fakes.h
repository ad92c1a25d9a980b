#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libs/base/error.h"
#include "services/metering/core/evidence/errors.h"
#include "services/metering/core/evidence/ports.h"

namespace peerwatt::metering::testing {

/// 32 bytes that stand for a digest of `content`.
inline std::string DigestOf(const std::string& content) {
  std::string digest = content.substr(content.size() - std::min<size_t>(content.size(), 32));
  digest.resize(32, '.');
  return digest;
}

/// Signatures that anyone can read: `signed:<key>:` and the digest of the encoding.
class FakeChecker final : public SignatureChecker {
 public:
  static std::string Sign(const std::string& key, absl::string_view encoding) {
    return "signed:" + key + ":" + std::to_string(std::hash<std::string>()(std::string(encoding)));
  }
  static std::string Digest(absl::string_view encoding) {
    return DigestOf(std::to_string(std::hash<std::string>()(std::string(encoding))));
  }
  absl::StatusOr<CheckedSignature> Check(const DeviceId& device, absl::string_view encoding,
                                         absl::string_view signature) override {
    ++checks;
    if (!failure.ok()) {
      return failure;
    }
    if (signature != Sign("key-of-" + device.value(), encoding)) {
      return Error(kSignatureInvalid, "wrong");
    }
    return CheckedSignature{Digest(encoding), "key-of-" + device.value()};
  }

  int checks = 0;
  absl::Status failure;
};

/// Evidence in memory.
class FakeEvidenceStore final : public EvidenceStore {
 public:
  absl::StatusOr<std::vector<absl::StatusOr<ChainDecision>>> Keep(
      absl::Span<const SignedBatch> batches, absl::Time now) override {
    if (!failure.ok()) {
      return failure;
    }
    std::vector<absl::StatusOr<ChainDecision>> decisions;
    for (const SignedBatch& batch : batches) {
      auto& chain = chains_[batch.device];
      const int64_t counter = batch.link.counter;
      auto decision =
          DecideLink(batch.link, {.last_counter = chain.empty() ? 0 : chain.rbegin()->first,
                                  .same = Find(chain, counter),
                                  .same_events = chain.contains(counter)
                                                     ? chain.at(counter).events
                                                     : ChainEvents(),
                                  .before = Find(chain, counter - 1),
                                  .after = Find(chain, counter + 1)});
      if (decision.ok() && !decision->known) {
        SignedBatch kept = batch;
        kept.events = decision->events;
        kept.created_at = now;
        chain.emplace(counter, std::move(kept));
      } else if (decision.ok() && !chain.at(counter).refusal_reason.empty()) {
        chain.at(counter).refusal_reason = batch.refusal_reason;
      }
      decisions.push_back(std::move(decision));
    }
    return decisions;
  }
  absl::StatusOr<std::vector<SignedBatch>> List(const SignedBatchQuery& query) override {
    std::vector<SignedBatch> listed;
    for (const auto& [counter, batch] : chains_[query.device]) {
      if (counter > query.after_counter && listed.size() < query.limit &&
          (!query.events_only || batch.events != ChainEvents())) {
        listed.push_back(batch);
      }
    }
    return listed;
  }

  absl::Status failure;

 private:
  using Chain = std::map<int64_t, SignedBatch>;
  static std::optional<ChainLink> Find(const Chain& chain, int64_t counter) {
    const auto found = chain.find(counter);
    return found == chain.end() ? std::nullopt : std::optional<ChainLink>(found->second.link);
  }
  std::map<DeviceId, Chain> chains_;
};

}  // namespace peerwatt::metering::testing
