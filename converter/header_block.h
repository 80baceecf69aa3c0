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
    other,         ///< no header line; line() is whole if it is short, in a part or after a field
  };

  static constexpr std::size_t longest_other = 998;

  /// Begins a block, without fields. Only the first line of a message can be Line::envelope or have
  /// a byte order mark, which is dropped. Blanks before the first name are forgiven, in a part only
  /// if the name is one of MIME's: much text begins with blanks and has a colon.
  void start(bool of_message);

  /// Consumes octets up to the end of the current line, or of Line::other to where it shows (in a
  /// part, or after a field: to its end, or to `longest_other`); returns how many. `most` bounds
  /// line() for the other kinds: an octet beyond it is not consumed and exceeded() is true.
  std::size_t feed(std::string_view piece, std::size_t most);

  Line kind() const { return kind_; }
  bool complete() const { return complete_; }  ///< nothing more is to come of the line
  bool exceeded() const { return exceeded_; }
  std::string_view line() const { return line_; }  ///< with its line end

  /// Takes the complete line into the block and begins the next one. At the end of the message the
  /// last line may lack its end.
  void accept();
  /// The line goes elsewhere: it is moved out.
  std::string give_up();
  /// Whole lines that go on with the last field although no blank begins them.
  void continue_last(std::string_view lines);
  /// The last field's value ends in the middle of something: a separator or a quoted string.
  bool last_is_unfinished() const;
  /// So it is, or it says nothing yet: it is empty, or it names somebody without an address.
  bool last_may_go_on() const;
  /// Content-Transfer-Encoding, as far as it has come.
  bool says_base64() const;
  bool has_field() const { return has_field_; }
  /// The field in line() has a name that mail uses in headers and text hardly ever has before a
  /// colon.
  bool has_usual_name() const;
  /// The field in line() is one of MIME's (RFC 2045, 9: "Content-").
  bool has_mime_name() const;
  /// The first Content-Type so far, which may go on in further lines; nullptr: none. Takes no time.
  const HeaderField* content_type() const;
  /// The fields so far; the block is empty afterwards.
  HeaderFields take_fields();
  std::size_t field_count() const { return field_count_; }

 private:
  Line classify(char c);
  std::size_t take_plain_name(std::string_view piece);
  void forget_line();

  HeaderFields fields_;
  HeaderField field_;
  bool has_field_ = false;
  std::size_t field_count_ = 0;
  std::size_t content_type_ = 0;  // which one is the first, counted from 1; 0: none yet
  std::string_view fold_;  // the line end before a continuation
  bool of_message_ = false;
  bool first_line_of_message_ = false;

  std::string line_;
  Line kind_ = Line::incomplete;
  bool name_ended_ = false;
  std::size_t colon_ = 0;
  bool complete_ = false;
  bool exceeded_ = false;
};

}  // namespace smtpgate::converter
