// MapiPropertyReader: a state for each field of the layout. A count is believed only as far as
// octets follow: each round of every loop takes octets of the input.
#include "converter/mapi_properties.h"

#include <algorithm>
#include <optional>

#include "converter/octet_order.h"
#include "converter/tnef_format.h"

namespace smtpgate::converter {

namespace {

namespace type = tnef::type;

bool is_variable(std::uint16_t value_type) {
  return value_type == type::string8 || value_type == type::unicode || value_type == type::binary ||
         value_type == type::object;
}

/// Octets of a value of a fixed type, without padding.
std::optional<std::uint32_t> fixed_size(std::uint16_t value_type) {
  switch (value_type) {
    case type::unspecified:
    case type::null:
      return 0;
    case type::integer16:
    case type::boolean:
      return 2;
    case type::integer32:
    case type::floating32:
    case type::error:
      return 4;
    case type::floating64:
    case type::currency:
    case type::floating_time:
    case type::integer64:
    case type::time:
      return 8;
    case type::guid:
      return 16;
    default:
      return std::nullopt;
  }
}

/// Octets that fill up to a multiple of four.
std::size_t padding_after(std::uint64_t size) {
  return (4 - size % 4) % 4;
}

}  // namespace

MapiPropertyReader::MapiPropertyReader(MapiPropertyHandler& handler, bool is_table,
                                       std::uint32_t& properties_left)
    : handler_(handler), is_table_(is_table), properties_left_(properties_left) {
  if (is_table_) {
    expect(State::row_count, 4);
  } else {
    begin_row();
  }
}

void MapiPropertyReader::expect(State state, std::size_t size) {
  state_ = state;
  wanted_ = size;
  held_size_ = 0;
}

bool MapiPropertyReader::gather(std::string_view& piece) {
  const std::size_t count = std::min(wanted_ - held_size_, piece.size());
  piece.copy(held_.data() + held_size_, count);
  held_size_ += count;
  piece.remove_prefix(count);
  return held_size_ == wanted_;
}

void MapiPropertyReader::feed(std::string_view piece) {
  while (!piece.empty() && state_ != State::done) {
    switch (state_) {
      case State::name:
      case State::value: {
        const std::string_view octets = piece.substr(0, left_);
        if (state_ == State::value) handler_.value_octets(octets);
        left_ -= octets.size();
        piece.remove_prefix(octets.size());
        if (left_ == 0) after_octets();
        break;
      }
      case State::padding: {
        const std::size_t count = std::min(padding_, piece.size());
        padding_ -= count;
        piece.remove_prefix(count);
        if (padding_ == 0) next_value();
        break;
      }
      default:
        if (gather(piece)) take({held_.data(), wanted_});
    }
  }
}

void MapiPropertyReader::take(std::string_view field) {
  const auto number = static_cast<std::uint32_t>(little_endian(field.substr(0, 4)));
  switch (state_) {
    case State::row_count:
      rows_ = number;
      begin_row();
      break;
    case State::property_count:
      properties_ = number;
      next_property();
      break;
    case State::tag:
      is_multiple_ = (number & type::multiple) != 0;
      property_ = {};
      property_.type =
          static_cast<std::uint16_t>(number & 0xFFFFU & ~std::uint32_t{type::multiple});
      property_.id = static_cast<std::uint16_t>(number >> 16U);
      if (property_.is_named()) {
        expect(State::set, 16);
      } else {
        begin_values();
      }
      break;
    case State::set:
      field.copy(property_.set.data(), property_.set.size());
      expect(State::name_kind, 4);
      break;
    case State::name_kind:
      if (number > 1) return give_up();
      expect(number == 0 ? State::name_id : State::name_length, 4);
      break;
    case State::name_id:
      property_.named_id = number;
      begin_values();
      break;
    case State::name_length:
      left_ = std::uint64_t{number} + padding_after(number);
      state_ = State::name;
      if (left_ == 0) begin_values();
      break;
    case State::value_count:
      values_ = number;
      next_value();
      break;
    case State::value_length:
      begin_value(number);
      break;
    default:
      break;
  }
}

void MapiPropertyReader::begin_row() {
  if (rows_ == 0) {
    state_ = State::done;
    return;
  }
  --rows_;
  expect(State::property_count, 4);
}

void MapiPropertyReader::next_property() {
  if (properties_ == 0) {
    if (is_table_) handler_.end_row();
    begin_row();
    return;
  }
  if (properties_left_ == 0) {
    is_limit_broken_ = true;
    state_ = State::done;
    return;
  }
  --properties_left_;
  --properties_;
  expect(State::tag, 4);
}

void MapiPropertyReader::begin_values() {
  const auto size = fixed_size(property_.type);
  if (!is_variable(property_.type) && !size) return give_up();
  if (is_multiple_ || is_variable(property_.type)) {
    // Values without octets could be any number at no cost to the sender.
    if (size && *size == 0) return give_up();
    expect(State::value_count, 4);
    return;
  }
  values_ = 1;
  next_value();
}

void MapiPropertyReader::next_value() {
  if (values_ == 0) return next_property();
  --values_;
  if (is_variable(property_.type)) {
    expect(State::value_length, 4);
  } else {
    begin_value(*fixed_size(property_.type));
  }
}

void MapiPropertyReader::begin_value(std::uint32_t size) {
  handler_.begin_value(property_, size);
  left_ = size;
  padding_ = padding_after(size);
  state_ = State::value;
  if (left_ == 0) after_octets();
}

// The name or value is complete.
void MapiPropertyReader::after_octets() {
  if (state_ == State::name) return begin_values();
  handler_.end_value(true);
  ++property_.value_index;
  state_ = State::padding;
  if (padding_ == 0) next_value();
}

void MapiPropertyReader::give_up() {
  is_damaged_ = true;
  state_ = State::done;
}

void MapiPropertyReader::finish() {
  // Padding that is missing at the very end loses nothing.
  const bool only_padding = state_ == State::padding && values_ == 0 && properties_ == 0;
  if (state_ == State::done || (only_padding && !is_table_)) return;
  if (state_ == State::value) handler_.end_value(false);
  give_up();
}

}  // namespace smtpgate::converter
