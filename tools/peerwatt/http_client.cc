#include "tools/peerwatt/http_client.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/status_macros.h"

namespace peerwatt::tool {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr uint64_t kBodyMax = uint64_t{256} << 20;

absl::StatusOr<asio::ip::tcp::endpoint> Resolve(const std::string& address) {
  const std::vector<std::string> parts = absl::StrSplit(address, ':');
  boost::system::error_code error;
  uint32_t port = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[1], &port) || port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat("'", address, "' is no host:port"));
  }
  const auto host = asio::ip::make_address(parts[0], error);
  if (error) return absl::InvalidArgumentError(absl::StrCat("'", address, "' is no host:port"));
  return asio::ip::tcp::endpoint(host, static_cast<uint16_t>(port));
}

}  // namespace

struct HttpClient::Impl {
  asio::io_context io;
  std::optional<beast::tcp_stream> stream;
  beast::flat_buffer buffer;
  boost::system::error_code result;

  /// Runs what was started to its end; the stream's expiry bounds it.
  absl::Status Finish(const std::string& what, const std::string& address) {
    io.restart();
    io.run();
    if (!result) return absl::OkStatus();
    stream.reset();
    return absl::UnavailableError(absl::StrCat(what, " ", address, ": ", result.message()));
  }
  auto Keep() {
    return [this](boost::system::error_code error, auto&&...) { result = error; };
  }
};

HttpClient::HttpClient(std::string address)
    : address_(std::move(address)), impl_(std::make_unique<Impl>()) {}

HttpClient::~HttpClient() = default;

absl::StatusOr<HttpResponse> HttpClient::Call(const HttpRequest& request, absl::Duration timeout) {
  Impl& impl = *impl_;
  const auto expiry = std::chrono::milliseconds(absl::ToInt64Milliseconds(timeout));
  if (!impl.stream.has_value()) {
    PW_ASSIGN_OR_RETURN(const auto endpoint, Resolve(address_));
    impl.buffer.clear();
    impl.stream.emplace(impl.io);
    impl.stream->expires_after(expiry);
    impl.stream->async_connect(endpoint, impl.Keep());
    PW_RETURN_IF_ERROR(impl.Finish("connecting to", address_));
    boost::system::error_code ignored;
    impl.stream->socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  }
  http::request<http::string_body> message(http::string_to_verb(request.method), request.target,
                                           11);
  message.set(http::field::host, address_);
  message.keep_alive(true);
  if (!request.bearer_token.empty()) {
    message.set(http::field::authorization, "Bearer " + request.bearer_token);
  }
  if (!request.body.empty()) {
    message.set(http::field::content_type, "application/json");
    message.body() = request.body;
  }
  message.prepare_payload();
  impl.stream->expires_after(expiry);
  http::async_write(*impl.stream, message, impl.Keep());
  PW_RETURN_IF_ERROR(impl.Finish("sending to", address_));
  http::response_parser<http::string_body> parser;
  parser.body_limit(kBodyMax);
  impl.stream->expires_after(expiry);
  http::async_read(*impl.stream, impl.buffer, parser, impl.Keep());
  PW_RETURN_IF_ERROR(impl.Finish("waiting for", address_));
  HttpResponse response{static_cast<int>(parser.get().result_int()),
                        std::move(parser.get().body())};
  if (!parser.get().keep_alive()) impl.stream.reset();
  return response;
}

}  // namespace peerwatt::tool
