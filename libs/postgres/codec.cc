#include "libs/postgres/codec.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/civil_time.h"
#include "libs/base/check.h"

namespace peerwatt::postgres {
namespace {

template <typename Text>
std::string ArrayOfTexts(const std::vector<Text>& values) {
  size_t size = 2;
  for (const Text& value : values) size += value.size() + 3;
  std::string out;
  out.reserve(size);
  char separator = '{';
  for (const Text& value : values) {
    out += separator;
    out += '"';
    for (const char c : value) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
    separator = ',';
  }
  return values.empty() ? "{}" : std::move(out += '}');
}

// Writes `value` as `digits` digits before `end`.
void WriteDigits(int64_t value, int digits, char* end) {
  for (int i = 0; i < digits; ++i) {
    *--end = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

// Splits `{a,"b c"}`; our arrays hold no NULLs and are one-dimensional.
std::vector<std::string> Elements(absl::string_view text) {
  PW_CHECK(text.size() >= 2 && text.front() == '{' && text.back() == '}', "not an array");
  text = text.substr(1, text.size() - 2);
  std::vector<std::string> elements;
  std::string current;
  bool quoted = false;
  bool any = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    any = true;
    if (c == '\\') {
      current += text[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      elements.push_back(std::move(current));
      current.clear();
    } else {
      current += c;
    }
  }
  if (any) elements.push_back(std::move(current));
  return elements;
}

}  // namespace

std::string ToSql(absl::Time time) {
  if (time == absl::InfiniteFuture()) return "infinity";
  if (time == absl::InfinitePast()) return "-infinity";
  const absl::CivilSecond second = absl::ToCivilSecond(time, absl::UTCTimeZone());
  if (second.year() < 1000 || second.year() > 9999) {
    return absl::FormatTime("%Y-%m-%d %H:%M:%E6S+00", time, absl::UTCTimeZone());
  }
  // By hand: large batches have a time or two in every row.
  std::string text = "0000-00-00 00:00:00.000000+00";
  WriteDigits(second.year(), 4, &text[4]);
  WriteDigits(second.month(), 2, &text[7]);
  WriteDigits(second.day(), 2, &text[10]);
  WriteDigits(second.hour(), 2, &text[13]);
  WriteDigits(second.minute(), 2, &text[16]);
  WriteDigits(second.second(), 2, &text[19]);
  const absl::Duration rest = time - absl::FromCivil(second, absl::UTCTimeZone());
  WriteDigits(absl::ToInt64Microseconds(rest), 6, &text[26]);
  return text;
}

std::optional<std::string> ToSql(const std::optional<absl::Time>& time) {
  if (!time.has_value()) return std::nullopt;
  return ToSql(*time);
}

std::string ToSqlArray(const std::vector<int64_t>& values) {
  return absl::StrCat("{", absl::StrJoin(values, ","), "}");
}

std::string ToSqlArray(const std::vector<int32_t>& values) {
  return absl::StrCat("{", absl::StrJoin(values, ","), "}");
}

std::string ToSqlArray(const std::vector<std::string>& values) { return ArrayOfTexts(values); }

std::string ToSqlArray(const std::vector<absl::string_view>& values) {
  return ArrayOfTexts(values);
}

std::string ToSqlArray(const std::vector<absl::Time>& values) {
  return absl::StrCat("{", absl::StrJoin(values, ",", [](std::string* out, absl::Time v) {
                        absl::StrAppend(out, "\"", ToSql(v), "\"");
                      }),
                      "}");
}

absl::Time TimeFrom(const pqxx::field& field) {
  // `2026-07-01 10:15:00.25+00`: the session's zone is UTC, so the offset is always `+00`.
  absl::string_view text = field.c_str();
  if (text == "infinity") return absl::InfiniteFuture();
  if (text == "-infinity") return absl::InfinitePast();
  PW_CHECK(text.size() > 3 && text.substr(text.size() - 3) == "+00", "a timestamp is in UTC");
  text.remove_suffix(3);
  // By hand: large results have a time or two in every row.
  constexpr absl::string_view kForm = "0000-00-00 00:00:00";
  PW_CHECK(text.size() >= kForm.size(), "a timestamp column is readable");
  for (size_t i = 0; i < text.size(); ++i) {
    const char form = i < kForm.size() ? kForm[i] : i == kForm.size() ? '.' : '0';
    PW_CHECK(form == '0' ? text[i] >= '0' && text[i] <= '9' : text[i] == form,
             "a timestamp column is readable");
  }
  const auto number = [&](size_t from, size_t count) {
    int value = 0;
    for (size_t i = from; i < from + count; ++i) value = value * 10 + (text[i] - '0');
    return value;
  };
  const absl::CivilSecond second(number(0, 4), number(5, 2), number(8, 2), number(11, 2),
                                 number(14, 2), number(17, 2));
  int64_t micros = 0;
  for (size_t i = kForm.size() + 1; i < kForm.size() + 7; ++i) {
    micros = micros * 10 + (i < text.size() ? text[i] - '0' : 0);
  }
  return absl::FromCivil(second, absl::UTCTimeZone()) + absl::Microseconds(micros);
}

std::optional<absl::Time> OptionalTimeFrom(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return TimeFrom(field);
}

int64_t Int64From(const pqxx::field& field) { return field.as<int64_t>(); }

std::optional<int64_t> OptionalInt64From(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return field.as<int64_t>();
}

int32_t Int32From(const pqxx::field& field) { return field.as<int32_t>(); }

bool BoolFrom(const pqxx::field& field) { return field.as<bool>(); }

absl::CivilDay DayFrom(const pqxx::field& field) {
  absl::CivilDay day;
  PW_CHECK(absl::ParseCivilTime(field.c_str(), &day), "a date is a day");
  return day;
}

std::string TextFrom(const pqxx::field& field) { return field.is_null() ? "" : field.c_str(); }

std::string BytesFrom(const pqxx::field& field) {
  if (field.is_null()) return {};
  // The server writes `\x` and two hexadecimal digits for each byte.
  const absl::string_view text(field.c_str(), field.size());
  PW_CHECK(text.size() >= 2 && text.size() % 2 == 0 && text[0] == '\\' && text[1] == 'x',
           "not bytea in hexadecimal form");
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes(text.size() / 2 - 1, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(digit(text[2 * i + 2]) << 4 | digit(text[2 * i + 3]));
  }
  return bytes;
}

std::vector<int64_t> Int64ArrayFrom(const pqxx::field& field) {
  std::vector<int64_t> values;
  for (const std::string& element : Elements(field.c_str())) values.push_back(std::stoll(element));
  return values;
}

std::vector<std::string> TextArrayFrom(const pqxx::field& field) {
  return Elements(field.c_str());
}

}  // namespace peerwatt::postgres
