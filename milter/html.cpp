// HTML text: see the header.
#include "milter/html.h"

#include <ctime>

#include <fmt/format.h>

#include "postoffice/utf8.h"

namespace smtpgate::milter {

namespace {

std::string local_time(std::int64_t seconds, const char* format) {
  const auto moment = static_cast<std::time_t>(seconds);
  std::tm local{};
  ::localtime_r(&moment, &local);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, format, &local);
  return {text, size};
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string shortened(std::string_view text, std::size_t longest) {
  std::size_t at = 0;
  for (std::size_t count = 0; at < text.size(); ++count) {
    if (count == longest) return std::string(text.substr(0, at)) + "…";
    at += postoffice::utf8_character(text, at).length;
  }
  return std::string(text);
}

std::string clock_time(std::int64_t seconds) {
  return local_time(seconds, "%H:%M:%S");
}

std::string short_clock(std::int64_t seconds) {
  return local_time(seconds, "%H:%M");
}

std::string date_and_time(std::int64_t seconds) {
  return local_time(seconds, "%Y-%m-%d %H:%M");
}

std::string latency_text(double seconds) {
  if (!(seconds > 0)) return "–";
  if (seconds < 0.001) return fmt::format("{:.0f} µs", seconds * 1e6);
  if (seconds < 0.01) return fmt::format("{:.1f} ms", seconds * 1e3);
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1e3);
  return fmt::format("{:.{}f} s", seconds, seconds < 10 ? 1 : 0);
}

std::string number_text(std::uint64_t number) {
  std::string digits = fmt::format("{}", number);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

}  // namespace smtpgate::milter
