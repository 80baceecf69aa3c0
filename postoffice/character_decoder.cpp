// CharacterDecoder: some set to UTF-8, in pieces: see character_set.h.
//
// Some sets have decoders of their own (UTF-7, ISO-2022-JP, HZ). Of the others there are three ways
// through it. UTF-8 is checked and copied. A set in which ASCII stands for itself (found
// out by trying, not by name) has its long ASCII runs copied and the rest converted by iconv. All
// other sets go through iconv whole. iconv's output is checked too: its UCS-4 lets through what is
// beyond U+10FFFF.
#include <algorithm>
#include <array>
#include <type_traits>
#include <variant>

#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/hz_decoder.h"
#include "postoffice/iconv_handle.h"
#include "postoffice/iso_2022_jp_decoder.h"
#include "postoffice/utf7_decoder.h"
#include "postoffice/utf8.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t most_held = 16;
constexpr std::size_t chunk_size = 4096;
constexpr std::size_t least_chunk = 64;
constexpr std::size_t long_run = 16;
constexpr std::size_t settled_run = 4;
constexpr std::size_t worth_a_trial = 512;

/// How a set's code units lie in octets, where that is not one octet a unit.
struct Units {
  std::size_t size = 1;
  bool order_unknown = false;  ///< a byte order mark may come
};

Units units_of(std::string_view set) {
  constexpr std::array<std::string_view, 7> two_unknown = {
      "UTF-16", "UTF16", "UCS-2", "UCS2", "ISO-10646-UCS-2", "UNICODE", "CSUNICODE"};
  constexpr std::array<std::string_view, 6> four_unknown = {"UTF-32", "UTF32",           "UCS-4",
                                                            "UCS4",   "ISO-10646-UCS-4", "CSUCS4"};
  const auto is_set = [set](std::string_view name) { return equals_ignoring_case(set, name); };
  const auto begins = [set](std::string_view name) { return starts_with_ignoring_case(set, name); };
  if (std::any_of(two_unknown.begin(), two_unknown.end(), is_set)) return {2, true};
  if (std::any_of(four_unknown.begin(), four_unknown.end(), is_set)) return {4, true};
  if (std::any_of(two_unknown.begin(), two_unknown.end(), begins)) return {2, false};
  if (std::any_of(four_unknown.begin(), four_unknown.end(), begins)) return {4, false};
  return {};
}

/// True if each ASCII octet, given alone, stands for itself and at once: no shift states, no escape
/// sequences, and no letters held back until it is seen whether an accent follows (TCVN, CP1258).
bool set_keeps_ascii(std::string_view set) {
  std::optional<Iconv> trial = Iconv::open("UTF-8", set);
  if (!trial) return false;
  std::string output;
  for (int octet = 0; octet < 0x80; ++octet) {
    const char character = static_cast<char>(octet);
    const std::string_view alone(&character, 1);
    std::string_view input = alone;
    output.clear();
    if (trial->convert(input, output) != Iconv::Stop::done || output != alone) return false;
  }
  return true;
}

}  // namespace

std::size_t unit_octets(std::string_view set) {
  return units_of(set).size;
}

struct CharacterDecoder::State {
  bool is_utf8 = false;
  std::variant<std::monostate, Utf7Decoder, Iso2022JpDecoder, HzDecoder> own;
  Iconv iconv;  ///< closed for UTF-8 and where a decoder of ours is open
  Units units;
  bool order_pending = false;  ///< the first unit has not come yet
  std::string name;
  bool tried_ascii = false;
  bool keeps_ascii = false;  ///< known once tried_ascii
  bool settled = true;       ///< between characters, and iconv holds none back
  std::string held;
  std::string scratch;
  std::uint64_t replaced = 0;

  void replace(std::string& out) {
    out += replacement_character;
    ++replaced;
  }
  /// True if a decoder of ours has `set`.
  bool open_own(std::string_view set) {
    if (Utf7Decoder::decodes(set)) own.emplace<Utf7Decoder>();
    if (Iso2022JpDecoder::decodes(set)) own.emplace<Iso2022JpDecoder>();
    if (HzDecoder::decodes(set)) own.emplace<HzDecoder>();
    return own.index() != 0;
  }
  /// False, and nothing done, if none is open.
  template <typename Action>
  bool with_own(Action action) {
    return std::visit(
        [&]<typename Decoder>(Decoder& decoder) {
          constexpr bool is_open = !std::is_same_v<Decoder, std::monostate>;
          if constexpr (is_open) action(decoder);
          return is_open;
        },
        own);
  }
  void append_checked(std::string& out);
  void feed_utf8(std::string_view piece, std::string& out);
  std::string_view take_byte_order(std::string_view piece);
  std::size_t decode(std::string_view text, std::string& out);
  std::size_t end_of_chunk(std::string_view text, std::size_t at, std::size_t most) const;
  void feed_iconv(std::string_view piece, std::string& out);
};

void CharacterDecoder::State::append_checked(std::string& out) {
  if (postoffice::is_utf8(scratch)) {
    out += scratch;
  } else {
    out += repair_utf8(scratch, &replaced);
  }
  scratch.clear();
}

void CharacterDecoder::State::feed_utf8(std::string_view piece, std::string& out) {
  while (!held.empty() && !piece.empty()) {
    held += piece.front();
    const Utf8Character character = utf8_character(held, 0);
    if (character.kind == Utf8Character::Kind::invalid) {
      // The octet just taken is not part of it and is looked at again.
      held.clear();
      replace(out);
      break;
    }
    piece.remove_prefix(1);
    if (character.kind == Utf8Character::Kind::valid) {
      out += held;
      held.clear();
    }
  }
  while (!piece.empty()) {
    const std::size_t good = valid_utf8_prefix(piece);
    out.append(piece.substr(0, good));
    piece.remove_prefix(good);
    if (piece.empty()) return;
    const Utf8Character character = utf8_character(piece, 0);
    if (character.kind == Utf8Character::Kind::incomplete) {
      held = piece;
      return;
    }
    replace(out);
    piece.remove_prefix(character.length);
  }
}

/// Collects the first unit; when it is there, opens the conversion for the order it shows
/// (big-endian if it is no byte order mark: RFC 2781, 4.3). Returns what is left of `piece`.
std::string_view CharacterDecoder::State::take_byte_order(std::string_view piece) {
  const std::size_t taken = std::min(units.size - held.size(), piece.size());
  held.append(piece.substr(0, taken));
  piece.remove_prefix(taken);
  if (held.size() < units.size) return piece;
  const std::string big_mark = units.size == 2 ? "\xFE\xFF" : std::string("\0\0\xFE\xFF", 4);
  const std::string little_mark(big_mark.rbegin(), big_mark.rend());
  const bool little = held == little_mark;
  if (little || held == big_mark) held.clear();
  const std::string base = units.size == 2 ? "UTF-16" : "UTF-32";
  std::optional<Iconv> opened = Iconv::open("UTF-8", base + (little ? "LE" : "BE"));
  if (opened) iconv = std::move(*opened);
  order_pending = false;
  return piece;
}

/// Up to the next long run of ASCII and a little into it, so that iconv lets go of a character it
/// holds back.
std::size_t CharacterDecoder::State::end_of_chunk(std::string_view text, std::size_t at,
                                                  std::size_t most) const {
  const std::size_t farthest = std::min(text.size(), at + most);
  if (!keeps_ascii) return farthest;
  std::size_t run = 0;
  for (std::size_t end = std::min(text.size(), at + least_chunk); end < farthest; ++end) {
    run = static_cast<unsigned char>(text[end]) < 0x80 ? run + 1 : 0;
    if (run == long_run) return end + 1 - (long_run - settled_run);
  }
  return farthest;
}

/// Decodes as much of `text` as makes whole characters; returns how much that was. At most
/// most_held octets remain.
///
/// iconv works in two steps with a buffer between them; where the second one refuses a character it
/// does the first one's work on all of its input again. So after an illegal octet it is given
/// little at first, or text of nothing but illegal characters would take a chunk's work for each.
std::size_t CharacterDecoder::State::decode(std::string_view text, std::string& out) {
  if (!tried_ascii && text.size() >= worth_a_trial) {
    keeps_ascii = set_keeps_ascii(name);
    tried_ascii = true;
  }
  std::size_t at = 0;
  std::size_t chunk_end = 0;
  std::size_t most = chunk_size;
  while (at < text.size()) {
    if (keeps_ascii && settled) {
      const std::size_t run_end = end_of_ascii(text, at);
      out.append(text.substr(at, run_end - at));
      at = run_end;
      if (at == text.size()) break;
    }
    if (at >= chunk_end) chunk_end = end_of_chunk(text, at, most);
    std::string_view rest = text.substr(at, chunk_end - at);
    const std::size_t before = rest.size();
    const Iconv::Stop stop = iconv.convert(rest, scratch);
    append_checked(out);
    at = chunk_end - rest.size();
    settled = false;
    if (stop == Iconv::Stop::done) {
      const std::size_t last = chunk_end < settled_run ? 0 : chunk_end - settled_run;
      settled = end_of_ascii(text.substr(0, chunk_end), last) == chunk_end;
      most = std::min(chunk_size, 2 * most);
    } else if (stop == Iconv::Stop::incomplete && rest.size() <= most_held) {
      if (chunk_end == text.size()) return at;
      chunk_end = 0;  // the chunk's end cut a character: go on with more text
    } else if (stop == Iconv::Stop::illegal || rest.size() == before) {
      replace(out);
      at += std::min(units.size, text.size() - at);
      most = least_chunk;
      chunk_end = std::min(chunk_end, at + most);
    }
  }
  return at;
}

void CharacterDecoder::State::feed_iconv(std::string_view piece, std::string& out) {
  if (order_pending) {
    piece = take_byte_order(piece);
    if (order_pending) return;
  }
  while (!held.empty() && !piece.empty()) {
    // Join enough of the piece to what was kept to complete the character, then go on in the piece
    // right behind what was used up.
    const std::size_t kept = held.size();
    const std::size_t joined = std::min<std::size_t>(piece.size(), 2 * most_held);
    held.append(piece.substr(0, joined));
    const std::size_t used = decode(held, out);
    if (used >= kept) {
      piece.remove_prefix(used - kept);
      held.clear();
    } else {
      piece.remove_prefix(joined);
      held.erase(0, used);
    }
  }
  if (piece.empty()) return;
  const std::size_t used = decode(piece, out);
  held = piece.substr(used);
}

std::optional<CharacterDecoder> CharacterDecoder::open(std::string_view set) {
  auto state = std::make_unique<State>();
  if (equals_ignoring_case(set, "UTF-8") || equals_ignoring_case(set, "UTF8")) {
    state->is_utf8 = true;
    return CharacterDecoder(std::move(state));
  }
  if (state->open_own(set)) return CharacterDecoder(std::move(state));
  std::optional<Iconv> opened = Iconv::open("UTF-8", set);
  if (!opened) return std::nullopt;
  state->iconv = std::move(*opened);
  state->units = units_of(set);
  state->order_pending = state->units.order_unknown;
  state->name = set;
  // The trial costs more than a short text, such as an encoded word, can win by it.
  state->tried_ascii = state->units.size != 1;
  return CharacterDecoder(std::move(state));
}

CharacterDecoder::CharacterDecoder(std::unique_ptr<State> state) : state_(std::move(state)) {}
CharacterDecoder::CharacterDecoder(CharacterDecoder&&) noexcept = default;
CharacterDecoder& CharacterDecoder::operator=(CharacterDecoder&&) noexcept = default;
CharacterDecoder::~CharacterDecoder() = default;

void CharacterDecoder::feed(std::string_view piece, std::string& out) {
  if (state_->is_utf8) {
    state_->feed_utf8(piece, out);
  } else if (!state_->with_own([&](auto& decoder) { decoder.feed(piece, out); })) {
    state_->feed_iconv(piece, out);
  }
}

void CharacterDecoder::finish(std::string& out) {
  if (state_->with_own([&](auto& decoder) { decoder.finish(out); })) return;
  if (!state_->is_utf8 && !state_->order_pending) {
    state_->iconv.reset(state_->scratch);
    state_->append_checked(out);
  }
  if (!state_->held.empty()) state_->replace(out);
  state_->held.clear();
  state_->settled = true;
  state_->order_pending = state_->units.order_unknown;
}

std::uint64_t CharacterDecoder::replaced() const {
  std::uint64_t replaced = state_->replaced;
  state_->with_own([&](auto& decoder) { replaced = decoder.replaced(); });
  return replaced;
}

}  // namespace smtpgate::postoffice
