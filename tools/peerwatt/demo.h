#pragma once

#include <cstdint>
#include <string>

namespace peerwatt::tool {

/// Simulated time per real time unless told: a day takes half a minute.
inline constexpr double kDefaultSpeed = 2880;

/// What the demo plays and leaves behind.
struct DemoOptions {
  int days = 2;
  double speed = kDefaultSpeed;  ///< 0: as fast as it goes
  std::string data_folder;       ///< empty: generated
  uint64_t seed = 1;
  int households = 16;
  std::string report_path;  ///< empty: none
  std::string ledger_path;  ///< empty: none
  bool keep = false;
  std::string state_root;  ///< empty: a new folder below /tmp
};

/// Plays the demo from an empty machine to the report. Returns the exit code: 0 only when all
/// proofs hold.
int RunDemo(const DemoOptions& options);

}  // namespace peerwatt::tool
