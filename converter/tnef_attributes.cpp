// TnefAttributeReader: a state for each field of the layout, and as many octets held as the longest
// fixed field has.
#include "converter/tnef_attributes.h"

#include <algorithm>

#include "converter/octet_order.h"
#include "converter/tnef_format.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t signature_size = 6;  // with the key
constexpr std::size_t header_size = 9;
constexpr std::size_t checksum_size = 2;

std::uint16_t sum_of(std::string_view octets) {
  std::uint32_t sum = 0;
  for (const char c : octets) sum += static_cast<unsigned char>(c);
  return static_cast<std::uint16_t>(sum);
}

}  // namespace

// Holds octets of `piece` until there are `size` of them.
bool TnefAttributeReader::gather(std::string_view& piece, std::size_t size) {
  const std::size_t count = std::min(size - held_size_, piece.size());
  piece.copy(held_.data() + held_size_, count);
  held_size_ += count;
  piece.remove_prefix(count);
  if (held_size_ < size) return false;
  held_size_ = 0;
  return true;
}

void TnefAttributeReader::feed(std::string_view piece) {
  while (!piece.empty()) {
    switch (state_) {
      case State::signature:
        if (!gather(piece, signature_size)) return;
        state_ =
            std::string_view(held_.data(), 4) == tnef::signature ? State::header : State::no_tnef;
        break;
      case State::header: {
        const auto first = static_cast<std::uint8_t>(held_size_ == 0 ? piece.front() : held_[0]);
        if (first != tnef::level::message && first != tnef::level::attachment) {
          state_ = State::garbage;
          break;
        }
        if (!gather(piece, header_size)) return;
        const std::string_view header(held_.data(), header_size);
        left_ = static_cast<std::uint32_t>(little_endian(header.substr(5, 4)));
        sum_ = 0;
        handler_.begin_attribute(
            {first, static_cast<std::uint32_t>(little_endian(header.substr(1, 4))), left_});
        state_ = left_ == 0 ? State::checksum : State::data;
        break;
      }
      case State::data: {
        const std::string_view octets = piece.substr(0, left_);
        sum_ = static_cast<std::uint16_t>(sum_ + sum_of(octets));
        handler_.attribute_octets(octets);
        left_ -= static_cast<std::uint32_t>(octets.size());
        piece.remove_prefix(octets.size());
        if (left_ == 0) state_ = State::checksum;
        break;
      }
      case State::checksum:
        if (!gather(piece, checksum_size)) return;
        end_attribute(true, little_endian({held_.data(), checksum_size}) == sum_);
        break;
      case State::garbage:
        if (piece.find_first_not_of(std::string_view("\0 \t\r\n", 5)) != std::string_view::npos) {
          is_damaged_ = true;
        }
        return;
      case State::no_tnef:
        return;
    }
  }
}

void TnefAttributeReader::end_attribute(bool is_whole, bool checksum_is_right) {
  state_ = State::header;
  handler_.end_attribute(is_whole, checksum_is_right);
}

void TnefAttributeReader::finish() {
  if (state_ == State::header && held_size_ > 0) is_damaged_ = true;
  if (state_ != State::data && state_ != State::checksum) return;
  is_damaged_ = true;
  end_attribute(state_ == State::checksum, true);
}

}  // namespace smtpgate::converter
