// HTML to readable text in one pass: paragraphs, lists, tables, links, quotes, entities; no script,
// no style, nothing that the page hides. A tokenizer and a small state machine, no tree: linear
// time and bounded memory on any input (why own: docs/dependencies.md). What becomes of what:
// docs/conversion.md, "HTML as text".
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace smtpgate::converter {

class HtmlToText {
 public:
  HtmlToText();
  ~HtmlToText();
  /// UTF-8 in pieces cut anywhere; appends text with LF line ends.
  void feed(std::string_view piece, std::string& out);
  /// The rest, and the list of links if there were any.
  void finish(std::string& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace smtpgate::converter
