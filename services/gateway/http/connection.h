#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "services/gateway/core/errors.h"
#include "services/gateway/http/exchange.h"

namespace peerwatt::gateway {

/// Bounds on what a client may do.
struct HttpLimits {
  uint64_t body_bytes_max = 1 << 20;
  uint32_t header_bytes_max = 16 << 10;
  int connections_max = 2000;
  std::chrono::seconds idle_timeout{60};     ///< between two requests
  std::chrono::seconds request_timeout{30};  ///< to send one request
  std::chrono::seconds write_timeout{30};    ///< to take one part of an answer
};

/// What the server knows of a connection, whatever its stream is.
class AnyConnection {
 public:
  virtual ~AnyConnection() = default;
  virtual void Start() = 0;
  /// Ends when the request under way is answered; streams end now.
  virtual void Drain() = 0;
  /// Ends now.
  virtual void Close() = 0;
};

/// One client connection: reads a request, hands it on, writes the answer, again and again.
/// Everything runs on the one thread of the stream's context. While an answer is awaited it reads
/// ahead, which is how it sees the client go.
/// Stream: `tcp::socket`, or a TLS stream over it.
template <class Stream>
class Connection final : public AnyConnection,
                         public std::enable_shared_from_this<Connection<Stream>> {
  using Tcp = boost::asio::ip::tcp;
  using ErrorCode = boost::system::error_code;
  static constexpr bool kTls = !std::is_same_v<Stream, Tcp::socket>;

 public:
  /// handler: outlives the connection. open: counts the open connections.
  Connection(Stream stream, std::string address, const HttpLimits& limits, HttpHandler& handler,
             std::shared_ptr<std::atomic<int>> open)
      : stream_(std::move(stream)), timer_(stream_.get_executor()), address_(std::move(address)),
        limits_(limits), handler_(handler), open_(std::move(open)) {
    open_->fetch_add(1);
  }
  ~Connection() override { open_->fetch_sub(1); }

  void Start() override {
    Post([](Connection& self) {
      self.Arm(self.limits_.request_timeout);
      if constexpr (kTls) {
        self.stream_.async_handshake(boost::asio::ssl::stream_base::server,
                                     self.Then([](Connection& c, ErrorCode error, size_t) {
                                       error ? c.HardClose() : c.Watch();
                                     }));
      } else {
        self.Watch();
      }
    });
  }
  void Drain() override {
    Post([](Connection& self) {
      self.draining_ = true;
      if (self.current_ == nullptr) {
        self.HardClose();
      } else if (self.streaming_) {
        self.current_->Gone();
      }
    });
  }
  void Close() override {
    Post([](Connection& self) { self.HardClose(); });
  }

 private:
  /// The exchange of the request under way.
  class Exchange final : public HttpExchange {
   public:
    Exchange(std::shared_ptr<Connection> connection, HttpRequest request)
        : connection_(std::move(connection)), request_(std::move(request)) {}
    const HttpRequest& request() const override { return request_; }
    void Respond(HttpResponse response) override {
      connection_->IfCurrent(this, [response = std::move(response)](Connection& c, bool current) {
        if (current) c.WriteWhole(response, c.keep_alive_);
      });
    }
    void StartStream(HttpResponse head, Done done) override {
      connection_->IfCurrent(
          this, [head = std::move(head), done = std::move(done)](Connection& c, bool current) {
            current ? c.WriteHead(head, done) : done(false);
          });
    }
    void Write(std::string part, Done done) override {
      connection_->IfCurrent(
          this, [part = std::move(part), done = std::move(done)](Connection& c, bool current) {
            current ? c.WritePart(part, done) : done(false);
          });
    }
    void FinishStream() override {
      connection_->IfCurrent(this, [](Connection& c, bool current) {
        if (current) c.WriteEnd();
      });
    }
    void BreakStream() override {
      connection_->IfCurrent(this, [](Connection& c, bool current) {
        if (current) c.HardClose();
      });
    }
    void OnDisconnect(std::function<void()> callback) override {
      connection_->IfCurrent(this, [this, callback = std::move(callback)](Connection& c,
                                                                            bool current) {
        if (current && !(c.draining_ && c.streaming_)) {
          on_gone_ = callback;
        } else {
          callback();
        }
      });
    }
    /// Tells the handler, once. On the connection's thread.
    void Gone() {
      if (auto callback = std::exchange(on_gone_, nullptr); callback != nullptr) callback();
    }

   private:
    std::shared_ptr<Connection> connection_;
    HttpRequest request_;
    std::function<void()> on_gone_;
  };

  template <class Action>
  void Post(Action action) {
    boost::asio::post(stream_.get_executor(), [self = this->shared_from_this(),
                                               action = std::move(action)] { action(*self); });
  }
  template <class Action>
  void IfCurrent(Exchange* exchange, Action action) {
    // The pointer is compared, never followed, when the exchange is no longer the current one.
    Post([exchange, action = std::move(action)](Connection& self) {
      action(self, self.current_.get() == exchange);
    });
  }
  /// A completion handler that keeps the connection.
  template <class Action>
  auto Then(Action action) {
    return [self = this->shared_from_this(), action = std::move(action)](
               ErrorCode error, size_t size = 0) { action(*self, error, size); };
  }

  auto& Socket() {
    if constexpr (kTls) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }
  void Arm(std::chrono::seconds timeout) {
    timer_.expires_after(timeout);
    timer_.async_wait([weak = this->weak_from_this()](ErrorCode error) {
      const auto self = weak.lock();
      if (!error && self != nullptr) self->HardClose();
    });
  }
  void Disarm() { timer_.cancel(); }
  void HardClose() {
    ErrorCode ignored;
    Socket().close(ignored);
    timer_.cancel();
    if (const auto exchange = std::exchange(current_, nullptr); exchange != nullptr) {
      exchange->Gone();
    }
  }

  /// Waits for bytes: of the next request, or for the client's end while it is answered.
  void Watch() {
    watching_ = true;
    stream_.async_read_some(buffer_.prepare(4096), Then([](Connection& c, ErrorCode error,
                                                           size_t size) {
      c.watching_ = false;
      if (error) {
        c.HardClose();
        return;
      }
      c.buffer_.commit(size);
      if (c.current_ == nullptr && !c.closing_) c.ReadRequest();
    }));
  }
  void ReadRequest() {
    parser_.emplace();
    parser_->header_limit(limits_.header_bytes_max);
    parser_->body_limit(limits_.body_bytes_max);
    Arm(limits_.request_timeout);
    boost::beast::http::async_read_header(
        stream_, buffer_, *parser_, Then([](Connection& c, ErrorCode error, size_t) {
          if (error) {
            c.RefuseRead(error);
          } else if (boost::beast::iequals(c.parser_->get()[boost::beast::http::field::expect],
                                           "100-continue")) {
            c.Continue();
          } else {
            c.ReadBody();
          }
        }));
  }
  void Continue() {
    static constexpr char kContinue[] = "HTTP/1.1 100 Continue\r\n\r\n";
    boost::asio::async_write(stream_, boost::asio::buffer(kContinue, sizeof(kContinue) - 1),
                             Then([](Connection& c, ErrorCode error, size_t) {
                               error ? c.HardClose() : c.ReadBody();
                             }));
  }
  void ReadBody() {
    boost::beast::http::async_read(stream_, buffer_, *parser_,
                                   Then([](Connection& c, ErrorCode error, size_t) {
                                     error ? c.RefuseRead(error) : c.Dispatch();
                                   }));
  }
  void RefuseRead(ErrorCode error) {
    namespace http = boost::beast::http;
    if (error == http::error::body_limit) {
      WriteWhole(handler_.Refuse(kBodyTooLarge, "the body is larger than the limit"), false);
    } else if (error == http::error::header_limit) {
      WriteWhole(handler_.Refuse(kHeadersTooLarge, "the headers are larger than the limit"),
                 false);
    } else if (error.category() == http::make_error_code(http::error::end_of_stream).category() &&
               error != http::error::end_of_stream && error != http::error::partial_message) {
      WriteWhole(handler_.Refuse(kMalformedRequest, "the request is not HTTP/1.1"), false);
    } else {
      HardClose();
    }
  }
  void Dispatch() {
    Disarm();
    auto message = parser_->release();
    HttpRequest request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    request.address = address_;
    for (const auto& field : message) {
      std::string name(field.name_string());
      for (char& c : name) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      }
      request.headers.emplace_back(std::move(name), std::string(field.value()));
    }
    request.body = std::move(message.body());
    keep_alive_ = message.keep_alive();
    version_ = message.version();
    head_only_ = request.method == "HEAD";
    current_ = std::make_shared<Exchange>(this->shared_from_this(), std::move(request));
    if (!watching_ && buffer_.size() == 0) Watch();
    handler_.Handle(current_);
  }

  using Head = boost::beast::http::response<boost::beast::http::string_body>;
  Head HeadOf(const HttpResponse& response, bool keep_alive) const {
    Head head(static_cast<boost::beast::http::status>(response.code), version_);
    for (const auto& [name, value] : response.headers) head.set(name, value);
    head.keep_alive(keep_alive && !draining_);
    return head;
  }
  void WriteWhole(const HttpResponse& response, bool keep_alive) {
    closing_ = !keep_alive || draining_;
    const auto message = std::make_shared<Head>(HeadOf(response, keep_alive));
    if (response.code == 204) {
      // No content, and no length of it either.
    } else if (head_only_) {
      message->content_length(response.body.size());
    } else {
      message->body() = response.body;
      message->prepare_payload();
    }
    Arm(limits_.write_timeout);
    boost::beast::http::async_write(stream_, *message,
                                    Then([message](Connection& c, ErrorCode error, size_t) {
                                      error ? c.HardClose() : c.Answered();
                                    }));
  }
  void WriteHead(const HttpResponse& response, const HttpExchange::Done& done) {
    streaming_ = true;
    chunked_ = version_ >= 11;
    closing_ = !keep_alive_ || !chunked_ || draining_;
    const auto message = std::make_shared<Head>(HeadOf(response, !closing_));
    if (chunked_) message->chunked(true);
    const auto serializer =
        std::make_shared<boost::beast::http::response_serializer<boost::beast::http::string_body>>(
            *message);
    Arm(limits_.write_timeout);
    boost::beast::http::async_write_header(
        stream_, *serializer,
        Then([message, serializer, done](Connection& c, ErrorCode error, size_t) {
          c.Wrote(error, done);
        }));
  }
  void WritePart(const std::string& part, const HttpExchange::Done& done) {
    const auto kept = std::make_shared<const std::string>(part);
    Arm(limits_.write_timeout);
    auto then =
        Then([kept, done](Connection& c, ErrorCode error, size_t) { c.Wrote(error, done); });
    if (chunked_) {
      boost::asio::async_write(
          stream_,
          boost::beast::http::make_chunk(boost::asio::const_buffer(kept->data(), kept->size())),
          std::move(then));
    } else {
      boost::asio::async_write(stream_, boost::asio::buffer(*kept), std::move(then));
    }
  }
  void Wrote(ErrorCode error, const HttpExchange::Done& done) {
    Disarm();
    if (error) HardClose();
    done(!error);
  }
  void WriteEnd() {
    auto then = Then([](Connection& c, ErrorCode error, size_t) {
      error ? c.HardClose() : c.Answered();
    });
    if (!chunked_) {
      Answered();
      return;
    }
    Arm(limits_.write_timeout);
    boost::asio::async_write(stream_, boost::beast::http::make_chunk_last(), std::move(then));
  }
  void Answered() {
    current_.reset();
    streaming_ = false;
    if (closing_ || draining_) {
      Linger();
      return;
    }
    if (buffer_.size() > 0 && !watching_) {
      ReadRequest();
      return;
    }
    Arm(limits_.idle_timeout);
    if (!watching_) Watch();
  }
  /// Closes our half and waits for the client's: a reset could take the answer away from it.
  void Linger() {
    ErrorCode ignored;
    Socket().shutdown(Tcp::socket::shutdown_send, ignored);
    Arm(std::chrono::seconds(2));
    if (!watching_) Discard();
    closing_ = true;
  }
  void Discard() {
    buffer_.clear();
    Socket().async_read_some(buffer_.prepare(16384),
                             Then([](Connection& c, ErrorCode error, size_t) {
                               error ? c.HardClose() : c.Discard();
                             }));
  }

  Stream stream_;
  boost::asio::steady_timer timer_;
  const std::string address_;
  const HttpLimits limits_;
  HttpHandler& handler_;
  std::shared_ptr<std::atomic<int>> open_;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  std::shared_ptr<Exchange> current_;
  unsigned version_ = 11;
  bool keep_alive_ = true;
  bool head_only_ = false;
  bool watching_ = false;
  bool streaming_ = false;
  bool chunked_ = false;
  bool closing_ = false;
  bool draining_ = false;
};

}  // namespace peerwatt::gateway
