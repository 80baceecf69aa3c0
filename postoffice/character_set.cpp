// Character sets by name and whole strings: see character_set.h. The conversions in pieces are in
// character_decoder.cpp and character_encoder.cpp, UTF-8 alone in utf8.cpp, NFC in composition.cpp.
#include "postoffice/character_set.h"

#include "postoffice/iconv_handle.h"

namespace smtpgate::postoffice {

bool is_known_character_set(std::string_view name) {
  return Iconv::open("UTF-8", name).has_value() && Iconv::open(name, "UTF-8").has_value();
}

std::string to_utf8(std::string_view text, std::string_view set, std::uint64_t* replaced) {
  std::optional<CharacterDecoder> decoder = CharacterDecoder::open(set);
  if (!decoder) return repair_utf8(text, replaced);
  std::string result;
  decoder->feed(text, result);
  decoder->finish(result);
  if (replaced != nullptr) *replaced += decoder->replaced();
  return result;
}

std::string from_utf8(std::string_view text, std::string_view set, std::uint64_t* replaced) {
  std::optional<CharacterEncoder> encoder = CharacterEncoder::open(set);
  if (!encoder) return repair_utf8(text, replaced);
  std::string result;
  encoder->feed(text, result);
  encoder->finish(result);
  if (replaced != nullptr) *replaced += encoder->replaced();
  return result;
}

}  // namespace smtpgate::postoffice
