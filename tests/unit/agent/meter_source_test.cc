#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/errors.h"
#include "agent/modbus.h"
#include "agent/p1_source.h"
#include "agent/p1_telegram.h"
#include "agent/sunspec_source.h"
#include "gtest/gtest.h"
#include "libs/base/check.h"
#include "libs/base/error.h"
#include "tests/unit/agent/fake_modbus.h"
#include "tests/unit/agent/sunspec_map.h"

namespace peerwatt::agent {
namespace {

using ::peerwatt::testing::FakeModbus;
using ::peerwatt::testing::ModbusFault;
using ::peerwatt::testing::SunSpecMap;

// Collects observations; a test waits for as many as it needs.
class Heard {
 public:
  ObservationSink sink() {
    return [this](const Observation& observation) {
      absl::MutexLock lock(&mutex_);
      observations_.push_back(observation);
    };
  }
  bool WaitFor(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto enough = [&] { return observations_.size() >= count; };
    return mutex_.AwaitWithTimeout(absl::Condition(&enough), absl::Seconds(20));
  }
  std::vector<Observation> observations() const {
    absl::MutexLock lock(&mutex_);
    return observations_;
  }

 private:
  mutable absl::Mutex mutex_;
  std::vector<Observation> observations_ ABSL_GUARDED_BY(mutex_);
};

bool Eventually(const std::function<bool()>& condition) {
  const absl::Time end = absl::Now() + absl::Seconds(20);
  const StopSignal never;
  while (!condition()) {
    if (absl::Now() > end) return false;
    never.Pause(absl::Milliseconds(1));
  }
  return true;
}

const absl::Time kNow = absl::FromUnixSeconds(1767225600);

std::string Telegram(const std::string& time, int64_t wh) {
  std::string text = absl::StrFormat(
      "/TST5\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(%s)\r\n0-0:96.1.1(4D31)\r\n"
      "1-0:1.8.1(%06d.%03d*kWh)\r\n1-0:2.8.1(000000.000*kWh)\r\n!",
      time, wh / 1000, wh % 1000);
  return absl::StrCat(text, absl::StrFormat("%04X", P1Crc(text)), "\r\n");
}

// A port that hands out what a test writes.
class P1Port {
 public:
  P1Port() : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    PW_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                 listen(listener_, 8) == 0 &&
                 getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0,
             "a port to listen on");
    port_ = std::to_string(ntohs(address.sin_port));
  }
  ~P1Port() { close(listener_); }
  int Accept() const { return accept(listener_, nullptr, nullptr); }
  const std::string& port() const { return port_; }

 private:
  int listener_;
  std::string port_;
};

void Send(int fd, const std::string& bytes) {
  PW_CHECK(write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
           "the line takes it all");
}

TEST(P1SourceTest, ReadsTelegramsOverTcpAndConnectsAgain) {
  const P1Port port;
  const ManualClock clock(kNow);
  Heard heard;
  P1Options options;
  options.line.host = "127.0.0.1";
  options.line.port = port.port();
  P1Source source("p1", options, clock, heard.sink());
  source.Start();
  int line = port.Accept();
  Send(line, "garbage" + Telegram("260101010000W", 1000) + Telegram("260101010001W", 1001));
  ASSERT_TRUE(heard.WaitFor(2));
  // A meter whose clock is a day off is not believed, nor is a damaged telegram.
  Send(line, Telegram("260102010000W", 1002));
  std::string damaged = Telegram("260101010002W", 1002);
  damaged[40] = '7';
  Send(line, damaged);
  Send(line, Telegram("260101010003W", 1003));
  ASSERT_TRUE(heard.WaitFor(3));
  EXPECT_EQ(source.state().malformed, 2);
  close(line);
  line = port.Accept();
  Send(line, Telegram("260101010004W", 1004));
  ASSERT_TRUE(heard.WaitFor(4));
  source.Stop();
  close(line);
  const auto observations = heard.observations();
  EXPECT_EQ(observations[0].time, kNow);
  EXPECT_EQ(observations[0].meter, "M1");
  EXPECT_EQ(observations[0].imported->mwh, 1'000'000);
  EXPECT_EQ(observations[0].exported->mwh, 0);
  EXPECT_EQ(observations[3].imported->mwh, 1'004'000);
  EXPECT_EQ(source.state().observations, 4);
  EXPECT_EQ(source.state().failures, 1);
}

TEST(P1SourceTest, ReadsASerialLineInBothFramings) {
  for (const bool seven_even : {false, true}) {
    const int meter = posix_openpt(O_RDWR | O_NOCTTY);
    ASSERT_TRUE(meter >= 0 && grantpt(meter) == 0 && unlockpt(meter) == 0);
    const ManualClock clock(kNow);
    Heard heard;
    P1Options options;
    options.line.device = ptsname(meter);
    options.line.baud = seven_even ? 9600 : 115200;
    options.line.seven_even = seven_even;
    P1Source source("p1", options, clock, heard.sink());
    source.Start();
    // What is written before the line is open is flushed: write until it is heard.
    int64_t wh = 1000;
    EXPECT_TRUE(Eventually([&] {
      Send(meter, Telegram("260101010000W", wh++));
      return !heard.observations().empty();
    }));
    source.Stop();
    close(meter);
  }
}

TEST(P1SourceTest, OpensASilentLineAgain) {
  const P1Port port;
  const ManualClock clock(kNow);
  Heard heard;
  P1Options options;
  options.line.host = "127.0.0.1";
  options.line.port = port.port();
  options.silence_max = absl::Milliseconds(1);
  P1Source source("p1", options, clock, heard.sink());
  source.Start();
  const int first = port.Accept();
  const int second = port.Accept();
  source.Stop();
  close(first);
  close(second);
  EXPECT_GE(source.state().failures, 1);
}

TEST(LineTest, ReadsAddresses) {
  EXPECT_EQ(ParseLineAddress("tcp:meter.local:2001")->host, "meter.local");
  EXPECT_EQ(ParseLineAddress("tcp:[::1]:2001")->host, "::1");
  EXPECT_EQ(ParseLineAddress("tcp:[::1]:2001")->port, "2001");
  EXPECT_EQ(ParseLineAddress("serial:/dev/ttyUSB0")->device, "/dev/ttyUSB0");
  for (const char* wrong : {"", "tcp:", "tcp::1", "tcp:host", "tcp:host:", "serial:", "udp:a:1"}) {
    EXPECT_EQ(ReasonOf(ParseLineAddress(wrong).status()), "SETTINGS_INVALID") << wrong;
  }
}

SunSpecMap Inverter(uint32_t wh) {
  SunSpecMap map;
  map.Common("INV1");
  const size_t at = map.Model(103, 50);
  map.Put32(at + 24, wh);
  return map.End();
}

SunSpecOptions Fast(const FakeModbus& device) {
  SunSpecOptions options;
  options.host = "127.0.0.1";
  options.port = device.port();
  options.poll_interval = absl::Milliseconds(1);
  options.answer_timeout = absl::Milliseconds(100);
  return options;
}

TEST(SunSpecSourceTest, ReadsADeviceThroughEveryFault) {
  FakeModbus device(40000, Inverter(5000).words());
  const ManualClock clock(kNow);
  Heard heard;
  SunSpecSource source("pv", Fast(device), clock, heard.sink());
  source.Start();
  ASSERT_TRUE(heard.WaitFor(3));
  uint32_t wh = 5000;
  for (const ModbusFault fault : {ModbusFault::kException, ModbusFault::kShort, ModbusFault::kCut,
                                  ModbusFault::kGarbage, ModbusFault::kSilent}) {
    const int64_t failures = source.state().failures;
    device.SetFault(fault);
    ASSERT_TRUE(Eventually([&] { return source.state().failures > failures; }))
        << static_cast<int>(fault);
    const size_t before = heard.observations().size();
    device.SetRegisters(Inverter(++wh).words());
    device.SetFault(ModbusFault::kNone);
    ASSERT_TRUE(heard.WaitFor(before + 2)) << static_cast<int>(fault);
    EXPECT_EQ(heard.observations().back().exported->mwh, wh * 1000);
  }
  source.Stop();
  for (const Observation& observation : heard.observations()) {
    EXPECT_EQ(observation.meter, "INV1");
    EXPECT_EQ(observation.imported, std::nullopt);
    EXPECT_GE(observation.exported->mwh, 5'000'000);
    EXPECT_LE(observation.exported->mwh, 5'005'000) << "no fault becomes a value";
  }
  EXPECT_GE(device.connections(), 6);
}

TEST(ModbusTest, TellsARefusalFromALostConnection) {
  FakeModbus device(40000, Inverter(5000).words());
  auto modbus = ModbusTcp::Connect("127.0.0.1", device.port(), 1, absl::Milliseconds(200));
  ASSERT_TRUE(modbus.ok()) << modbus.status();
  EXPECT_EQ(ReasonOf((*modbus)->Read(10, 2).status()), "MODBUS_REFUSED");
  EXPECT_EQ((*modbus)->Read(40000, 2)->at(0), 0x5375) << "a refusal leaves the connection alone";
  EXPECT_EQ(ReasonOf((*modbus)->Read(0, 126).status()), "MODBUS_FAILED");
  device.SetFault(ModbusFault::kSilent);
  EXPECT_EQ(ReasonOf((*modbus)->Read(40000, 2).status()), "MODBUS_FAILED");
  const P1Port gone;
  EXPECT_EQ(ReasonOf(ModbusTcp::Connect("127.0.0.1", "1", 1, absl::Milliseconds(200)).status()),
            "MODBUS_FAILED");
}

// A source whose library throws.
class ThrowingSource final : public MeterSource {
 public:
  ThrowingSource(ObservationSink sink) : MeterSource("bad", std::move(sink)) {}

 protected:
  absl::Status Session() override {
    if (++sessions_ == 1) throw std::runtime_error("out of order");
    Observed({kNow, "m", RegisterValue{1, 0}, std::nullopt});
    return absl::UnavailableError("ended");
  }

 private:
  int sessions_ = 0;
};

TEST(MeterSourceTest, OutlivesWhatASessionThrows) {
  Heard heard;
  ThrowingSource source(heard.sink());
  source.Start();
  EXPECT_TRUE(heard.WaitFor(1));
  source.Stop();
  EXPECT_GE(source.state().failures, 1);
}

}  // namespace
}  // namespace peerwatt::agent
