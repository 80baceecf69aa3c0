// Microsoft's numbers for character sets (code pages, and those of fonts in RTF) to names that
// mail_charset.h understands. Not for decoding.
#pragma once

#include <string>

namespace smtpgate::converter {

/// "windows-1252" for 1252, "utf-8" for 65001; "cpN" where mail has no name; empty for 0.
std::string charset_of_code_page(unsigned long code_page);

/// The code page of a font's \fcharset (RTF 1.9.1, "Font table"); 0 if it says nothing.
unsigned code_page_of_font_charset(long charset);

/// Each octet is a character by itself, and those below 128 are ASCII; a decoder holds nothing
/// back. Not those whose marks are composed with the letter before (1255, 1258).
bool is_single_octet_code_page(unsigned code_page);

}  // namespace smtpgate::converter
