// Character sets: any set that glibc's iconv knows to UTF-8 and back, in pieces of any size, with
// every replaced character counted. Used by the converter for mail and by the postoffice for sites
// whose files are not UTF-8 (docs/mmff.md, CHARSET).
//
// Not for: the many spellings that mail uses for a set, or guessing one: converter/mail_charset.h.
//
// No locale is set or read; //TRANSLIT and //IGNORE are not used (they depend on the locale). Only
// names of at most 64 of [A-Za-z0-9._:+-] reach iconv, and nothing is cached by name, so a sender
// who invents names costs nothing. One object belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace smtpgate::postoffice {

/// True if all of `text` is UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF).
bool is_utf8(std::string_view text);

/// `text` with each octet sequence that is no UTF-8 replaced by U+FFFD (the maximal-subpart way);
/// adds the number of replacements to *replaced.
std::string repair_utf8(std::string_view text, std::uint64_t* replaced = nullptr);

/// Normal form C of valid UTF-8; the text itself where utf8proc refuses it.
std::string compose(std::string_view text);

/// True if iconv can read from and write to `name`.
bool is_known_character_set(std::string_view name);

/// True if a postoffice's files can be in that set: it is known, ASCII stands for itself octet for
/// octet (the format's own words are ASCII), and no character needs a control octet.
bool is_file_character_set(std::string_view name);

/// Of how many octets the units of a set are: 2 for UTF-16, 4 for UTF-32, 1 for all whose line end
/// is ASCII's.
std::size_t unit_octets(std::string_view set);

/// Some set to UTF-8. Undecodable octets become U+FFFD, one each, and are counted (UTF-7:
/// utf7_decoder.h). UTF-8 input takes a fast path that copies valid text. UTF-16 and UTF-32 without
/// a byte order mark are read big-endian.
class CharacterDecoder {
 public:
  /// nullopt if iconv does not know the set.
  static std::optional<CharacterDecoder> open(std::string_view set);

  CharacterDecoder(CharacterDecoder&&) noexcept;
  CharacterDecoder& operator=(CharacterDecoder&&) noexcept;
  ~CharacterDecoder();

  /// Appends the decoded text to `out`; an incomplete character at the end is kept for the next
  /// piece (bounded: at most 16 octets).
  void feed(std::string_view piece, std::string& out);
  /// After the last piece: what was kept becomes U+FFFD, stateful sets are reset.
  void finish(std::string& out);
  std::uint64_t replaced() const;

 private:
  struct State;
  explicit CharacterDecoder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// UTF-8 to some set: composed first (NFC), then the set's own character, then the nearest one of a
/// fixed table (quotes, dashes, ellipsis, letters without their marks ...), then '?'. What was not
/// exact is counted. UTF-8 as the target passes text through after repair_utf8().
class CharacterEncoder {
 public:
  static std::optional<CharacterEncoder> open(std::string_view set);

  CharacterEncoder(CharacterEncoder&&) noexcept;
  CharacterEncoder& operator=(CharacterEncoder&&) noexcept;
  ~CharacterEncoder();

  /// `piece` must not end inside a character unless more follows; an incomplete one is kept.
  void feed(std::string_view piece, std::string& out);
  void finish(std::string& out);
  std::uint64_t replaced() const;

 private:
  struct State;
  explicit CharacterEncoder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Whole strings; a set that iconv does not know leaves the text as repair_utf8() has it.
std::string to_utf8(std::string_view text, std::string_view set, std::uint64_t* replaced = nullptr);
std::string from_utf8(std::string_view text, std::string_view set,
                      std::uint64_t* replaced = nullptr);

}  // namespace smtpgate::postoffice
