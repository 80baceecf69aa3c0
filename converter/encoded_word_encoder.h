// RFC 2047: UTF-8 to encoded words, for header fields. No word is longer than 75 octets or cut
// inside a character; each is whole by itself. Not for parameters (parameter_encoder.h), for
// folding (header_writer.h) or for decoding (encoded_word.h).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace smtpgate::converter {

/// `text` (valid UTF-8) as encoded words, Q or B by what is smaller, in letters that may stand
/// in a phrase too (RFC 2047, 5, rule 3). Blanks between the words mean nothing to a reader. The
/// first word has at most `first_room` octets, if a character fits into that.
std::vector<std::string> encode_words(std::string_view text, std::size_t first_room = 75);

/// Could be taken for an encoded word, so it must be encoded to be read as what it is.
bool looks_encoded(std::string_view text);

}  // namespace smtpgate::converter
