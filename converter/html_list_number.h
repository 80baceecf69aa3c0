// The numbers of an HTML list's items, as its `type` or its style asks for: 4, d, D, iv or IV. A
// text may name them: "as in (d)".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace smtpgate::converter {

enum class ListNumbers : std::uint8_t {
  decimal,
  lower_letters,
  upper_letters,
  lower_roman,
  upper_roman
};

/// The style counts before the type, which is 1, a, A, i or I.
ListNumbers list_numbers_of(std::string_view type, std::string_view style);

/// In decimal digits where letters (0) or Roman digits (0, beyond 3999) have none.
std::string list_number(std::uint64_t number, ListNumbers numbers);

}  // namespace smtpgate::converter
