// BinhexBlock: see the header. Three layers, one octet at a time: characters to octets, runs, file.
#include "converter/binhex_block.h"

#include <algorithm>
#include <array>

#include "converter/mail_text_decoder.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

constexpr unsigned no_sextet = 64;
constexpr unsigned char run_marker = 0x90;
constexpr std::size_t header_rest = 1 + 4 + 4 + 2 + 4 + 4 + 2;  // behind the name
// A run is up to 255 octets out of 8/3 characters. Beyond this much more than came it is an attack.
constexpr std::uint64_t most_expansion = 20;
constexpr std::uint64_t free_expansion = std::uint64_t{1} << 20;

constexpr std::array<unsigned char, 256> sextets = [] {
  constexpr std::string_view letters =
      "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr";
  std::array<unsigned char, 256> table{};
  table.fill(no_sextet);
  for (std::size_t at = 0; at < letters.size(); ++at) {
    table[static_cast<unsigned char>(letters[at])] = static_cast<unsigned char>(at);
  }
  return table;
}();

// CCITT, with nothing in front and two zero octets behind, which is what 0x1021 by octets gives.
constexpr std::array<std::uint16_t, 256> crc_table = [] {
  std::array<std::uint16_t, 256> table{};
  for (unsigned index = 0; index < table.size(); ++index) {
    unsigned value = index << 8U;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 0x8000U) != 0 ? value << 1U ^ 0x1021U : value << 1U;
    }
    table[index] = static_cast<std::uint16_t>(value);
  }
  return table;
}();

std::uint16_t crc_with(std::uint16_t crc, unsigned char octet) {
  return static_cast<std::uint16_t>(crc_table[(crc >> 8U ^ octet) & 0xFFU] ^ crc << 8U);
}

std::uint64_t number_at(std::string_view octets, std::size_t at, std::size_t count) {
  std::uint64_t number = 0;
  for (const char c : octets.substr(at, count))
    number = number << 8U | static_cast<unsigned char>(c);
  return number;
}

}  // namespace

BlockLine BinhexBlock::line(std::string_view text) {
  const std::string_view line = trim(text);
  const bool was_open = stage_ != Stage::header;
  if (!is_inside_) {
    if (line.empty()) return BlockLine::undecided;
    if (line.front() != ':') return BlockLine::refused;
    is_inside_ = true;
    return this->line(line.substr(1));
  }
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] == ':') {
      // The file may be complete without it; without the file it is none of ours.
      if (stage_ != Stage::complete || at + 1 != line.size()) return BlockLine::refused;
      return BlockLine::last;
    }
    if (!character(line[at]) || stage_ == Stage::broken) return BlockLine::refused;
  }
  file_.settle();
  return was_open || stage_ != Stage::header ? BlockLine::taken : BlockLine::undecided;
}

bool BinhexBlock::character(char c) {
  const unsigned sextet = sextets[static_cast<unsigned char>(c)];
  if (sextet == no_sextet) return false;
  ++characters_;
  bits_ = bits_ << 6U | sextet;
  bit_count_ += 6;
  if (bit_count_ < 8) return true;
  bit_count_ -= 8;
  const auto octet = static_cast<unsigned char>(bits_ >> bit_count_);
  bits_ &= (1U << bit_count_) - 1U;
  expand(octet);
  return true;
}

void BinhexBlock::expand(unsigned char value) {
  if (after_marker_) {
    after_marker_ = false;
    if (value == 0) {
      last_ = run_marker;
      octet(run_marker, 1);
    } else {
      octet(last_, value - 1U);
    }
  } else if (value == run_marker) {
    after_marker_ = true;
  } else {
    last_ = value;
    octet(value, 1);
  }
}

void BinhexBlock::octet(unsigned char value, unsigned times) {
  expanded_ += times;
  if (expanded_ > characters_ * most_expansion + free_expansion) {
    is_too_large_ = true;
    stage_ = Stage::broken;
  }
  while (times > 0) {
    switch (stage_) {
      case Stage::header:
        header_octet(value);
        --times;
        break;
      case Stage::data:
      case Stage::resource: {
        const auto here = static_cast<unsigned>(std::min<std::uint64_t>(times, left_));
        fork_octets(value, here);
        times -= here;
        break;
      }
      case Stage::data_sum:
      case Stage::resource_sum:
        sum_octet(value);
        --times;
        break;
      case Stage::complete:  // what fills the last group
      case Stage::broken:
        return;
    }
  }
}

void BinhexBlock::header_octet(unsigned char value) {
  header_ += static_cast<char>(value);
  const std::size_t name_size = static_cast<unsigned char>(header_.front());
  if (name_size == 0 || name_size > 63) {
    stage_ = Stage::broken;
    return;
  }
  if (header_.size() < 1 + name_size + header_rest) return;
  const std::size_t sum_at = header_.size() - 2;
  std::uint16_t crc = 0;
  for (const char c : std::string_view(header_).substr(0, sum_at)) {
    crc = crc_with(crc, static_cast<unsigned char>(c));
  }
  if (crc != number_at(header_, sum_at, 2)) {
    stage_ = Stage::broken;
    return;
  }
  name_ = decode_labelled(std::string_view(header_).substr(1, name_size), "macintosh");
  data_size_ = number_at(header_, sum_at - 8, 4);
  resource_size_ = number_at(header_, sum_at - 4, 4);
  begin_fork(Stage::data);
}

void BinhexBlock::begin_fork(Stage fork) {
  stage_ = fork;
  const bool is_data = fork == Stage::data;
  left_ = is_data ? data_size_ : resource_size_;
  crc_ = 0;
  if (is_data || left_ > 0) {
    file_.begin({.name = is_data ? name_ : name_ + ".rsrc",
                 .content_type = {},
                 .content_id = {},
                 .odd = {}});
  }
  if (left_ == 0) stage_ = is_data ? Stage::data_sum : Stage::resource_sum;
}

void BinhexBlock::fork_octets(unsigned char value, unsigned times) {
  file_.octets().append(times, static_cast<char>(value));
  for (unsigned one = 0; one < times; ++one) crc_ = crc_with(crc_, value);
  left_ -= times;
  file_.settle();
  if (left_ == 0) stage_ = stage_ == Stage::data ? Stage::data_sum : Stage::resource_sum;
}

void BinhexBlock::sum_octet(unsigned char value) {
  sum_ = static_cast<std::uint16_t>(sum_ << 8U | value);
  if (++sum_octets_ < 2) return;
  sum_octets_ = 0;
  if (file_.is_open()) {
    file_.end(sum_ == crc_ ? std::vector<std::string>()
                           : std::vector<std::string>{"checksum-wrong"});
  }
  if (stage_ == Stage::data_sum) {
    begin_fork(Stage::resource);
  } else {
    stage_ = Stage::complete;
  }
}

void BinhexBlock::close() {
  if (file_.is_open()) file_.end({is_too_large_ ? "limit:expansion" : "not-closed"});
}

}  // namespace smtpgate::converter
