#pragma once

#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"



namespace peerwatt {

/// How much a log line matters.
enum class Severity { kDebug, kInfo, kWarning, kError };

/// A value of a log line. Numbers are written without quotes.
class LogField {
 public:
  LogField(absl::string_view key, absl::string_view value);
  LogField(absl::string_view key, const char* value) : LogField(key, absl::string_view(value)) {}
  LogField(absl::string_view key, const std::string& value)
      : LogField(key, absl::string_view(value)) {}
  LogField(absl::string_view key, bool value);
  LogField(absl::string_view key, int value);
  LogField(absl::string_view key, long value);
  LogField(absl::string_view key, long long value);
  LogField(absl::string_view key, unsigned long value);
  LogField(absl::string_view key, double value);

  /// The field as `"key":value`, ready for a JSON object.
  const std::string& json() const { return json_; }

 private:
  std::string json_;
};

/// Starts logging for a process: one JSON object per line on stderr.
/// service: written into every line. minimum: `debug`, `info`, `warning` or `error`.
void StartLog(absl::string_view service, absl::string_view minimum);

/// Writes one line: time, severity, service, message and the fields.
/// No personal data, tokens or readings of a named person.
void Log(Severity severity, absl::string_view message, std::initializer_list<LogField> fields = {});

/// Writes out what is buffered.
void FlushLog();

/// `text` as a JSON string with its quotes.
std::string JsonQuote(absl::string_view text);

}  // namespace peerwatt
