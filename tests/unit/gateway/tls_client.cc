#include "tests/unit/gateway/tls_client.h"

#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "libs/base/check.h"

namespace peerwatt::gateway::testing {
namespace {

constexpr int kPatienceSeconds = 20;

BIO* Over(const std::string& pem) {
  return BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
}

void Show(SSL_CTX* context, const TlsClientOptions& options) {
  if (options.cert_pem.empty()) return;
  BIO* bio = Over(options.cert_pem);
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  SSL_CTX_use_certificate(context, certificate);
  X509_free(certificate);
  BIO_free(bio);
  bio = Over(options.key_pem);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  SSL_CTX_use_PrivateKey(context, key);
  EVP_PKEY_free(key);
  BIO_free(bio);
}

}  // namespace

TlsClient::TlsClient(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<uint16_t>(port));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{kPatienceSeconds, 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  PW_CHECK(connect(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0,
           "the port takes no connection");
}

TlsClient::~TlsClient() {
  ssl_.reset();
  close(fd_);
}

bool TlsClient::Handshake(const TlsClientOptions& options) {
  context_.reset(SSL_CTX_new(TLS_client_method()));
  Show(context_.get(), options);
  SSL_CTX_set_max_proto_version(context_.get(), options.version_max);
  SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT);
  ssl_.reset(SSL_new(context_.get()));
  SSL_set_fd(ssl_.get(), fd_);
  if (!options.protocol.empty()) {
    const std::string list =
        std::string(1, static_cast<char>(options.protocol.size())) + options.protocol;
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(list.data()),
                        static_cast<unsigned int>(list.size()));
  }
  return SSL_connect(ssl_.get()) == 1;
}

void TlsClient::SendRaw(absl::string_view bytes) {
  PW_CHECK(send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
               static_cast<ssize_t>(bytes.size()),
           "the socket takes nothing");
}

bool TlsClient::IsClosedUnheard() {
  char byte = 0;
  return recv(fd_, &byte, 1, 0) == 0;
}

bool TlsClient::Write(absl::string_view bytes) {
  return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) ==
         static_cast<int>(bytes.size());
}

std::string TlsClient::Read() {
  char bytes[16384];
  const int size = SSL_read(ssl_.get(), bytes, sizeof bytes);
  const SSL_SESSION* session = SSL_get0_session(ssl_.get());
  ticket_ = session != nullptr && SSL_SESSION_has_ticket(session) == 1;
  return size > 0 ? std::string(bytes, static_cast<size_t>(size)) : "";
}

}  // namespace peerwatt::gateway::testing
