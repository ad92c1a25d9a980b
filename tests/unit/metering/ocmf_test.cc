#include "services/metering/core/evidence/ocmf.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "libs/base/error.h"
#include "libs/crypto/digest.h"
#include "libs/crypto/signature.h"
#include "services/metering/core/evidence/decimal.h"
#include "tests/unit/metering/ocmf_records.h"

namespace peerwatt::metering {
namespace {

using testing::kFieldKeyHex;
using testing::kFieldRecord;

OcmfRecord Parsed(const std::string& text) {
  auto record = ParseOcmf(text);
  EXPECT_TRUE(record.ok()) << record.status();
  return record.ok() ? *std::move(record) : OcmfRecord();
}

/// A record with these readings.
std::string WithReadings(const std::string& readings) {
  return absl::StrCat(R"(OCMF|{"FV":"1.0","GS":"g1","PG":"T1","MS":"m1","RD":[)", readings,
                      R"(]}|{"SD":"3006"})");
}

TEST(OcmfTest, ReadsARecordFromTheField) {
  const OcmfRecord record = Parsed(kFieldRecord);
  EXPECT_EQ(record.format_version, "1.0");
  EXPECT_EQ(record.gateway_identification, "KEBA_KCP30");
  EXPECT_EQ(record.gateway_serial, "17619300");
  EXPECT_EQ(record.gateway_version, "2.8.5");
  EXPECT_EQ(record.serial(), "17619300");
  EXPECT_EQ(record.pagination, "T32");
  EXPECT_EQ(record.identified, false);
  EXPECT_EQ(record.identification_flags,
            (std::vector<std::string>{"RFID_NONE", "OCPP_NONE", "ISO15118_NONE", "PLMN_NONE"}));
  ASSERT_EQ(record.readings.size(), 2u);
  EXPECT_EQ(record.readings[0].time, absl::FromUnixSeconds(1'565'690'595));
  EXPECT_EQ(record.readings[0].time_status, 'I');
  EXPECT_EQ(record.readings[0].transaction, 'B');
  EXPECT_EQ(record.readings[0].energy_mwh, 259'600);
  EXPECT_EQ(record.readings[0].identification, "1-b:1.8.0");
  EXPECT_EQ(record.readings[1].transaction, 'E');
  EXPECT_EQ(record.readings[1].energy_mwh, 259'700);
  EXPECT_EQ(record.signature_algorithm, "ECDSA-secp256r1-SHA256");
}

// The signature is over the bytes as they came; whoever writes the JSON again loses it.
TEST(OcmfTest, TheSignatureOfTheRecordHoldsForItsPayload) {
  const OcmfRecord record = Parsed(kFieldRecord);
  const auto key = crypto::VerificationKey::FromDer(absl::HexStringToBytes(kFieldKeyHex));
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_TRUE(key->VerifiesDigest(crypto::Sha256(record.payload), record.signature));
  const OcmfRecord changed = Parsed(absl::StrReplaceAll(kFieldRecord, {{"0.2597", "0.2598"}}));
  EXPECT_FALSE(key->VerifiesDigest(crypto::Sha256(changed.payload), changed.signature));
  const OcmfRecord spaced = Parsed(absl::StrReplaceAll(kFieldRecord, {{"\"PG\":", "\"PG\": "}}));
  EXPECT_FALSE(key->VerifiesDigest(crypto::Sha256(spaced.payload), spaced.signature));
}

TEST(OcmfTest, AReadingTakesOverWhatTheOneBeforeSaid) {
  const OcmfRecord record = Parsed(WithReadings(
      R"({"TM":"2018-07-24T13:22:04,250+0200 S","TX":"B","RV":2935.6,"RI":"1-b:1.8.0",)"
      R"("RU":"kWh","RT":"DC","EF":"E","ST":"G"},)"
      R"({"TM":"2018-07-24T13:23:04,000+0200 S","TX":"C","RV":2936},)"
      R"({"TM":"2018-07-24T09:26:04,000-0230 R","RV":2936.1,"EF":"","XV":1},)"
      R"({"TM":"2018-07-24T13:27:04,000+0200 U","TX":"E","ST":"F"})"));
  ASSERT_EQ(record.readings.size(), 4u);
  EXPECT_EQ(record.readings[0].time, absl::FromUnixMillis(1'532'431'324'250));
  EXPECT_EQ(record.readings[1].identification, "1-b:1.8.0");
  EXPECT_EQ(record.readings[1].unit, "kWh");
  EXPECT_EQ(record.readings[1].current_type, "DC");
  EXPECT_EQ(record.readings[1].error_flags, "E");
  EXPECT_EQ(record.readings[1].energy_mwh, 2'936'000'000);
  EXPECT_EQ(record.readings[2].transaction, 'C');
  EXPECT_EQ(record.readings[2].error_flags, "");
  EXPECT_EQ(record.readings[2].time, absl::FromUnixSeconds(1'532'433'364));
  EXPECT_EQ(record.readings[3].energy_mwh, std::nullopt) << "a value is not taken over";
  EXPECT_EQ(record.readings[3].status, 'F');
}

struct BadRecord {
  const char* name;
  const char* from;  // in the record from the field
  const char* to;
};
const BadRecord kBadRecords[] = {
    {"other header", "OCMF|", "OCMG|"},
    {"no signature section", "]}|{", "]},{"},
    {"four sections", "\"GV\":\"2.8.5\"", "\"GV\":\"2|8.5\""},
    {"malformed payload", "\"PG\":\"T32\"", "\"PG\":T32"},
    {"payload is no object", "|{\"FV\"", "|[{\"FV\""},
    {"a member twice", "\"GV\":\"2.8.5\"", "\"GV\":\"2.8.5\",\"GV\":\"2.8.5\""},
    {"a member of a reading twice", "\"TX\":\"B\"", "\"TX\":\"B\",\"TX\":\"B\""},
    {"no pagination", "\"PG\":\"T32\",", ""},
    {"other pagination", "\"T32\"", "\"X32\""},
    {"pagination without number", "\"T32\"", "\"T\""},
    {"no serial number", "\"GS\":\"17619300\",", ""},
    {"number for a text", "\"GS\":\"17619300\"", "\"GS\":17619300"},
    {"a zero in a text", "\"GS\":\"17619300\"", "\"GS\":\"1761\\u0000\""},
    {"text for a truth", "\"IS\":false", "\"IS\":\"false\""},
    {"no readings", "\"RD\":[", "\"RD\":{},\"XD\":["},
    {"time without state", "10:03:15,000+0000 I", "10:03:15,000+0000"},
    {"unknown state", "10:03:15,000+0000 I", "10:03:15,000+0000 Z"},
    {"point for comma", "10:03:15,000", "10:03:15.000"},
    {"offset with colon", "000+0000 I", "00+00:00 I"},
    {"31st of February", "2019-08-13T10:03:15", "2019-02-31T10:03:15"},
    {"25 hours", "10:03:15", "25:03:15"},
    {"61 seconds", "10:03:15", "10:03:61"},
    {"offset too large", "000+0000 I", "000+1500 I"},
    {"unknown reason", "\"TX\":\"B\"", "\"TX\":\"Q\""},
    {"unknown status of the meter", "\"ST\":\"G\"", "\"ST\":\"GG\""},
    {"text for a number", "0.2596", "\"0.2596\""},
    {"negative value", "0.2596", "-0.2596"},
    {"more digits than can be kept", "0.2596", "0.2596001"},
    {"too large a value", "0.2596", "1e10"},
    {"a number that is none", "0.2596", "1e999"},
    {"signature of odd length", "304502200E2F", "30450220E2F"},
    {"signature that is no number", "304502200E2F", "304502200E2X"},
    {"no signature", "\"SD\":", "\"XD\":"},
    {"unknown encoding", "{\"SD\"", "{\"SE\":\"base32\",\"SD\""},
    {"unknown form", "{\"SD\"", "{\"SM\":\"text/plain\",\"SD\""},
    {"wrong base64", "{\"SD\":\"3045", "{\"SE\":\"base64\",\"SD\":\"*045"},
};

TEST(OcmfTest, RefusesWhatIsNoRecord) {
  for (const BadRecord& bad : kBadRecords) {
    std::string text = kFieldRecord;
    const size_t at = text.find(bad.from);
    ASSERT_NE(at, std::string::npos) << bad.name;
    text.replace(at, std::string(bad.from).size(), bad.to);
    EXPECT_EQ(ReasonOf(ParseOcmf(text).status()), "OCMF_MALFORMED") << bad.name;
  }
}

TEST(OcmfTest, RefusesWhatIsTooLarge) {
  const auto extended = [](const std::string& member) {
    return absl::StrReplaceAll(kFieldRecord, {{"\"PG\":", absl::StrCat(member, ",\"PG\":")}});
  };
  EXPECT_TRUE(ParseOcmf(extended("\"X\":" + std::string(7, '[') + std::string(7, ']'))).ok());
  for (const std::string& text :
       {extended("\"X\":" + std::string(8, '[') + std::string(8, ']')),
        extended("\"X\":" + std::string(30'000, '[') + std::string(30'000, ']')),
        extended("\"X\":\"" + std::string(kOcmfBytesMax, 'x') + "\""),
        extended("\"X\":[" + std::string(20'000, '0') + "]"),
        extended("\"MV\":\"" + std::string(1025, 'x') + "\"")}) {
    EXPECT_EQ(ReasonOf(ParseOcmf(text).status()), "OCMF_MALFORMED");
  }
}

TEST(OcmfTest, OtherEncodingsOfTheSignature) {
  const OcmfRecord record = Parsed(
      R"(OCMF|{"PG":"F7","GS":"g","RD":[{"TM":"2018-07-24T13:22:04,000+0200 S"}]})"
      R"(|{"SA":"ECDSA-secp384r1-SHA256","SE":"base64","SM":"application/x-der","SD":"MAY="})");
  EXPECT_EQ(record.signature, "\x30\x06");
  EXPECT_EQ(record.signature_algorithm, "ECDSA-secp384r1-SHA256");
  EXPECT_EQ(record.pagination, "F7");
}

TEST(OcmfTest, RegisterValuesAreThoseThatCanBeBilledBy) {
  const absl::Time time = absl::FromUnixSeconds(1'532'431'324);
  const auto import = [&](int64_t wh) {
    return std::vector<OcmfRegisterValue>{{OcmfRegister::kImport, time, Energy::WattHours(wh)}};
  };
  const auto exported = [&](int64_t wh) {
    return std::vector<OcmfRegisterValue>{{OcmfRegister::kExport, time, Energy::WattHours(wh)}};
  };
  const std::string good = R"("TX":"B","RV":2935.6789,"RU":"kWh","ST":"G")";
  const struct {
    const char* name;
    std::string obis;
    std::string state;
    std::string rest;
    std::vector<OcmfRegisterValue> values;
  } cases[] = {
      {"import", "1-b:1.8.0", "S", good, import(2'935'678)},
      {"export", "1-0:2.8.0*255", "S", good, exported(2'935'678)},
      {"relative time", "1.8.0", "R", good, import(2'935'678)},
      {"watt hours", "1-0:1.8.0", "S", R"("RV":12.9,"RU":"Wh","ST":"G")", import(12)},
      {"code of OCMF, import", "01-00:B0.08.00*FF", "S", good, import(2'935'678)},
      {"code of OCMF, export", "01-00:C1.08.00*FF", "S", good, exported(2'935'678)},
      {"of this transaction", "01-00:B2.08.00*FF", "S", good, {}},
      {"stored value", "1-0:1.8.0*198", "S", good, {}},
      {"power", "1-0:1.7.0", "S", good, {}},
      {"tariff 1", "1-0:1.8.1", "S", good, {}},
      {"nothing", "", "S", good, {}},
      {"clock that was never set", "1-b:1.8.0", "U", good, {}},
      {"clock for information", "1-b:1.8.0", "I", good, {}},
      {"energy lost", "1-b:1.8.0", "S", good + R"(,"EF":"E")", {}},
      {"time lost", "1-b:1.8.0", "S", good + R"(,"EF":"t")", {}},
      {"bad meter", "1-b:1.8.0", "S", R"("RV":1,"RU":"kWh","ST":"M")", {}},
      {"exception", "1-b:1.8.0", "S", R"("TX":"X","RV":1,"RU":"kWh","ST":"G")", {}},
      {"no value", "1-b:1.8.0", "S", R"("RU":"kWh","ST":"G")", {}},
      {"other unit", "1-b:1.8.0", "S", R"("RV":1,"RU":"mOhm","ST":"G")", {}},
  };
  for (const auto& one : cases) {
    const OcmfRecord record = Parsed(
        WithReadings(absl::StrCat(R"({"TM":"2018-07-24T13:22:04,000+0200 )", one.state,
                                  R"(","RI":")", one.obis, R"(",)", one.rest, "}")));
    EXPECT_EQ(RegisterValuesOf(record), one.values) << one.name;
  }
}

TEST(OcmfTest, ASessionIsFromBeginToEnd) {
  const auto session = SessionOf(Parsed(kFieldRecord));
  ASSERT_TRUE(session.has_value());
  EXPECT_EQ(session->energy_mwh, 100) << "a tenth of a watt hour, whatever the clock says";
  EXPECT_EQ(session->start, absl::FromUnixSeconds(1'565'690'595));
  EXPECT_EQ(session->end, absl::FromUnixSeconds(1'565'690'616));
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"TX\":\"E\"", "\"TX\":\"C\""},      // still going on
           {"\"TX\":\"B\"", "\"TX\":\"C\""},      // begun elsewhere
           {"\"TX\":\"E\"", "\"TX\":\"X\""},      // an exception
           {"0.2597", "0.2595"},                  // backwards
           {"10:03:36", "10:03:14"},              // time backwards
           {"\"TX\":\"E\",\"EF\":\"\"", "\"TX\":\"E\",\"EF\":\"E\""},
           {"0.2597,\"RI\":\"1-b:1.8.0\"", "0.2597,\"RI\":\"1-b:2.8.0\""}}) {
    const std::string text = absl::StrReplaceAll(kFieldRecord, {{from, to}});
    ASSERT_NE(text, kFieldRecord) << from;
    EXPECT_EQ(SessionOf(Parsed(text)), std::nullopt) << to;
  }
  for (const char* end : {"L", "R", "A", "P"}) {
    EXPECT_TRUE(SessionOf(Parsed(absl::StrReplaceAll(
                              kFieldRecord, {{"\"TX\":\"E\"", absl::StrCat("\"TX\":\"", end,
                                                                         "\"")}})))
                    .has_value())
        << end;
  }
}

TEST(DecimalTest, IsExactOrNothing) {
  const struct {
    const char* number;
    std::optional<int64_t> value;  // in thousandths
  } cases[] = {{"0", 0},          {"1", 1000},        {"0.001", 1},     {"0.0010", 1},
               {"0.0001", {}},    {"12.345", 12345},  {"1e3", 1000000}, {"1.5E+2", 150000},
               {"1500e-6", {}},   {"1000000e-6", 1000}, {"0e999", 0},   {"0.000e-999", 0},
               {"1000000", 1000000000}, {"1000000.001", {}}, {"1000001", {}}, {"1e6", 1000000000},
               {"1e7", {}},       {"1e1001", {}},     {"1e99999999999", {}}, {"-1", {}},
               {"", {}},          {".5", {}},         {"1.2.3", {}},    {"1e", {}},
               {"007", 7000}};
  for (const auto& one : cases) {
    EXPECT_EQ(ScaledDecimal(one.number, 3, 1'000'000'000), one.value) << one.number;
  }
}

}  // namespace
}  // namespace peerwatt::metering
