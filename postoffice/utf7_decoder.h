// UTF-7 to UTF-8: text as ASCII, and all else as runs of base64 between "+" and "-". Ours and not
// iconv's, which stays in a run that goes wrong and takes the text behind it for more of it, and
// whose answer then depends on how much it is given at once. Writing UTF-7: iconv, by
// CharacterEncoder.
//
// Source: RFC 2152. More than that is taken: "\" and "~" stand for themselves, and so does a "+"
// with which no run begins.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace smtpgate::postoffice {

/// Pieces may be cut anywhere. Not for use by two threads at a time.
class Utf7Decoder {
 public:
  /// True for the names by which iconv knows UTF-7 itself; its other names are aliases of mail's.
  static bool decodes(std::string_view set);

  /// Appends valid UTF-8. U+FFFD stands for an octet beyond ASCII, for half a surrogate pair, and
  /// for the end of a run that is not the end of a character.
  void feed(std::string_view piece, std::string& out);
  /// After the last piece; ready for another text then.
  void finish(std::string& out);
  /// How many times U+FFFD, or a "+" with which no run began, was written.
  std::uint64_t replaced() const { return replaced_; }

 private:
  void replace(std::string& out);
  void take_unit(char32_t unit, std::string& out);
  void end_run(std::string& out);

  bool in_run_ = false;
  bool run_is_empty_ = false;
  std::uint32_t bits_ = 0;  ///< the last `bit_count_` of the run that are no unit yet
  int bit_count_ = 0;       ///< at most 15 between octets
  char32_t high_ = 0;       ///< a high surrogate that waits for its other half; 0: none
  std::uint64_t replaced_ = 0;
};

}  // namespace smtpgate::postoffice
