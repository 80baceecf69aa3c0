// Unicode composition in pieces of bounded size, and the nearest plain character for one that a
// set lacks. For character_encoder.cpp; compose() itself is declared in character_set.h.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace smtpgate::postoffice {

/// Where the valid UTF-8 `text` may be cut so that no character of the second half composes with
/// one of the first: the last such place, or text.size() if its last 512 octets have none (a run of
/// marks no language has). 0 only if text holds one cluster or nothing.
std::size_t last_composition_border(std::string_view text);

/// What stands for `code` in a set that lacks it, in UTF-8, best effort: a fixed table (quotes,
/// dashes, blanks, signs, letters with a stroke), then the letter without its marks, then "?". May
/// be empty (zero-width characters).
std::string nearest_characters(char32_t code);

}  // namespace smtpgate::postoffice
