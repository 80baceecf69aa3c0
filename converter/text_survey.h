// What a text is like, found in one pass: which transfer encoding and format it needs. The text is
// UTF-8 with LF line ends. Not for encoding it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace smtpgate::converter {

/// Octets of the longest line that is broken for format=flowed: it is held in memory.
inline constexpr std::uint64_t longest_flowed_line = 65'536;

class TextSurvey {
 public:
  /// `boundary_line`: "--" and the boundary; a line that begins so must not go out as it is.
  explicit TextSurvey(std::string_view boundary_line) : boundary_line_(boundary_line) {}

  void feed(std::string_view piece);
  void finish();

  std::uint64_t size() const { return size_; }
  std::uint64_t lines() const { return lines_; }  ///< the last one too if it has no end
  bool is_ascii() const { return is_ascii_; }
  /// Control characters other than those of every text; ISO-2022 has its escapes among them.
  bool has_controls() const { return has_controls_; }
  /// Has a line that is longer than 78 characters and has a blank to break it at, and breaking it
  /// changes nothing for a reader that knows format=flowed.
  bool gains_by_flowing() const;
  /// May be sent as 7bit, `flowed` or as it is.
  bool is_seven_bit(bool flowed) const;
  /// base64 is smaller than quoted-printable.
  bool prefers_base64() const;

 private:
  void end_line();
  void feed_line(std::string_view part);
  void measure_words(std::string_view part);

  std::string boundary_line_;
  std::string begin_;  // of the line: as much as needs looking at
  std::uint64_t line_octets_ = 0;
  std::uint64_t line_characters_ = 0;
  std::uint64_t word_octets_ = 0;
  bool line_has_blank_ = false;
  char last_ = '\n';

  std::uint64_t size_ = 0;
  std::uint64_t lines_ = 0;
  std::uint64_t quoted_weight_ = 0;
  std::uint64_t longest_line_ = 0;  // octets
  std::uint64_t longest_word_ = 0;
  bool is_ascii_ = true;
  bool has_controls_ = false;
  bool has_long_line_ = false;
  bool has_final_blank_ = false;
  bool has_from_ = false;
  bool has_boundary_ = false;
};

}  // namespace smtpgate::converter
