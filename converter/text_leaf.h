// What a text part goes through between its transfer encoding and its character set: old kinds of
// multipart are taken apart, files that are written into it are taken out, and flowed lines are
// joined where that is wanted. Octets in, octets of text out.
//
// Not for which part is a text (leaf_plan.h), and not for its characters (text_segment.h).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "converter/embedded_files.h"
#include "converter/flowed_comparison.h"
#include "converter/flowed_join.h"
#include "converter/header_field.h"
#include "converter/mime_parameters.h"
#include "converter/text_file_scanner.h"
#include "converter/text_part_sink.h"

namespace smtpgate::converter {

struct TextLeafRules {
  std::string line_end = "\n";  ///< of files that stood in the text as lines
  unsigned most_files = 1000;
  bool finds_files = true;  ///< else all of it is text
  bool joins_flowed = true;
};

class TextLeaf : private TextPartSink, private EmbeddedFileHandler {
 public:
  /// `message`: the header, if the text is the whole message, else nullptr. `handler` outlives the
  /// object, and is told the files.
  TextLeaf(const ContentType& type, const HeaderFields* message, const TextLeafRules& rules,
           EmbeddedFileHandler& handler);
  ~TextLeaf() override;

  /// Octets as TextFileScanner takes them; gives a view that is valid until the next call.
  std::string_view feed(std::string_view octets);
  std::string_view finish();

  /// After finish(): what came in cannot be had back from what came out, so the part as it came
  /// must be kept too.
  bool is_changed() const { return files_ > 0 || (comparison_ && !comparison_->is_same()); }
  unsigned files() const { return files_; }
  bool limit_reached() const { return scanner_->limit_reached(); }
  /// What X-MS-Attachment calls the files; only if there are as many names as files.
  std::vector<std::string> names() const;
  /// "flowed", "flowed; delsp=yes" (the value of TEXT-FORMAT), or empty: the text's lines are its
  /// lines, or have been joined.
  const std::string& format() const { return format_; }

 private:
  void text(std::string_view octets) override;
  void end_part() override;
  void name_next_file(const std::string& name) override { next_name_ = name; }
  EmbeddedFileHandler& files() override { return *this; }
  void begin_file(const EmbeddedFile& file) override;
  void file_octets(std::string_view octets) override { handler_.file_octets(octets); }
  void end_file(const std::vector<std::string>& odd) override { handler_.end_file(odd); }
  std::string_view joined(std::string_view text);

  EmbeddedFileHandler& handler_;
  std::unique_ptr<TextPartReader> reader_;  ///< of an old kind of multipart
  std::unique_ptr<TextFileScanner> scanner_;
  bool finds_files_;
  std::unique_ptr<FlowedJoin> join_;
  std::unique_ptr<FlowedComparison> comparison_;  ///< of what is joined
  std::vector<std::string> names_;
  std::string next_name_;
  std::string format_;
  unsigned files_ = 0;
  std::string read_;  ///< what the reader gave as text
  std::string joined_;
};

}  // namespace smtpgate::converter
