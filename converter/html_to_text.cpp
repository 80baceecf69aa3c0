// See html_to_text.h. Between the tokenizer and what shows its tokens: what the page hides is left
// out, and what may be a table of data is held back until its end is there, or it is seen to be
// none.
#include "converter/html_to_text.h"

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "converter/html_elements.h"
#include "converter/html_hiding.h"
#include "converter/html_presenter.h"
#include "converter/html_tokenizer.h"

namespace smtpgate::converter {
namespace {

// Of a table that is held back, text and attributes; a larger one is shown row by row.
constexpr std::size_t most_octets_held = std::size_t{1} << 20;
constexpr std::size_t most_tokens_held = 20'000;

/// What can stand in a table of data.
bool is_of_data(HtmlElement element) {
  switch (element) {
    case HtmlElement::paragraph:
    case HtmlElement::line:
    case HtmlElement::line_break:
    case HtmlElement::row:
    case HtmlElement::cell:
    case HtmlElement::anchor:
    case HtmlElement::image:
    case HtmlElement::quotation:
    case HtmlElement::superscript:
      return true;
    default:
      return false;
  }
}

/// That say more than the element alone.
bool has_attributes(HtmlElement element, const HtmlTag& tag) {
  switch (element) {
    case HtmlElement::anchor:
    case HtmlElement::image:
      return true;
    case HtmlElement::paragraph:
      return tag.has(HtmlTag::style) || tag.has(HtmlTag::classes);
    default:
      return tag.has(HtmlTag::colspan) || tag.has(HtmlTag::rowspan);
  }
}

}  // namespace

struct HtmlToText::State : HtmlTokenHandler {
  void text(std::string_view piece) override;
  void start_tag(const HtmlTag& tag) override;
  void end_tag(std::string_view name) override;
  void begin_table();
  void hold(HtmlToken token);
  void end_table();
  void release();

  HtmlTokenizer tokenizer{*this};
  HtmlHiding hiding;
  HtmlPresenter presenter;
  bool is_holding = false;
  std::vector<HtmlToken> held;  // behind a table's start tag
  std::size_t octets_held = 0;
  std::size_t cells_of_row = 0;
  std::size_t rows_of_cells = 0;  // with more than one of them
};

void HtmlToText::State::text(std::string_view piece) {
  if (hiding.is_on() || piece.empty()) return;
  if (!is_holding) return presenter.text(piece);
  octets_held += piece.size();
  if (!held.empty() && held.back().kind == HtmlToken::Kind::text) {
    held.back().text += piece;
  } else {
    held.push_back({.text = std::string(piece)});
  }
  if (octets_held > most_octets_held) release();
}

void HtmlToText::State::start_tag(const HtmlTag& tag) {
  if (hiding.start_tag(tag)) return;
  const auto element = find_html_element(tag.name());
  if (!element) return;
  if (is_holding && is_of_data(*element)) {
    HtmlToken token{.kind = HtmlToken::Kind::start_tag, .element = *element};
    if (has_attributes(*element, tag)) token.tag = std::make_unique<HtmlTag>(tag);
    return hold(std::move(token));
  }
  if (is_holding) release();
  presenter.start(*element, tag);
  if (*element == HtmlElement::table && presenter.may_show_data_table()) begin_table();
}

void HtmlToText::State::end_tag(std::string_view name) {
  if (hiding.end_tag(name)) return;
  const auto element = find_html_element(name);
  if (!element) return;
  if (is_holding && is_of_data(*element)) {
    return hold({.kind = HtmlToken::Kind::end_tag, .element = *element});
  }
  if (is_holding && *element == HtmlElement::table) {
    end_table();
  } else if (is_holding) {
    release();
  }
  presenter.end(*element);
}

void HtmlToText::State::begin_table() {
  is_holding = true;
  octets_held = cells_of_row = rows_of_cells = 0;
}

void HtmlToText::State::hold(HtmlToken token) {
  if (token.kind == HtmlToken::Kind::start_tag) {
    if (token.element == HtmlElement::row) cells_of_row = 0;
    if (token.element == HtmlElement::cell && ++cells_of_row == 2) ++rows_of_cells;
  }
  if (token.tag) octets_held += token.tag->octets();
  held.push_back(std::move(token));
  if (held.size() > most_tokens_held || octets_held > most_octets_held) release();
}

void HtmlToText::State::end_table() {
  if (rows_of_cells > 1 && presenter.show_data_table(held)) held.clear();
  release();
}

void HtmlToText::State::release() {
  for (const HtmlToken& token : held) presenter.show(token);
  held.clear();
  is_holding = false;
}

HtmlToText::HtmlToText() : state_(std::make_unique<State>()) {}

HtmlToText::~HtmlToText() = default;

void HtmlToText::feed(std::string_view piece, std::string& out) {
  state_->presenter.set_target(out);
  state_->tokenizer.feed(piece);
}

void HtmlToText::finish(std::string& out) {
  state_->presenter.set_target(out);
  state_->tokenizer.finish();
  if (state_->is_holding) state_->end_table();
  state_->presenter.finish();
}

}  // namespace smtpgate::converter
