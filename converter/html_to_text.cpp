// See html_to_text.h. What each tag does to the lines; the tags come from html_tokenizer.h, the
// lines are made by text_layout.h. Open elements are counters, not a stack: a page of a hundred
// thousand open elements costs no more than its octets, and one that closes what it never opened
// does no harm.
#include "converter/html_to_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "converter/html_elements.h"
#include "converter/html_entities.h"
#include "converter/html_tokenizer.h"
#include "converter/text_layout.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {
namespace {

// Deeper quotes and lists are shown like these: prefixes must not grow with what a sender nests.
constexpr std::size_t deepest_shown = 10;
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

struct HtmlToText::State : HtmlTokenHandler {
  void text(std::string_view piece) override;
  void start_tag(const HtmlTag& tag) override;
  void end_tag(std::string_view name) override;
  void finish();

  void start_list(bool is_numbered, std::uint64_t first);
  void end_list();
  void start_item();
  void set_indentation();
  void set_quotes();
  void start_link(const HtmlTag& tag);
  void end_link();
  void show_image(const HtmlTag& tag);

  HtmlTokenizer tokenizer{*this};
  TextLayout layout;

  std::uint64_t hidden = 0;  // open elements that show nothing
  std::uint64_t preformatted = 0;
  bool drop_line_feed = false;  // right after <pre>
  std::uint64_t quotes = 0;
  std::uint64_t tables = 0;
  bool in_definition = false;

  struct List {
    bool is_numbered = false;
    std::uint64_t next = 1;
    std::size_t width = 0;  // of the marker of the item that is open
  };
  std::uint64_t list_depth = 0;
  std::array<List, deepest_shown> lists;  // the outermost ones; deeper ones share the last

  bool in_link = false;
  std::string link_url;
  std::string link_text;  // the beginning
  std::uint64_t link_begin = 0;
  std::vector<std::string> links;
  std::map<std::string, std::size_t> link_numbers;

 private:
  List& list() { return lists[std::min<std::size_t>(list_depth, lists.size()) - 1]; }
};

void HtmlToText::State::text(std::string_view piece) {
  if (hidden > 0 || piece.empty()) return;
  while (drop_line_feed && !piece.empty()) {
    const char c = piece.front();
    drop_line_feed = c == '\r';
    if (c == '\r' || c == '\n') piece.remove_prefix(1);
  }
  layout.text(piece);
  if (in_link && link_text.size() < HtmlTag::longest_value) {
    link_text += piece.substr(0, HtmlTag::longest_value - link_text.size());
  }
}

void HtmlToText::State::start_tag(const HtmlTag& tag) {
  const auto element = find_html_element(tag.name());
  if (!element) return;
  if (*element == HtmlElement::hidden) ++hidden;
  if (hidden > 0) return;
  drop_line_feed = false;
  switch (*element) {
    case HtmlElement::paragraph:
      return layout.block(2);
    case HtmlElement::line:
      return layout.block(1);
    case HtmlElement::line_break:
      return layout.line_break();
    case HtmlElement::rule:
      layout.block(2);
      layout.text("--------------------");
      return layout.block(2);
    case HtmlElement::preformatted:
      layout.block(2);
      ++preformatted;
      drop_line_feed = true;
      return layout.set_preformatted(true);
    case HtmlElement::quote:
      layout.block(2);
      ++quotes;
      return set_quotes();
    case HtmlElement::list:
      return start_list(false, 1);
    case HtmlElement::numbered_list: {
      const std::string_view first = tag.attribute(HtmlTag::start);
      return start_list(true, first.empty() ? 1 : number_of(first));
    }
    case HtmlElement::item:
      return start_item();
    case HtmlElement::term:
    case HtmlElement::definition:
      layout.block(1);
      in_definition = *element == HtmlElement::definition;
      return set_indentation();
    case HtmlElement::table:
      // A table in a cell lays out a page more often than it holds data.
      return layout.force_block(tables++ == 0 ? 2 : 1);
    case HtmlElement::row:
      return layout.begin_row();
    case HtmlElement::cell:
      return layout.begin_cell();
    case HtmlElement::anchor:
      return start_link(tag);
    case HtmlElement::image:
      return show_image(tag);
    case HtmlElement::hidden:
      return;
  }
}

void HtmlToText::State::end_tag(std::string_view name) {
  const auto element = find_html_element(name);
  if (!element) return;
  if (*element == HtmlElement::hidden && hidden > 0) --hidden;
  if (hidden > 0) return;
  drop_line_feed = false;
  switch (*element) {
    case HtmlElement::paragraph:
      layout.block(2);
      if (name == "dl") {
        in_definition = false;
        set_indentation();
      }
      return;
    case HtmlElement::line:
      return layout.block(1);
    case HtmlElement::line_break:  // browsers read </br> as <br>
      return layout.line_break();
    case HtmlElement::preformatted:
      if (preformatted > 0) --preformatted;
      if (preformatted == 0) layout.set_preformatted(false);
      return layout.block(2);
    case HtmlElement::quote:
      layout.block(2);
      if (quotes > 0) --quotes;
      return set_quotes();
    case HtmlElement::list:
    case HtmlElement::numbered_list:
      return end_list();
    case HtmlElement::item:
      layout.drop_marker();
      return layout.block(1);
    case HtmlElement::term:
    case HtmlElement::definition:
      layout.block(1);
      in_definition = false;
      return set_indentation();
    case HtmlElement::table:
      if (tables > 0) --tables;
      layout.end_cells();
      return layout.force_block(tables == 0 ? 2 : 1);
    case HtmlElement::row:
      layout.end_cells();
      return layout.force_block(1);
    case HtmlElement::anchor:
      return end_link();
    case HtmlElement::cell:
    case HtmlElement::rule:
    case HtmlElement::image:
    case HtmlElement::hidden:
      return;
  }
}

void HtmlToText::State::set_quotes() {
  layout.set_quotes(static_cast<unsigned>(std::min<std::uint64_t>(quotes, deepest_shown)));
}

void HtmlToText::State::set_indentation() {
  std::size_t columns = in_definition ? 4 : 0;
  const auto shown = std::min<std::uint64_t>(list_depth, lists.size());
  for (std::size_t level = 0; level < shown; ++level) columns += lists[level].width;
  layout.set_indentation(columns);
}

void HtmlToText::State::start_list(bool is_numbered, std::uint64_t first) {
  layout.block(list_depth == 0 ? 2 : 1);
  if (++list_depth <= lists.size()) list() = List{is_numbered, first, 0};
}

void HtmlToText::State::end_list() {
  if (list_depth == 0) return;
  --list_depth;
  layout.drop_marker();
  set_indentation();
  layout.block(list_depth == 0 ? 2 : 1);
}

void HtmlToText::State::start_item() {
  std::string marker = "* ";
  if (list_depth > 0) {
    List& current = list();
    if (current.is_numbered) marker = std::to_string(current.next++) + ". ";
    current.width = marker.size();
    set_indentation();
  }
  layout.set_marker(std::move(marker));
}

void HtmlToText::State::start_link(const HtmlTag& tag) {
  end_link();
  if (tag.is_cut(HtmlTag::href)) return;  // half a link is none
  link_url = clean_url(tag.attribute(HtmlTag::href));
  link_text.clear();
  link_begin = layout.written();
  in_link = !link_url.empty();
}

void HtmlToText::State::end_link() {
  if (!std::exchange(in_link, false)) return;
  const bool is_visible = layout.written() != link_begin;
  if (!is_visible || !is_worth_a_note(link_url, link_text)) return;
  auto place = link_numbers.find(link_url);
  if (place == link_numbers.end()) {
    if (links.size() >= most_links) return;
    links.push_back(link_url);
    place = link_numbers.emplace(link_url, links.size()).first;
  }
  layout.append_to_word(" [" + std::to_string(place->second) + "]");
}

void HtmlToText::State::show_image(const HtmlTag& tag) {
  const std::string alternative = decode_attribute(tag.attribute(HtmlTag::alt));
  std::string_view shown = trim(alternative);
  if (shown.empty()) return;
  if (shown.size() > longest_alternative) {
    // Not inside a character.
    std::size_t size = longest_alternative;
    while (size > 0 && (static_cast<unsigned char>(shown[size]) & 0xC0) == 0x80) --size;
    shown = shown.substr(0, size);
  }
  layout.text("[");
  layout.text(shown);
  layout.text("]");
}

void HtmlToText::State::finish() {
  tokenizer.finish();
  end_link();
  layout.set_preformatted(false);
  layout.set_quotes(0);
  layout.set_indentation(0);
  layout.drop_marker();
  for (std::size_t index = 0; index < links.size(); ++index) {
    layout.force_block(index == 0 ? 2 : 1);
    layout.text("[" + std::to_string(index + 1) + "] ");
    layout.text(links[index]);
  }
  if (layout.is_anything()) layout.append_to_word("\n");
}

HtmlToText::HtmlToText() : state_(std::make_unique<State>()) {}

HtmlToText::~HtmlToText() = default;

void HtmlToText::feed(std::string_view piece, std::string& out) {
  state_->layout.set_target(out);
  state_->tokenizer.feed(piece);
}

void HtmlToText::finish(std::string& out) {
  state_->layout.set_target(out);
  state_->finish();
}

}  // namespace smtpgate::converter
