// Any bytes as a bank statement: read without harm; what was read leads to one key per entry.
#include <cstdint>
#include <cstdlib>

#include "services/settlement/core/payments/matching.h"
#include "services/settlement/formats/bank_statement_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace peerwatt::settlement;
  const auto statements = ReadBankStatements({reinterpret_cast<const char*>(data), size});
  if (!statements.ok()) {
    return 0;
  }
  absl::flat_hash_set<std::string> seen;
  for (const BankStatement& statement : *statements) {
    BankOrders orders;
    if (MatchStatement(statement, orders, seen).size() != statement.entries.size()) {
      std::abort();
    }
  }
  return 0;
}
