// BlockTransferDecoder: see the header.
#include "converter/block_transfer_decoder.h"

#include <algorithm>

namespace smtpgate::converter {

void BlockTransferDecoder::feed(std::string_view piece, std::string& out) {
  out_ = &out;
  count_text(scanner_.feed(piece));
  out_ = nullptr;
}

void BlockTransferDecoder::finish(std::string& out) {
  out_ = &out;
  count_text(scanner_.finish());
  out_ = nullptr;
}

void BlockTransferDecoder::count_text(std::string_view text) {
  constexpr std::string_view white = " \t\r\n";
  errors_ += static_cast<std::uint64_t>(std::count_if(
      text.begin(), text.end(), [&](char c) { return white.find(c) == std::string_view::npos; }));
}

void BlockTransferDecoder::begin_file(const EmbeddedFile& file) {
  if (++files_ > 1) return;
  name_ = file.name;
  marks_ = file.odd;
}

void BlockTransferDecoder::file_octets(std::string_view octets) {
  if (files_ == 1) {
    *out_ += octets;
  } else {
    errors_ += octets.size();
  }
}

void BlockTransferDecoder::end_file(const std::vector<std::string>& odd) {
  if (files_ == 1) marks_.insert(marks_.end(), odd.begin(), odd.end());
}

}  // namespace smtpgate::converter
