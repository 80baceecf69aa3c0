// Microsoft's numbers for character sets (code pages, and those of fonts in RTF) to names that
// mail_charset.h understands. Not for decoding.
#pragma once

#include <string>

namespace smtpgate::converter {

/// "windows-1252" for 1252, "utf-8" for 65001; "cpN" where mail has no name; empty for 0.
std::string charset_of_code_page(unsigned long code_page);

/// The code page of a font's \fcharset (RTF 1.9.1, "Font table"); 0 if it says nothing.
unsigned code_page_of_font_charset(long charset);

/// Has characters of more than one octet.
bool is_multibyte_code_page(unsigned code_page);

}  // namespace smtpgate::converter
