// RFC 2047: header text with encoded words, to UTF-8. Forgiving: words that touch text or each
// other, blanks inside, a missing final "?=", characters split over words of the same set, sets
// unknown or mislabelled. Not for parameters (mime_parameters.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace smtpgate::converter {

struct DecodedText {
  std::string text;  ///< valid UTF-8; may hold control characters (escaping is the writer's)
  std::uint64_t replaced = 0;  ///< characters that could not be decoded
  bool odd = false;            ///< something had to be forgiven
};

/// `value` unfolded (header_field.h). Raw octets that are UTF-8 stay; others are read as CP1252.
/// Text that is all ASCII with the escapes of ISO-2022-JP is read as that.
DecodedText decode_header_text(std::string_view value);

/// An encoded word as it lies in a value; the views are into it.
struct EncodedWord {
  std::string_view charset;  ///< without the language (RFC 2231, 5)
  char encoding = 'q';       ///< 'q' or 'b'
  std::string_view text;     ///< still encoded
  std::size_t begin = 0;
  std::size_t end = 0;      ///< behind the final "?="
  bool is_closed = true;    ///< false: the final "?=" is missing
  bool has_blanks = false;  ///< in its text, where none may be
};

/// Finds encoded words in one value, front to back. Remembers where the next "?=" and the next
/// blank are, so that looking at every "=?" of a value takes linear time.
class EncodedWordFinder {
 public:
  explicit EncodedWordFinder(std::string_view value) : value_(value) {}
  /// The word that begins at `at`; calls must not go backwards.
  std::optional<EncodedWord> at(std::size_t at);

 private:
  std::size_t next_closing(std::size_t from);
  std::size_t next_blank(std::size_t from);

  std::string_view value_;
  std::optional<std::size_t> closing_;
  std::optional<std::size_t> blank_;
};

}  // namespace smtpgate::converter
