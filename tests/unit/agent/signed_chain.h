#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "agent/batch_content.h"
#include "agent/enrolment.h"
#include "gtest/gtest.h"
#include "libs/crypto/certificates.h"
#include "libs/crypto/digest.h"
#include "libs/crypto/signature.h"
#include "tests/unit/agent/fake_metering.h"

namespace peerwatt::testing {

/// A key with a certificate for it.
inline agent::Identity NewIdentity() {
  agent::Identity identity;
  identity.key_pem = *crypto::NewPrivateKey();
  identity.certificate_pem =
      crypto::NewAuthority(identity.key_pem, "device", absl::Now(), absl::Hours(1))->pem;
  return identity;
}

/// Checks every signature that came, that a counter never has two contents, and that none is left
/// out. identities: by whose keys a signature may be. Returns how many different batches there are.
inline int64_t ExpectOneChain(const FakeMetering& server, const std::string& device,
                              const std::vector<agent::Identity>& identities) {
  std::vector<crypto::VerificationKey> keys;
  for (const agent::Identity& identity : identities) {
    keys.push_back(*crypto::VerificationKey::FromCertificate(identity.certificate_pem));
  }
  std::map<int64_t, std::pair<std::string, std::string>> chain;  // digests: previous, own
  for (const metering::v1::Batch& batch : server.signed_batches()) {
    const std::string digest =
        crypto::Sha256(EncodeSignedBatch(agent::ContentOf(device, batch)));
    EXPECT_TRUE(std::any_of(keys.begin(), keys.end(), [&](const auto& key) {
      return key.VerifiesDigest(digest, batch.signature().signature());
    })) << batch.signature().counter();
    const auto link = std::pair(batch.signature().previous_digest(), digest);
    EXPECT_EQ(chain.emplace(batch.signature().counter(), link).first->second, link)
        << "two contents with counter " << batch.signature().counter();
  }
  int64_t counter = 0;
  std::string previous(32, '\0');
  for (const auto& [number, link] : chain) {
    EXPECT_EQ(number, ++counter);
    EXPECT_EQ(link.first, previous);
    previous = link.second;
  }
  return counter;
}

}  // namespace peerwatt::testing
