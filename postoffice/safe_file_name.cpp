// Safe and unique file names; see the header. Nothing here does I/O.
#include "postoffice/safe_file_name.h"

#include <algorithm>
#include <array>

#include <utf8proc.h>

#include "postoffice/ascii.h"
#include "postoffice/character_set.h"

namespace smtpgate::postoffice {

namespace {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// At most `longest` octets, cut before a character, never inside it.
std::string_view cut_at_character(std::string_view text, std::size_t longest) {
  if (text.size() <= longest) return text;
  std::size_t end = longest;
  while (end > 0 && is_continuation(text[end])) --end;
  return text.substr(0, end);
}

std::string_view without_trailing(std::string_view text, std::string_view unwanted) {
  const auto last = text.find_last_not_of(unwanted);
  return last == std::string_view::npos ? std::string_view{} : text.substr(0, last + 1);
}

struct NameParts {
  std::string_view stem;
  std::string_view extension;  ///< with its dot; empty if there is none
};

NameParts split_extension(std::string_view name) {
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return {name, {}};
  return {name.substr(0, dot), name.substr(dot)};
}

/// At most `longest` octets with the extension kept, unless the extension takes more than half.
std::string shorten(std::string_view name, std::size_t longest) {
  if (name.size() <= longest) return std::string(name);
  auto [stem, extension] = split_extension(name);
  if (extension.size() > longest / 2) {
    stem = name;
    extension = {};
  }
  const auto cut = without_trailing(cut_at_character(stem, longest - extension.size()), ". ");
  if (cut.empty()) return std::string(cut_at_character(name, longest));
  return std::string(cut) + std::string(extension);
}

/// What becomes of one character of a name.
enum class Treatment { keep, drop, replace };

Treatment treatment(utf8proc_int32_t character) {
  switch (character) {
    case '<':
    case '>':
    case ':':
    case '"':
    case '|':
    case '?':
    case '*':
    case 0x2044:  // look like slashes, and some conversions to 8-bit sets make slashes of them
    case 0x2215:
    case 0x2216:
    case 0x29F5:
    case 0x29F8:
    case 0x29F9:
    case 0xFE68:
    case 0xFF0F:
    case 0xFF3C:
      return Treatment::replace;
    case 0x034F:  // invisible, though their category is not "format"
    case 0x115F:
    case 0x1160:
    case 0x17B4:
    case 0x17B5:
    case 0x2800:
    case 0x3164:
    case 0xFFA0:
      return Treatment::drop;
    default:
      break;
  }
  if (character >= 0xFE00 && character <= 0xFE0F) return Treatment::drop;    // variation selectors
  if (character >= 0xE0000 && character <= 0xE0FFF) return Treatment::drop;  // tags, more selectors
  switch (utf8proc_category(character)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return Treatment::drop;
    case UTF8PROC_CATEGORY_ZS:
      return character == ' ' ? Treatment::keep : Treatment::replace;
    default:
      return Treatment::keep;
  }
}

/// Valid UTF-8 in; only characters that may stand in a name, and slashes, out. Blanks other than
/// the plain one become plain blanks, so that trimming finds them.
std::string keep_harmless(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    utf8proc_int32_t character = -1;
    const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                         static_cast<utf8proc_ssize_t>(text.size()), &character);
    if (length <= 0) {  // cannot happen after repair_utf8()
      text.remove_prefix(1);
      continue;
    }
    const auto octets = text.substr(0, static_cast<std::size_t>(length));
    text.remove_prefix(octets.size());
    switch (treatment(character)) {
      case Treatment::keep:
        result += octets;
        break;
      case Treatment::replace:
        result += utf8proc_category(character) == UTF8PROC_CATEGORY_ZS ? ' ' : '_';
        break;
      case Treatment::drop:
        break;
    }
  }
  return result;
}

/// What stands behind the last slash of either kind that has something behind it.
std::string_view last_component(std::string_view path) {
  constexpr std::string_view slashes = "/\\";
  path = without_trailing(path, slashes);
  const auto slash = path.find_last_of(slashes);
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view trim_dots_and_blanks(std::string_view name) {
  constexpr std::string_view unwanted = ". ";
  const auto first = name.find_first_not_of(unwanted);
  if (first == std::string_view::npos) return {};
  return without_trailing(name.substr(first), unwanted);
}

}  // namespace

bool is_dos_device_name(std::string_view name) {
  static constexpr std::array<std::string_view, 7> devices = {"CON",     "PRN",    "AUX",   "NUL",
                                                              "CONOUT$", "CONIN$", "CLOCK$"};
  const auto stem = without_trailing(name.substr(0, name.find('.')), " ");
  if (std::any_of(devices.begin(), devices.end(),
                  [stem](std::string_view device) { return equals_ignoring_case(stem, device); })) {
    return true;
  }
  const auto port = stem.substr(0, 3);
  if (!equals_ignoring_case(port, "COM") && !equals_ignoring_case(port, "LPT")) return false;
  const auto number = stem.substr(port.size());
  // Windows also takes the superscripts one to three for port numbers.
  return (number.size() == 1 && is_ascii_digit(number[0])) || number == "\u00B9" ||
         number == "\u00B2" || number == "\u00B3";
}

std::string safe_file_name(std::string_view wanted, std::string_view fallback,
                           std::size_t longest) {
  // Characters go first: what hides between the octets of "../" must not hide it from the rest.
  const std::string harmless = keep_harmless(repair_utf8(wanted));
  std::string name = shorten(trim_dots_and_blanks(compose(last_component(harmless))), longest);
  if (name.empty()) return std::string(fallback);
  // A name that begins with '-' is taken for an option by whoever writes "rm *".
  if (name.front() == '-' || is_dos_device_name(name)) name = shorten("_" + name, longest);
  return name;
}

std::string UniqueNames::take(const std::string& name) {
  const auto key = [](std::string_view text) { return ascii_lower(compose(text)); };
  const std::string wanted = key(name);
  if (taken_.insert(wanted).second) return name;
  const auto [stem, extension] = split_extension(name);
  // Numbers below the counter are known to be taken; those above may be by names that came so.
  unsigned long& number = next_.try_emplace(wanted, 2).first->second;
  while (true) {
    std::string candidate =
        std::string(stem) + "-" + std::to_string(number) + std::string(extension);
    ++number;
    if (taken_.insert(key(candidate)).second) return candidate;
  }
}

}  // namespace smtpgate::postoffice
