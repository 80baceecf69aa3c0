// RtfToText: a handler of tokens with a stack of group states. Groups deeper than the stack share
// the state of the deepest that is kept: nobody writes them, and they cost no memory.
#include "converter/rtf_to_text.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "converter/code_page.h"
#include "converter/rtf_characters.h"
#include "converter/rtf_tokenizer.h"
#include "converter/rtf_words.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t deepest_group = 1000;
constexpr std::size_t most_fonts = 4096;
// Octets of a field's instruction, which may become three times as many in UTF-8.
constexpr std::size_t longest_instruction = 2000;
constexpr std::size_t longest_result_start = 3 * longest_instruction;

enum class Destination : std::uint8_t { text, skipped, font_table, html_tag, field_instruction };

struct Group {
  Destination destination = Destination::text;
  bool is_hidden = false;        ///< \v
  bool is_html_rtf = false;      ///< \htmlrtf: for readers of RTF only
  bool is_field_result = false;  ///< ends a link
  std::uint16_t fallback = 1;    ///< \uc
  std::int32_t font = -1;        ///< -1: the default font
};

/// The address in HYPERLINK "http://..."; empty if there is none.
std::string link_in(std::string_view instruction) {
  instruction = trim(instruction);
  if (!starts_with_ignoring_case(instruction, "HYPERLINK")) return {};
  const std::size_t open = instruction.find('"');
  if (open == std::string_view::npos) return {};
  // \l "name" is a place in the document itself.
  if (instruction.substr(0, open).find("\\l") != std::string_view::npos) return {};
  const std::size_t close = instruction.find('"', open + 1);
  std::string link;
  for (const char c : trim(instruction.substr(open + 1, close - open - 1))) {
    if (static_cast<unsigned char>(c) > ' ' && c != '\x7f') link += c;
  }
  return link;
}

}  // namespace

struct RtfToText::State : RtfHandler {
  void begin_group() override;
  void end_group() override;
  void control_word(std::string_view word, std::optional<std::int32_t> parameter) override;
  void control_symbol(char symbol) override;
  void text(std::string_view octets) override;
  void octet(char octet) override { put_octets({&octet, 1}); }

  bool take_destination(std::string_view word);
  bool take_document_word(std::string_view word, std::optional<std::int32_t> parameter);
  void take_font_table_word(std::string_view word, std::int32_t parameter);
  void take_text_word(std::string_view word, std::optional<std::int32_t> parameter);
  bool is_shown() const;
  unsigned code_page() const;
  void put_octets(std::string_view octets);
  void put(std::string_view characters);
  void put_unit(std::int32_t unit);
  void keep_result_start(std::size_t from);
  void put_instruction(std::string_view octets);
  void end_row();
  std::string& target();
  void end_link();

  RtfTokenizer tokenizer{*this};
  RtfCharacters characters;
  std::string* out = nullptr;
  Group group;
  std::vector<Group> groups;
  std::uint64_t groups_beyond = 0;
  std::unordered_map<std::int32_t, unsigned> code_page_of_font;
  std::int32_t font_being_defined = -1;
  std::int32_t default_font = -1;
  unsigned default_code_page = 1252;
  unsigned fallbacks_left = 0;  ///< characters that stand for a \u already shown
  unsigned cells_before = 0;    ///< tabs to write if more comes in this row
  bool is_html = false;
  bool has_group = false;
  bool has_output = false;
  bool is_ignorable = false;  ///< \* was seen
  bool at_line_start = true;
  std::string instruction;
  std::size_t instruction_octets = 0;  ///< of it in the document
  std::string result_start;            ///< what a link's text is, as far as it matters
  std::string link;
};

bool RtfToText::State::is_shown() const {
  // Behind the document's own group come line ends and NULs.
  if (has_group && groups.empty()) return false;
  if (group.destination == Destination::html_tag) return true;
  if (group.destination != Destination::text) return false;
  return is_html ? !group.is_html_rtf : !group.is_hidden;
}

unsigned RtfToText::State::code_page() const {
  // Tags are in the document's set, whatever font the text beside them has.
  if (group.destination == Destination::html_tag) return default_code_page;
  const auto found = code_page_of_font.find(group.font < 0 ? default_font : group.font);
  if (found == code_page_of_font.end() || found->second == 0) return default_code_page;
  return found->second;
}

std::string& RtfToText::State::target() {
  return group.destination == Destination::field_instruction ? instruction : *out;
}

void RtfToText::State::begin_group() {
  fallbacks_left = 0;
  is_ignorable = false;
  has_group = true;
  if (groups.size() >= deepest_group) {
    ++groups_beyond;
    return;
  }
  groups.push_back(group);
  group.is_field_result = false;
}

void RtfToText::State::end_group() {
  fallbacks_left = 0;
  is_ignorable = false;
  if (groups_beyond > 0) {
    --groups_beyond;
    return;
  }
  if (groups.empty()) return;
  characters.flush(target());
  if (group.destination == Destination::field_instruction &&
      groups.back().destination != Destination::field_instruction) {
    // Half an address leads nowhere.
    link = instruction_octets > longest_instruction ? std::string() : link_in(instruction);
    instruction.clear();
    result_start.clear();
  }
  if (group.is_field_result) end_link();
  group = groups.back();
  groups.pop_back();
}

// A link whose text does not say it stands behind the text.
void RtfToText::State::end_link() {
  if (!link.empty() && is_shown() && !is_html) {
    std::string_view address = link;
    if (starts_with_ignoring_case(address, "mailto:")) address.remove_prefix(7);
    if (!equals_ignoring_case(trim(result_start), address) &&
        !equals_ignoring_case(trim(result_start), link)) {
      put(" <" + std::string(address) + ">");
    }
  }
  link.clear();
}

void RtfToText::State::control_symbol(char symbol) {
  if (symbol == '*') {
    is_ignorable = true;
    return;
  }
  if (symbol == '\\' || symbol == '{' || symbol == '}') return put_octets({&symbol, 1});
  if (fallbacks_left > 0) {
    --fallbacks_left;
    return;
  }
  switch (symbol) {
    case '~':
      put(is_html ? "&nbsp;" : " ");
      break;
    case '_':
      put("-");
      break;
    case '\r':
    case '\n':
      take_text_word("par", std::nullopt);
      break;
    case '\t':
      put("\t");
      break;
    default:
      break;  // optional hyphens, index entries
  }
}

void RtfToText::State::control_word(std::string_view word, std::optional<std::int32_t> parameter) {
  if (take_destination(word)) return;
  if (group.destination == Destination::skipped) return;
  if (group.destination == Destination::font_table) {
    return take_font_table_word(word, parameter.value_or(0));
  }
  if (take_document_word(word, parameter)) return;
  if (word == "u" && parameter) return put_unit(*parameter);
  if (fallbacks_left > 0) {
    --fallbacks_left;
    return;
  }
  take_text_word(word, parameter);
}

/// True if the word says what its group is.
bool RtfToText::State::take_destination(std::string_view word) {
  const bool ignorable = is_ignorable;
  is_ignorable = false;
  if (group.destination == Destination::skipped) return true;
  if (word == "fonttbl") {
    group.destination = Destination::font_table;
  } else if (word == "fldinst") {
    characters.flush(target());
    group.destination = is_html ? Destination::skipped : Destination::field_instruction;
    instruction.clear();
    instruction_octets = 0;
  } else if (ignorable && word == "htmltag") {
    characters.flush(target());
    group.destination = is_html ? Destination::html_tag : Destination::skipped;
  } else if (ignorable && word == "nesttableprops") {
    return true;
  } else if (ignorable || is_skipped_destination(word)) {
    group.destination = Destination::skipped;
  } else if (word == "fldrslt") {
    group.is_field_result = true;
  } else {
    return false;
  }
  return true;
}

/// Words about the document or the group as a whole, which count wherever they stand.
bool RtfToText::State::take_document_word(std::string_view word,
                                          std::optional<std::int32_t> parameter) {
  const bool is_on = parameter.value_or(1) != 0;
  if (word == "ansicpg") {
    if (parameter && *parameter > 0 && *parameter < 70'000) {
      default_code_page = static_cast<unsigned>(*parameter);
    }
  } else if (word == "mac") {
    default_code_page = 10000;
  } else if (word == "pc") {
    default_code_page = 437;
  } else if (word == "pca") {
    default_code_page = 850;
  } else if (word == "deff") {
    default_font = parameter.value_or(0);
  } else if (word == "fromhtml") {
    if (is_on && !has_output) is_html = true;
  } else if (word == "htmlrtf") {
    characters.flush(target());
    group.is_html_rtf = is_on;
  } else if (word == "uc") {
    group.fallback = static_cast<std::uint16_t>(std::clamp(parameter.value_or(1), 0, 1000));
  } else if (word == "f") {
    group.font = parameter.value_or(0);
  } else if (word == "plain") {
    group.font = -1;
    group.is_hidden = false;
  } else if (word == "v") {
    group.is_hidden = is_on;
  } else {
    return false;
  }
  return true;
}

void RtfToText::State::take_font_table_word(std::string_view word, std::int32_t parameter) {
  if (word == "f") {
    font_being_defined = parameter;
    return;
  }
  const bool is_charset = word == "fcharset";
  if ((!is_charset && word != "cpg") || code_page_of_font.size() >= most_fonts) return;
  const unsigned page = is_charset ? code_page_of_font_charset(parameter)
                                   : static_cast<unsigned>(std::clamp(parameter, 0, 70'000));
  if (page != 0) code_page_of_font[font_being_defined] = page;
}

void RtfToText::State::take_text_word(std::string_view word,
                                      std::optional<std::int32_t> parameter) {
  if (is_html) {
    // Lines of the page are lines of the file.
    if (word == "par" || word == "line") return put("\n");
  } else if (word == "cell" || word == "nestcell") {
    characters.flush(target());
    if (is_shown()) ++cells_before;
    return;
  } else if (word == "row" || word == "nestrow") {
    return end_row();
  }
  if (parameter && *parameter == 0) return;
  if (const auto found = characters_of_word(word)) put(*found);
}

void RtfToText::State::end_row() {
  characters.flush(target());
  if (!is_shown()) return;
  cells_before = 0;
  if (!at_line_start) put("\n");
}

void RtfToText::State::put_unit(std::int32_t unit) {
  fallbacks_left = group.fallback;
  if (group.destination == Destination::field_instruction) {
    if (++instruction_octets <= longest_instruction) characters.utf16_unit(unit, instruction);
    return;
  }
  if (!is_shown()) return;
  put({});
  const std::size_t before = out->size();
  characters.utf16_unit(unit, *out);
  keep_result_start(before);
  at_line_start = false;
}

void RtfToText::State::text(std::string_view octets) {
  is_ignorable = false;
  put_octets(octets);
}

void RtfToText::State::put_octets(std::string_view octets) {
  if (fallbacks_left > 0) {
    const std::size_t count = std::min<std::size_t>(fallbacks_left, octets.size());
    fallbacks_left -= static_cast<unsigned>(count);
    octets.remove_prefix(count);
  }
  if (octets.empty()) return;
  if (group.destination == Destination::field_instruction) return put_instruction(octets);
  if (!is_shown()) return;
  for (; cells_before > 0; --cells_before) *out += '\t';
  const std::size_t before = out->size();
  characters.octets(octets, code_page(), *out);
  keep_result_start(before);
  at_line_start = false;
  has_output = true;
}

// Counted in octets of the document, not in characters, so that the same are kept whatever the
// pieces are that it comes in.
void RtfToText::State::put_instruction(std::string_view octets) {
  if (instruction_octets < longest_instruction) {
    const std::size_t left = longest_instruction - instruction_octets;
    characters.octets(octets.substr(0, left), code_page(), instruction);
  }
  instruction_octets += octets.size();
}

/// What was put out behind `from`, where a link's text is.
void RtfToText::State::keep_result_start(std::size_t from) {
  if (link.empty()) return;
  result_start.append(*out, from, longest_result_start - result_start.size());
}

/// Characters in UTF-8; empty ones only write the tabs that are due.
void RtfToText::State::put(std::string_view text) {
  if (!is_shown()) return;
  if (!text.empty()) characters.flush(*out);
  for (; cells_before > 0; --cells_before) *out += '\t';
  *out += text;
  if (!text.empty()) at_line_start = text.back() == '\n';
  has_output = true;
}

RtfToText::RtfToText() : state_(std::make_unique<State>()) {}
RtfToText::~RtfToText() = default;

void RtfToText::feed(std::string_view piece, std::string& out) {
  state_->out = &out;
  state_->tokenizer.feed(piece);
}

void RtfToText::finish(std::string& out) {
  state_->out = &out;
  state_->tokenizer.finish();
  state_->characters.flush(state_->target());
  if (!state_->at_line_start) out += '\n';
  state_->at_line_start = true;
}

bool RtfToText::is_html() const {
  return state_->is_html;
}

}  // namespace smtpgate::converter
