// Delivery and disposition reports on any octets: where a part is cut changes nothing, and what is
// said stays within its bounds. The first octet chooses the cuts, the second the report's type and
// the order of the parts.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "converter/report_reader.h"
#include "postoffice/character_set.h"

namespace {

using namespace smtpgate::converter;

void require(bool holds) {
  if (!holds) std::abort();
}

ContentType type_of(const std::string& text) {
  return parse_content_type(&text);
}

std::string read(std::string_view octets, std::size_t piece, unsigned choices) {
  const std::array<std::string, 4> of_message = {
      "multipart/report; report-type=delivery-status",
      "multipart/report; report-type=disposition-notification", "multipart/report",
      "multipart/report; report-type=other"};
  const ContentType type = type_of(of_message[choices % of_message.size()]);
  if (!ReportReader::may_be_report(type)) return {};
  ReportReader reader(type);
  std::array<std::string, 3> parts = {
      "message/delivery-status", "message/disposition-notification",
      (choices & 0x80U) != 0 ? "message/rfc822" : "text/rfc822-headers"};
  std::rotate(parts.begin(), parts.begin() + choices / 4 % 3, parts.end());
  // Every part has the same octets: the one that reads them as its own will show.
  for (const std::string& part : parts) {
    if (!reader.begin_part(type_of(part))) continue;
    for (std::string_view rest = octets; !rest.empty();) {
      const std::string copy(rest.substr(0, piece));
      reader.feed(copy);
      rest.remove_prefix(copy.size());
    }
    reader.end_part();
  }
  const Report report = reader.finish();
  require(report.recipients.size() <= ReportReader::most_recipients);
  std::string all = report.kind + "\n" + report.message_id + "\n" + report.envelope_id;
  for (const std::string& one : report.recipients) all += "\n" + one;
  require(all.size() <= 1000 + 10 * octets.size());
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string whole = read(octets, std::string_view::npos, data[1]);
  require(read(octets, std::size_t{data[0]} % 64 + 1, data[1]) == whole);
  return 0;
}
