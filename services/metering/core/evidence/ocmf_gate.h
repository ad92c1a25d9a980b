#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/metering/core/evidence/ocmf.h"
#include "services/metering/core/ingest.h"

namespace peerwatt::metering {

/// Records that one batch may bring.
inline constexpr size_t kOcmfRecordsMax = 1000;

/// How far the clock of a charge point may be ahead of ours.
inline constexpr absl::Duration kOcmfClockAheadMax = absl::Minutes(5);

/// A meter or gateway that signs OCMF records, by its serial number.
struct OcmfMeter {
  MeteringPointId metering_point;
  std::string id;              ///< Within the metering point, chosen by whoever registers it.
  std::string serial_number;   ///< As in MS of its records, or else GS. Belongs to one point.
  std::string public_key_der;  ///< SubjectPublicKeyInfo; empty when it is not known.
  absl::Time created_at;
};

/// A record as it is kept.
struct KeptOcmfRecord {
  std::string content;
  bool verified = false;
  absl::Time created_at;
};

/// Which records of a metering point a page has: those after this place.
struct OcmfRecordQuery {
  MeteringPointId metering_point;
  std::optional<OcmfPlace> after;
  size_t limit = 100;
};

/// Records with their places.
struct OcmfRecordPage {
  std::vector<KeptOcmfRecord> records;
  std::vector<OcmfPlace> places;  ///< One for each.
};

/// Checks the signatures of OCMF records.
class OcmfSignatures {
 public:
  virtual ~OcmfSignatures() = default;
  /// Whether it is a public key that can sign OCMF records. Errors: FIELD_INVALID.
  virtual absl::Status CheckKey(absl::string_view public_key_der) = 0;
  /// Whether the key is of the record's algorithm and has made its signature.
  virtual bool Holds(absl::string_view public_key_der, const OcmfRecord& record) = 0;
};

/// Keeps OCMF records. Methods fail with DATABASE_UNAVAILABLE when there is no database.
class OcmfStore {
 public:
  virtual ~OcmfStore() = default;
  /// Registers a meter. The same again changes nothing. Errors: CONTENT_DIFFERS when the id has
  /// other content, OCMF_METER_TAKEN when another meter has the serial number.
  virtual absl::StatusOr<OcmfMeter> CreateMeter(const OcmfMeter& meter) = 0;
  /// The known meters of these serial numbers.
  virtual absl::StatusOr<absl::flat_hash_map<std::string, OcmfMeter>> FindMeters(
      const std::vector<std::string>& serial_numbers) = 0;
  /// Keeps records in one transaction; one that its point has already changes nothing.
  virtual absl::Status Keep(absl::Span<const OcmfEntry> entries, absl::Time now) = 0;
  /// Lists records of a metering point in order of their arrival.
  virtual absl::StatusOr<OcmfRecordPage> List(const OcmfRecordQuery& query) = 0;
};

/// Judges the OCMF records of batches: a batch with one that is wrong is refused. Stores nothing.
/// Tells what registers the others say, for the readings that follow from them.
/// Errors for a batch: BATCH_TOO_LARGE, OCMF_MALFORMED, OCMF_METER_UNKNOWN, OCMF_SIGNATURE_INVALID,
/// READING_IN_FUTURE.
class OcmfJudge final : public BatchGate {
 public:
  /// All references must outlive the gate.
  OcmfJudge(OcmfStore& store, OcmfSignatures& signatures, MemberDirectory& directory)
      : store_(store), signatures_(signatures), directory_(directory) {}
  void Pass(absl::Span<const IngestRequest> requests, const MemberLookup& lookup, absl::Time now,
            std::vector<BatchOutcome>& outcomes) override;

 private:
  MemberLookup MembersOf(const absl::flat_hash_map<std::string, OcmfMeter>& meters);

  OcmfStore& store_;
  OcmfSignatures& signatures_;
  MemberDirectory& directory_;
};

/// Keeps the records of batches that have passed everything else, before their readings are stored.
/// A replay finds them, so two transactions do no harm.
class OcmfKeeper final : public BatchGate {
 public:
  explicit OcmfKeeper(OcmfStore& store) : store_(store) {}
  void Pass(absl::Span<const IngestRequest> requests, const MemberLookup& lookup, absl::Time now,
            std::vector<BatchOutcome>& outcomes) override;

 private:
  OcmfStore& store_;
};

}  // namespace peerwatt::metering
