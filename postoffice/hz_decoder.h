// HZ to UTF-8: Chinese in ASCII, as mail and news had it and some programs still send it
// ("hz-gb-2312"). Ours because the C library's iconv does not know it. Nothing writes it.
//
// Source: RFC 1843. More than that is taken: a line ends Chinese also without "~}", and octets
// beyond ASCII are read as GB 18030, which is what a wrong label hides.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "postoffice/inner_set_run.h"

namespace smtpgate::postoffice {

/// Pieces may be cut anywhere. Not for use by two threads at a time.
class HzDecoder {
 public:
  /// True for "HZ" and "HZ-GB-2312".
  static bool decodes(std::string_view set);

  /// Appends valid UTF-8. U+FFFD stands for half a character and for one that is not in the table;
  /// "~" before anything else than RFC 1843 knows stands for itself, and so does what begins no
  /// character.
  void feed(std::string_view piece, std::string& out);
  /// After the last piece; ready for another text then.
  void finish(std::string& out);
  std::uint64_t replaced() const { return replaced_ + chinese_.replaced(); }

 private:
  void take(char octet, std::string& out);
  void take_behind_tilde(char octet, std::string& out);
  void take_chinese(char octet, std::string& out);
  void take_ascii(char octet, std::string& out);
  void drop_half(std::string& out);

  InnerSetRun chinese_{"GB18030"};
  bool is_chinese_ = false;
  char first_ = 0;  ///< of two; 0: none
  bool behind_tilde_ = false;
  bool behind_tilde_and_cr_ = false;
  std::uint64_t replaced_ = 0;
};

}  // namespace smtpgate::postoffice
