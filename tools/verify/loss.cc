#include "tools/verify/loss.h"

#include "absl/strings/str_cat.h"

namespace peerwatt::verify {
namespace {

// No point moves more in a period: such a reading counts as missing.
constexpr int64_t kEnergyMaxWh = 1'000'000'000;

bool CanBe(int64_t energy_wh) { return energy_wh >= 0 && energy_wh <= kEnergyMaxWh; }

}  // namespace

std::string TextOf(const Loss& loss) {
  const auto text = [](const std::optional<int64_t>& value) {
    return value.has_value() ? absl::StrCat(*value) : std::string("?");
  };
  return absl::StrCat(text(loss.loss_wh), " Wh of ", text(loss.import_wh), " in and ",
                      text(loss.export_wh), " out, worth ", text(loss.micros));
}

Loss LossAt(int64_t period, const std::vector<BoundaryPoint>& boundaries, uint32_t first,
            const Readings& readings, const Energies& energies,
            std::optional<int64_t> retail) {
  int64_t in = 0;
  int64_t out = 0;
  bool is_measured = false;
  for (size_t i = 0; i < boundaries.size(); ++i) {
    const Measured* measured = readings.Find(first + static_cast<uint32_t>(i), period);
    if (measured == nullptr && boundaries[i].created > period) continue;
    if (measured == nullptr || !CanBe(measured->import_wh) || !CanBe(measured->export_wh)) {
      return {};
    }
    is_measured = true;
    in += measured->import_wh;
    out += measured->export_wh;
  }
  if (!is_measured) return {};
  const int64_t lost = (in - out) - (energies.drawn - energies.fed_in);
  Loss loss{in, out, lost, std::nullopt};
  if (retail.has_value()) loss.micros = RoundHalfEven(lost, *retail, 1000);
  return loss;
}

}  // namespace peerwatt::verify
