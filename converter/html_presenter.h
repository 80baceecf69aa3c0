// What each tag of an HTML page does to the lines of its text: the tags come from html_tokenizer.h,
// the lines are made by text_layout.h. Open elements are counters, not a stack: a page of a hundred
// thousand open elements costs no more than its octets, and one that closes what it never opened
// does no harm.
//
// Not for what a page hides (html_hiding.h), nor for which tables hold data (html_table.h).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "converter/html_elements.h"
#include "converter/html_list_number.h"
#include "converter/html_tokenizer.h"
#include "converter/text_layout.h"

namespace smtpgate::converter {

/// A token that is kept for later.
struct HtmlToken {
  enum class Kind : std::uint8_t { text, start_tag, end_tag };
  Kind kind = Kind::text;
  HtmlElement element = HtmlElement::line;  ///< of a tag
  std::string text{};
  std::unique_ptr<HtmlTag> tag{};  ///< of a start tag whose attributes matter
};

class HtmlPresenter {
 public:
  /// Where text goes from now on; outlives the calls that follow.
  void set_target(std::string& target) { layout_.set_target(target); }
  /// UTF-8, cut anywhere.
  void text(std::string_view piece);
  void start(HtmlElement element, const HtmlTag& tag);
  void end(HtmlElement element);
  void show(const HtmlToken& token);
  /// The tokens between a table's tags, if they are a table of data: true. Else nothing is shown.
  bool show_data_table(const std::vector<HtmlToken>& tokens);
  /// Whether a table that begins here can be one of data.
  bool may_show_data_table() const { return !in_link_ && preformatted_ == 0; }
  void finish();

 private:
  class CellReader;
  struct List {
    bool is_numbered = false;
    ListNumbers numbers = ListNumbers::decimal;
    std::uint64_t next = 1;
    std::size_t width = 0;  // of the marker of the item that is open
  };
  static constexpr std::size_t deepest_shown = 10;

  List& list() { return lists_[std::min<std::size_t>(list_depth_, lists_.size()) - 1]; }
  void start_list(const List& begun);
  void end_list();
  void start_item(const HtmlTag& tag);
  void set_indentation();
  void set_quotes();
  void start_link(const HtmlTag& tag);
  void end_link();
  void show_image(const HtmlTag& tag);
  void show_superscript(std::string_view piece);

  TextLayout layout_;
  std::uint64_t preformatted_ = 0;
  bool drop_line_feed_ = false;  // right after <pre>
  std::uint64_t quotes_ = 0;
  std::uint64_t tables_ = 0;
  bool in_definition_ = false;
  bool is_tight_ = false;  // the paragraph that is open
  bool is_raised_ = false;
  std::uint64_t list_depth_ = 0;
  std::array<List, deepest_shown> lists_;  // the outermost ones; deeper ones share the last

  bool in_link_ = false;
  std::string link_url_;
  std::string link_text_;  // the beginning
  std::uint64_t link_begin_ = 0;
  std::vector<std::string> links_;
  std::map<std::string, std::size_t> link_numbers_;
};

}  // namespace smtpgate::converter
