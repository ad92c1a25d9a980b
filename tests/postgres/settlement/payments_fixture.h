#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"
#include "services/settlement/core/payments/deposit_reference.h"
#include "services/settlement/core/payments/payment_desk.h"
#include "services/settlement/core/payments/payment_job.h"
#include "services/settlement/formats/bank_statement_file.h"
#include "services/settlement/formats/payment_files.h"
#include "services/settlement/storage/ledger_reader.h"
#include "services/settlement/storage/postgres_bank_store.h"
#include "services/settlement/storage/postgres_payment_store.h"
#include "services/settlement/storage/postgres_round_store.h"
#include "tests/postgres/settlement/run_fixture.h"

namespace peerwatt::settlement {

inline constexpr char kOwnIban[] = "DE89370400440532013000";
inline constexpr char kMemberIban[] = "AT611904300234573201";

/// One entry of a bank's statement in `camt.053`. cents: above zero came in.
inline std::string StatementEntry(int64_t cents, const std::string& reference,
                                  const std::string& end_to_end_id,
                                  const std::string& remittance = "",
                                  const std::string& return_code = "") {
  const int64_t size = cents < 0 ? -cents : cents;
  return absl::StrCat(
      "<Ntry><NtryRef>1</NtryRef><Amt Ccy=\"EUR\">", size / 100, ".", size % 100 / 10, size % 10,
      "</Amt><CdtDbtInd>", cents < 0 ? "DBIT" : "CRDT",
      "</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-08-03</Dt></BookgDt><AcctSvcrRef>",
      reference, "</AcctSvcrRef><NtryDtls><TxDtls><Refs><EndToEndId>",
      end_to_end_id.empty() ? "NOTPROVIDED" : end_to_end_id, "</EndToEndId></Refs>",
      remittance.empty() ? "" : absl::StrCat("<RmtInf><Ustrd>", remittance, "</Ustrd></RmtInf>"),
      return_code.empty() ? ""
                          : absl::StrCat("<RtrInf><Rsn><Cd>", return_code, "</Cd></Rsn></RtrInf>"),
      "</TxDtls></NtryDtls></Ntry>");
}

/// A statement of the community's account with these entries.
inline std::string StatementFile(const std::string& id, int64_t opening_cents,
                                 const std::vector<std::pair<int64_t, std::string>>& entries) {
  std::string all;
  int64_t cents = opening_cents;
  const auto balance = [](const char* code, int64_t amount) {
    return absl::StrCat("<Bal><Tp><CdOrPrtry><Cd>", code,
                        "</Cd></CdOrPrtry></Tp><Amt Ccy=\"EUR\">", amount / 100, ".",
                        amount % 100 / 10, amount % 10,
                        "</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-08-03</Dt></Dt></Bal>");
  };
  for (const auto& [amount, entry] : entries) {
    cents += amount;
    all += entry;
  }
  return absl::StrCat(
      "<?xml version=\"1.0\"?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\">"
      "<BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr><Stmt><Id>",
      id, "</Id><Acct><Id><IBAN>", kOwnIban, "</IBAN></Id><Ccy>EUR</Ccy></Acct>",
      balance("OPBD", opening_cents), balance("CLBD", cents), all,
      "</Stmt></BkToCstmrStmt></Document>");
}

/// One process that pays. dsn: of its own pool.
struct PayingProcess {
  PayingProcess(postgres::Pool& pool, LedgerCache& cache, RegistryPort& registry, RunStore& runs,
                PaymentProvider& provider, const Clock& clock)
      : ledgers(registry, runs),
        payments(pool, cache),
        bank(pool, cache, {WriteCreditTransfers, WriteDirectDebits}),
        rounds(pool, cache, crypto::Sha256),
        desk(ledgers, provider, payments, crypto::Sha256, clock),
        bank_desk(ledgers, bank, provider.uses_files(), crypto::Sha256, clock),
        job(ledgers, registry, rounds, desk, clock) {}

  absl::StatusOr<std::vector<KeptStatement>> Import(const CommunityId& community,
                                                    const std::string& content) {
    absl::StatusOr<std::vector<BankStatement>> statements = ReadBankStatements(content);
    if (!statements.ok()) return statements.status();
    return bank_desk.Import(community, content, *std::move(statements));
  }

  Ledgers ledgers;
  PostgresPaymentStore payments;
  PostgresBankStore bank;
  PostgresRoundStore rounds;
  PaymentDesk desk;
  BankDesk bank_desk;
  PaymentJob job;
};

/// A community whose members pay and are paid, through a provider or by files.
class PaymentsTest : public RunTest {
 protected:
  void SetUp() override {
    RunTest::SetUp();
    clock_.Set(Quarter(0));
  }

  /// Pays through a bank from now on.
  void UseBank() {
    provider_.files = true;
    process_ = std::make_unique<PayingProcess>(pool_, cache_, registry_, runs_, provider_, clock_);
    PaymentSettings settings;
    settings.community = community_;
    settings.account = {"Hamlet eG", kOwnIban, ""};
    settings.creditor_id = "DE98ZZZ09999999999";
    Put(settings);
  }
  void Put(const PaymentSettings& settings) {
    const auto kept = process_->payments.PutSettings(settings, clock_.Now());
    ASSERT_TRUE(kept.ok()) << kept.status();
  }
  void PutDetails(const std::string& participant, const std::string& mandate = "",
                  const std::string& holder = "Ada") {
    PayoutDetails details;
    details.community = community_;
    details.participant = ParticipantId(participant);
    details.account = {holder, kMemberIban, ""};
    details.mandate_id = mandate;
    details.mandate_signed_on = absl::CivilDay(2026, 1, 2);
    const auto kept = process_->payments.PutDetails(details, clock_.Now());
    ASSERT_TRUE(kept.ok()) << kept.status();
  }
  ParticipantContext Owner(const std::string& participant) const {
    return {ParticipantId(participant), community_, "EUR"};
  }
  absl::StatusOr<Payment> CreatePayout(const std::string& participant, const std::string& id,
                                       int64_t micros) {
    return process_->desk.CreatePayout(Owner(participant), id, Money::Micros(micros));
  }
  PaymentName NameOf(const std::string& participant, const std::string& id,
                     PaymentKind kind = PaymentKind::kPayout) const {
    return {community_, kind, ParticipantId(participant), id};
  }
  Payment PaymentOf(const PaymentName& name) {
    const auto payment = process_->payments.Get(name);
    EXPECT_TRUE(payment.ok()) << payment.status();
    return payment.ok() ? *payment : Payment();
  }
  std::vector<Payment> PaymentsOf(const std::string& participant, PaymentKind kind) {
    const auto payments = process_->payments.List(NameOf(participant, "", kind), 1000);
    EXPECT_TRUE(payments.ok()) << payments.status();
    return payments.ok() ? *payments : std::vector<Payment>();
  }
  absl::StatusOr<PaymentFile> CreateFile(const std::string& id,
                                         PaymentKind kind = PaymentKind::kPayout) {
    PaymentFile wanted;
    wanted.community = community_;
    wanted.id = id;
    wanted.kind = kind;
    wanted.due_on = absl::CivilDay(2026, 8, 5);
    return process_->bank_desk.CreateFile(wanted);
  }
  int64_t Transit() { return SystemBalance(AccountKind::kPaymentsInTransit); }

  FakePayments provider_;
  std::unique_ptr<PayingProcess> process_ = std::make_unique<PayingProcess>(
      pool_, cache_, registry_, runs_, provider_, clock_);
};

}  // namespace peerwatt::settlement
