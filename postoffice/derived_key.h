// Names that are told by what they stand for: the key of a report, of a message taken from an
// outbox or passed on. Made like a content key, of texts that no content key is made of
// (docs/postoffice-format.md, "The content key K"), so that a repetition is known.
//
// Not for content keys themselves: converter/content_key.h.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace smtpgate::postoffice {

inline constexpr std::size_t key_octets = 32;

/// BLAKE2b of `text` with an output of `octets` (16 to 64), as lower-case hexadecimal digits.
/// `text` begins with what tells its kind of key from all others.
std::string derived_key(std::string_view text, std::size_t octets = key_octets);

}  // namespace smtpgate::postoffice
