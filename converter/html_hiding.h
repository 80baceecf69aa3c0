// What an HTML page hides from its reader: elements with the attribute `hidden`, with display: none
// or visibility: hidden in their `style`, and templates. Newsletters hide a preview for lists of
// messages so, and a second copy of a part for small screens. Style sheets are not read.
//
// There is no tree: where a hidden element ends is found out by counting what is open inside it.
// Where a page is not well-formed, too much is shown rather than too little. Memory is bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "converter/html_tokenizer.h"

namespace smtpgate::converter {

class HtmlHiding {
 public:
  /// Each start tag, in order; true if it shows nothing.
  bool start_tag(const HtmlTag& tag);
  /// Each end tag, in order; true if it belongs to what is hidden.
  bool end_tag(std::string_view name);
  /// Whether text that comes now is hidden.
  bool is_on() const { return !name_.empty(); }

 private:
  bool is_ended_by(std::string_view next) const;
  bool is_open(std::string_view name) const;
  void begin(std::string_view name);
  void count(std::string_view name);

  std::string name_;  ///< of the hidden element; empty if none is open
  std::map<std::string, std::uint64_t, std::less<>> open_;  ///< in it and it itself, by name
};

}  // namespace smtpgate::converter
