// One stretch of the message's text on its way into the file: from transfer-decoded octets of some
// character set to the postoffice's set and line ends. Optionally through the HTML renderer. Not
// for attachments, whose octets are never touched.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "converter/html_to_text.h"
#include "converter/mail_text_decoder.h"
#include "postoffice/character_set.h"
#include "postoffice/mmff.h"

namespace smtpgate::converter {

class TextSegment {
 public:
  /// `label` is the sender's charset; `target_set` must be known to iconv (UTF-8 otherwise).
  TextSegment(std::string_view label, std::string_view target_set, postoffice::LineEnd line_end,
              bool is_html);

  /// Appends what is ready to `out`; octets cut anywhere.
  void feed(std::string_view octets, std::string& out);
  /// The rest; a last line without its line end gets one, so that what follows begins a line.
  void finish(std::string& out);

  bool has_content() const { return has_content_; }  ///< anything came out that can be seen
  bool guessed() const { return decoder_.guessed(); }
  /// Characters that are not what was sent: octets that are none, and what the target set lacks.
  std::uint64_t replaced() const;
  std::uint64_t undecodable() const { return decoder_.replaced(); }

 private:
  void pass(std::string_view text, std::string& out);
  void with_line_ends(std::string_view text, std::string& lines);
  void with_line_feeds(std::string_view text, std::string& lines);

  MailTextDecoder decoder_;
  std::optional<postoffice::CharacterEncoder> encoder_;  ///< empty: the target is UTF-8
  std::unique_ptr<HtmlToText> html_;
  std::string_view line_end_;
  std::string decoded_;   ///< UTF-8, as the sender wrote it
  std::string rendered_;  ///< out of the HTML renderer
  std::string lines_;     ///< with our line ends, to be encoded
  bool after_cr_ = false;
  bool at_line_start_ = true;
  bool has_content_ = false;
  bool is_beginning_ = true;
};

}  // namespace smtpgate::converter
