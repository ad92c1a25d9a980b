#pragma once

#include <cstdint>
#include <string>

namespace peerwatt::settlement {

/// What is wrong with the charges of one of so many random communities over the days around a
/// change of the clock: each day of membership, month and trade is charged once, with the amount
/// that the slow way finds. Empty when nothing is.
std::string FirstChargeFault(uint64_t seed, int communities);

/// What is wrong with the energy prices of one of so many random tariffs: price, tax flag and rule
/// of each quarter of an hour are those that the slow way finds. Empty when nothing is.
std::string FirstPriceFault(uint64_t seed, int tariffs);

}  // namespace peerwatt::settlement
