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
#include <functional>
#include <regex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace peerwatt::testing {

/// What a proxy does at one call to the database.
struct Interruption {
  int call = -1;              ///< number of the call, from 0; -1 interrupts none
  bool after_effect = false;  ///< when the server has answered, or before the call reaches it
  bool for_good = true;       ///< all connections and those to come, or the call's own alone
  std::string statement = {};  ///< counts simple queries of this text only, if it has one
  /// Runs when the answer is there, before it is passed on; nothing is cut then.
  std::function<void()> meanwhile = nullptr;
};

/// Stands between a program and PostgreSQL and counts its calls: simple queries, executions of
/// prepared statements, and ends of copies. At one of them it cuts connections, as if the program
/// had been killed: before the call reaches the server, or after its effect, when the answer is
/// lost.
class CuttingProxy {
 public:
  /// server_dsn: of a server on loopback.
  CuttingProxy(const std::string& server_dsn, Interruption interruption)
      : server_dsn_(server_dsn), interruption_(std::move(interruption)) {
    std::smatch found;
    if (!std::regex_search(server_dsn_, found, std::regex("port=(\\d+)"))) {
      throw std::runtime_error("the server has no port");
    }
    server_port_ = std::stoi(found[1]);
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

  /// How to reach the server through the proxy.
  std::string dsn() const {
    return std::regex_replace(server_dsn_, std::regex("port=\\d+"),
                              "port=" + std::to_string(port_)) +
           " sslmode=disable gssencmode=disable";
  }
  /// Calls that were counted so far.
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

  // Whether a message from the program is one that is counted.
  bool IsCall(const std::string& message) const {
    if (!interruption_.statement.empty()) {
      // A type, a length, the text and its end.
      return message[0] == 'Q' && message.substr(5, message.size() - 6) == interruption_.statement;
    }
    return message[0] == 'Q' || message[0] == 'E' || message[0] == 'c';
  }

  // Whether the server has done what it was called for: it is ready for the next query, or for
  // what is to be copied.
  static bool IsAnswered(const std::string& answer) {
    const size_t size = answer.size();
    return answer[0] == 'G' ||
           (size >= 6 && answer.compare(size - 6, 5, std::string("Z\0\0\0\5", 5)) == 0);
  }

  void Relay(int client, int server) {
    std::string asked;
    std::string answer;
    bool is_first = true;
    bool is_held = false;
    while (!stopping_ && !is_cut_) {
      std::array<pollfd, 2> sides = {{{server, POLLIN, 0}, {client, POLLIN, 0}}};
      poll(sides.data(), sides.size(), 5);
      if (sides[0].revents != 0) {
        if (!ReceiveSome(server, answer)) {
          return;
        }
        if (is_held && IsAnswered(answer)) {
          if (!interruption_.meanwhile) {
            is_cut_ = interruption_.for_good;
            return;
          }
          interruption_.meanwhile();
          is_held = false;
        }
        if (!is_held && !SendAll(client, std::exchange(answer, {}))) {
          return;
        }
      }
      if (sides[1].revents != 0 && !ReceiveSome(client, asked)) {
        return;
      }
      for (size_t size = 0; (size = MessageSize(asked, is_first)) > 0;) {
        const std::string message = asked.substr(0, size);
        asked.erase(0, size);
        if (!std::exchange(is_first, false) && IsCall(message) &&
            calls_++ == interruption_.call) {
          if (!interruption_.after_effect && !interruption_.meanwhile) {
            is_cut_ = interruption_.for_good;
            return;
          }
          is_held = true;
        }
        if (!SendAll(server, message)) {
          return;
        }
      }
    }
  }

  const std::string server_dsn_;
  const Interruption interruption_;
  int server_port_ = 0;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> calls_ = 0;
  std::atomic<bool> is_cut_ = false;
  std::atomic<bool> stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace peerwatt::testing
