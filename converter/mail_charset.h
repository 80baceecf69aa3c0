// Character sets as mail names them: spellings and mistakes to a set that the decoder knows, and
// the guess for text without a label. The decoding itself: postoffice/character_set.h.
#pragma once

#include <string>
#include <string_view>

#include "postoffice/character_set.h"

namespace smtpgate::converter {

struct MailCharset {
  std::string set;       ///< a name for CharacterDecoder::open(), never one it refuses
  bool guessed = false;  ///< the label was missing, unknown or cannot be true
};

/// `label` as in charset=...; empty, "us-ascii" and unknown labels give set "" with guessed = true
/// only for unknown ones: the caller then uses guess_charset() on the text itself. iso-8859-1 means
/// windows-1252, gb2312 means gb18030, ks_c_5601-1987 means cp949, and so on (the table is in the
/// .cpp).
MailCharset charset_for_label(std::string_view label);

/// "UTF-8" if `text` is valid UTF-8, "ISO-2022-JP" if it has its escapes, else "windows-1252".
std::string guess_charset(std::string_view text);

/// Text of a known or missing label to UTF-8, in pieces; where the label is missing or unknown the
/// guess is made on the first 64 KiB held back (bounded), and UTF-8 that turns out wrong later is
/// decoded as windows-1252 from there on.
class MailTextDecoder {
 public:
  explicit MailTextDecoder(std::string_view label);
  void feed(std::string_view piece, std::string& out);
  void finish(std::string& out);
  std::uint64_t replaced() const;
  bool guessed() const { return guessed_; }
  const std::string& set() const { return set_; }  ///< in use; meaningful after finish()

 private:
  void start(std::string& out);

  std::string set_;
  bool guessed_ = false;
  bool started_ = false;
  std::string held_;
  std::uint64_t replaced_before_ = 0;
  std::optional<postoffice::CharacterDecoder> decoder_;
};

}  // namespace smtpgate::converter
