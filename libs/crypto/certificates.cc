#include "libs/crypto/certificates.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "libs/base/check.h"
#include "libs/base/ids.h"
#include "libs/base/status_macros.h"
#include "libs/crypto/openssl_handles.h"

namespace peerwatt::crypto {
namespace {

constexpr size_t kSerialBytes = 16;
constexpr size_t kRequestBytesMax = 8192;
// A peer whose clock is behind must accept a certificate that was issued just now.
constexpr absl::Duration kClockSkew = absl::Minutes(5);

absl::StatusOr<CertificateHandle> ReadCertificate(const std::string& pem) {
  const BioHandle bio = BioOver(pem);
  CertificateHandle certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (certificate == nullptr) return absl::InvalidArgumentError("no certificate in PEM form");
  return certificate;
}

absl::StatusOr<absl::Time> TimeOf(const ASN1_TIME* asn1) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(asn1, &parts) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError("certificate time cannot be read");
  }
  return absl::FromTM(parts, absl::UTCTimeZone());
}

absl::StatusOr<std::string> SerialOf(const X509* certificate) {
  const BignumHandle number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  if (number == nullptr) return OpensslFailure("serial number cannot be read");
  char* hex = BN_bn2hex(number.get());
  PW_CHECK(hex != nullptr, "no memory for a serial number");
  std::string serial = absl::AsciiStrToLower(hex);
  OPENSSL_free(hex);
  serial.erase(0, serial.find_first_not_of('0'));
  return serial;
}

absl::StatusOr<Certificate> Describe(const X509* certificate) {
  Certificate described;
  PW_ASSIGN_OR_RETURN(described.serial, SerialOf(certificate));
  PW_ASSIGN_OR_RETURN(described.not_before, TimeOf(X509_get0_notBefore(certificate)));
  PW_ASSIGN_OR_RETURN(described.not_after, TimeOf(X509_get0_notAfter(certificate)));
  const BioHandle bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || PEM_write_bio_X509(bio.get(), certificate) != 1) {
    return OpensslFailure("certificate cannot be written");
  }
  described.pem = TextOf(bio.get());
  return described;
}

absl::Status SetCommonName(X509_NAME* name, absl::string_view common_name) {
  // RFC 5280 allows 64 characters.
  if (common_name.empty() || common_name.size() > 64) {
    return absl::InvalidArgumentError("common name must have 1 to 64 characters");
  }
  if (X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(common_name.data()),
                                 static_cast<int>(common_name.size()), -1, 0) != 1) {
    return OpensslFailure("common name cannot be set");
  }
  return absl::OkStatus();
}

absl::Status SetRandomSerial(X509* certificate) {
  const std::string bytes = RandomBytes(kSerialBytes);
  const BignumHandle number(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), kSerialBytes, nullptr));
  if (number == nullptr || BN_is_zero(number.get()) ||
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) == nullptr) {
    return OpensslFailure("serial number cannot be set");
  }
  return absl::OkStatus();
}

absl::Status SetLife(X509* certificate, absl::Time not_before, absl::Time not_after) {
  if (not_after <= not_before) {
    return absl::InvalidArgumentError("certificate would never be valid");
  }
  if (ASN1_TIME_set(X509_getm_notBefore(certificate), absl::ToTimeT(not_before)) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(certificate), absl::ToTimeT(not_after)) == nullptr) {
    return OpensslFailure("times of the certificate cannot be set");
  }
  return absl::OkStatus();
}

// value: always a constant of ours, as OpenSSL's configuration language would read more into it.
absl::Status AddExtension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionHandle extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  if (extension == nullptr || X509_add_ext(certificate, extension.get(), -1) != 1) {
    return OpensslFailure(absl::StrCat("extension ", OBJ_nid2sn(nid), " cannot be set"));
  }
  return absl::OkStatus();
}

absl::Status AddName(GENERAL_NAMES* names, int type, const std::string& text) {
  GENERAL_NAME* name = a2i_GENERAL_NAME(nullptr, nullptr, nullptr, type, text.c_str(), 0);
  ERR_clear_error();
  if (name == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("no alternative name: ", text));
  }
  PW_CHECK(sk_GENERAL_NAME_push(names, name) > 0, "no memory for a name");
  return absl::OkStatus();
}

absl::Status AddAlternativeNames(X509* certificate, const LeafSpec& spec) {
  const GeneralNamesHandle names(sk_GENERAL_NAME_new_null());
  PW_RETURN_IF_ERROR(AddName(names.get(), GEN_URI, spec.uri_san));
  for (const std::string& dns : spec.dns_sans) {
    PW_RETURN_IF_ERROR(AddName(names.get(), GEN_DNS, dns));
  }
  for (const std::string& ip : spec.ip_sans) {
    PW_RETURN_IF_ERROR(AddName(names.get(), GEN_IPADD, ip));
  }
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) != 1) {
    return OpensslFailure("alternative names cannot be set");
  }
  return absl::OkStatus();
}

absl::StatusOr<CertificateHandle> NewCertificate(absl::string_view common_name, EVP_PKEY* key,
                                                 absl::Time not_before, absl::Time not_after) {
  CertificateHandle certificate(X509_new());
  if (certificate == nullptr || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      X509_set_pubkey(certificate.get(), key) != 1) {
    return OpensslFailure("certificate cannot be made");
  }
  PW_RETURN_IF_ERROR(SetRandomSerial(certificate.get()));
  PW_RETURN_IF_ERROR(SetCommonName(X509_get_subject_name(certificate.get()), common_name));
  PW_RETURN_IF_ERROR(SetLife(certificate.get(), not_before, not_after));
  return certificate;
}

absl::Status Sign(X509* certificate, const X509* issuer, EVP_PKEY* issuer_key) {
  if (X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) != 1 ||
      X509_sign(certificate, issuer_key, EVP_sha256()) <= 0) {
    return OpensslFailure("certificate cannot be signed");
  }
  return absl::OkStatus();
}

const char* ExtendedKeyUsage(const LeafSpec& spec) {
  if (spec.server) return spec.client ? "serverAuth,clientAuth" : "serverAuth";
  return spec.client ? "clientAuth" : nullptr;
}

absl::StatusOr<Certificate> IssueFor(EVP_PKEY* leaf_key, const std::string& authority_pem,
                                     const std::string& authority_key_pem, const LeafSpec& spec,
                                     absl::Time not_before, absl::Duration life) {
  PW_ASSIGN_OR_RETURN(const CertificateHandle authority, ReadCertificate(authority_pem));
  PW_ASSIGN_OR_RETURN(const KeyHandle authority_key, ParsePrivateKey(authority_key_pem));
  if (X509_check_private_key(authority.get(), authority_key.get()) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError("the authority's key does not belong to its certificate");
  }
  const char* usage = ExtendedKeyUsage(spec);
  if (spec.uri_san.empty() || usage == nullptr) {
    return absl::InvalidArgumentError("a leaf needs a URI and a usage");
  }
  PW_ASSIGN_OR_RETURN(const absl::Time authority_end,
                      TimeOf(X509_get0_notAfter(authority.get())));
  // A leaf that outlives its authority would only look valid.
  PW_ASSIGN_OR_RETURN(const CertificateHandle leaf,
                      NewCertificate(spec.common_name, leaf_key, not_before - kClockSkew,
                                     std::min(not_before + life, authority_end)));
  PW_RETURN_IF_ERROR(
      AddExtension(leaf.get(), authority.get(), NID_basic_constraints, "critical,CA:FALSE"));
  PW_RETURN_IF_ERROR(
      AddExtension(leaf.get(), authority.get(), NID_key_usage, "critical,digitalSignature"));
  PW_RETURN_IF_ERROR(AddExtension(leaf.get(), authority.get(), NID_ext_key_usage, usage));
  PW_RETURN_IF_ERROR(
      AddExtension(leaf.get(), authority.get(), NID_subject_key_identifier, "hash"));
  PW_RETURN_IF_ERROR(
      AddExtension(leaf.get(), authority.get(), NID_authority_key_identifier, "keyid:always"));
  PW_RETURN_IF_ERROR(AddAlternativeNames(leaf.get(), spec));
  PW_RETURN_IF_ERROR(Sign(leaf.get(), authority.get(), authority_key.get()));
  return Describe(leaf.get());
}

}  // namespace

absl::StatusOr<std::string> NewPrivateKey() {
  const KeyHandle key(EVP_EC_gen("P-256"));
  const BioHandle bio(BIO_new(BIO_s_mem()));
  if (key == nullptr || bio == nullptr ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return OpensslFailure("key cannot be made");
  }
  return TextOf(bio.get());
}

absl::StatusOr<Certificate> NewAuthority(const std::string& key_pem, absl::string_view common_name,
                                         absl::Time not_before, absl::Duration life) {
  PW_ASSIGN_OR_RETURN(const KeyHandle key, ParsePrivateKey(key_pem));
  PW_ASSIGN_OR_RETURN(const CertificateHandle authority,
                      NewCertificate(common_name, key.get(), not_before - kClockSkew,
                                     not_before + life));
  X509* const x509 = authority.get();
  PW_RETURN_IF_ERROR(AddExtension(x509, x509, NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
  PW_RETURN_IF_ERROR(AddExtension(x509, x509, NID_key_usage, "critical,keyCertSign,cRLSign"));
  PW_RETURN_IF_ERROR(AddExtension(x509, x509, NID_subject_key_identifier, "hash"));
  PW_RETURN_IF_ERROR(AddExtension(x509, x509, NID_authority_key_identifier, "keyid:always"));
  PW_RETURN_IF_ERROR(Sign(x509, x509, key.get()));
  return Describe(x509);
}

absl::StatusOr<Certificate> IssueLeaf(const std::string& authority_pem,
                                      const std::string& authority_key_pem,
                                      const std::string& leaf_key_pem, const LeafSpec& spec,
                                      absl::Time not_before, absl::Duration life) {
  PW_ASSIGN_OR_RETURN(const KeyHandle leaf_key, ParsePrivateKey(leaf_key_pem));
  return IssueFor(leaf_key.get(), authority_pem, authority_key_pem, spec, not_before, life);
}

absl::StatusOr<Certificate> IssueLeafForRequest(const std::string& authority_pem,
                                                const std::string& authority_key_pem,
                                                const std::string& csr_pem, const LeafSpec& spec,
                                                absl::Time not_before, absl::Duration life) {
  if (csr_pem.size() > kRequestBytesMax) {
    return absl::InvalidArgumentError("signing request is longer than 8 KiB");
  }
  const BioHandle bio = BioOver(csr_pem);
  const RequestHandle request(PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  EVP_PKEY* const key = request == nullptr ? nullptr : X509_REQ_get0_pubkey(request.get());
  if (key == nullptr) return absl::InvalidArgumentError("no signing request in PEM form");
  if (!IsP256(key)) {
    return absl::InvalidArgumentError("the key of the signing request is not on curve P-256");
  }
  const bool signature_holds = X509_REQ_verify(request.get(), key) == 1;
  ERR_clear_error();
  if (!signature_holds) {
    return absl::InvalidArgumentError("the signature of the signing request is wrong");
  }
  return IssueFor(key, authority_pem, authority_key_pem, spec, not_before, life);
}

absl::StatusOr<std::string> NewSigningRequest(const std::string& key_pem,
                                              absl::string_view common_name) {
  PW_ASSIGN_OR_RETURN(const KeyHandle key, ParsePrivateKey(key_pem));
  const RequestHandle request(X509_REQ_new());
  if (request == nullptr || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1) {
    return OpensslFailure("signing request cannot be made");
  }
  PW_RETURN_IF_ERROR(SetCommonName(X509_REQ_get_subject_name(request.get()), common_name));
  const BioHandle bio(BIO_new(BIO_s_mem()));
  if (X509_REQ_sign(request.get(), key.get(), EVP_sha256()) <= 0 || bio == nullptr ||
      PEM_write_bio_X509_REQ(bio.get(), request.get()) != 1) {
    return OpensslFailure("signing request cannot be signed");
  }
  return TextOf(bio.get());
}

absl::StatusOr<Certificate> ParseCertificate(const std::string& pem) {
  PW_ASSIGN_OR_RETURN(const CertificateHandle certificate, ReadCertificate(pem));
  return Describe(certificate.get());
}

}  // namespace peerwatt::crypto
