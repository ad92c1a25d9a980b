#include "services/settlement/formats/payment_files.h"

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "services/settlement/formats/xml_writer.h"

namespace peerwatt::settlement {
namespace {

constexpr size_t kNameMax = 70;
constexpr size_t kRemittanceMax = 140;
constexpr size_t kBatchIdMax = 33;
constexpr absl::string_view kEuro = "EUR";

template <typename Payment>
Money SumOf(const std::vector<const Payment*>& payments) {
  Money sum;
  for (const Payment* payment : payments) {
    sum += payment->amount;
  }
  return sum;
}

template <typename Payment>
std::vector<const Payment*> PointersTo(const std::vector<Payment>& payments) {
  std::vector<const Payment*> pointers;
  for (const Payment& payment : payments) {
    pointers.push_back(&payment);
  }
  return pointers;
}

// How many payments, and their sum: of the file and of each batch.
template <typename Payment>
void WriteTotals(const std::vector<const Payment*>& payments, absl::string_view currency,
                 XmlWriter& xml) {
  xml.Text("NbOfTxs", absl::StrCat(payments.size()));
  xml.Text("CtrlSum", FormatMinor(SumOf(payments), currency));
}

void OpenDocument(absl::string_view kind, absl::string_view root, XmlWriter& xml) {
  xml.Open("Document", {{"xmlns", absl::StrCat("urn:iso:std:iso:20022:tech:xsd:", kind)}});
  xml.Open(root);
}

template <typename Payment>
void WriteGroupHeader(const PaymentFileHeader& header, const std::vector<Payment>& payments,
                      XmlWriter& xml) {
  xml.Open("GrpHdr");
  xml.Text("MsgId", header.message_id);
  xml.Text("CreDtTm",
           absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", header.created_at, absl::UTCTimeZone()));
  WriteTotals(PointersTo(payments), header.currency, xml);
  xml.Open("InitgPty");
  xml.Text("Nm", BankText(header.own_account.name, kNameMax));
  xml.Close();
  xml.Close();
}

void WriteDate(absl::string_view name, absl::CivilDay day, XmlWriter& xml) {
  xml.Text(name, absl::FormatCivilTime(day));
}

void WriteParty(absl::string_view role, const BankAccount& account, XmlWriter& xml) {
  xml.Open(role);
  xml.Text("Nm", BankText(account.name, kNameMax));
  xml.Close();
}

void WriteIban(absl::string_view role, const BankAccount& account, XmlWriter& xml) {
  xml.Open(role);
  xml.Open("Id");
  xml.Text("IBAN", account.iban);
  xml.Close();
  xml.Close();
}

void WriteAgent(absl::string_view role, const BankAccount& account, XmlWriter& xml) {
  xml.Open(role);
  xml.Open("FinInstnId");
  if (account.bic.empty()) {
    xml.Open("Othr");
    xml.Text("Id", "NOTPROVIDED");
    xml.Close();
  } else {
    xml.Text("BICFI", account.bic);
  }
  xml.Close();
  xml.Close();
}

void WriteRemittance(absl::string_view text, XmlWriter& xml) {
  if (text.empty()) {
    return;
  }
  xml.Open("RmtInf");
  xml.Text("Ustrd", BankText(text, kRemittanceMax));
  xml.Close();
}

void WritePaymentId(absl::string_view end_to_end_id, XmlWriter& xml) {
  xml.Open("PmtId");
  xml.Text("EndToEndId", end_to_end_id);
  xml.Close();
}

void WriteServiceLevel(XmlWriter& xml) {
  xml.Open("SvcLvl");
  xml.Text("Cd", "SEPA");
  xml.Close();
}

void WriteTransfer(const Payout& payout, absl::string_view currency, XmlWriter& xml) {
  xml.Open("CdtTrfTxInf");
  WritePaymentId(payout.end_to_end_id, xml);
  xml.Open("Amt");
  xml.Text("InstdAmt", FormatMinor(payout.amount, currency), {{"Ccy", currency}});
  xml.Close();
  if (!payout.creditor.bic.empty()) {
    WriteAgent("CdtrAgt", payout.creditor, xml);
  }
  WriteParty("Cdtr", payout.creditor, xml);
  WriteIban("CdtrAcct", payout.creditor, xml);
  WriteRemittance(payout.remittance, xml);
  xml.Close();
}

void WriteDebit(const Collection& collection, absl::string_view currency, XmlWriter& xml) {
  xml.Open("DrctDbtTxInf");
  WritePaymentId(collection.end_to_end_id, xml);
  xml.Text("InstdAmt", FormatMinor(collection.amount, currency), {{"Ccy", currency}});
  xml.Open("DrctDbtTx");
  xml.Open("MndtRltdInf");
  xml.Text("MndtId", collection.mandate.id);
  WriteDate("DtOfSgntr", collection.mandate.signed_on, xml);
  xml.Close();
  xml.Close();
  WriteAgent("DbtrAgt", collection.debtor, xml);
  WriteParty("Dbtr", collection.debtor, xml);
  WriteIban("DbtrAcct", collection.debtor, xml);
  WriteRemittance(collection.remittance, xml);
  xml.Close();
}

// Who collects: the identifier that banks give to creditors.
void WriteCreditorId(absl::string_view creditor_id, XmlWriter& xml) {
  xml.Open("CdtrSchmeId");
  xml.Open("Id");
  xml.Open("PrvtId");
  xml.Open("Othr");
  xml.Text("Id", creditor_id);
  xml.Open("SchmeNm");
  xml.Text("Prtry", "SEPA");
  for (int i = 0; i < 5; ++i) {
    xml.Close();
  }
}

// Collections of one sequence type: a batch has one only.
void WriteDebitBatch(const PaymentFileHeader& header, absl::string_view creditor_id, bool is_first,
                     const std::vector<const Collection*>& collections, XmlWriter& xml) {
  if (collections.empty()) {
    return;
  }
  const absl::string_view sequence = is_first ? "FRST" : "RCUR";
  xml.Open("PmtInf");
  xml.Text("PmtInfId",
           absl::StrCat(header.message_id.substr(0, kBatchIdMax), is_first ? "-F" : "-R"));
  xml.Text("PmtMtd", "DD");
  xml.Text("BtchBookg", "true");
  WriteTotals(collections, header.currency, xml);
  xml.Open("PmtTpInf");
  WriteServiceLevel(xml);
  xml.Open("LclInstrm");
  xml.Text("Cd", "CORE");
  xml.Close();
  xml.Text("SeqTp", sequence);
  xml.Close();
  WriteDate("ReqdColltnDt", header.due_on, xml);
  WriteParty("Cdtr", header.own_account, xml);
  WriteIban("CdtrAcct", header.own_account, xml);
  WriteAgent("CdtrAgt", header.own_account, xml);
  xml.Text("ChrgBr", "SLEV");
  WriteCreditorId(creditor_id, xml);
  for (const Collection* collection : collections) {
    WriteDebit(*collection, header.currency, xml);
  }
  xml.Close();
}

}  // namespace

absl::StatusOr<std::string> WriteCreditTransfers(const PaymentFileHeader& header,
                                                 const std::vector<Payout>& payouts) {
  PW_RETURN_IF_ERROR(CheckPayouts(header, payouts));
  XmlWriter xml;
  OpenDocument("pain.001.001.09", "CstmrCdtTrfInitn", xml);
  WriteGroupHeader(header, payouts, xml);
  xml.Open("PmtInf");
  xml.Text("PmtInfId", header.message_id);
  xml.Text("PmtMtd", "TRF");
  xml.Text("BtchBookg", "true");
  WriteTotals(PointersTo(payouts), header.currency, xml);
  if (header.currency == kEuro) {
    xml.Open("PmtTpInf");
    WriteServiceLevel(xml);
    xml.Close();
  }
  xml.Open("ReqdExctnDt");
  WriteDate("Dt", header.due_on, xml);
  xml.Close();
  WriteParty("Dbtr", header.own_account, xml);
  WriteIban("DbtrAcct", header.own_account, xml);
  WriteAgent("DbtrAgt", header.own_account, xml);
  xml.Text("ChrgBr", header.currency == kEuro ? "SLEV" : "SHAR");
  for (const Payout& payout : payouts) {
    WriteTransfer(payout, header.currency, xml);
  }
  for (int i = 0; i < 3; ++i) {
    xml.Close();
  }
  return xml.Take();
}

absl::StatusOr<std::string> WriteDirectDebits(const PaymentFileHeader& header,
                                              absl::string_view creditor_id,
                                              const std::vector<Collection>& collections) {
  PW_RETURN_IF_ERROR(CheckCollections(header, creditor_id, collections));
  XmlWriter xml;
  OpenDocument("pain.008.001.08", "CstmrDrctDbtInitn", xml);
  WriteGroupHeader(header, collections, xml);
  for (const bool is_first : {true, false}) {
    std::vector<const Collection*> batch;
    for (const Collection& collection : collections) {
      if (collection.mandate.is_first == is_first) {
        batch.push_back(&collection);
      }
    }
    WriteDebitBatch(header, creditor_id, is_first, batch, xml);
  }
  xml.Close();
  xml.Close();
  return xml.Take();
}

}  // namespace peerwatt::settlement
