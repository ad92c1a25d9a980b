#include "services/gateway/h2/tls.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace peerwatt::gateway {
namespace {

constexpr int kWriteFragmentBytes = 4096;
constexpr int kChainDepthMax = 8;
constexpr unsigned char kHttp2[] = {2, 'h', '2'};

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct CertificateFree {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using BioHandle = std::unique_ptr<BIO, BioFree>;
using CertificateHandle = std::unique_ptr<X509, CertificateFree>;

absl::Status Unusable(absl::string_view what) {
  char text[160];
  ERR_error_string_n(ERR_peek_last_error(), text, sizeof text);
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat("TLS of devices: ", what, ": ", text));
}

BioHandle Over(const std::string& pem) {
  return BioHandle(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

CertificateHandle NextCertificate(BIO* bio) {
  return CertificateHandle(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr));
}

absl::Status UseOwn(SSL_CTX* context, const TlsServerOptions& options) {
  const BioHandle chain = Over(options.cert_pem);
  const CertificateHandle leaf = NextCertificate(chain.get());
  if (leaf == nullptr || SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    return Unusable("own certificate");
  }
  while (CertificateHandle next = NextCertificate(chain.get())) {
    if (SSL_CTX_add1_chain_cert(context, next.get()) != 1) return Unusable("own chain");
  }
  ERR_clear_error();
  const BioHandle bio = Over(options.key_pem);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr);
  const bool used = key != nullptr && SSL_CTX_use_PrivateKey(context, key) == 1 &&
                    SSL_CTX_check_private_key(context) == 1;
  EVP_PKEY_free(key);
  return used ? absl::OkStatus() : Unusable("own key");
}

absl::Status TrustClients(SSL_CTX* context, const std::string& ca_pem) {
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  const BioHandle bio = Over(ca_pem);
  int count = 0;
  while (CertificateHandle authority = NextCertificate(bio.get())) {
    if (X509_STORE_add_cert(store, authority.get()) != 1 ||
        SSL_CTX_add_client_CA(context, authority.get()) != 1) {
      return Unusable("authority of devices");
    }
    ++count;
  }
  if (count == 0) return Unusable("authority of devices");
  ERR_clear_error();
  // The authority that is named is trusted, also when it is not the root itself.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_verify_depth(context, kChainDepthMax);
  return absl::OkStatus();
}

int SelectHttp2(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                unsigned int in_size, void*) {
  unsigned char* selected = nullptr;
  if (SSL_select_next_proto(&selected, out_size, kHttp2, sizeof kHttp2, in, in_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

// The one URI among the names, or empty.
std::string UriOf(const X509* certificate) {
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  std::string uri;
  int count = 0;
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* text = name->d.uniformResourceIdentifier;
    uri.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
               static_cast<size_t>(ASN1_STRING_length(text)));
    ++count;
  }
  GENERAL_NAMES_free(names);
  return count == 1 ? uri : "";
}

std::string SerialOf(const X509* certificate) {
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr);
  char* hex = number == nullptr ? nullptr : BN_bn2hex(number);
  std::string serial = hex == nullptr ? "" : absl::AsciiStrToLower(hex);
  OPENSSL_free(hex);
  BN_free(number);
  serial.erase(0, serial.find_first_not_of('0'));
  return serial;
}

absl::Time EndOf(const X509* certificate) {
  std::tm when{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &when) != 1) return absl::InfinitePast();
  return absl::FromTM(when, absl::UTCTimeZone());
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsServer>> TlsServer::Make(const TlsServerOptions& options) {
  std::unique_ptr<TlsServer> server(new TlsServer(SSL_CTX_new(TLS_server_method())));
  SSL_CTX* context = server->context();
  if (context == nullptr) return Unusable("no context");
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) {
    return Unusable("versions and ciphers");
  }
  SSL_CTX_set_options(context,
                      SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_max_send_fragment(context, kWriteFragmentBytes);
  // A record comes with one system call, not with two.
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_alpn_select_cb(context, &SelectHttp2, nullptr);
  absl::Status status = UseOwn(context, options);
  if (status.ok()) status = TrustClients(context, options.client_ca_pem);
  if (!status.ok()) return status;
  return server;
}

TlsSocket::TlsSocket(const TlsServer& server, int fd) : ssl_(SSL_new(server.context())) {
  if (ssl_ != nullptr) SSL_set_fd(ssl_.get(), fd);
}

TlsResult TlsSocket::ResultOf(int returned) {
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_NONE:
      return TlsResult::kDone;
    case SSL_ERROR_WANT_READ:
      return TlsResult::kWantRead;
    case SSL_ERROR_WANT_WRITE:
      return TlsResult::kWantWrite;
    default:
      ERR_clear_error();
      return TlsResult::kEnded;
  }
}

TlsResult TlsSocket::Handshake() {
  if (ssl_ == nullptr) return TlsResult::kEnded;
  return ResultOf(SSL_accept(ssl_.get()));
}

bool TlsSocket::SpeaksHttp2() const {
  const unsigned char* protocol = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &protocol, &size);
  return absl::string_view(reinterpret_cast<const char*>(protocol), size) == "h2";
}

PeerCertificate TlsSocket::peer() const {
  PeerCertificate peer;
  const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  // Whoever is not verified is nobody; the handshake has failed for them already.
  if (certificate == nullptr || SSL_get_verify_result(ssl_.get()) != X509_V_OK) {
    peer.not_after = absl::InfinitePast();
    return peer;
  }
  peer.uri = UriOf(certificate);
  peer.serial = SerialOf(certificate);
  peer.not_after = EndOf(certificate);
  return peer;
}

TlsResult TlsSocket::Read(char* to, size_t size, size_t& read) {
  return ResultOf(SSL_read_ex(ssl_.get(), to, size, &read));
}

bool TlsSocket::HasMore() const { return SSL_has_pending(ssl_.get()) == 1; }

TlsResult TlsSocket::Write(absl::string_view& bytes) {
  while (!bytes.empty()) {
    size_t written = 0;
    const int returned = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written);
    if (returned != 1) return ResultOf(returned);
    bytes.remove_prefix(written);
  }
  return TlsResult::kDone;
}

void TlsSocket::SayGoodbye() {
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

}  // namespace peerwatt::gateway
