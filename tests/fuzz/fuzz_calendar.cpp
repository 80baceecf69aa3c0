// iCalendar on any octets: where it is cut changes nothing, and what is shown and written again
// stays in proportion. The first octet chooses the cuts.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "converter/calendar_reader.h"
#include "converter/calendar_writer.h"

namespace {

std::string read(std::string_view octets, std::size_t piece) {
  smtpgate::converter::CalendarReader reader("utf-8", "REQUEST");
  while (!octets.empty()) {
    const std::string copy(octets.substr(0, piece));
    reader.feed(copy);
    octets.remove_prefix(copy.size());
  }
  reader.finish();
  if (!reader.meeting()) return {};
  return meeting_lines(*reader.meeting()) + reader.description() + to_icalendar(*reader.meeting());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = read(octets, std::string_view::npos);
  if (whole != read(octets, std::size_t{data[0]} % 64 + 1)) std::abort();
  if (whole.size() > 10'000 + 20 * octets.size()) std::abort();
  return 0;
}
