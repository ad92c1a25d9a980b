#include "libs/base/log.h"

#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace peerwatt {
namespace {

std::string& ServiceName() {
  static std::string name = "peerwatt";
  return name;
}

spdlog::logger& Logger() {
  static std::shared_ptr<spdlog::logger> logger = [] {
    auto created =
        std::make_shared<spdlog::logger>("json", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    created->set_pattern("%v");
    created->flush_on(spdlog::level::info);
    return created;
  }();
  return *logger;
}

absl::string_view NameOf(Severity severity) {
  switch (severity) {
    case Severity::kDebug:
      return "DEBUG";
    case Severity::kInfo:
      return "INFO";
    case Severity::kWarning:
      return "WARNING";
    case Severity::kError:
      return "ERROR";
  }
  return "ERROR";
}

spdlog::level::level_enum LevelOf(Severity severity) {
  switch (severity) {
    case Severity::kDebug:
      return spdlog::level::debug;
    case Severity::kInfo:
      return spdlog::level::info;
    case Severity::kWarning:
      return spdlog::level::warn;
    case Severity::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

std::string JsonQuote(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          absl::StrAppendFormat(&out, "\\u%04x", static_cast<unsigned>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
  return out;
}

LogField::LogField(absl::string_view key, absl::string_view value)
    : json_(absl::StrCat(JsonQuote(key), ":", JsonQuote(value))) {}
LogField::LogField(absl::string_view key, bool value)
    : json_(absl::StrCat(JsonQuote(key), ":", value ? "true" : "false")) {}
LogField::LogField(absl::string_view key, int value)
    : json_(absl::StrCat(JsonQuote(key), ":", value)) {}
LogField::LogField(absl::string_view key, long value)
    : json_(absl::StrCat(JsonQuote(key), ":", value)) {}
LogField::LogField(absl::string_view key, long long value)
    : json_(absl::StrCat(JsonQuote(key), ":", value)) {}
LogField::LogField(absl::string_view key, unsigned long value)
    : json_(absl::StrCat(JsonQuote(key), ":", value)) {}
LogField::LogField(absl::string_view key, double value)
    : json_(absl::StrCat(JsonQuote(key), ":", absl::StrFormat("%.3f", value))) {}

void StartLog(absl::string_view service, absl::string_view minimum) {
  ServiceName() = std::string(service);
  Logger().set_level(minimum == "debug"     ? spdlog::level::debug
                     : minimum == "warning" ? spdlog::level::warn
                     : minimum == "error"   ? spdlog::level::err
                                            : spdlog::level::info);
}

void Log(Severity severity, absl::string_view message, std::initializer_list<LogField> fields) {
  if (!Logger().should_log(LevelOf(severity))) return;
  std::string line = absl::StrCat(
      "{\"time\":\"",
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone()),
      "\",\"severity\":\"", NameOf(severity), "\",\"service\":", JsonQuote(ServiceName()),
      ",\"message\":", JsonQuote(message));
  for (const LogField& field : fields) absl::StrAppend(&line, ",", field.json());
  line += '}';
  Logger().log(LevelOf(severity), spdlog::string_view_t(line.data(), line.size()));
}

void FlushLog() { Logger().flush(); }

}  // namespace peerwatt
