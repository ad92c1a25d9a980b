#pragma once

#include <string>

#include "tools/peerwatt/gateway_session.h"

namespace peerwatt::tool {

/// What `peerwatt readings` is asked for.
struct ReadingsOptions {
  GatewayOptions gateway;
  std::string file;      ///< `-`: standard input or output.
  std::string format;    ///< `csv`, `espi`; empty: by the file's name.
  std::string point;     ///< Id of a metering point; for an import it may be empty.
  std::string on_error;  ///< `stop`, `skip`.
  std::string start;     ///< RFC 3339, of an export.
  std::string end;       ///< RFC 3339, of an export.
};

/// Stores the readings of a file and prints the counts and what is wrong in it.
/// Returns the exit code: 0 when the whole file is stored, 1 otherwise, 2 for wrong options.
int RunReadingsImport(const ReadingsOptions& options);
/// Writes the readings of a metering point to a file. Returns the exit code.
int RunReadingsExport(const ReadingsOptions& options);

}  // namespace peerwatt::tool
