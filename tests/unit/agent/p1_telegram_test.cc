#include "agent/p1_telegram.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "libs/base/error.h"

namespace peerwatt::agent {
namespace {

// Adds the trailer with the checksum of the body, or without one.
std::string Sealed(const std::string& body, bool checksum = true) {
  std::string text = absl::StrReplaceAll(body, {{"\n", "\r\n"}}) + "!";
  if (checksum) absl::StrAppendFormat(&text, "%04X", P1Crc(text));
  return text + "\r\n";
}

std::string Dutch(const std::string& time = "260101123000W") {
  return absl::StrCat("/ISK5\\2M550T-1012\n\n1-3:0.2.8(50)\n0-0:1.0.0(", time,
                      ")\n0-0:96.1.1(4530303434303037313331363530363138)\n"
                      "1-0:1.8.1(000123.456*kWh)\n1-0:1.8.2(000200.044*kWh)\n"
                      "1-0:2.8.1(000010.000*kWh)\n1-0:2.8.2(000020.005*kWh)\n"
                      "0-0:96.14.0(0002)\n1-0:1.7.0(00.244*kW)\n1-0:2.7.0(00.000*kW)\n"
                      "0-0:96.13.0()\n1-0:32.7.0(230.0*V)\n0-1:24.1.0(003)\n"
                      "0-1:24.2.1(260101123000W)(00123.456*m3)\n");
}

absl::Time At(const char* text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << error;
  return time;
}

TEST(P1TelegramTest, ReadsADutchTelegramOfVersion5) {
  const auto telegram = ParseP1Telegram(Sealed(Dutch()));
  ASSERT_TRUE(telegram.ok()) << telegram.status();
  EXPECT_EQ(telegram->meter, "E0044007131650618");
  EXPECT_EQ(telegram->version, 50);
  EXPECT_TRUE(telegram->checked);
  EXPECT_EQ(telegram->time, At("2026-01-01T11:30:00Z"));
  EXPECT_EQ(telegram->import_wh, 323'500);
  EXPECT_EQ(telegram->export_wh, 30'005);
  EXPECT_EQ(telegram->import_w, 244);
  EXPECT_EQ(telegram->export_w, 0);
}

TEST(P1TelegramTest, ReadsAnOldTelegramWithoutTimeAndChecksum) {
  const auto telegram = ParseP1Telegram(
      Sealed("/ISk5\\2MT382-1000\n\n0-0:96.1.1(4B414C37303035303635353738393132)\n"
             "1-0:1.8.1(00608.400*kWh)\n1-0:1.8.2(00490.342*kWh)\n1-0:2.8.1(00000.001*kWh)\n"
             "1-0:2.8.2(00000*kWh)\n1-0:1.7.0(0001.01*kW)\n1-0:2.7.0(0000.00*kW)\n"
             "0-1:24.3.0(121030140000)(00)(60)(1)(0-1:24.2.1)(m3)\n(00024.123)\n",
             false));
  ASSERT_TRUE(telegram.ok()) << telegram.status();
  EXPECT_EQ(telegram->version, 0);
  EXPECT_FALSE(telegram->checked);
  EXPECT_EQ(telegram->time, std::nullopt);
  EXPECT_EQ(telegram->import_wh, 1'098'742);
  EXPECT_EQ(telegram->export_wh, 1);
  EXPECT_EQ(telegram->import_w, 1010);
}

TEST(P1TelegramTest, ReadsABelgianTelegram) {
  const auto telegram = ParseP1Telegram(
      Sealed("/FLU5\\253769484_A\n\n0-0:96.1.4(50217)\n"
             "0-0:96.1.1(3153414733313030303030333233)\n0-0:1.0.0(260701120000S)\n"
             "1-0:1.8.1(000000.034*kWh)\n1-0:1.8.2(000015.758*kWh)\n1-0:2.8.1(000000.000*kWh)\n"
             "1-0:2.8.2(000000.011*kWh)\n1-0:1.4.0(02.351*kW)\n"
             "1-0:1.6.0(260509134558S)(02.589*kW)\n1-0:1.7.0(00.000*kW)\n"));
  ASSERT_TRUE(telegram.ok()) << telegram.status();
  EXPECT_EQ(telegram->version, 50);
  EXPECT_EQ(telegram->meter, "1SAG3100000323");
  EXPECT_EQ(telegram->time, At("2026-07-01T10:00:00Z"));
  EXPECT_EQ(telegram->import_wh, 15'792);
  EXPECT_EQ(telegram->export_wh, 11);
}

TEST(P1TelegramTest, ReadsALuxembourgTelegramWithTotalsOnly) {
  const auto telegram = ParseP1Telegram(
      Sealed("/Lux5\\253663629_D\n\n1-3:0.2.8(42)\n0-0:1.0.0(260701120000S)\n"
             "0-0:42.0.0(53414731303330373030303439383138)\n1-0:1.8.0(000004.317*kWh)\n"
             "1-0:2.8.0(000001.002*kWh)\n1-0:3.8.0(000000.000*kvarh)\n"));
  ASSERT_TRUE(telegram.ok()) << telegram.status();
  EXPECT_EQ(telegram->meter, "SAG1030700049818");
  EXPECT_EQ(telegram->import_wh, 4317);
  EXPECT_EQ(telegram->export_wh, 1002);
}

TEST(P1TelegramTest, PrefersTheTotalToTheSumOfTheTariffs) {
  const auto telegram =
      ParseP1Telegram(Sealed(Dutch() + "1-0:1.8.0(000999.000*kWh)\n1-0:2.8.0*255(000005000*Wh)\n"));
  ASSERT_TRUE(telegram.ok()) << telegram.status();
  EXPECT_EQ(telegram->import_wh, 999'000);
  EXPECT_EQ(telegram->export_wh, 5000);
}

// In Amsterdam, 2026-10-25 has the hour from 02:00 twice, and 2026-03-29 has none.
TEST(P1TelegramTest, TellsThePassesOfTheRepeatedHourApart) {
  const std::vector<std::pair<std::string, const char*>> cases = {
      {"260329015959W", "2026-03-29T00:59:59Z"}, {"260329030000S", "2026-03-29T01:00:00Z"},
      {"261025015959S", "2026-10-24T23:59:59Z"}, {"261025020000S", "2026-10-25T00:00:00Z"},
      {"261025025959S", "2026-10-25T00:59:59Z"}, {"261025020000W", "2026-10-25T01:00:00Z"},
      {"261025025959W", "2026-10-25T01:59:59Z"}, {"261025030000W", "2026-10-25T02:00:00Z"},
      {"240229000000W", "2024-02-28T23:00:00Z"}};
  for (const auto& [local, utc] : cases) {
    const auto telegram = ParseP1Telegram(Sealed(Dutch(local)));
    ASSERT_TRUE(telegram.ok()) << local << telegram.status();
    EXPECT_EQ(telegram->time, At(utc)) << local;
  }
  // Elsewhere the standard time is another: Finland.
  EXPECT_EQ(ParseP1Telegram(Sealed(Dutch("260701120000S")), absl::Hours(2))->time,
            At("2026-07-01T09:00:00Z"));
  // Without the mark nobody can tell.
  EXPECT_EQ(ParseP1Telegram(Sealed(Dutch("261025020000")))->time, std::nullopt);
}

TEST(P1TelegramTest, RefusesWhatIsWrong) {
  const auto with = [](const std::string& line) { return Sealed(Dutch() + line + "\n"); };
  std::string damaged = Sealed(Dutch());
  damaged[damaged.find("123.456")] = '9';
  std::string cut = Sealed(Dutch());
  cut.resize(cut.size() - 3);
  const std::vector<std::string> cases = {
      "",
      "/",
      "no telegram",
      damaged,
      cut,
      Sealed(Dutch(), false),
      Sealed(Dutch("260229120000W")),
      Sealed(Dutch("260101240000W")),
      Sealed(Dutch("260101123000X")),
      Sealed(Dutch("2601011230W")),
      with("1-0:1.8.1(000123.457*kWh)"),   // twice, and another value
      with("1-0:2.8.3(000123.4567*kWh)"),  // finer than a watt hour
      with("1-0:2.8.3(-00123.456*kWh)"),
      with("1-0:2.8.3(000123,456*kWh)"),
      with("1-0:2.8.3(000123.456*kvarh)"),
      with("1-0:2.8.3(*kWh)"),
      with("1-0:2.8.3()"),
      with("1-0:2.8.3(1234567890123*kWh)"),
      with("1-0:2.8.3(12.5*Wh)"),
      with("1-3:0.2.8(x)"),
      Sealed("/\n1-0:1.8.0(000001.000*kWh)\n", false)};
  for (const std::string& text : cases) {
    EXPECT_EQ(ReasonOf(ParseP1Telegram(text).status()), "TELEGRAM_INVALID") << text;
  }
  EXPECT_TRUE(ParseP1Telegram(with("1-0:1.8.1(000123.456*kWh)")).ok()) << "twice the same";
}

TEST(P1FramerTest, CutsTelegramsOutOfGarbageInPiecesOfAnySize) {
  const std::string telegram = Sealed(Dutch());
  const std::string half = telegram.substr(0, 200);
  const std::string stream = absl::StrCat("\x01\xff half a line 1-0:1.8.1(0\r\n!12", telegram, half,
                                          "\r\n", telegram, "noise", telegram);
  for (const size_t size : {size_t{1}, size_t{7}, size_t{64}, stream.size()}) {
    P1Framer framer;
    std::vector<std::string> found;
    for (size_t at = 0; at < stream.size(); at += size) {
      framer.Push(absl::string_view(stream).substr(at, size));
      while (auto next = framer.Next()) found.push_back(*next);
    }
    ASSERT_EQ(found.size(), 3u) << size;
    for (const std::string& text : found) EXPECT_TRUE(ParseP1Telegram(text).ok()) << text;
    EXPECT_GT(framer.skipped_bytes(), 200);
  }
}

TEST(P1FramerTest, SkipsWhatIsTooLongAndGoesOn) {
  P1Framer framer(1000);
  framer.Push("/X\r\n");
  for (int i = 0; i < 5000; ++i) framer.Push("0-0:96.13.0(00)\r\n");
  EXPECT_EQ(framer.Next(), std::nullopt);
  EXPECT_GT(framer.skipped_bytes(), 1000);
  framer.Push(Sealed(Dutch()));
  EXPECT_NE(framer.Next(), std::nullopt);
}

}  // namespace
}  // namespace peerwatt::agent
