// The escape function: see the header. Nothing here knows where the text goes.
#include "postoffice/printable.h"

#include <utf8proc.h>

#include "postoffice/utf8.h"

namespace smtpgate {

namespace {

using postoffice::Utf8Character;

enum class Style { one_line, ascii, text };

constexpr std::string_view ellipsis = "...";

/// Characters that move the cursor, end a line, turn the direction of writing or show nothing.
/// Categories decide, so that format characters of later Unicode versions are caught as soon as
/// utf8proc knows them; the list adds invisible letters and marks that have another category.
bool is_hidden(char32_t code) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CS:
      return true;
    default:
      break;
  }
  return code == 0x034F || code == 0x115F || code == 0x1160 || code == 0x17B4 || code == 0x17B5 ||
         (code >= 0x180B && code <= 0x180F) || code == 0x2065 || code == 0x2800 || code == 0x3164 ||
         code == 0xFFA0 || (code >= 0xFFF0 && code <= 0xFFFB) ||
         (code >= 0xE0000 && code <= 0xE0FFF);
}

bool is_plain_ascii(char c) {
  return c >= ' ' && c < '\x7F' && c != '\\';
}

void append_escaped(std::string_view octets, std::string& out) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char octet : octets) {
    const auto value = static_cast<unsigned char>(octet);
    out += "\\x";
    out += digits[value >> 4];
    out += digits[value & 0xF];
  }
}

/// One character, or one run of ASCII that needs nothing, from the front of `text`; returns how
/// many octets it took.
std::size_t append_next(std::string_view text, Style style, std::string& out) {
  std::size_t plain = 0;
  // A run is bounded so that a limit on the output stops the work soon.
  while (plain < text.size() && plain < 64 && is_plain_ascii(text[plain])) ++plain;
  if (plain > 0) {
    out.append(text.substr(0, plain));
    return plain;
  }
  if (text[0] == '\\') {
    out += "\\\\";
    return 1;
  }
  if (style == Style::text) {
    if (text[0] == '\n' || text[0] == '\t') {
      out += text[0];
      return 1;
    }
    if (text.substr(0, 2) == "\r\n") {
      out += '\n';
      return 2;
    }
  }
  const Utf8Character character = postoffice::utf8_character(text, 0);
  const std::string_view octets = text.substr(0, character.length);
  const bool shown = character.kind == Utf8Character::Kind::valid && style != Style::ascii &&
                     !is_hidden(character.code);
  if (shown) {
    out.append(octets);
  } else {
    append_escaped(octets, out);
  }
  return character.length;
}

std::string escape(std::string_view text, Style style, std::size_t limit) {
  std::string out;
  // The longest beginning that leaves room for the ellipsis, on a border of characters.
  const std::size_t room = limit > ellipsis.size() ? limit - ellipsis.size() : 0;
  std::size_t fits = 0;
  while (!text.empty()) {
    const std::size_t before = out.size();
    text.remove_prefix(append_next(text, style, out));
    if (limit == 0) continue;
    if (out.size() <= room) {
      fits = out.size();
    } else if (before <= room) {
      // A run of plain ASCII may be cut anywhere, an escape or another character only before it.
      const std::string_view added = std::string_view(out).substr(before);
      fits = is_plain_ascii(added[0]) ? room : before;
    }
    if (out.size() > limit) {
      out.resize(fits);
      out.append(ellipsis.substr(0, limit - fits));
      return out;
    }
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text, std::size_t limit) {
  return escape(text, Style::one_line, limit);
}

std::string printable_ascii(std::string_view text, std::size_t limit) {
  return escape(text, Style::ascii, limit);
}

std::string printable_text(std::string_view text) {
  return escape(text, Style::text, 0);
}

}  // namespace smtpgate
