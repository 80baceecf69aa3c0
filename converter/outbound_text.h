// The text of a message on its way out: read from the MMFF file once, surveyed, kept in a spool,
// and written as a MIME entity or as plain lines. Not for attachments (outbound_parts.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "converter/spool.h"
#include "converter/text_survey.h"
#include "postoffice/byte_stream.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/outcome.h"

namespace smtpgate::converter {

class OutboundText {
 public:
  /// `boundary` is that of the multipart around it.
  OutboundText(const SpoolPlace& place, std::string_view boundary);

  /// The open section of `reader`, which is the text: the rendered header lines left out, UTF-8,
  /// each CR LF, LF or CR a line end. `plain`: the nearest ASCII, no control characters, no line
  /// above 998 octets.
  Expected<void> read(postoffice::Reader& reader, const postoffice::MessageHeader& header,
                      const std::string& character_set, bool plain);

  std::uint64_t lines() const { return survey_.lines(); }
  std::uint64_t replaced() const { return replaced_; }

  /// Content-Type and Content-Transfer-Encoding; a note for our own way in where it may take a part
  /// of the text for a file.
  std::string fields() const;
  /// The text, encoded as fields() says. True if what was written ends in a line end (or is empty).
  Expected<bool> write(postoffice::ByteSink& sink);

 private:
  void add_lines(std::string_view utf8, std::string& out);
  Expected<void> keep(std::string_view octets);
  void look_for_files(std::string_view lines);
  /// Lines are broken here, so that a reader may join them.
  bool breaks_lines() const { return !plain_ && !is_flowed_already_ && survey_.gains_by_flowing(); }

  Spool octets_;
  TextSurvey survey_;
  bool plain_ = false;
  bool is_flowed_already_ = false;  ///< TEXT-FORMAT: whoever wrote the text broke its lines
  bool deletes_space_ = false;      ///< and it says DelSp=yes
  bool after_cr_ = false;
  bool may_hold_file_ = false;
  std::string last_octets_;  ///< of what was looked at for files
  std::uint64_t column_ = 0;  // plain only
  std::uint64_t replaced_ = 0;
};

}  // namespace smtpgate::converter
