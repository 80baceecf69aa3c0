// base64 (RFC 2045, 6.8) as a TransferDecoder. Not for: base64 in encoded words (encoded_word.h).
//
// After padding the data is complete. What follows is another piece glued on, or what a relay or a
// lost boundary left there (a list's footer, text): lines are decoded up to the first that is not
// plainly base64, whole and padded, or too long for a word, or on the padding's own line; from
// there on all is skipped and counted. Without padding before it, odd octets alone are skipped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "converter/base64_quanta.h"
#include "converter/transfer_decoder.h"

namespace smtpgate::converter {

class Base64Decoder : public TransferDecoder {
 public:
  /// `quanta` is for tests: every loop must give the same.
  explicit Base64Decoder(Base64Quanta quanta = fastest_base64_quanta()) : quanta_(quanta) {}

  void feed(std::string_view piece, std::string& out) override;
  std::size_t count(std::string_view piece, std::string& room) override;
  void finish(std::string& out) override;
  std::uint64_t errors() const override { return errors_; }
  /// What comes now stands behind the data, as if padding had ended it. Between two quanta.
  void end_data() { after_padding_ = true; }

 private:
  struct Cursor;
  void decode_one(unsigned char octet, Cursor& cursor);
  void end_quantum(Cursor& cursor);
  std::size_t decode_data(std::string_view piece, Cursor& cursor);
  std::size_t take_after_padding(std::string_view piece, std::string& out);
  void count_skipped(std::string_view octets);
  void judge_held(bool is_whole_line, std::string& out);

  Base64Quanta quanta_;
  std::uint32_t bits_ = 0;  // the sextets of the quantum that is not full yet
  unsigned sextets_ = 0;    // how many: 0 to 3
  bool after_padding_ = false;
  bool is_next_line_ = false;  // after padding: not on its line any more
  bool skips_rest_ = false;    // a line after padding was no base64
  std::string held_;           // the line after padding; bounded
  std::uint64_t errors_ = 0;
};

}  // namespace smtpgate::converter
