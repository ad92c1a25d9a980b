#pragma once

#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace peerwatt::testing {

/// What statements find, in one text: a line per row, fields ended by `|`. Equal texts mean that
/// nothing changed in between. dsn: of a role that may read all of it; statements: with an order.
inline std::string TextOf(const std::string& dsn, const std::vector<const char*>& statements) {
  pqxx::connection connection(dsn);
  pqxx::work tx(connection);
  std::string text;
  for (const char* statement : statements) {
    for (const auto& row : tx.exec(statement)) {
      for (const auto& field : row) absl::StrAppend(&text, field.c_str(), "|");
      text += "\n";
    }
  }
  return text;
}

}  // namespace peerwatt::testing
