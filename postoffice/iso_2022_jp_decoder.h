// ISO-2022-JP to UTF-8, as Japanese mail really has it. Ours and not iconv's, which refuses what
// Windows and telephones write in it: the circled numbers and signs of NEC's row 13, half-width
// katakana, and lines that do not go back to ASCII at their end. Writing it: iconv, by
// CharacterEncoder.
//
// Source: RFC 1468; the further characters are those of EUC-JP-MS, which is the same table in other
// octets, but for six signs that JIS X 0208 has otherwise.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "postoffice/inner_set_run.h"

namespace smtpgate::postoffice {

/// Pieces may be cut anywhere. Not for use by two threads at a time.
class Iso2022JpDecoder {
 public:
  /// True for the names by which iconv knows ISO-2022-JP itself; its other names are mail's
  /// aliases.
  static bool decodes(std::string_view set);

  /// Appends valid UTF-8. U+FFFD stands for half a character, for one that is not in the table, and
  /// for an escape sequence that is none of the set's. Octets beyond ASCII are read as EUC-JP.
  void feed(std::string_view piece, std::string& out);
  /// After the last piece; ready for another text then.
  void finish(std::string& out);
  std::uint64_t replaced() const { return replaced_ + euc_.replaced(); }

 private:
  enum class Set : std::uint8_t { ascii, roman, kana, kanji, further_kanji };

  void take(char octet, std::string& out);
  void take_escape(char octet, std::string& out);
  void take_ascii(char octet, std::string& out);
  void take_kanji(char octet, std::string& out);
  void replace(std::string& out);

  InnerSetRun euc_{"EUC-JP-MS"};
  std::string escape_;  ///< what came of a sequence
  Set set_ = Set::ascii;
  char first_ = 0;  ///< of two; 0: none
  std::uint64_t replaced_ = 0;
};

}  // namespace smtpgate::postoffice
