#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <openssl/ssl.h>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/gateway/h2/call.h"

namespace peerwatt::gateway {

/// What a server needs for TLS that demands a client certificate; all in PEM.
struct TlsServerOptions {
  std::string cert_pem;  ///< own certificate, then those between it and the root
  std::string key_pem;
  std::string client_ca_pem;  ///< authorities of client certificates
};

/// Settings of TLS 1.2 and 1.3 connections of a door: client certificate required and verified,
/// HTTP/2 by ALPN, no renegotiation and no resumption, so that every connection shows its
/// certificate anew.
class TlsServer {
 public:
  /// Errors: kInvalidArgument when a certificate or the key cannot be used.
  static absl::StatusOr<std::unique_ptr<TlsServer>> Make(const TlsServerOptions& options);
  SSL_CTX* context() const { return context_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  explicit TlsServer(SSL_CTX* context) : context_(context) {}
  std::unique_ptr<SSL_CTX, Free> context_;
};

/// What became of an attempt to move bytes.
enum class TlsResult {
  kDone,
  kWantRead,   ///< goes on when the socket is readable
  kWantWrite,  ///< goes on when the socket is writable
  kEnded,      ///< the client is gone, or broke the protocol
};

/// TLS over a socket that does not block. An idle one holds no buffers.
class TlsSocket {
 public:
  /// fd: open, and closed by its owner after this.
  TlsSocket(const TlsServer& server, int fd);
  TlsResult Handshake();
  /// After the handshake: whether the client speaks HTTP/2, and its certificate.
  bool SpeaksHttp2() const;
  PeerCertificate peer() const;
  /// Reads what has arrived, at most `size` bytes.
  TlsResult Read(char* to, size_t size, size_t& read);
  /// Whether there is more to read without the socket.
  bool HasMore() const;
  /// Writes until all is written or the socket is full; removes from the front what was written.
  TlsResult Write(absl::string_view& bytes);
  /// Says that nothing more will be written.
  void SayGoodbye();

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  TlsResult ResultOf(int returned);
  std::unique_ptr<SSL, Free> ssl_;
};

}  // namespace peerwatt::gateway
