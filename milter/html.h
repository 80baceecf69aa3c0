// Writing HTML: the one escape function for it, and times and sizes as the page shows them. Text
// that came from outside is printable already (printable.h) and becomes HTML here and only here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace smtpgate::milter {

/// For text and for attribute values in double quotes.
std::string escape_html(std::string_view text);

/// `text`, or as much of it as `longest` characters allow with "…" behind it.
std::string shortened(std::string_view text, std::size_t longest);

std::string clock_time(std::int64_t seconds);     ///< "14:05:09", local
std::string short_clock(std::int64_t seconds);    ///< "14:05", local
std::string date_and_time(std::int64_t seconds);  ///< "2026-05-04 14:05", local
/// "850 µs", "12 ms", "1.3 s"; "–" for 0.
std::string latency_text(double seconds);
/// "1,234,567".
std::string number_text(std::uint64_t number);

}  // namespace smtpgate::milter
