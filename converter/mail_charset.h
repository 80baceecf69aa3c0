// Character sets as mail names them: spellings and mistakes to a set that the decoder knows. Not
// for text, and what to do where a label is missing or wrong: mail_text_decoder.h.
#pragma once

#include <string>
#include <string_view>

namespace smtpgate::converter {

/// What octets beyond ASCII are where nobody can say: windows-1252, the set of most such mail.
inline constexpr std::string_view latin = "windows-1252";

struct MailCharset {
  std::string set;       ///< a name for CharacterDecoder::open(), never one it refuses; or empty
  bool guessed = false;  ///< the label is unknown
  /// Shift_JIS or EUC-JP as the registry has it: six signs are not those of Windows' sets, which are
  /// used to decode it because they have more characters.
  bool has_jis_signs = false;
};

/// `label` as in charset=..., with its quotes, blanks and comments if it has them. Empty,
/// "us-ascii" and unknown labels give set "", with guessed = true only for unknown ones: the caller
/// then uses guess_charset() on the text itself. iso-8859-1 means windows-1252, gb2312 means
/// GB18030, ks_c_5601-1987 means CP949, and so on (the table is in the .cpp).
MailCharset charset_for_label(std::string_view label);

}  // namespace smtpgate::converter
