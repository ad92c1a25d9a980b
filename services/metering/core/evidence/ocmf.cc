#include "services/metering/core/evidence/ocmf.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "libs/base/status_macros.h"
#include "services/metering/core/evidence/decimal.h"
#include "services/metering/core/evidence/errors.h"
#include "services/metering/core/evidence/strict_json.h"

namespace peerwatt::metering {
namespace {

constexpr size_t kTextBytesMax = 1024;
constexpr size_t kReadingsMax = 1000;
constexpr size_t kSignatureBytesMax = 256;
constexpr char kDefaultAlgorithm[] = "ECDSA-secp256r1-SHA256";

absl::Status Malformed(absl::string_view what) {
  return Error(kOcmfMalformed, absl::StrCat("the OCMF record ", what), {},
               {{"ocmf_records", absl::StrCat(what)}});
}

/// Reads members of one object; absent and `null` are the same.
class Fields {
 public:
  explicit Fields(const StrictJson& object) : object_(object) {}

  /// The member as text, or nothing.
  absl::StatusOr<std::optional<std::string>> Optional(absl::string_view name) const {
    const StrictJson* member = Member(name);
    if (member == nullptr) {
      return std::optional<std::string>();
    }
    if (member->kind != StrictJson::Kind::kText || member->text.size() > kTextBytesMax ||
        member->text.find('\0') != std::string::npos) {
      return Malformed(absl::StrCat("has no text of at most 1024 bytes in ", name));
    }
    return std::optional<std::string>(member->text);
  }
  /// The member as text, or empty.
  absl::Status Read(absl::string_view name, std::string& into) const {
    PW_ASSIGN_OR_RETURN(const std::optional<std::string> text, Optional(name));
    into = text.value_or("");
    return absl::OkStatus();
  }
  /// Takes the member over when it is there; keeps what is there else.
  absl::Status Carry(absl::string_view name, std::string& carried) const {
    PW_ASSIGN_OR_RETURN(std::optional<std::string> text, Optional(name));
    if (text.has_value()) {
      carried = *std::move(text);
    }
    return absl::OkStatus();
  }
  /// The same for one capital letter of `allowed`; empty text means none.
  absl::Status CarryLetter(absl::string_view name, absl::string_view allowed,
                           char& carried) const {
    PW_ASSIGN_OR_RETURN(const std::optional<std::string> text, Optional(name));
    if (!text.has_value()) {
      return absl::OkStatus();
    }
    if (text->size() > 1 || (text->size() == 1 && allowed.find((*text)[0]) == allowed.npos)) {
      return Malformed(absl::StrCat("has no known letter in ", name));
    }
    carried = text->empty() ? '\0' : (*text)[0];
    return absl::OkStatus();
  }
  const StrictJson* Member(absl::string_view name) const {
    const StrictJson* member = object_.Find(name);
    return member == nullptr || member->kind == StrictJson::Kind::kNull ? nullptr : member;
  }

 private:
  const StrictJson& object_;
};

/// Whole digits at a place.
std::optional<int> Digits(absl::string_view text, size_t at, size_t count) {
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      return std::nullopt;
    }
    value = value * 10 + (c - '0');
  }
  return value;
}

/// `2018-07-24T13:22:04,000+0200 S`: local time with milliseconds, offset, state of the clock.
absl::Status ReadTime(absl::string_view text, OcmfReading& reading) {
  constexpr absl::string_view kForm = "dddd-dd-ddTdd:dd:dd,ddd+dddd s";
  const auto fits = [&](size_t i) {
    const auto c = static_cast<unsigned char>(text[i]);
    switch (kForm[i]) {
      case 'd':
        return absl::ascii_isdigit(c);
      case '+':
        return c == '+' || c == '-';
      case 's':
        return c == 'U' || c == 'I' || c == 'S' || c == 'R';
      default:
        return text[i] == kForm[i];
    }
  };
  bool good = text.size() == kForm.size();
  for (size_t i = 0; good && i < kForm.size(); ++i) {
    good = fits(i);
  }
  if (!good) {
    return Malformed("has no time such as 2018-07-24T13:22:04,000+0200 S in TM");
  }
  const auto part = [&](size_t at, size_t count) { return *Digits(text, at, count); };
  const absl::CivilSecond local(part(0, 4), part(5, 2), part(8, 2), part(11, 2), part(14, 2),
                                part(17, 2));
  // A civil time puts right what does not exist, such as the 31st of June; we do not.
  const bool exists = local.year() == part(0, 4) && local.month() == part(5, 2) &&
                      local.day() == part(8, 2) && local.hour() == part(11, 2) &&
                      local.minute() == part(14, 2) && local.second() == part(17, 2) &&
                      part(24, 2) <= 14 && part(26, 2) <= 59;
  if (!exists) {
    return Malformed("has a time in TM that does not exist");
  }
  const int offset_s = (part(24, 2) * 60 + part(26, 2)) * 60 * (text[23] == '-' ? -1 : 1);
  reading.time = absl::FromCivil(local, absl::FixedTimeZone(offset_s)) +
                 absl::Milliseconds(part(20, 3));
  reading.time_status = text.back();
  return absl::OkStatus();
}

/// RV in the unit RU, as thousandths of a watt hour; nothing for units that are no energy.
absl::Status ReadValue(const Fields& fields, OcmfReading& reading) {
  reading.energy_mwh.reset();
  const StrictJson* value = fields.Member("RV");
  if (value == nullptr) {
    return absl::OkStatus();
  }
  if (value->kind != StrictJson::Kind::kNumber) {
    return Malformed("has no number in RV");
  }
  const int scale = reading.unit == "kWh" ? 6 : reading.unit == "Wh" ? 3 : -1;
  if (scale < 0) {
    return absl::OkStatus();
  }
  // Up to a million gigawatt hours, as everywhere.
  constexpr int64_t kMax = 1'000'000'000'000'000;
  const std::optional<int64_t> scaled = ScaledDecimal(value->text, scale, kMax);
  if (!scaled.has_value()) {
    return Malformed("has a value in RV that cannot be kept exactly");
  }
  reading.energy_mwh = *scaled;
  return absl::OkStatus();
}

absl::Status ReadReadings(const StrictJson& payload, OcmfRecord& record) {
  const StrictJson* list = Fields(payload).Member("RD");
  if (list == nullptr || list->kind != StrictJson::Kind::kList || list->items.empty() ||
      list->items.size() > kReadingsMax) {
    return Malformed("has no list of 1 to 1000 readings in RD");
  }
  OcmfReading reading;
  for (const StrictJson& item : list->items) {
    if (item.kind != StrictJson::Kind::kObject) {
      return Malformed("has a reading that is no object");
    }
    const Fields fields(item);
    PW_ASSIGN_OR_RETURN(const std::optional<std::string> time, fields.Optional("TM"));
    PW_RETURN_IF_ERROR(ReadTime(time.value_or(""), reading));
    PW_RETURN_IF_ERROR(fields.CarryLetter("TX", "BCXELRAPST", reading.transaction));
    PW_RETURN_IF_ERROR(fields.Carry("RI", reading.identification));
    PW_RETURN_IF_ERROR(fields.Carry("RU", reading.unit));
    PW_RETURN_IF_ERROR(fields.Carry("RT", reading.current_type));
    PW_RETURN_IF_ERROR(fields.Carry("EF", reading.error_flags));
    PW_RETURN_IF_ERROR(fields.CarryLetter("ST", "NGTDRMXIOSEF", reading.status));
    PW_RETURN_IF_ERROR(ReadValue(fields, reading));
    record.readings.push_back(reading);
  }
  return absl::OkStatus();
}

bool IsPagination(absl::string_view text) {
  return text.size() >= 2 && text.size() <= 20 && (text[0] == 'T' || text[0] == 'F') &&
         std::all_of(text.begin() + 1, text.end(),
                     [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); });
}

absl::Status ReadPayload(const StrictJson& payload, OcmfRecord& record) {
  const Fields fields(payload);
  const std::pair<const char*, std::string*> texts[] = {
      {"FV", &record.format_version}, {"GI", &record.gateway_identification},
      {"GS", &record.gateway_serial}, {"GV", &record.gateway_version},
      {"PG", &record.pagination},     {"MV", &record.meter_vendor},
      {"MM", &record.meter_model},    {"MS", &record.meter_serial},
      {"MF", &record.meter_firmware}, {"IT", &record.identification_type},
      {"ID", &record.identification}, {"CT", &record.charge_point_type},
      {"CI", &record.charge_point}};
  for (const auto& [name, into] : texts) {
    PW_RETURN_IF_ERROR(fields.Read(name, *into));
  }
  if (!IsPagination(record.pagination)) {
    return Malformed("has no pagination such as T12 in PG");
  }
  if (record.serial().empty()) {
    return Malformed("names neither a meter in MS nor a gateway in GS");
  }
  if (const StrictJson* identified = fields.Member("IS"); identified != nullptr) {
    if (identified->kind != StrictJson::Kind::kBool) {
      return Malformed("has neither true nor false in IS");
    }
    record.identified = identified->truth;
  }
  if (const StrictJson* flags = fields.Member("IF"); flags != nullptr) {
    for (const StrictJson& flag : flags->items) {
      record.identification_flags.push_back(flag.text);
    }
  }
  return ReadReadings(payload, record);
}

absl::Status ReadSignature(const StrictJson& section, OcmfRecord& record) {
  const Fields fields(section);
  PW_RETURN_IF_ERROR(fields.Read("SA", record.signature_algorithm));
  if (record.signature_algorithm.empty()) {
    record.signature_algorithm = kDefaultAlgorithm;
  }
  std::string encoding, form, written;
  PW_RETURN_IF_ERROR(fields.Read("SE", encoding));
  PW_RETURN_IF_ERROR(fields.Read("SM", form));
  PW_RETURN_IF_ERROR(fields.Read("SD", written));
  if (!form.empty() && form != "application/x-der") {
    return Malformed("has a form of signature in SM that is not known");
  }
  bool good = !written.empty() && written.size() <= 2 * kSignatureBytesMax;
  if (encoding.empty() || encoding == "hex") {
    good = good && written.size() % 2 == 0 &&
           std::all_of(written.begin(), written.end(),
                       [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); });
    record.signature = good ? absl::HexStringToBytes(written) : "";
  } else if (encoding == "base64") {
    good = good && absl::Base64Unescape(written, &record.signature);
  } else {
    return Malformed("has an encoding in SE that is not known");
  }
  return good ? absl::OkStatus() : Malformed("has no signature in SD");
}

absl::StatusOr<StrictJson> ParseSection(absl::string_view text, absl::string_view name) {
  absl::StatusOr<StrictJson> section = ParseStrictJson(text);
  if (!section.ok()) {
    return Malformed(absl::StrCat(name, " ", section.status().message()));
  }
  if (section->kind != StrictJson::Kind::kObject) {
    return Malformed(absl::StrCat(name, " is no object"));
  }
  return section;
}

/// What an OBIS code such as `1-b:1.8.0*255` counts in total; nothing for other quantities, and for
/// registers that begin anew with each transaction.
std::optional<OcmfRegister> RegisterFrom(absl::string_view obis) {
  if (const size_t colon = obis.find(':'); colon != obis.npos) {
    obis.remove_prefix(colon + 1);
  }
  if (const size_t star = obis.find('*'); star != obis.npos) {
    const absl::string_view storage = obis.substr(star + 1);
    if (storage != "255" && !absl::EqualsIgnoreCase(storage, "FF")) {
      return std::nullopt;  // a stored value: of a turn-on, of a billing period
    }
    obis = obis.substr(0, star);
  }
  const std::vector<std::string> parts = absl::StrSplit(obis, '.');
  const auto is = [&](size_t i, absl::string_view short_form) {
    return absl::EqualsIgnoreCase(parts[i], short_form) ||
           absl::EqualsIgnoreCase(parts[i], absl::StrCat("0", short_form));
  };
  if (parts.size() != 3 || !is(1, "8") || !is(2, "0")) {
    return std::nullopt;
  }
  // Of the codes that OCMF adds, B0 and B1 are total import, C0 and C1 total export.
  if (is(0, "1") || is(0, "B0") || is(0, "B1")) {
    return OcmfRegister::kImport;
  }
  if (is(0, "2") || is(0, "C0") || is(0, "C1")) {
    return OcmfRegister::kExport;
  }
  return std::nullopt;
}

bool HasFlag(const OcmfReading& reading, char flag) {
  return reading.error_flags.find(flag) != std::string::npos;
}

bool HasGoodEnergy(const OcmfReading& reading) {
  return reading.energy_mwh.has_value() && reading.status == 'G' && !HasFlag(reading, 'E');
}

}  // namespace

absl::StatusOr<OcmfRecord> ParseOcmf(absl::string_view text) {
  if (text.size() > kOcmfBytesMax) {
    return Malformed("is longer than 64 KiB");
  }
  const std::vector<absl::string_view> sections = absl::StrSplit(text, '|');
  if (sections.size() != 3 || sections[0] != "OCMF") {
    return Malformed("is not OCMF|payload|signature");
  }
  OcmfRecord record;
  record.payload = std::string(sections[1]);
  PW_ASSIGN_OR_RETURN(const StrictJson payload, ParseSection(sections[1], "payload"));
  PW_ASSIGN_OR_RETURN(const StrictJson signature, ParseSection(sections[2], "signature"));
  PW_RETURN_IF_ERROR(ReadPayload(payload, record));
  PW_RETURN_IF_ERROR(ReadSignature(signature, record));
  return record;
}

std::vector<OcmfRegisterValue> RegisterValuesOf(const OcmfRecord& record) {
  std::vector<OcmfRegisterValue> values;
  for (const OcmfReading& reading : record.readings) {
    const auto kind = RegisterFrom(reading.identification);
    const bool timed = (reading.time_status == 'S' || reading.time_status == 'R') &&
                       !HasFlag(reading, 't') && reading.transaction != 'X';
    if (kind.has_value() && timed && HasGoodEnergy(reading)) {
      values.push_back({*kind, reading.time, Energy::WattHours(*reading.energy_mwh / 1000)});
    }
  }
  return values;
}

std::optional<OcmfSession> SessionOf(const OcmfRecord& record) {
  const OcmfReading* begin = nullptr;
  for (const OcmfReading& reading : record.readings) {
    if (reading.transaction == 'X' || HasFlag(reading, 'E')) {
      return std::nullopt;
    }
    if (reading.transaction == 'B') {
      begin = &reading;
      continue;
    }
    const bool ends = reading.transaction != 0 &&
                      std::string("ELRAP").find(reading.transaction) != std::string::npos;
    if (begin == nullptr || !ends) {
      continue;
    }
    const auto kind = RegisterFrom(reading.identification);
    if (!kind.has_value() || reading.identification != begin->identification ||
        !HasGoodEnergy(*begin) || !HasGoodEnergy(reading) || reading.time < begin->time ||
        *reading.energy_mwh < *begin->energy_mwh) {
      return std::nullopt;
    }
    return OcmfSession{*kind, begin->time, reading.time,
                       *reading.energy_mwh - *begin->energy_mwh};
  }
  return std::nullopt;
}

}  // namespace peerwatt::metering
