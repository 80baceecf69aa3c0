// Any octets as the text of a header field. Checked: valid UTF-8 comes out, no longer than octets
// can make it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "converter/encoded_word.h"
#include "converter/header_field.h"
#include "postoffice/character_set.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const std::string& value : {std::string(text), smtpgate::converter::unfold(text)}) {
    const auto decoded = smtpgate::converter::decode_header_text(value);
    if (!smtpgate::postoffice::is_utf8(decoded.text)) std::abort();
    if (decoded.text.size() > 8 * value.size() + 8) std::abort();
  }
  return 0;
}
