#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "libs/domain/ids.h"

namespace peerwatt::settlement {

/// What a transfer to the community's bank account must say to be credited to a participant:
/// `PW`, two check digits as in an IBAN, `-`, and the participant's id in capitals.
/// participant: `[a-z][a-z0-9-]*`.
std::string DepositReference(const ParticipantId& participant);

/// The participants that a text can mean: every reference in it with right check digits, in the
/// order of the text, of several at one place the longest first. Letters may be small, and blanks
/// anywhere: banks break lines.
std::vector<ParticipantId> ParticipantsIn(absl::string_view remittance);

}  // namespace peerwatt::settlement
