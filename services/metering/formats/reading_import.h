#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "services/metering/core/ingest.h"
#include "services/metering/core/ports.h"
#include "services/metering/formats/reading_file.h"

namespace peerwatt::metering {

/// Stores batches in the order of `Start`; one at a time.
class BatchLane {
 public:
  virtual ~BatchLane() = default;
  /// Hands a batch over.
  virtual void Start(Batch batch) = 0;
  /// What became of it.
  virtual BatchOutcome Wait() = 0;
};

/// How a file is imported.
struct ImportOptions {
  bool skip = false;               ///< Leave errors out and go on; else stop at the first.
  MeteringPointId metering_point;  ///< Of all readings; empty: as the file says.
  size_t batch_readings = 10'000;  ///< Readings of one batch.
};

/// What an import did so far.
struct ImportResult {
  int64_t stored = 0;
  int64_t unchanged = 0;
  int64_t refused = 0;
  std::multimap<int64_t, absl::Status> errors;  ///< By line; the first `kImportErrorsMax`.
};
inline constexpr size_t kImportErrorsMax = 100;

/// Puts the readings of a file into batches and stores them by the ordinary way, one batch while
/// the next is read. Without `skip`, the first error ends it: the batch in which it is and what
/// follows are not stored. With `skip`, what is wrong is left out and the rest of its batch stored.
/// A direction that the file does not say stays as it is stored.
class ReadingImport final : public FileSink {
 public:
  /// All references must outlive the import.
  ReadingImport(ImportOptions options, BatchLane& lane, MemberDirectory& directory,
                ReadingStore& store, const Clock& clock)
      : options_(std::move(options)),
        lane_(lane),
        directory_(directory),
        store_(store),
        clock_(clock) {}

  void OnReading(FileReading reading) override;
  void OnError(int64_t line, absl::Status error) override;
  /// Stores what is left, when the file is whole; otherwise only waits for the batch under way.
  void Finish(bool whole);

  /// Whether what follows is no longer wanted.
  bool stopped() const { return stopped_; }
  /// Not OK when it could not be decided what becomes of a batch: the import is not over and has to
  /// be made again.
  const absl::Status& interruption() const { return interruption_; }
  const ImportResult& result() const { return result_; }

 private:
  /// What is wrong with single readings: their places in a list, in order, and why.
  using Bad = std::vector<std::pair<size_t, absl::Status>>;

  /// Decides which metering point a reading is of. Errors: FILE_METERING_POINT_MISSING,
  /// FILE_METERING_POINT_DIFFERS.
  absl::Status TakePoint(FileReading& reading);
  /// Hands what is pending to the lane, in as many batches as it needs.
  void Flush();
  /// Asks the store for the directions that the file does not say.
  void CompletePending();
  absl::StatusOr<Bad> Complete(const Member& member, const std::vector<size_t>& places);
  /// Waits for the batch under way.
  void Settle();
  void TakeOutcome(const BatchOutcome& outcome, std::vector<FileReading> readings);
  /// Ends the import with the first error: that at `line`, or that of a reading before it. Without
  /// a line, `error` is about the readings as a whole.
  void StopAt(const std::vector<FileReading>& readings, std::optional<int64_t> line,
              absl::Status error);
  /// Stores readings of a batch that was refused; halves it where no single one is to blame.
  void StoreWithoutBad(std::vector<FileReading> readings, const absl::Status& refusal);
  /// The readings that break a rule by themselves. Errors: nothing can be said now.
  absl::StatusOr<Bad> Judge(const std::vector<FileReading>& readings);
  /// Takes bad readings out of a list and records them.
  void Remove(std::vector<FileReading>& readings, Bad bad);
  void Record(int64_t line, absl::Status error);
  void Interrupt(absl::Status why);

  const ImportOptions options_;
  BatchLane& lane_;
  MemberDirectory& directory_;
  ReadingStore& store_;
  const Clock& clock_;
  std::vector<FileReading> pending_;
  std::optional<std::vector<FileReading>> under_way_;  ///< Of the batch in the lane.
  std::optional<std::string> file_point_;  ///< The file's one point when the request names one.
  std::string known_point_;                ///< The last id that was found to be one.
  bool stopped_ = false;
  absl::Status interruption_;
  ImportResult result_;
};

}  // namespace peerwatt::metering
