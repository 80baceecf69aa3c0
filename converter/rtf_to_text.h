// RTF to readable text in one pass: paragraphs, tables as lines with tabs, links, every character
// set that RTF knows; no fonts, styles, pictures or headers. RTF that carries an HTML page
// (MS-OXRTFEX) gives that page instead. Octets in, in pieces of any size; UTF-8 with LF out.
// Linear time, bounded memory, no recursion on any input.
//
// Sources: Rich Text Format Specification 1.9.1; MS-OXRTFEX 2.1.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace smtpgate::converter {

class RtfToText {
 public:
  RtfToText();
  ~RtfToText();

  void feed(std::string_view piece, std::string& out);
  void finish(std::string& out);

  /// What comes out is the HTML page that the RTF carries. Told before the first octet comes out.
  bool is_html() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace smtpgate::converter
