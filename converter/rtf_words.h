// The control words of RTF that decide what is text: destinations that are not, and words that
// stand for characters. Not for words with a state of their own (rtf_to_text.cpp).
#pragma once

#include <optional>
#include <string_view>

namespace smtpgate::converter {

/// A group that begins with this word holds nothing to be read.
bool is_skipped_destination(std::string_view word);

/// "\xE2\x80\x94" of "emdash", "\n" of "par"; nullopt if the word stands for no characters.
std::optional<std::string_view> characters_of_word(std::string_view word);

}  // namespace smtpgate::converter
