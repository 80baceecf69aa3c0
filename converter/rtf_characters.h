// The characters of an RTF document as UTF-8: octets of the code page that is in force, and \u with
// its fallbacks left out. Not for RTF's words.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "postoffice/character_set.h"

namespace smtpgate::converter {

class RtfCharacters {
 public:
  /// Octets of `code_page`, cut anywhere; appends what is complete.
  void octets(std::string_view octets, unsigned code_page, std::string& out);
  /// \uN: a UTF-16 unit, also as a negative number.
  void utf16_unit(std::int32_t unit, std::string& out);
  /// What comes next is no octet of the same text: an incomplete character is one no more.
  void flush(std::string& out);

 private:
  postoffice::CharacterDecoder* decoder_for(unsigned code_page);

  /// One for each code page used; the numbers come from our own tables, or are tried once.
  std::map<unsigned, std::optional<postoffice::CharacterDecoder>> decoders_;
  postoffice::CharacterDecoder* current_ = nullptr;  ///< may hold a part of a character
  unsigned current_page_ = 0;
  char32_t high_surrogate_ = 0;
};

}  // namespace smtpgate::converter
