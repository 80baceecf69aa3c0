// The one escape function for bytes that leave us towards a person: a terminal, a log line, an SMTP
// reply, an error sentence. Not for file formats (MMFF has its own, mmff.h) or JSON.
#pragma once

#include <string>
#include <string_view>

namespace smtpgate {

/// `text` with everything that could move a cursor, end a line or hide text made visible: control
/// characters (C0, DEL, C1), bidirectional controls, line and paragraph separators, zero-width and
/// other format characters, and octets that are no UTF-8 become \xHH of each octet; a backslash
/// becomes \\. At most `limit` octets come out, "..." in place of the rest (0: no limit). Always
/// one line, always valid UTF-8.
std::string printable(std::string_view text, std::size_t limit = 0);

/// As printable(), but ASCII only: other characters become \xHH too. For SMTP replies and syslog.
std::string printable_ascii(std::string_view text, std::size_t limit = 0);

/// As printable(), for text of several lines: LF stays, TAB stays, CR LF becomes LF. For showing a
/// message's text on a terminal.
std::string printable_text(std::string_view text);

}  // namespace smtpgate
