// The lines of one header block, told apart octet by octet and gathered into fields. A line shows
// as early as possible whether it belongs to the header, so that a body that begins without a blank
// line (or a file that is no message at all) is never held in memory as if it were a header.
//
// Not for: where the block ends (mime_parser.cpp decides, it knows the boundaries), and not for the
// grammar of any field.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "converter/header_field.h"

namespace smtpgate::converter {

class HeaderBlock {
 public:
  enum class Line {
    incomplete,    ///< not known yet
    field,         ///< name, perhaps blanks (RFC 5322, 4.5), colon
    continuation,  ///< begins with a blank, after a field
    envelope,      ///< "From " or ">From " of an mbox file, first line of a message
    blank,         ///< the end of the block
    other,         ///< no header line; known before its end, so line() may be a part of it
  };

  /// Begins a block, without fields. Only the first line of a message can be Line::envelope.
  void start(bool of_message);

  /// Consumes octets up to the end of the current line, or to where it shows that it is
  /// Line::other; returns how many. `most` bounds line() for the other kinds: an octet beyond it is
  /// not consumed and exceeded() is true.
  std::size_t feed(std::string_view piece, std::size_t most);

  Line kind() const { return kind_; }
  bool complete() const { return complete_; }  ///< line() has its end; true for Line::other
  bool exceeded() const { return exceeded_; }
  std::string_view line() const { return line_; }  ///< with its line end

  /// Takes the complete line into the block and begins the next one. At the end of the message the
  /// last line may lack its end.
  void accept();
  /// The line goes elsewhere: it is moved out.
  std::string give_up();
  /// The fields so far; the block is empty afterwards.
  HeaderFields take_fields();
  std::size_t field_count() const { return field_count_; }

 private:
  Line classify(char c);
  void forget_line();

  HeaderFields fields_;
  HeaderField field_;
  bool has_field_ = false;
  std::size_t field_count_ = 0;
  std::string_view fold_;  // the line end before a continuation
  bool first_line_of_message_ = false;

  std::string line_;
  Line kind_ = Line::incomplete;
  bool name_ended_ = false;
  std::size_t colon_ = 0;
  bool complete_ = false;
  bool exceeded_ = false;
};

}  // namespace smtpgate::converter
