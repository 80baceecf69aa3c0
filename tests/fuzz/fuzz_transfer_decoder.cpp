// The transfer decoders on any octets: no more comes out than went in, and where the input is cut
// changes nothing. The first octet chooses the encoding, the second the cuts.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "converter/transfer_decoder.h"

namespace {

using namespace smtpgate::converter;

void require(bool condition) {
  if (!condition) std::abort();
}

std::uint64_t decode(TransferEncoding encoding, std::string_view input, std::size_t piece,
                     std::string& out) {
  const auto decoder = make_transfer_decoder(encoding, "\n");
  while (!input.empty()) {
    const std::string copy(input.substr(0, piece));
    decoder->feed(copy, out);
    input.remove_prefix(copy.size());
  }
  decoder->finish(out);
  return decoder->errors();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::array encodings = {TransferEncoding::base64, TransferEncoding::quoted_printable,
                                    TransferEncoding::eight_bit, TransferEncoding::binary};
  if (size < 2) return 0;
  const TransferEncoding encoding = encodings[data[0] % encodings.size()];
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  std::string whole;
  std::string cut;
  const std::uint64_t errors = decode(encoding, input, std::string_view::npos, whole);
  require(decode(encoding, input, std::size_t{data[1]} % 80 + 1, cut) == errors);
  require(whole == cut && whole.size() <= input.size() && errors <= input.size());
  parse_transfer_encoding(input);
  return 0;
}
