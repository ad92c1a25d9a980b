#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace peerwatt::testing {

/// Stands between a program and PostgreSQL and counts its calls: simple queries, executions of
/// prepared statements, and the ends of data that is copied in. At one of them it cuts every
/// connection for good, as if the program had been killed: before the call reaches the server, or
/// after its effect, when the answer is lost.
class CuttingProxy {
 public:
  /// server_port: on loopback. cut_at: number of the call, from 0; -1 cuts never.
  CuttingProxy(int server_port, int cut_at, bool after_effect)
      : server_port_(server_port), cut_at_(cut_at), after_effect_(after_effect) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof(address);
    if (bind(listener_, Cast(address), size) != 0 || listen(listener_, 16) != 0 ||
        getsockname(listener_, Cast(address), &size) != 0) {
      throw std::runtime_error("the proxy cannot listen");
    }
    port_ = ntohs(address.sin_port);
    threads_.emplace_back([this] { Accept(); });
  }
  ~CuttingProxy() {
    stopping_ = true;
    threads_.front().join();
    for (size_t i = 1; i < threads_.size(); ++i) {
      threads_[i].join();
    }
    close(listener_);
  }
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  int port() const { return port_; }
  int calls() const { return calls_; }

 private:
  static sockaddr_in Loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    return address;
  }
  static sockaddr* Cast(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }

  // Small messages do not wait for the answer to those before them.
  static void SendAtOnce(int fd) {
    const int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  }
  static bool Waits(int fd) {
    pollfd waiting = {fd, POLLIN, 0};
    return poll(&waiting, 1, 5) > 0;
  }
  static bool SendAll(int fd, const std::string& bytes) {
    size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t n = send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) {
        return false;
      }
      sent += static_cast<size_t>(n);
    }
    return true;
  }
  // Appends what has come; false when the other side is gone.
  static bool ReceiveSome(int fd, std::string& into) {
    std::array<char, 16384> buffer;
    const ssize_t n = recv(fd, buffer.data(), buffer.size(), 0);
    if (n > 0) {
      into.append(buffer.data(), static_cast<size_t>(n));
    }
    return n > 0;
  }

  void Accept() {
    while (!stopping_) {
      if (!Waits(listener_)) {
        continue;
      }
      const int client = accept(listener_, nullptr, nullptr);
      if (is_cut_) {
        close(client);
        continue;
      }
      const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      SendAtOnce(client);
      SendAtOnce(server);
      sockaddr_in address = Loopback(server_port_);
      if (connect(server, Cast(address), sizeof(address)) != 0) {
        throw std::runtime_error("the server is away");
      }
      threads_.emplace_back([this, client, server] {
        Relay(client, server);
        close(client);
        close(server);
      });
    }
  }

  // Length of the first whole message of `bytes`, or 0. The very first has no type.
  static size_t MessageSize(const std::string& bytes, bool is_first) {
    const size_t at = is_first ? 0 : 1;
    if (bytes.size() < at + 4) {
      return 0;
    }
    uint32_t size = 0;
    for (size_t i = 0; i < 4; ++i) {
      size = size << 8 | static_cast<unsigned char>(bytes[at + i]);
    }
    return bytes.size() >= at + size ? at + size : 0;
  }

  void Relay(int client, int server) {
    std::string asked;
    bool is_first = true;
    bool cut_after_answer = false;
    std::string answered;
    while (!stopping_ && !is_cut_) {
      std::array<pollfd, 2> sides = {{{server, POLLIN, 0}, {client, POLLIN, 0}}};
      poll(sides.data(), cut_after_answer ? 1 : 2, 5);
      if (sides[0].revents != 0) {
        std::string bytes;
        if (!ReceiveSome(server, bytes)) {
          return;
        }
        if (cut_after_answer) {
          answered += bytes;
          // Ready for the next query: the call has taken effect.
          const size_t size = answered.size();
          // Or it waits for data to copy, which does not come any more.
          if (answered[0] == 'G' ||
              (size >= 6 && answered.compare(size - 6, 5, std::string("Z\0\0\0\5", 5)) == 0)) {
            is_cut_ = true;
          }
        } else if (!SendAll(client, bytes)) {
          return;
        }
      }
      if (!cut_after_answer && sides[1].revents != 0 && !ReceiveSome(client, asked)) {
        return;
      }
      for (size_t size = 0; (size = MessageSize(asked, is_first)) > 0;) {
        const char type = is_first ? 0 : asked[0];
        is_first = false;
        if ((type == 'Q' || type == 'E' || type == 'c') && calls_++ == cut_at_) {
          if (!after_effect_) {
            is_cut_ = true;
            return;
          }
          cut_after_answer = true;
        }
        if (!SendAll(server, asked.substr(0, size))) {
          return;
        }
        asked.erase(0, size);
      }
    }
  }

  const int server_port_;
  const int cut_at_;
  const bool after_effect_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> calls_ = 0;
  std::atomic<bool> is_cut_ = false;
  std::atomic<bool> stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace peerwatt::testing
