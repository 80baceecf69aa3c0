// See html_list_number.h.
#include "converter/html_list_number.h"

#include <array>
#include <utility>

#include "converter/html_style.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {
namespace {

constexpr std::uint64_t largest_roman = 3999;

/// a ... z, aa, ab ...
std::string in_letters(std::uint64_t number) {
  std::string letters;
  for (; number > 0; number = (number - 1) / 26) {
    letters.insert(letters.begin(), static_cast<char>('a' + (number - 1) % 26));
  }
  return letters;
}

std::string in_roman_digits(std::uint64_t number) {
  constexpr auto digits = std::to_array<std::pair<std::uint64_t, std::string_view>>({{1000, "m"},
                                                                                     {900, "cm"},
                                                                                     {500, "d"},
                                                                                     {400, "cd"},
                                                                                     {100, "c"},
                                                                                     {90, "xc"},
                                                                                     {50, "l"},
                                                                                     {40, "xl"},
                                                                                     {10, "x"},
                                                                                     {9, "ix"},
                                                                                     {5, "v"},
                                                                                     {4, "iv"},
                                                                                     {1, "i"}});
  std::string roman;
  for (const auto& [value, digit] : digits) {
    for (; number >= value; number -= value) roman += digit;
  }
  return roman;
}

}  // namespace

ListNumbers list_numbers_of(std::string_view type, std::string_view style) {
  constexpr auto styles = std::to_array<std::pair<std::string_view, ListNumbers>>(
      {{"decimal", ListNumbers::decimal},
       {"lower-alpha", ListNumbers::lower_letters},
       {"lower-latin", ListNumbers::lower_letters},
       {"upper-alpha", ListNumbers::upper_letters},
       {"upper-latin", ListNumbers::upper_letters},
       {"lower-roman", ListNumbers::lower_roman},
       {"upper-roman", ListNumbers::upper_roman}});
  const std::string wanted = list_style_type(style);
  for (const auto& [name, numbers] : styles) {
    if (wanted == name) return numbers;
  }
  if (type == "a") return ListNumbers::lower_letters;
  if (type == "A") return ListNumbers::upper_letters;
  if (type == "i") return ListNumbers::lower_roman;
  if (type == "I") return ListNumbers::upper_roman;
  return ListNumbers::decimal;
}

std::string list_number(std::uint64_t number, ListNumbers numbers) {
  const bool is_roman = numbers == ListNumbers::lower_roman || numbers == ListNumbers::upper_roman;
  const bool is_upper =
      numbers == ListNumbers::upper_letters || numbers == ListNumbers::upper_roman;
  if (numbers == ListNumbers::decimal || number == 0 || (is_roman && number > largest_roman)) {
    return std::to_string(number);
  }
  std::string text = is_roman ? in_roman_digits(number) : in_letters(number);
  if (is_upper) {
    for (char& c : text) c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

}  // namespace smtpgate::converter
