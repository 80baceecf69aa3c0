// Character sets by name and whole strings: see character_set.h. The conversions in pieces are in
// character_decoder.cpp and character_encoder.cpp, UTF-8 alone in utf8.cpp, NFC in composition.cpp.
#include "postoffice/character_set.h"

#include <algorithm>

#include "postoffice/ascii.h"
#include "postoffice/iconv_handle.h"

namespace smtpgate::postoffice {

bool is_known_character_set(std::string_view name) {
  return Iconv::open("UTF-8", name).has_value() && Iconv::open(name, "UTF-8").has_value();
}

bool is_file_character_set(std::string_view name) {
  // The usual one, asked for every message: looking it up costs as much as a small text.
  if (equals_ignoring_case(name, "UTF-8")) return true;
  if (!is_known_character_set(name)) return false;
  std::string ascii;
  for (char c = 1; c < 0x7F; ++c) ascii += c;
  if (from_utf8(ascii, name) != ascii || to_utf8(ascii, name) != ascii) return false;
  // Letters of Latin, Cyrillic, kana, Chinese and Korean: a set with shift states shows itself.
  const std::string letters =
      from_utf8("\xC3\xA9\xD0\xB6\xE3\x81\x82\xE4\xB8\xAD\xED\x95\x9C", name);
  return std::none_of(letters.begin(), letters.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

namespace {

/// Most of what is converted: it stays as it is, and nothing need be opened for it.
bool is_ascii_in_utf8(std::string_view text, std::string_view set) {
  return equals_ignoring_case(set, "UTF-8") && is_ascii(text);
}

}  // namespace

std::string to_utf8(std::string_view text, std::string_view set, std::uint64_t* replaced) {
  if (is_ascii_in_utf8(text, set)) return std::string(text);
  std::optional<CharacterDecoder> decoder = CharacterDecoder::open(set);
  if (!decoder) return repair_utf8(text, replaced);
  std::string result;
  decoder->feed(text, result);
  decoder->finish(result);
  if (replaced != nullptr) *replaced += decoder->replaced();
  return result;
}

std::string from_utf8(std::string_view text, std::string_view set, std::uint64_t* replaced) {
  if (is_ascii_in_utf8(text, set)) return std::string(text);
  std::optional<CharacterEncoder> encoder = CharacterEncoder::open(set);
  if (!encoder) return repair_utf8(text, replaced);
  std::string result;
  encoder->feed(text, result);
  encoder->finish(result);
  if (replaced != nullptr) *replaced += encoder->replaced();
  return result;
}

}  // namespace smtpgate::postoffice
