// See html_presenter.h.
#include "converter/html_presenter.h"

#include <algorithm>
#include <utility>

#include "converter/html_entities.h"
#include "converter/html_style.h"
#include "converter/html_table.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {
namespace {

constexpr std::size_t most_links = 1000;
constexpr std::size_t longest_alternative = 500;

/// Without blanks, line ends and controls: browsers drop them too, and a line of the list of links
/// must stay a line.
std::string clean_url(std::string_view raw) {
  std::string url;
  const std::string decoded = decode_attribute(raw);
  for (const char c : trim(decoded)) {
    if (c == ' ') {
      url += "%20";
    } else if (static_cast<unsigned char>(c) > ' ' && c != '\x7f') {
      url += c;
    }
  }
  return url;
}

/// What two ways of writing one address have in common.
std::string_view bare_url(std::string_view url) {
  for (const std::string_view scheme : {"http://", "https://", "mailto:"}) {
    if (!starts_with_ignoring_case(url, scheme)) continue;
    url.remove_prefix(scheme.size());
    if (scheme == "mailto:") url = url.substr(0, url.find('?'));
    break;
  }
  if (url.ends_with('/')) url.remove_suffix(1);
  return url;
}

bool is_worth_a_note(std::string_view url, std::string_view text) {
  for (const std::string_view useless : {"#", "javascript:", "data:", "cid:", "about:"}) {
    if (starts_with_ignoring_case(url, useless)) return false;
  }
  return !url.empty() && !equals_ignoring_case(bare_url(url), bare_url(trim(text)));
}

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  for (const char c : text.substr(0, 9)) {
    if (!is_ascii_digit(c)) break;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return number;
}

}  // namespace

void HtmlPresenter::text(std::string_view piece) {
  if (piece.empty()) return;
  while (drop_line_feed_ && !piece.empty()) {
    const char c = piece.front();
    drop_line_feed_ = c == '\r';
    if (c == '\r' || c == '\n') piece.remove_prefix(1);
  }
  if (is_raised_) {
    show_superscript(piece);
  } else {
    layout_.text(piece);
  }
  if (in_link_ && link_text_.size() < HtmlTag::longest_value) {
    link_text_ += piece.substr(0, HtmlTag::longest_value - link_text_.size());
  }
}

void HtmlPresenter::start(HtmlElement element, const HtmlTag& tag) {
  drop_line_feed_ = is_raised_ = false;
  switch (element) {
    case HtmlElement::paragraph:
      is_tight_ = tag.name() == "p" &&
                  is_style_tight(tag.attribute(HtmlTag::style), tag.attribute(HtmlTag::classes));
      return layout_.block(is_tight_ ? 1 : 2);
    case HtmlElement::definitions:
      return layout_.block(2);
    case HtmlElement::line:
      return layout_.block(1);
    case HtmlElement::line_break:
      return layout_.line_break();
    case HtmlElement::rule:
      layout_.block(2);
      layout_.text("--------------------");
      return layout_.block(2);
    case HtmlElement::preformatted:
      layout_.block(2);
      ++preformatted_;
      drop_line_feed_ = true;
      return layout_.set_preformatted(true);
    case HtmlElement::quote:
      layout_.block(2);
      ++quotes_;
      return set_quotes();
    case HtmlElement::list:
      return start_list({});
    case HtmlElement::numbered_list: {
      const std::string_view first = tag.attribute(HtmlTag::start);
      return start_list(
          {.is_numbered = true,
           .numbers = list_numbers_of(tag.attribute(HtmlTag::type), tag.attribute(HtmlTag::style)),
           .next = first.empty() ? 1 : number_of(first)});
    }
    case HtmlElement::item:
      return start_item(tag);
    case HtmlElement::term:
    case HtmlElement::definition:
      layout_.block(1);
      in_definition_ = element == HtmlElement::definition;
      return set_indentation();
    case HtmlElement::table:
      // A table in a cell lays out a page more often than it holds data.
      return layout_.force_block(tables_++ == 0 ? 2 : 1);
    case HtmlElement::row:
      return layout_.begin_row();
    case HtmlElement::cell:
      return layout_.begin_cell();
    case HtmlElement::anchor:
      return start_link(tag);
    case HtmlElement::image:
      return show_image(tag);
    case HtmlElement::quotation:
      return layout_.text("\"");
    case HtmlElement::superscript:
      is_raised_ = true;
      return;
  }
}

void HtmlPresenter::end(HtmlElement element) {
  drop_line_feed_ = is_raised_ = false;
  switch (element) {
    case HtmlElement::paragraph:
      return layout_.block(std::exchange(is_tight_, false) ? 1 : 2);
    case HtmlElement::definitions:
      layout_.block(2);
      in_definition_ = false;
      return set_indentation();
    case HtmlElement::line:
      return layout_.block(1);
    case HtmlElement::line_break:  // browsers read </br> as <br>
      return layout_.line_break();
    case HtmlElement::preformatted:
      if (preformatted_ > 0) --preformatted_;
      if (preformatted_ == 0) layout_.set_preformatted(false);
      return layout_.block(2);
    case HtmlElement::quote:
      layout_.block(2);
      if (quotes_ > 0) --quotes_;
      return set_quotes();
    case HtmlElement::list:
    case HtmlElement::numbered_list:
      return end_list();
    case HtmlElement::item:
      layout_.drop_marker();
      return layout_.block(1);
    case HtmlElement::term:
    case HtmlElement::definition:
      layout_.block(1);
      in_definition_ = false;
      return set_indentation();
    case HtmlElement::table:
      if (tables_ > 0) --tables_;
      layout_.end_cells();
      return layout_.force_block(tables_ == 0 ? 2 : 1);
    case HtmlElement::row:
      layout_.end_cells();
      return layout_.force_block(1);
    case HtmlElement::anchor:
      return end_link();
    case HtmlElement::quotation:
      return layout_.text("\"");
    case HtmlElement::superscript:
    case HtmlElement::cell:
    case HtmlElement::rule:
    case HtmlElement::image:
      return;
  }
}

void HtmlPresenter::set_quotes() {
  layout_.set_quotes(static_cast<unsigned>(std::min<std::uint64_t>(quotes_, deepest_shown)));
}

void HtmlPresenter::set_indentation() {
  std::size_t columns = in_definition_ ? 4 : 0;
  const auto shown = std::min<std::uint64_t>(list_depth_, lists_.size());
  for (std::size_t level = 0; level < shown; ++level) columns += lists_[level].width;
  layout_.set_indentation(columns);
}

void HtmlPresenter::start_list(const List& begun) {
  layout_.block(list_depth_ == 0 ? 2 : 1);
  if (++list_depth_ <= lists_.size()) list() = begun;
}

void HtmlPresenter::end_list() {
  if (list_depth_ == 0) return;
  --list_depth_;
  layout_.drop_marker();
  set_indentation();
  layout_.block(list_depth_ == 0 ? 2 : 1);
}

void HtmlPresenter::start_item(const HtmlTag& tag) {
  std::string marker = "* ";
  if (list_depth_ > 0) {
    List& current = list();
    const std::string_view value = tag.attribute(HtmlTag::value);
    if (!value.empty()) current.next = number_of(value);
    if (current.is_numbered) marker = list_number(current.next++, current.numbers) + ". ";
    current.width = marker.size();
    set_indentation();
  }
  layout_.set_marker(std::move(marker));
}

void HtmlPresenter::start_link(const HtmlTag& tag) {
  end_link();
  if (tag.is_cut(HtmlTag::href)) return;  // half a link is none
  link_url_ = clean_url(tag.attribute(HtmlTag::href));
  link_text_.clear();
  link_begin_ = layout_.written();
  in_link_ = !link_url_.empty();
}

void HtmlPresenter::end_link() {
  if (!std::exchange(in_link_, false)) return;
  const bool is_visible = layout_.written() != link_begin_;
  if (!is_visible || !is_worth_a_note(link_url_, link_text_)) return;
  auto place = link_numbers_.find(link_url_);
  if (place == link_numbers_.end()) {
    if (links_.size() >= most_links) return;
    links_.push_back(link_url_);
    place = link_numbers_.emplace(link_url_, links_.size()).first;
  }
  layout_.append_to_word(" [" + std::to_string(place->second) + "]");
}

void HtmlPresenter::show_image(const HtmlTag& tag) {
  const std::string alternative = decode_attribute(tag.attribute(HtmlTag::alt));
  std::string_view shown = trim(alternative);
  if (shown.empty()) return;
  if (shown.size() > longest_alternative) {
    // Not inside a character.
    std::size_t size = longest_alternative;
    while (size > 0 && (static_cast<unsigned char>(shown[size]) & 0xC0) == 0x80) --size;
    shown = shown.substr(0, size);
  }
  layout_.text("[");
  layout_.text(shown);
  layout_.text("]");
}

void HtmlPresenter::finish() {
  end_link();
  layout_.set_preformatted(false);
  layout_.set_quotes(0);
  layout_.set_indentation(0);
  layout_.drop_marker();
  for (std::size_t index = 0; index < links_.size(); ++index) {
    layout_.force_block(index == 0 ? 2 : 1);
    layout_.text("[" + std::to_string(index + 1) + "] ");
    layout_.text(links_[index]);
  }
  if (layout_.is_anything()) layout_.append_to_word("\n");
}

/// 12<sup>99</sup> is not 1299.
void HtmlPresenter::show_superscript(std::string_view piece) {
  constexpr std::string_view plain = "0123456789+-";
  constexpr std::array<std::string_view, plain.size()> raised = {
      "\xE2\x81\xB0", "\xC2\xB9",     "\xC2\xB2",     "\xC2\xB3",
      "\xE2\x81\xB4", "\xE2\x81\xB5", "\xE2\x81\xB6", "\xE2\x81\xB7",
      "\xE2\x81\xB8", "\xE2\x81\xB9", "\xE2\x81\xBA", "\xE2\x81\xBB"};
  while (!piece.empty()) {
    const std::size_t end = std::min(piece.find_first_of(plain), piece.size());
    layout_.text(piece.substr(0, end));
    if (end == piece.size()) return;
    layout_.text(raised[plain.find(piece[end])]);
    piece.remove_prefix(end + 1);
  }
}

void HtmlPresenter::show(const HtmlToken& token) {
  static const HtmlTag no_attributes;
  switch (token.kind) {
    case HtmlToken::Kind::text:
      return text(token.text);
    case HtmlToken::Kind::start_tag:
      return start(token.element, token.tag ? *token.tag : no_attributes);
    case HtmlToken::Kind::end_tag:
      return end(token.element);
  }
}

/// Reads a table's tokens cell by cell, each of which has a layout of its own.
class HtmlPresenter::CellReader {
 public:
  explicit CellReader(HtmlPresenter& presenter) : presenter_(presenter) {}

  /// False if there is text that is in no cell.
  bool take(const HtmlToken& token) {
    const bool is_tag = token.kind != HtmlToken::Kind::text;
    const bool is_cell = is_tag && token.element == HtmlElement::cell;
    const bool is_row = is_tag && token.element == HtmlElement::row;
    if (!is_cell && !is_row) {
      if (is_open_) presenter_.show(token);
      return is_open_ || is_tag || trim(token.text).empty();
    }
    end_cell();
    if (token.kind == HtmlToken::Kind::end_tag) return true;
    if (is_row) {
      table_.begin_row();
    } else {
      begin_cell(token.tag.get());
    }
    return true;
  }
  void end_cell() {
    if (!std::exchange(is_open_, false)) return;
    presenter_.end_link();
    presenter_.is_raised_ = false;
    table_.add_cell(std::exchange(text_, {}), columns_, rows_);
  }
  std::vector<std::string> lines() { return table_.lines(); }

 private:
  void begin_cell(const HtmlTag* tag) {
    columns_ = tag == nullptr ? 1 : number_of(tag->attribute(HtmlTag::colspan));
    rows_ = tag == nullptr ? 1 : number_of(tag->attribute(HtmlTag::rowspan));
    is_open_ = true;
    presenter_.layout_ = TextLayout();
    presenter_.layout_.set_target(text_);
  }

  HtmlPresenter& presenter_;
  HtmlTable table_;
  std::string text_;
  std::uint64_t columns_ = 1;
  std::uint64_t rows_ = 1;
  bool is_open_ = false;
};

bool HtmlPresenter::show_data_table(const std::vector<HtmlToken>& tokens) {
  const TextLayout around = layout_;
  CellReader reader(*this);
  const bool is_table = std::all_of(tokens.begin(), tokens.end(),
                                    [&](const HtmlToken& token) { return reader.take(token); });
  reader.end_cell();
  layout_ = around;
  if (!is_table) return false;
  const std::vector<std::string> lines = reader.lines();
  layout_.set_preformatted(true);
  for (const std::string& line : lines) {
    layout_.begin_row();
    layout_.text(line);
  }
  layout_.set_preformatted(false);
  return !lines.empty();
}

}  // namespace smtpgate::converter
