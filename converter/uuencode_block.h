// uuencode and xxencode in a text: "begin 644 name", lines of a length character and groups of four
// characters for three octets, a line of length zero, "end" (uuencode(5), which Q118487 names;
// strict because of Q118595). Which of the two alphabets it is, only the lines tell.
//
// Not for "begin-base64" (base64_block.h), nor for the way out (uuencode_encoder.h).
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "converter/text_block.h"

namespace smtpgate::converter {

/// The name on a line "begin 644 name"; empty if it is none.
std::string_view name_on_begin_line(std::string_view line);
/// Of "644 name", an octal mode of 3 or 4 digits, the name; empty if it is none.
std::string_view name_behind_mode(std::string_view text);

class UuencodeBlock : public TextBlock {
 public:
  /// `name` in UTF-8.
  UuencodeBlock(std::string name, EmbeddedFileHandler& handler)
      : name_(std::move(name)), file_(handler) {}

  BlockLine line(std::string_view line) override;
  void close() override;

 private:
  enum class Alphabet { uuencode, xxencode };
  struct Line;
  /// What the undecided lines say for one alphabet.
  struct Candidate {
    bool possible = true;
    bool has_zero_line = false;        ///< the line of length zero came
    bool has_shown_zero_line = false;  ///< ... and said so by a character
    unsigned data_lines = 0;
    unsigned exact_lines = 0;   ///< as long as they say
    unsigned exact_octets = 0;  ///< in these
  };

  static Line parse(std::string_view line, Alphabet alphabet);
  static void decode(const Line& line, Alphabet alphabet, std::string& out);
  BlockLine undecided_line(std::string_view line);
  BlockLine end_undecided();
  bool add_to(Candidate& candidate, std::string_view line, Alphabet alphabet);
  void decide(Alphabet alphabet);
  BlockLine data_line(std::string_view line);
  void take_pending();

  std::string name_;
  BlockFile file_;
  std::array<Candidate, 2> candidates_;
  std::vector<std::string> undecided_;  ///< lines
  Alphabet alphabet_ = Alphabet::uuencode;
  unsigned usual_ = 0;   ///< octets of the longest line so far
  std::string pending_;  ///< the last line perhaps: shorter than usual and not whole
  bool has_pending_ = false;
  bool after_zero_line_ = false;
};

}  // namespace smtpgate::converter
