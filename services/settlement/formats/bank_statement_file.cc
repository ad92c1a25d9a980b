#include "services/settlement/formats/bank_statement_file.h"

#include <expat.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "libs/base/status_macros.h"
#include "services/settlement/core/payments/errors.h"
#include "services/settlement/formats/statement_parts.h"

namespace peerwatt::settlement {
namespace {

constexpr size_t kDepthMax = 32;
constexpr size_t kTextBytesMax = 4096;
constexpr char kNameSeparator = '|';
constexpr absl::string_view kNamespace = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.";
constexpr absl::string_view kStatementPath = "Document/BkToCstmrStmt/Stmt";
constexpr absl::string_view kNoId = "NOTPROVIDED";

// What expat calls.
class Reader {
 public:
  Reader() : parser_(XML_ParserCreateNS(nullptr, kNameSeparator)) {
    XML_SetUserData(parser_, this);
    XML_SetElementHandler(
        parser_,
        [](void* self, const char* name, const char** attributes) {
          static_cast<Reader*>(self)->OnStart(name, attributes);
        },
        [](void* self, const char* /*name*/) { static_cast<Reader*>(self)->OnEnd(); });
    XML_SetCharacterDataHandler(parser_, [](void* self, const char* text, int size) {
      static_cast<Reader*>(self)->OnText({text, static_cast<size_t>(size)});
    });
    XML_SetStartDoctypeDeclHandler(
        parser_, [](void* self, const char* /*name*/, const char* /*system*/,
                    const char* /*public_id*/, int /*has_internal*/) {
          static_cast<Reader*>(self)->Fail(StatementInvalid("a document type is not taken"));
        });
  }
  ~Reader() { XML_ParserFree(parser_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  absl::StatusOr<std::vector<BankStatement>> Read(absl::string_view content) {
    const XML_Status status =
        XML_Parse(parser_, content.data(), static_cast<int>(content.size()), 1);
    if (failure_.ok() && status != XML_STATUS_OK) {
      Fail(StatementInvalid(XML_ErrorString(XML_GetErrorCode(parser_))));
    }
    PW_RETURN_IF_ERROR(failure_);
    if (statements_.empty()) {
      return StatementInvalid("the file holds no statement");
    }
    return std::move(statements_);
  }

 private:
  void Fail(const absl::Status& failure) {
    if (!failure_.ok()) {
      return;
    }
    ErrorDetail detail = DetailOf(failure);
    detail.metadata["line"] = absl::StrCat(XML_GetCurrentLineNumber(parser_));
    failure_ = ErrorFromDetail(
        failure.code(), absl::StrCat("line ", detail.metadata["line"], ": ", failure.message()),
        detail);
    XML_StopParser(parser_, XML_FALSE);
  }

  void OnStart(absl::string_view name, const char** attributes) {
    const size_t separator = name.find(kNameSeparator);
    if (sizes_.empty() && (separator == absl::string_view::npos ||
                           !absl::StartsWith(name.substr(0, separator), kNamespace))) {
      return Fail(StatementInvalid("the file is no camt.053"));
    }
    if (sizes_.size() == kDepthMax) {
      return Fail(StatementInvalid("elements are at most 32 deep"));
    }
    sizes_.push_back(path_.size());
    absl::StrAppend(&path_, path_.empty() ? "" : "/",
                    separator == absl::string_view::npos ? name : name.substr(separator + 1));
    text_.clear();
    currency_.clear();
    for (const char** attribute = attributes; *attribute != nullptr; attribute += 2) {
      if (absl::string_view(attribute[0]) == "Ccy") {
        currency_ = attribute[1];
      }
    }
    if (path_ == kStatementPath) {
      statement_ = {};
      opening_.reset();
      closing_.reset();
      collectives_.clear();
    } else if (const absl::string_view inner = Inner(); inner == "Bal") {
      balance_ = {};
    } else if (inner == "Ntry") {
      entry_ = {};
    } else if (inner == "Ntry/NtryDtls/TxDtls") {
      entry_.parts.emplace_back();
    }
  }

  void OnText(absl::string_view text) {
    if (text_.size() + text.size() > kTextBytesMax) {
      return Fail(StatementInvalid("a text has at most 4096 bytes"));
    }
    text_.append(text.data(), text.size());
  }

  void OnEnd() {
    if (!failure_.ok()) {
      return;
    }
    absl::string_view rest = Inner();
    absl::Status taken;
    if (path_ == kStatementPath) {
      taken = EndStatement();
    } else if (rest == "Ntry") {
      collectives_.push_back(std::move(entry_));
    } else if (rest == "Bal") {
      taken = EndBalance();
    } else if (absl::ConsumePrefix(&rest, "Ntry/NtryDtls/TxDtls/")) {
      taken = TakePart(rest, entry_.parts.back());
    } else if (absl::ConsumePrefix(&rest, "Ntry/")) {
      taken = TakeEntry(rest);
    } else if (absl::ConsumePrefix(&rest, "Bal/")) {
      taken = TakeBalance(rest);
    } else {
      taken = TakeStatement(rest);
    }
    if (!taken.ok()) {
      Fail(taken);
    }
    path_.resize(sizes_.back());
    sizes_.pop_back();
    text_.clear();
  }

  // The path below the statement; empty outside of one and at the statement itself.
  absl::string_view Inner() const {
    absl::string_view inner = path_;
    return absl::ConsumePrefix(&inner, kStatementPath) && absl::ConsumePrefix(&inner, "/")
               ? inner
               : absl::string_view();
  }

  absl::Status TakeAmount(Amount& amount) const {
    const absl::StatusOr<int64_t> micros = ParseMicros(absl::StripAsciiWhitespace(text_));
    if (!micros.ok() || *micros < 0) {
      return StatementInvalid("an amount is no number, negative or too exact");
    }
    amount.value = Money::Micros(*micros);
    amount.currency = currency_;
    return absl::OkStatus();
  }

  std::string Value() const { return std::string(absl::StripAsciiWhitespace(text_)); }

  absl::Status TakeStatement(absl::string_view field) {
    if (field == "Id") {
      statement_.id = Value();
    } else if (field == "Acct/Id/IBAN") {
      statement_.iban = Value();
    } else if (field == "Acct/Ccy") {
      statement_.currency = Value();
    }
    return absl::OkStatus();
  }

  absl::Status TakeBalance(absl::string_view field) {
    if (field == "Tp/CdOrPrtry/Cd") {
      balance_.code = Value();
    } else if (field == "CdtDbtInd") {
      balance_.direction = Value();
    } else if (field == "Amt") {
      return TakeAmount(balance_.amount);
    }
    return absl::OkStatus();
  }

  // The balance booked at the end of the day before opens a statement as well as one of the day.
  absl::Status EndBalance() {
    const bool opens = balance_.code == "OPBD" || balance_.code == "PRCD";
    if (!opens && balance_.code != "CLBD") {
      return absl::OkStatus();
    }
    PW_ASSIGN_OR_RETURN(const Money value, Signed(balance_.amount, balance_.direction));
    std::optional<Money>& kept = opens ? opening_ : closing_;
    if (kept.has_value() && *kept != value) {
      return StatementInvalid("a balance is given twice");
    }
    kept = value;
    if (statement_.currency.empty()) {
      statement_.currency = balance_.amount.currency;
    }
    return balance_.amount.currency == statement_.currency
               ? absl::OkStatus()
               : StatementInvalid("a balance is in another currency than its account");
  }

  absl::Status TakeEntry(absl::string_view field) {
    BankEntry& entry = entry_.whole.entry;
    if (field == "Amt") {
      return TakeAmount(entry_.whole.amount);
    }
    if (field == "CdtDbtInd") {
      entry_.whole.direction = Value();
    } else if (field == "RvslInd") {
      entry_.is_reversal = Value() == "true" || Value() == "1";
    } else if (field == "Sts/Cd" || (field == "Sts" && !Value().empty())) {
      entry_.status = Value();
    } else if (field == "AcctSvcrRef") {
      entry.bank_reference = Value();
    } else if (field == "BookgDt/Dt" || field == "BookgDt/DtTm") {
      if (!absl::ParseCivilTime(Value().substr(0, 10), &entry.booked_on)) {
        return StatementInvalid("a booking date is no date");
      }
    }
    return absl::OkStatus();
  }

  absl::Status TakePart(absl::string_view field, Part& part) {
    BankEntry& entry = part.entry;
    if (field == "Amt") {
      return TakeAmount(part.amount);
    }
    if (field == "AmtDtls/TxAmt/Amt") {
      return TakeAmount(part.transaction_amount);
    }
    if (field == "Refs/EndToEndId") {
      entry.end_to_end_id = Value() == kNoId ? "" : Value();
    } else if (field == "RmtInf/Ustrd") {
      absl::StrAppend(&entry.remittance, Value());
    } else {
      const std::pair<absl::string_view, std::string*> fields[] = {
          {"CdtDbtInd", &part.direction},
          {"Refs/AcctSvcrRef", &entry.bank_reference},
          {"RtrInf/Rsn/Cd", &entry.return_reason},
          {"RltdPties/Dbtr/Nm", &part.debtor_name},
          {"RltdPties/Dbtr/Pty/Nm", &part.debtor_name},
          {"RltdPties/Cdtr/Nm", &part.creditor_name},
          {"RltdPties/Cdtr/Pty/Nm", &part.creditor_name},
          {"RltdPties/DbtrAcct/Id/IBAN", &part.debtor_iban},
          {"RltdPties/CdtrAcct/Id/IBAN", &part.creditor_iban},
      };
      for (const auto& [name, target] : fields) {
        if (field == name) {
          *target = Value();
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Status EndStatement() {
    if (statement_.iban.empty() || statement_.currency.empty()) {
      return StatementInvalid("a statement names no account with an IBAN, or no currency");
    }
    if (!opening_.has_value() || !closing_.has_value()) {
      return StatementInvalid("a statement lacks its opening or closing balance");
    }
    statement_.opening = *opening_;
    statement_.closing = *closing_;
    for (const Collective& collective : collectives_) {
      PW_RETURN_IF_ERROR(AppendEntries(collective, statement_));
    }
    statements_.push_back(std::move(statement_));
    return absl::OkStatus();
  }

  XML_Parser parser_;
  absl::Status failure_;
  std::string path_;
  std::vector<size_t> sizes_;
  std::string text_;
  std::string currency_;
  BankStatement statement_;
  std::optional<Money> opening_;
  std::optional<Money> closing_;
  Balance balance_;
  Collective entry_;
  std::vector<Collective> collectives_;
  std::vector<BankStatement> statements_;
};

}  // namespace

absl::StatusOr<std::vector<BankStatement>> ReadBankStatements(absl::string_view content) {
  if (content.size() > kStatementBytesMax) {
    return StatementInvalid("a statement has at most 32 MiB");
  }
  return Reader().Read(content);
}

}  // namespace peerwatt::settlement
