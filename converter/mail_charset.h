// Character sets as mail names them: spellings and mistakes to a set that the decoder knows, and
// the guess for text without a label. The decoding itself: postoffice/character_set.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "postoffice/character_set.h"

namespace smtpgate::converter {

struct MailCharset {
  std::string set;       ///< a name for CharacterDecoder::open(), never one it refuses; or empty
  bool guessed = false;  ///< the label is unknown
  /// Shift_JIS as the registry has it: six signs are not those of Windows' CP932, which is used to
  /// decode it because it has more characters.
  bool has_jis_signs = false;
};

/// `label` as in charset=..., with its quotes, blanks and comments if it has them. Empty,
/// "us-ascii" and unknown labels give set "", with guessed = true only for unknown ones: the caller
/// then uses guess_charset() on the text itself. iso-8859-1 means windows-1252, gb2312 means
/// GB18030, ks_c_5601-1987 means CP949, and so on (the table is in the .cpp).
MailCharset charset_for_label(std::string_view label);

/// Of how many octets the units of a set are: 2 for UTF-16, 4 for UTF-32, 1 for all whose line end
/// is ASCII's.
std::size_t unit_octets(std::string_view set);

/// "ISO-2022-JP" if `text` is ASCII with its escapes, "UTF-8" if it is that (a character cut at the
/// end is forgiven), else "windows-1252".
std::string guess_charset(std::string_view text);

/// A whole short text (an encoded word, a parameter) to UTF-8. A missing or unknown label is
/// guessed; "UTF-8" that has octets above 127 but not one character of UTF-8 is read as
/// windows-1252. *odd is set (never cleared) if the label was unknown or wrong or a character was
/// replaced.
std::string decode_labelled(std::string_view octets, std::string_view label,
                            std::uint64_t* replaced = nullptr, bool* odd = nullptr);

/// Text of a known or missing label to UTF-8, in pieces; where the label is missing or unknown, or
/// says UTF-16 or UTF-32 where no octet is NUL, the guess is made on the first 64 KiB held back
/// (bounded), and guessed UTF-8 that turns out wrong later is decoded as windows-1252 from there
/// on. So is text that is labelled UTF-8 if its first character beyond ASCII is none of UTF-8: the
/// label is wrong then. What is wrong behind a good one is damage, and replaced.
class MailTextDecoder {
 public:
  explicit MailTextDecoder(std::string_view label);
  void feed(std::string_view piece, std::string& out);
  void finish(std::string& out);
  /// `piece` is ASCII and would come out as it is: it need not be fed.
  bool passes(std::string_view piece);
  std::uint64_t replaced() const;
  bool guessed() const { return guessed_; }
  const std::string& set() const { return set_; }  ///< in use; meaningful after finish()

 private:
  void start(std::string& out);
  void feed_guessed_utf8(std::string_view piece, std::string& out);
  void judge_labelled_utf8(std::string_view piece, std::string& out);
  void open(std::string set);
  void decode(std::string_view piece, std::string& out);

  std::string set_;
  bool guessed_ = false;
  bool started_ = false;
  std::size_t unit_ = 1;    ///< more than one: perhaps, as the label says
  std::size_t octets_ = 0;  ///< of a character's, begun
  /// The first octet of one is a line end. If nothing comes after it, it is mail's and no text.
  bool holds_line_end_ = false;
  bool doubts_utf8_ = false;  ///< labelled so, and only ASCII was seen so far
  bool has_jis_signs_ = false;
  std::string held_;
  std::optional<postoffice::CharacterDecoder> decoder_;  ///< none while UTF-8 is only guessed
};

}  // namespace smtpgate::converter
