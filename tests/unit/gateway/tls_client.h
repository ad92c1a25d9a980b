#pragma once

#include <memory>
#include <string>

#include <openssl/ssl.h>

#include "absl/strings/string_view.h"

namespace peerwatt::gateway::testing {

/// How a client shows itself; empty for what it lacks.
struct TlsClientOptions {
  std::string cert_pem;
  std::string key_pem;
  std::string protocol = "h2";  ///< by ALPN
  int version_max = TLS1_3_VERSION;
};

/// A blocking TLS connection to a port of this machine. It does not verify the server.
class TlsClient {
 public:
  explicit TlsClient(int port);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  /// Returns whether the client's side of the handshake was done; the server may refuse later.
  bool Handshake(const TlsClientOptions& options);
  /// Sends bytes before or instead of TLS.
  void SendRaw(absl::string_view bytes);
  /// Whether the server closes before it has sent anything.
  bool IsClosedUnheard();
  bool Write(absl::string_view bytes);
  /// The next bytes; empty when the server has closed.
  std::string Read();
  /// Whether a session ticket came.
  bool has_ticket() const { return ticket_; }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  int fd_;
  bool ticket_ = false;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
};

}  // namespace peerwatt::gateway::testing
