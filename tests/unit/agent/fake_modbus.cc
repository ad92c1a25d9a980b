#include "tests/unit/agent/fake_modbus.h"

#include <arpa/inet.h>
#include <modbus.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "libs/base/check.h"

namespace peerwatt::testing {

FakeModbus::FakeModbus(uint16_t base, std::vector<uint16_t> registers)
    : base_(base),
      context_(modbus_new_tcp("127.0.0.1", 1)),
      listener_(socket(AF_INET, SOCK_STREAM, 0)),
      stop_fd_(eventfd(0, 0)),
      registers_(std::move(registers)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  PW_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
               listen(listener_, 8) == 0 &&
               getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0,
           "a port to listen on");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Run(); });
}

FakeModbus::~FakeModbus() {
  const uint64_t one = 1;
  PW_CHECK(write(stop_fd_, &one, sizeof one) == sizeof one, "the device is told to stop");
  thread_.join();
  modbus_free(context_);
  close(listener_);
  close(stop_fd_);
}

void FakeModbus::SetRegisters(std::vector<uint16_t> registers) {
  absl::MutexLock lock(&mutex_);
  registers_ = std::move(registers);
}

void FakeModbus::SetFault(ModbusFault fault) {
  absl::MutexLock lock(&mutex_);
  fault_ = fault;
}

int FakeModbus::connections() const {
  absl::MutexLock lock(&mutex_);
  return connections_;
}

int FakeModbus::requests() const {
  absl::MutexLock lock(&mutex_);
  return requests_;
}

void FakeModbus::Run() {
  while (true) {
    std::array<pollfd, 2> waited{{{stop_fd_, POLLIN, 0}, {listener_, POLLIN, 0}}};
    if (poll(waited.data(), waited.size(), -1) < 0) continue;
    if (waited[0].revents != 0) return;
    const int connection = accept(listener_, nullptr, nullptr);
    if (connection < 0) continue;
    {
      absl::MutexLock lock(&mutex_);
      ++connections_;
    }
    modbus_set_socket(context_, connection);
    Serve();
    modbus_close(context_);
  }
}

void FakeModbus::Serve() {
  while (true) {
    std::array<pollfd, 2> waited{{{stop_fd_, POLLIN, 0}, {modbus_get_socket(context_), POLLIN, 0}}};
    if (poll(waited.data(), waited.size(), -1) < 0) continue;
    if (waited[0].revents != 0) return;
    std::vector<uint8_t> request(MODBUS_TCP_MAX_ADU_LENGTH);
    const int length = modbus_receive(context_, request.data());
    if (length < 0) return;
    request.resize(static_cast<size_t>(length));
    if (length > 0 && !Answer(request)) return;
  }
}

// Returns whether the connection goes on.
bool FakeModbus::Answer(const std::vector<uint8_t>& request) {
  absl::MutexLock lock(&mutex_);
  ++requests_;
  const int length = static_cast<int>(request.size());
  modbus_mapping_t* mapping = modbus_mapping_new_start_address(
      0, 0, 0, 0, base_, static_cast<unsigned>(registers_.size()), 0, 0);
  std::copy(registers_.begin(), registers_.end(), mapping->tab_registers);
  std::vector<uint8_t> raw;
  switch (fault_) {
    case ModbusFault::kNone:
      modbus_reply(context_, request.data(), length, mapping);
      break;
    case ModbusFault::kException:
      modbus_reply_exception(context_, request.data(), MODBUS_EXCEPTION_SLAVE_OR_SERVER_FAILURE);
      break;
    case ModbusFault::kShort:  // one register, whatever was asked
      raw = {request[0], request[1], 0, 0, 0, 5, request[6], 3, 2, 0, 7};
      break;
    case ModbusFault::kCut:
      raw = {request[0], request[1], 0, 0, 0, 50, request[6], 3, 47, 0};
      break;
    case ModbusFault::kGarbage:
      raw = {0xde, 0xad, 0xbe, 0xef, 0, 6, 1, 3, 4, 0, 0, 0, 1};
      break;
    case ModbusFault::kSilent:
      break;
  }
  modbus_mapping_free(mapping);
  if (!raw.empty()) {
    PW_CHECK(send(modbus_get_socket(context_), raw.data(), raw.size(), MSG_NOSIGNAL) > 0,
             "half an answer is sent");
  }
  return fault_ != ModbusFault::kCut;
}

}  // namespace peerwatt::testing
