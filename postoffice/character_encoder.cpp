// CharacterEncoder: UTF-8 to some set, in pieces: see character_set.h. iconv is asked for exact
// characters only; what it lacks comes from nearest_encoder.
#include <algorithm>

#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/composition.h"
#include "postoffice/iconv_handle.h"
#include "postoffice/nearest_encoder.h"
#include "postoffice/utf8.h"

namespace smtpgate::postoffice {

namespace {

/// ASCII that stands between two characters of another kind is not worth an iconv call of its own.
constexpr std::size_t long_ascii_run = 8;
/// Octets given to iconv at once.
constexpr std::size_t most_window = 4096;

bool is_continuation(char octet) {
  return (static_cast<unsigned char>(octet) & 0xC0U) == 0x80;
}

/// True if ASCII may be copied past iconv: it stands for itself, and no set of shift states is in
/// use (a character of each script, then a return to the initial state, must need no octets).
bool keeps_ascii(std::string_view set) {
  std::optional<Iconv> trial = Iconv::open(set, "UTF-8");
  if (!trial) return false;
  std::string all;
  for (char c = 0; c < 0x7F; ++c) all += c;
  all += '\x7F';
  std::string_view input = all;
  std::string output;
  if (trial->convert(input, output) != Iconv::Stop::done || output != all) return false;
  // Letters of Latin, Greek, Cyrillic, Thai, kana, Chinese and Korean; and one that BIG5-HKSCS
  // holds back for an accent that may follow.
  for (std::string_view letter : {"\xC3\xA9", "\xC3\xAA", "\xCE\xB1", "\xD0\xB6", "\xE0\xB8\x81",
                                  "\xE3\x81\x82", "\xE4\xB8\xAD", "\xED\x95\x9C"}) {
    output.clear();
    trial->convert(letter, output);
    output.clear();
    trial->reset(output);
    if (!output.empty()) return false;
  }
  return true;
}

bool has_exactly(std::string_view set, std::string_view character) {
  std::optional<Iconv> trial = Iconv::open(set, "UTF-8");
  std::string output;
  return trial && trial->convert(character, output) == Iconv::Stop::done;
}

/// iconv drops tag characters (U+E0000 to U+E007F) without a word; they are given to it alone and
/// counted. Their first three octets.
bool is_tag_character(std::string_view text) {
  return text.size() >= 4 && text.substr(0, 2) == "\xF3\xA0" &&
         (text[2] == '\x80' || text[2] == '\x81');
}

std::size_t find_tag_character(std::string_view text) {
  for (std::size_t at = text.find('\xF3'); at != std::string_view::npos;
       at = text.find('\xF3', at + 1)) {
    if (is_tag_character(text.substr(at))) return at;
  }
  return text.size();
}

}  // namespace

struct CharacterEncoder::State {
  CharacterDecoder checked;  ///< makes valid UTF-8 of the input; all there is for UTF-8
  Iconv iconv;               ///< closed: the target is UTF-8
  bool keeps_ascii = false;
  NearestEncoder nearest{false};
  bool has_replacement = true;  ///< the set has U+FFFD: bad input is counted where it is replaced
  std::string pending;          ///< valid UTF-8 whose end may still compose with what follows
  std::uint64_t inexact = 0;

  explicit State(CharacterDecoder utf8) : checked(std::move(utf8)) {}
  std::size_t encode_lacking(std::string_view text, std::size_t at, std::size_t end,
                             std::string& out);
  void encode_composed(std::string_view text, std::string& out);
  void encode(std::string_view text, std::string& out);
};

/// The character at `at`, which the set lacks, and those behind it, up to `end`, that are known to
/// be lacking too: without asking iconv. Returns where that ends.
std::size_t CharacterEncoder::State::encode_lacking(std::string_view text, std::size_t at,
                                                    std::size_t end, std::string& out) {
  Utf8Character character = utf8_character(text, at);
  nearest.append(character.code, iconv, out);
  ++inexact;
  at += character.length;
  while (at < end) {
    character = utf8_character(text, at);
    if (!nearest.append_known(character.code, out)) break;
    ++inexact;
    at += character.length;
  }
  return at;
}

/// iconv works in two steps with a buffer between them; where the second one lacks a character it
/// does the first one's work on all of its input again. So after such a character it is given one
/// at first, then more, or Chinese into Latin-1 would take time by the square.
void CharacterEncoder::State::encode_composed(std::string_view text, std::string& out) {
  std::size_t tag = find_tag_character(text);
  std::size_t window = most_window;
  std::size_t at = 0;
  while (at < text.size()) {
    if (at < tag) {
      std::size_t end = std::min(tag, at + window);
      while (end < tag && is_continuation(text[end])) ++end;
      std::string_view rest = text.substr(at, end - at);
      const Iconv::Stop stop = iconv.convert(rest, out);
      at = end - rest.size();
      window = std::min(most_window, 2 * window);
      if (stop == Iconv::Stop::done) continue;
      window = 1;
    }
    const bool was_tag = at == tag;
    at = encode_lacking(text, at, was_tag ? at : tag, out);
    if (was_tag) tag = at + find_tag_character(text.substr(at));
  }
}

void CharacterEncoder::State::encode(std::string_view text, std::string& out) {
  if (!keeps_ascii) {
    encode_composed(compose(text), out);
    return;
  }
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t run_end = end_of_ascii(text, at);
    if (run_end == text.size()) {
      out.append(text.substr(at));
      return;
    }
    // The last ASCII character may be the letter under an accent.
    if (run_end > at) --run_end;
    out.append(text.substr(at, run_end - at));
    at = run_end;
    std::size_t end = at + 1;
    for (std::size_t run = 0; end < text.size() && run < long_ascii_run; ++end) {
      run = static_cast<unsigned char>(text[end]) < 0x80 ? run + 1 : 0;
      if (run == long_ascii_run) end -= long_ascii_run;
    }
    encode_composed(compose(text.substr(at, end - at)), out);
    at = end;
  }
}

std::optional<CharacterEncoder> CharacterEncoder::open(std::string_view set) {
  std::optional<CharacterDecoder> utf8 = CharacterDecoder::open("UTF-8");
  if (!utf8) return std::nullopt;
  auto state = std::make_unique<State>(std::move(*utf8));
  if (equals_ignoring_case(set, "UTF-8") || equals_ignoring_case(set, "UTF8")) {
    return CharacterEncoder(std::move(state));
  }
  std::optional<Iconv> opened = Iconv::open(set, "UTF-8");
  if (!opened) return std::nullopt;
  state->iconv = std::move(*opened);
  state->keeps_ascii = keeps_ascii(set);
  state->nearest = NearestEncoder(state->keeps_ascii);
  state->has_replacement = has_exactly(set, replacement_character);
  return CharacterEncoder(std::move(state));
}

CharacterEncoder::CharacterEncoder(std::unique_ptr<State> state) : state_(std::move(state)) {}
CharacterEncoder::CharacterEncoder(CharacterEncoder&&) noexcept = default;
CharacterEncoder& CharacterEncoder::operator=(CharacterEncoder&&) noexcept = default;
CharacterEncoder::~CharacterEncoder() = default;

void CharacterEncoder::feed(std::string_view piece, std::string& out) {
  if (!state_->iconv.is_open()) {
    state_->checked.feed(piece, out);
    return;
  }
  state_->checked.feed(piece, state_->pending);
  const std::size_t border = last_composition_border(state_->pending);
  state_->encode(std::string_view(state_->pending).substr(0, border), out);
  state_->pending.erase(0, border);
}

void CharacterEncoder::finish(std::string& out) {
  if (!state_->iconv.is_open()) {
    state_->checked.finish(out);
    return;
  }
  state_->checked.finish(state_->pending);
  state_->encode(state_->pending, out);
  state_->pending.clear();
  state_->iconv.reset(out);
}

std::uint64_t CharacterEncoder::replaced() const {
  return state_->inexact + (state_->has_replacement ? state_->checked.replaced() : 0);
}

}  // namespace smtpgate::postoffice
