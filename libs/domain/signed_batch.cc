#include "libs/domain/signed_batch.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/status_macros.h"

namespace peerwatt {
namespace {

constexpr absl::string_view kMagic = "PWBATCH1";
constexpr int kVarintBytesMax = 10;

/// Seven bits a byte, lowest first; the high bit says that more follow. Negative numbers count as
/// their two's complement of 64 bits.
void PutInt(std::string& out, int64_t value) {
  auto rest = static_cast<uint64_t>(value);
  while (rest >= 0x80) {
    out += static_cast<char>((rest & 0x7f) | 0x80);
    rest >>= 7;
  }
  out += static_cast<char>(rest);
}

void PutCount(std::string& out, size_t count) { PutInt(out, static_cast<int64_t>(count)); }

void PutText(std::string& out, absl::string_view text) {
  PutCount(out, text.size());
  out.append(text.data(), text.size());
}

void PutInts(std::string& out, const std::vector<int64_t>& values) {
  PutCount(out, values.size());
  for (const int64_t value : values) {
    PutInt(out, value);
  }
}

void Put(std::string& out, const SignedSeries& series) {
  PutText(out, series.metering_point);
  PutInt(out, series.start_s);
  PutInt(out, series.resolution_s);
  out += static_cast<char>(series.method);
  PutInts(out, series.import_wh);
  PutInts(out, series.export_wh);
  PutCount(out, series.qualities.size());
  out.append(series.qualities.begin(), series.qualities.end());
}

void Put(std::string& out, const SignedRegisterSeries& series) {
  PutText(out, series.metering_point);
  PutText(out, series.meter);
  out += static_cast<char>(series.register_kind);
  PutInt(out, series.start_s);
  PutInt(out, series.resolution_s);
  PutInt(out, series.rollover_wh);
  PutInts(out, series.energy_wh);
}

/// Reads from front to back; every error names where.
class Reader {
 public:
  explicit Reader(absl::string_view bytes) : bytes_(bytes) {}

  absl::StatusOr<absl::string_view> Bytes(size_t size) {
    if (size > bytes_.size() - at_) {
      return Wrong("ends too early");
    }
    const absl::string_view taken = bytes_.substr(at_, size);
    at_ += size;
    return taken;
  }

  absl::StatusOr<uint8_t> Byte() {
    PW_ASSIGN_OR_RETURN(const absl::string_view byte, Bytes(1));
    return static_cast<uint8_t>(byte[0]);
  }

  absl::StatusOr<int64_t> Int() {
    uint64_t value = 0;
    for (int i = 0; i < kVarintBytesMax; ++i) {
      PW_ASSIGN_OR_RETURN(const uint8_t byte, Byte());
      value |= uint64_t{byte & 0x7fU} << (7 * i);
      if ((byte & 0x80) != 0) {
        continue;
      }
      // One number has one form: no zero at the end, no bits past the 64th.
      if ((byte == 0 && i > 0) || (i == kVarintBytesMax - 1 && byte > 1)) {
        return Wrong("has a number that is not in its shortest form");
      }
      return static_cast<int64_t>(value);
    }
    return Wrong("has a number of more than 64 bits");
  }

  /// A number of elements, each of which takes at least one of the bytes that are left.
  absl::StatusOr<size_t> Count() {
    PW_ASSIGN_OR_RETURN(const int64_t count, Int());
    if (count < 0 || static_cast<uint64_t>(count) > bytes_.size() - at_) {
      return Wrong("counts more than it holds");
    }
    return static_cast<size_t>(count);
  }

  absl::StatusOr<std::string> Text() {
    PW_ASSIGN_OR_RETURN(const size_t size, Count());
    PW_ASSIGN_OR_RETURN(const absl::string_view text, Bytes(size));
    return std::string(text);
  }

  absl::StatusOr<std::vector<int64_t>> Ints() {
    PW_ASSIGN_OR_RETURN(const size_t count, Count());
    std::vector<int64_t> values;
    values.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      PW_ASSIGN_OR_RETURN(values.emplace_back(), Int());
    }
    return values;
  }

  absl::Status End() const {
    return at_ == bytes_.size() ? absl::OkStatus() : Wrong("goes on after its end");
  }

  absl::Status Wrong(absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat("the encoding of a batch ", what, ", at byte ", at_));
  }

 private:
  absl::string_view bytes_;
  size_t at_ = 0;
};

absl::StatusOr<SignedSeries> SeriesFrom(Reader& reader) {
  SignedSeries series;
  PW_ASSIGN_OR_RETURN(series.metering_point, reader.Text());
  PW_ASSIGN_OR_RETURN(series.start_s, reader.Int());
  PW_ASSIGN_OR_RETURN(series.resolution_s, reader.Int());
  PW_ASSIGN_OR_RETURN(series.method, reader.Byte());
  PW_ASSIGN_OR_RETURN(series.import_wh, reader.Ints());
  PW_ASSIGN_OR_RETURN(series.export_wh, reader.Ints());
  PW_ASSIGN_OR_RETURN(const std::string qualities, reader.Text());
  series.qualities.assign(qualities.begin(), qualities.end());
  return series;
}

absl::StatusOr<SignedRegisterSeries> RegistersFrom(Reader& reader) {
  SignedRegisterSeries series;
  PW_ASSIGN_OR_RETURN(series.metering_point, reader.Text());
  PW_ASSIGN_OR_RETURN(series.meter, reader.Text());
  PW_ASSIGN_OR_RETURN(series.register_kind, reader.Byte());
  PW_ASSIGN_OR_RETURN(series.start_s, reader.Int());
  PW_ASSIGN_OR_RETURN(series.resolution_s, reader.Int());
  PW_ASSIGN_OR_RETURN(series.rollover_wh, reader.Int());
  PW_ASSIGN_OR_RETURN(series.energy_wh, reader.Ints());
  return series;
}

}  // namespace

std::string EncodeSignedBatch(const SignedBatchContent& batch) {
  PW_CHECK(batch.previous_digest.size() == kBatchDigestSize, "a digest has 32 bytes");
  std::string out(kMagic);
  size_t values = 0;
  for (const SignedSeries& series : batch.series) {
    values += series.import_wh.size() + series.export_wh.size();
  }
  out.reserve(256 + 64 * batch.series.size() + 2 * values);
  PutText(out, batch.device);
  PutInt(out, batch.counter);
  out += batch.previous_digest;
  PutCount(out, batch.series.size());
  for (const SignedSeries& series : batch.series) {
    Put(out, series);
  }
  PutCount(out, batch.registers.size());
  for (const SignedRegisterSeries& series : batch.registers) {
    Put(out, series);
  }
  PutCount(out, batch.ocmf_records.size());
  for (const std::string& record : batch.ocmf_records) {
    PutText(out, record);
  }
  return out;
}

absl::StatusOr<SignedBatchContent> DecodeSignedBatch(absl::string_view encoding) {
  Reader reader(encoding);
  SignedBatchContent batch;
  PW_ASSIGN_OR_RETURN(const absl::string_view magic, reader.Bytes(kMagic.size()));
  if (magic != kMagic) {
    return reader.Wrong("begins with another mark");
  }
  PW_ASSIGN_OR_RETURN(batch.device, reader.Text());
  PW_ASSIGN_OR_RETURN(batch.counter, reader.Int());
  PW_ASSIGN_OR_RETURN(const absl::string_view previous, reader.Bytes(kBatchDigestSize));
  batch.previous_digest = std::string(previous);
  PW_ASSIGN_OR_RETURN(const size_t series, reader.Count());
  for (size_t i = 0; i < series; ++i) {
    PW_ASSIGN_OR_RETURN(batch.series.emplace_back(), SeriesFrom(reader));
  }
  PW_ASSIGN_OR_RETURN(const size_t registers, reader.Count());
  for (size_t i = 0; i < registers; ++i) {
    PW_ASSIGN_OR_RETURN(batch.registers.emplace_back(), RegistersFrom(reader));
  }
  PW_ASSIGN_OR_RETURN(const size_t records, reader.Count());
  for (size_t i = 0; i < records; ++i) {
    PW_ASSIGN_OR_RETURN(batch.ocmf_records.emplace_back(), reader.Text());
  }
  PW_RETURN_IF_ERROR(reader.End());
  return batch;
}

}  // namespace peerwatt
