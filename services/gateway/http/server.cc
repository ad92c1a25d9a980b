#include "services/gateway/http/server.h"

#include <algorithm>
#include <cerrno>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/use_future.hpp>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "libs/base/log.h"
#include "services/gateway/http/connection.h"

namespace peerwatt::gateway {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using TlsStream = asio::ssl::stream<Tcp::socket>;

constexpr std::chrono::milliseconds kAcceptPause{100};

absl::StatusOr<Tcp::endpoint> EndpointOf(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("'", address, "' is not host:port"));
  }
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  asio::io_context context;
  Tcp::resolver resolver(context);
  ErrorCode error;
  const auto found = resolver.resolve(host, address.substr(colon + 1),
                                      Tcp::resolver::passive | Tcp::resolver::numeric_service,
                                      error);
  if (error || found.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("'", address, "': ", error.message()));
  }
  return found.begin()->endpoint();
}

}  // namespace

// Each thread runs a context of its own and a connection stays on one of them, so that nothing of
// a connection ever runs twice at once.
struct HttpServer::Impl {
  Impl(const HttpServerOptions& options, HttpHandler& http_handler)
      : contexts(NewContexts(std::max(options.threads, 1))), handler(http_handler),
        acceptor(*contexts.front()), pause(*contexts.front()) {
    limits.body_bytes_max = options.body_bytes_max;
    limits.connections_max = options.connections_max;
    limits.idle_timeout = absl::ToChronoSeconds(options.idle_timeout);
    limits.request_timeout = absl::ToChronoSeconds(options.request_timeout);
  }

  static std::vector<std::unique_ptr<asio::io_context>> NewContexts(int count) {
    std::vector<std::unique_ptr<asio::io_context>> out;
    for (int i = 0; i < count; ++i) out.push_back(std::make_unique<asio::io_context>(1));
    return out;
  }

  absl::Status Listen(const HttpServerOptions& options) {
    const auto endpoint = EndpointOf(options.address);
    if (!endpoint.ok()) return endpoint.status();
    ErrorCode error;
    if (!options.cert_pem.empty()) {
      tls.emplace(asio::ssl::context::tls_server);
      tls->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1 |
                       asio::ssl::context::no_sslv3);
      tls->use_certificate_chain(asio::buffer(options.cert_pem), error);
      if (!error) {
        tls->use_private_key(asio::buffer(options.key_pem), asio::ssl::context::pem, error);
      }
      if (error) {
        return absl::InvalidArgumentError(absl::StrCat("HTTP certificate: ", error.message()));
      }
    }
    acceptor.open(endpoint->protocol(), error);
    if (!error) acceptor.set_option(Tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(*endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", options.address, ": ", error.message()));
    }
    port = acceptor.local_endpoint().port();
    return absl::OkStatus();
  }

  void Accept() {
    next = (next + 1) % contexts.size();
    acceptor.async_accept(*contexts[next], [this](ErrorCode error, Tcp::socket socket) {
      if (error == asio::error::operation_aborted || !acceptor.is_open()) return;
      if (error) {
        // Out of descriptors, most likely: connections that end give some back.
        Log(Severity::kWarning, "cannot accept a connection; trying again",
            {{"error", error.message()}});
        pause.expires_after(kAcceptPause);
        pause.async_wait([this](ErrorCode stopped) {
          if (!stopped) Accept();
        });
        return;
      }
      Welcome(std::move(socket));
      Accept();
    });
  }

  void Welcome(Tcp::socket socket) {
    ErrorCode error;
    const auto peer = socket.remote_endpoint(error);
    // Over the limit the socket just closes: there is no room for more.
    if (error || open->load() >= limits.connections_max) return;
    socket.set_option(Tcp::no_delay(true), error);
    const std::string address = peer.address().to_string();
    std::shared_ptr<AnyConnection> connection;
    if (tls.has_value()) {
      connection = std::make_shared<Connection<TlsStream>>(TlsStream(std::move(socket), *tls),
                                                           address, limits, handler, open);
    } else {
      connection = std::make_shared<Connection<Tcp::socket>>(std::move(socket), address, limits,
                                                             handler, open);
    }
    {
      const absl::MutexLock lock(&mutex);
      connections.erase(std::remove_if(connections.begin(), connections.end(),
                                       [](const auto& weak) { return weak.expired(); }),
                        connections.end());
      connections.push_back(connection);
    }
    connection->Start();
  }

  std::vector<std::shared_ptr<AnyConnection>> Open() {
    std::vector<std::shared_ptr<AnyConnection>> out;
    const absl::MutexLock lock(&mutex);
    for (const auto& weak : connections) {
      if (auto connection = weak.lock(); connection != nullptr) out.push_back(connection);
    }
    return out;
  }

  std::vector<std::unique_ptr<asio::io_context>> contexts;
  size_t next = 0;  ///< context of the connection to come
  HttpHandler& handler;
  HttpLimits limits;
  std::optional<asio::ssl::context> tls;
  Tcp::acceptor acceptor;
  asio::steady_timer pause;
  int port = 0;
  std::shared_ptr<std::atomic<int>> open = std::make_shared<std::atomic<int>>(0);
  absl::Mutex mutex;
  std::vector<std::weak_ptr<AnyConnection>> connections ABSL_GUARDED_BY(mutex);
  std::vector<std::thread> threads;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() { Drain(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options,
                                                              HttpHandler& handler) {
  auto impl = std::make_unique<Impl>(options, handler);
  if (absl::Status status = impl->Listen(options); !status.ok()) return status;
  Impl& started = *impl;
  asio::post(started.acceptor.get_executor(), [&started] { started.Accept(); });
  for (const auto& context : started.contexts) {
    started.threads.emplace_back([&context] {
      // A context without connections has nothing to do and must not end for that.
      const auto guard = asio::make_work_guard(*context);
      context->run();
    });
  }
  Log(Severity::kInfo, "listening for HTTP",
      {{"address", options.address}, {"port", started.port}, {"tls", started.tls.has_value()}});
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

int HttpServer::port() const { return impl_->port; }

void HttpServer::Drain(absl::Duration grace) {
  if (impl_->threads.empty()) return;
  asio::post(impl_->acceptor.get_executor(), asio::use_future([this] {
    ErrorCode ignored;
    impl_->acceptor.close(ignored);
    impl_->pause.cancel();
  })).wait();
  const absl::Time deadline = absl::Now() + grace;
  for (const auto& connection : impl_->Open()) connection->Drain();
  while (impl_->open->load() > 0 && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(10));
  }
  for (const auto& connection : impl_->Open()) connection->Close();
  const absl::Time cut = absl::Now() + absl::Seconds(1);
  while (impl_->open->load() > 0 && absl::Now() < cut) absl::SleepFor(absl::Milliseconds(1));
  for (const auto& context : impl_->contexts) context->stop();
  for (std::thread& thread : impl_->threads) thread.join();
  impl_->threads.clear();
}

}  // namespace peerwatt::gateway
