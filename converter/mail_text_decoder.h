// Text of mail to UTF-8, by its label, or by a look at it where the label is missing or wrong. Not
// for what labels mean (mail_charset.h), nor for the sets themselves (postoffice/character_set.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "converter/mail_charset.h"
#include "postoffice/character_set.h"

namespace smtpgate::converter {

/// "ISO-2022-JP" if `text` is ASCII with its escapes, "UTF-16" if it begins with a byte order mark,
/// "UTF-8" if it is that (a character cut at the end, and one wrong octet for ten characters, are
/// forgiven), else "windows-1252".
std::string guess_charset(std::string_view text);

/// A whole short text (an encoded word, a parameter) to UTF-8. A missing or unknown label is
/// guessed; "UTF-8" that has octets above 127 but not one character of UTF-8 is read as
/// windows-1252. *odd is set (never cleared) if the label was unknown or wrong or a character was
/// replaced.
std::string decode_labelled(std::string_view octets, std::string_view label,
                            std::uint64_t* replaced = nullptr, bool* odd = nullptr);

/// What kind of text it is: a page may say its own set.
enum class TextKind : std::uint8_t { plain, html };

/// Text of a known or missing label to UTF-8, in pieces; where the label is missing or unknown, or
/// says UTF-16 or UTF-32 where no octet is NUL, the guess is made on the first 64 KiB held back
/// (bounded), and guessed UTF-8 that turns out wrong later is decoded as windows-1252 from there
/// on. So is text that is labelled UTF-8 if its first character beyond ASCII is none of UTF-8: the
/// label is wrong then. What is wrong behind a good one is damage, and replaced.
class MailTextDecoder {
 public:
  /// A page's `meta` counts where the label is missing or unknown, and the text is no UTF-8.
  explicit MailTextDecoder(std::string_view label, TextKind kind = TextKind::plain);
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
  void use_page_charset(std::string_view text);
  void fall_back(std::string_view piece, std::string& out);
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
  bool is_page_ = false;
  MailCharset fallback_{std::string(latin)};  ///< for what is no UTF-8
  std::string held_;
  std::optional<postoffice::CharacterDecoder> decoder_;  ///< none while UTF-8 is only guessed
};

}  // namespace smtpgate::converter
