#include "libs/crypto/certificates.h"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "libs/crypto/openssl_handles.h"

namespace peerwatt::crypto {
namespace {

using ::testing::MatchesRegex;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

CertificateHandle Read(const std::string& pem) {
  return CertificateHandle(PEM_read_bio_X509(BioOver(pem).get(), nullptr, nullptr, nullptr));
}

// Checks the chain as OpenSSL does for TLS, at an instant and for a purpose.
bool ChainHolds(const std::string& leaf_pem, const std::string& authority_pem, absl::Time at,
                int purpose) {
  const CertificateHandle leaf = Read(leaf_pem);
  const CertificateHandle authority = Read(authority_pem);
  const std::unique_ptr<X509_STORE, FreeWith<X509_STORE_free>> store(X509_STORE_new());
  const std::unique_ptr<X509_STORE_CTX, FreeWith<X509_STORE_CTX_free>> context(
      X509_STORE_CTX_new());
  X509_STORE_add_cert(store.get(), authority.get());
  X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr);
  X509_STORE_CTX_set_time(context.get(), 0, absl::ToTimeT(at));
  X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_X509_STRICT);
  X509_STORE_CTX_set_purpose(context.get(), purpose);
  return X509_verify_cert(context.get()) == 1;
}

int UriCount(const std::string& pem) {
  const CertificateHandle certificate = Read(pem);
  const GeneralNamesHandle names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  int count = 0;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    count += sk_GENERAL_NAME_value(names.get(), i)->type == GEN_URI;
  }
  return count;
}

class CertificatesTest : public ::testing::Test {
 protected:
  CertificatesTest() {
    authority_key_ = NewPrivateKey().value();
    authority_ = NewAuthority(authority_key_, "Test CA", kNow, absl::Hours(24 * 365)).value();
    leaf_key_ = NewPrivateKey().value();
  }

  static LeafSpec DeviceSpec() {
    LeafSpec spec;
    spec.common_name = "d1";
    spec.uri_san = "spiffe://peerwatt/device/d1";
    spec.client = true;
    return spec;
  }

  absl::StatusOr<Certificate> IssueForRequest(const std::string& csr) {
    return IssueLeafForRequest(authority_.pem, authority_key_, csr, DeviceSpec(), kNow,
                               absl::Hours(720));
  }

  std::string authority_key_;
  Certificate authority_;
  std::string leaf_key_;
};

TEST_F(CertificatesTest, IssuesAServerLeafThatVerifies) {
  LeafSpec spec;
  spec.common_name = "registry";
  spec.uri_san = "spiffe://peerwatt/service/registry";
  spec.dns_sans = {"registry.peerwatt.internal", "localhost"};
  spec.ip_sans = {"127.0.0.1", "::1"};
  spec.server = spec.client = true;
  const auto leaf =
      IssueLeaf(authority_.pem, authority_key_, leaf_key_, spec, kNow, absl::Hours(24));
  ASSERT_TRUE(leaf.ok()) << leaf.status();
  EXPECT_TRUE(ChainHolds(leaf->pem, authority_.pem, kNow, X509_PURPOSE_SSL_SERVER));
  EXPECT_TRUE(ChainHolds(leaf->pem, authority_.pem, kNow, X509_PURPOSE_SSL_CLIENT));
  const CertificateHandle x509 = Read(leaf->pem);
  EXPECT_EQ(X509_check_host(x509.get(), "registry.peerwatt.internal", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(x509.get(), "market.peerwatt.internal", 0, 0, nullptr), 0);
  EXPECT_EQ(X509_check_ip_asc(x509.get(), "127.0.0.1", 0), 1);
  EXPECT_EQ(UriCount(leaf->pem), 1);
}

TEST_F(CertificatesTest, ClientLeafIsNoServer) {
  const auto leaf =
      IssueLeaf(authority_.pem, authority_key_, leaf_key_, DeviceSpec(), kNow, absl::Hours(24));
  ASSERT_TRUE(leaf.ok()) << leaf.status();
  EXPECT_TRUE(ChainHolds(leaf->pem, authority_.pem, kNow, X509_PURPOSE_SSL_CLIENT));
  EXPECT_FALSE(ChainHolds(leaf->pem, authority_.pem, kNow, X509_PURPOSE_SSL_SERVER));
}

TEST_F(CertificatesTest, LeafIsValidFromFiveMinutesEarlierToItsEnd) {
  const auto leaf =
      IssueLeaf(authority_.pem, authority_key_, leaf_key_, DeviceSpec(), kNow, absl::Hours(24));
  ASSERT_TRUE(leaf.ok());
  EXPECT_EQ(leaf->not_before, kNow - absl::Minutes(5));
  EXPECT_EQ(leaf->not_after, kNow + absl::Hours(24));
  const auto holds = [&](absl::Time at) {
    return ChainHolds(leaf->pem, authority_.pem, at, X509_PURPOSE_SSL_CLIENT);
  };
  EXPECT_FALSE(holds(kNow - absl::Minutes(6)));
  EXPECT_TRUE(holds(kNow - absl::Minutes(4)));
  EXPECT_FALSE(holds(kNow + absl::Hours(25)));
}

TEST_F(CertificatesTest, LeafEndsWithItsAuthorityAtTheLatest) {
  const auto leaf = IssueLeaf(authority_.pem, authority_key_, leaf_key_, DeviceSpec(), kNow,
                              absl::Hours(24 * 3650));
  ASSERT_TRUE(leaf.ok());
  EXPECT_EQ(leaf->not_after, authority_.not_after);
}

TEST_F(CertificatesTest, LeafMayNotSign) {
  LeafSpec spec = DeviceSpec();
  const auto leaf =
      IssueLeaf(authority_.pem, authority_key_, leaf_key_, spec, kNow, absl::Hours(24)).value();
  const std::string other_key = NewPrivateKey().value();
  const auto below = IssueLeaf(leaf.pem, leaf_key_, other_key, spec, kNow, absl::Hours(1));
  ASSERT_TRUE(below.ok());
  EXPECT_FALSE(ChainHolds(below->pem, leaf.pem, kNow, X509_PURPOSE_SSL_CLIENT));
}

TEST_F(CertificatesTest, SerialsAreRandomAndCanonical) {
  std::set<std::string> serials;
  for (int i = 0; i < 300; ++i) {
    const auto leaf = IssueLeaf(authority_.pem, authority_key_, leaf_key_, DeviceSpec(), kNow,
                                absl::Hours(1));
    ASSERT_TRUE(leaf.ok());
    EXPECT_THAT(leaf->serial, MatchesRegex("[1-9a-f][0-9a-f]*"));
    EXPECT_LE(leaf->serial.size(), 32U);
    EXPECT_EQ(ParseCertificate(leaf->pem).value().serial, leaf->serial);
    serials.insert(leaf->serial);
  }
  EXPECT_EQ(serials.size(), 300U);
}

TEST_F(CertificatesTest, RequestGivesOnlyItsKey) {
  const std::string csr = NewSigningRequest(leaf_key_, "someone-else").value();
  const auto leaf = IssueForRequest(csr);
  ASSERT_TRUE(leaf.ok()) << leaf.status();
  EXPECT_TRUE(ChainHolds(leaf->pem, authority_.pem, kNow, X509_PURPOSE_SSL_CLIENT));
  const CertificateHandle x509 = Read(leaf->pem);
  const KeyHandle key = ParsePrivateKey(leaf_key_).value();
  EXPECT_EQ(X509_check_private_key(x509.get(), key.get()), 1);
  char common_name[64] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(x509.get()), NID_commonName, common_name,
                            sizeof(common_name));
  EXPECT_STREQ(common_name, "d1");
}

TEST_F(CertificatesTest, RefusesBadRequests) {
  const std::string good = NewSigningRequest(leaf_key_, "d1").value();
  EXPECT_TRUE(IssueForRequest(good).ok());
  // The signature ends the request: a changed last byte breaks only it.
  RequestHandle request(PEM_read_bio_X509_REQ(BioOver(good).get(), nullptr, nullptr, nullptr));
  const KeyHandle other = ParsePrivateKey(NewPrivateKey().value()).value();
  ASSERT_GT(X509_REQ_sign(request.get(), other.get(), EVP_sha256()), 0);
  const BioHandle forged(BIO_new(BIO_s_mem()));
  ASSERT_EQ(PEM_write_bio_X509_REQ(forged.get(), request.get()), 1);
  // A request with a key on another curve.
  const KeyHandle p384(EVP_EC_gen("P-384"));
  const RequestHandle strong(X509_REQ_new());
  ASSERT_EQ(X509_REQ_set_pubkey(strong.get(), p384.get()), 1);
  ASSERT_GT(X509_REQ_sign(strong.get(), p384.get(), EVP_sha256()), 0);
  const BioHandle other_curve(BIO_new(BIO_s_mem()));
  ASSERT_EQ(PEM_write_bio_X509_REQ(other_curve.get(), strong.get()), 1);

  const struct {
    const char* name;
    std::string csr;
  } kCases[] = {{"empty", ""},
                {"no PEM", "hello"},
                {"a certificate", authority_.pem},
                {"cut off", good.substr(0, good.size() / 2)},
                {"signed by another key", TextOf(forged.get())},
                {"P-384", TextOf(other_curve.get())},
                {"huge", good + std::string(8192, '\n')}};
  for (const auto& c : kCases) {
    EXPECT_EQ(IssueForRequest(c.csr).status().code(), absl::StatusCode::kInvalidArgument)
        << c.name;
  }
}

TEST_F(CertificatesTest, RefusesIncompleteLeaves) {
  const auto code = [&](const LeafSpec& spec, absl::Duration life) {
    return IssueLeaf(authority_.pem, authority_key_, leaf_key_, spec, kNow, life).status().code();
  };
  LeafSpec no_uri = DeviceSpec();
  no_uri.uri_san.clear();
  LeafSpec no_usage = DeviceSpec();
  no_usage.client = false;
  LeafSpec no_name = DeviceSpec();
  no_name.common_name.clear();
  LeafSpec bad_ip = DeviceSpec();
  bad_ip.ip_sans = {"300.1.1.1"};
  for (const LeafSpec& spec : {no_uri, no_usage, no_name, bad_ip}) {
    EXPECT_EQ(code(spec, absl::Hours(1)), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(code(DeviceSpec(), -absl::Hours(1)), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(DeviceSpec(), absl::Hours(1)), absl::StatusCode::kOk);
}

TEST_F(CertificatesTest, RefusesAForeignAuthorityKey) {
  EXPECT_EQ(IssueLeaf(authority_.pem, leaf_key_, leaf_key_, DeviceSpec(), kNow, absl::Hours(1))
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ParseCertificateTest, RefusesWhatIsNoCertificate) {
  EXPECT_EQ(ParseCertificate("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ParseCertificate("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace peerwatt::crypto
