// CompressedRtfDecoder: runs of literals and references into a ring of 4096 octets that begins with
// a text both sides know.
#include "converter/compressed_rtf.h"

#include <algorithm>

#include "converter/octet_order.h"

namespace smtpgate::converter {

namespace {

// MS-OXRTFCP 2.1.2.1: what the dictionary holds before the first token.
constexpr std::string_view known_text =
    "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    "\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
    "\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
static_assert(known_text.size() == 207);

constexpr std::uint32_t compressed = 0x75465A4C;  // "LZFu"
constexpr std::uint32_t stored = 0x414C454D;      // "MELA"

// MS-OXRTFCP 2.1.3.2: the usual reflected polynomial, without the inversions of zlib.
constexpr std::array<std::uint32_t, 256> make_checksum_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 1U) != 0 ? value >> 1U ^ 0xEDB88320U : value >> 1U;
    }
    table[i] = value;
  }
  return table;
}
constexpr auto checksum_table = make_checksum_table();

}  // namespace

CompressedRtfDecoder::CompressedRtfDecoder() : write_(known_text.size()) {
  known_text.copy(dictionary_.data(), known_text.size());
  filled_ = known_text.size();
}

void CompressedRtfDecoder::feed(std::string_view piece, std::string& out) {
  if (state_ == State::header) {
    const std::size_t count = std::min(header_size - header_held_, piece.size());
    piece.copy(header_.data() + header_held_, count);
    header_held_ += count;
    piece.remove_prefix(count);
    if (header_held_ < header_size) return;
    take_header();
  }
  const std::string_view contents =
      piece.substr(0, std::min<std::uint64_t>(contents_left_, piece.size()));
  contents_left_ -= contents.size();
  if (is_compressed_) add_to_checksum(contents);
  if (state_ == State::stored) {
    const std::string_view raw =
        contents.substr(0, std::min<std::uint64_t>(raw_size_ - produced_, contents.size()));
    produced_ += raw.size();
    out += raw;
    return;
  }
  for (const char c : contents) {
    if (state_ == State::done) return;
    take(c, out);
  }
}

void CompressedRtfDecoder::take_header() {
  const std::string_view header(header_.data(), header_size);
  const std::uint64_t size = little_endian(header.substr(0, 4));
  const std::uint64_t type = little_endian(header.substr(8, 4));
  raw_size_ = static_cast<std::uint32_t>(little_endian(header.substr(4, 4)));
  wanted_checksum_ = static_cast<std::uint32_t>(little_endian(header.substr(12, 4)));
  // The size counts the three fields that follow it.
  constexpr std::uint64_t counted_header = 12;
  contents_left_ = size > counted_header ? size - counted_header : 0;
  is_compressed_ = type == compressed;
  if (is_compressed_) {
    state_ = State::control;
  } else if (type == stored) {
    state_ = State::stored;
  } else {
    is_damaged_ = true;
    state_ = State::done;
    contents_left_ = 0;
  }
}

void CompressedRtfDecoder::take(char c, std::string& out) {
  const unsigned octet = static_cast<unsigned char>(c);
  switch (state_) {
    case State::control:
      control_ = octet;
      tokens_left_ = 8;
      state_ = State::token;
      break;
    case State::token:
      if ((control_ & 1U) != 0) {
        first_of_reference_ = octet;
        state_ = State::reference;
      } else {
        put(c, out);
        next_token();
      }
      break;
    case State::reference:
      copy_reference(first_of_reference_ << 8U | octet, out);
      break;
    default:
      break;
  }
}

void CompressedRtfDecoder::next_token() {
  control_ >>= 1U;
  --tokens_left_;
  state_ = tokens_left_ == 0 ? State::control : State::token;
}

// Twelve bits of place, four of length; a reference to the place of writing is the end.
void CompressedRtfDecoder::copy_reference(unsigned reference, std::string& out) {
  std::size_t from = reference >> 4U;
  const unsigned length = (reference & 0xFU) + 2;
  if (from == write_) {
    state_ = State::done;
    return;
  }
  if (from >= filled_) {
    // Nothing was ever written there.
    is_damaged_ = true;
    state_ = State::done;
    return;
  }
  for (unsigned i = 0; i < length; ++i) {
    put(dictionary_[from], out);
    from = (from + 1) % dictionary_size;
  }
  next_token();
}

void CompressedRtfDecoder::put(char c, std::string& out) {
  out += c;
  ++produced_;
  dictionary_[write_] = c;
  write_ = (write_ + 1) % dictionary_size;
  if (filled_ < dictionary_size) ++filled_;
}

void CompressedRtfDecoder::add_to_checksum(std::string_view octets) {
  for (const char c : octets) {
    const auto index = (checksum_ ^ static_cast<unsigned char>(c)) & 0xFFU;
    checksum_ = checksum_table[index] ^ checksum_ >> 8U;
  }
}

void CompressedRtfDecoder::finish() {
  if (state_ == State::header) is_damaged_ = true;
  if (contents_left_ > 0) is_damaged_ = true;
  // Some writers leave out the end: then the size told is the judge.
  if (state_ != State::done && produced_ < raw_size_) is_damaged_ = true;
  if (is_compressed_ && contents_left_ == 0 && checksum_ != wanted_checksum_) {
    is_checksum_wrong_ = true;
  }
}

}  // namespace smtpgate::converter
