// The text that a message gets if it has none otherwise: the body inside a TNEF, the description in
// a calendar part, a text that has a file name; and the lines of a meeting that stand on top of a text. Whoever finds one offers
// it; the end of the message decides. Not for texts that MIME itself has (inbound_assembler.h).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "converter/embedded_files.h"
#include "converter/inbound.h"
#include "converter/spool.h"

namespace smtpgate::converter {

class SubstituteText {
 public:
  explicit SubstituteText(const SpoolPlace& place) : text_(place) {}

  /// Nothing was offered yet: the first offer counts.
  bool is_free() const { return !is_taken_; }
  /// Takes the place; the text in UTF-8 follows by write(). `lines` stand on top of it if it is
  /// used. `is_kept`: if it is not used, it becomes the attachment `message.txt`, marked with
  /// `source`, the name of the attachment it was in.
  void offer(std::string lines, bool is_kept, std::string source);
  postoffice::FileResult<void> write(std::string_view utf8) { return text_.write(utf8); }

  /// The last offer, and what was written: it turned out to be too much.
  void take_back();

  /// Lines of a meeting that stand on top whatever the text is; UTF-8 with LF.
  void add_top_lines(std::string_view lines);

  /// At the end of the message. `text_is_blank`: there is no text otherwise; then `write_text` gets
  /// the offered one in the target's set and line ends.
  postoffice::FileResult<void> finish(
      bool text_is_blank, const TargetFormat& target,
      const std::function<void(std::string_view)>& write_text,
      const std::function<EmbeddedFileHandler&(const std::string&)>& files_of);

  /// The lines on top of the text, in the target's set and line ends; after finish().
  const std::string& top() const { return top_; }

  void clear();

 private:
  Spool text_;
  std::string lines_;
  std::string top_lines_;
  std::string top_;
  std::string source_;
  bool is_taken_ = false;
  bool is_kept_ = false;
};

}  // namespace smtpgate::converter
