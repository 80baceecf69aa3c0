// Names that nobody else has or can guess: for message files, work directories and temporary
// entries. Safe from any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace smtpgate::postoffice {

/// `octets` random octets of the kernel as lower-case hex, twice as many characters.
std::string random_hex(std::size_t octets);

/// 48 bits of milliseconds since 1970 and 80 random bits, 32 lower-case hex digits: sorts by time,
/// those of one process in the order in which they were made; unique over hosts that know nothing
/// of each other.
std::string new_unique_id();

/// How many octets of each ID are enough to tell it from the others, at least eight (so that it
/// mostly stays unique when the next one comes). `ids` sorted, so that only neighbours matter.
std::vector<std::size_t> unique_beginnings(const std::vector<std::string_view>& ids);

}  // namespace smtpgate::postoffice
