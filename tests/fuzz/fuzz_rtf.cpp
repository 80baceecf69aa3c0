// RTF on any octets, compressed and not: where it is cut changes nothing, and what comes out stays
// in proportion. The first octet chooses the cuts and whether it is compressed. Dictionary:
// rtf.dict.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "converter/compressed_rtf.h"
#include "converter/rtf_to_text.h"
#include "postoffice/character_set.h"

namespace {

std::string convert(std::string_view rtf, std::size_t piece, bool is_compressed) {
  smtpgate::converter::CompressedRtfDecoder decoder;
  smtpgate::converter::RtfToText converter;
  std::string text;
  while (!rtf.empty()) {
    const std::string copy(rtf.substr(0, piece));
    rtf.remove_prefix(copy.size());
    std::string plain = copy;
    if (is_compressed) {
      plain.clear();
      decoder.feed(copy, plain);
    }
    converter.feed(plain, text);
  }
  decoder.finish();
  converter.finish(text);
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rtf(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool is_compressed = (data[0] & 0x80U) != 0;
  const std::string whole = convert(rtf, std::string_view::npos, is_compressed);
  const bool is_sound = whole == convert(rtf, std::size_t{data[0]} % 64 + 1, is_compressed) &&
                        smtpgate::postoffice::is_utf8(whole) &&
                        whole.size() < 100 + 50 * rtf.size();
  if (!is_sound) std::abort();
  return 0;
}
