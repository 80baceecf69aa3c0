// Any octets as an MMFF file on its way out: each message becomes lines of CR LF and at most 998
// octets, the fields that may stand once stand once, and our own way in finds its attachments,
// octet for octet. The first octet chooses options, so that spools and plain peers are met too.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "converter/disposition_notification.h"
#include "converter/inbound.h"
#include "converter/outbound.h"
#include "postoffice/mmff_reader.h"

using namespace smtpgate;

namespace {

void demand(bool holds) {
  if (!holds) std::abort();
}

std::size_t count_of(const std::string& text, const std::string& wanted) {
  std::size_t found = 0;
  for (std::size_t at = text.find(wanted); at != std::string::npos;
       at = text.find(wanted, at + 1)) {
    ++found;
  }
  return found;
}

void check_lines(const std::string& content) {
  demand(content.ends_with("\r\n"));
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t end = content.find("\r\n", at);
    const std::string_view line = std::string_view(content).substr(at, end - at);
    demand(line.size() <= 998 && line.find_first_of(std::string_view("\r\n\0", 3)) == line.npos);
    at = end + 2;
  }
}

std::vector<std::string> attachments_of(std::string_view file) {
  postoffice::MemorySource source(file);
  postoffice::Reader reader(source);
  const auto header = reader.next();
  std::vector<std::string> found;
  if (!header || !*header) return found;
  std::string buffer(4096, '\0');
  for (auto more = reader.next_section(); more && *more; more = reader.next_section()) {
    std::string& octets = found.emplace_back();
    for (auto count = reader.read(buffer); count && *count > 0; count = reader.read(buffer)) {
      octets.append(buffer, 0, *count);
    }
  }
  return found;
}

/// `octets` with LF for each CR LF.
std::string lines_of(std::string_view octets) {
  std::string lines;
  for (const char c : octets) {
    if (c == '\n' && lines.ends_with('\r')) lines.pop_back();
    lines += c;
  }
  return lines;
}

/// Whether the two differ in their line ends at most: a report's go and come as lines of text
/// (docs/conversion-out.md, "There and back").
bool same_lines(std::string_view found, std::string_view wanted) {
  return lines_of(found) == lines_of(wanted);
}

void check_way_in(const std::string& content, const std::vector<std::string>& wanted,
                  const converter::SpoolPlace& place) {
  converter::RawMessage raw(place);
  demand(raw.feed(content).has_value());
  converter::Envelope envelope;
  converter::TargetFormat target;
  target.name = {"NET", "PO"};
  auto converted = converter::convert_inbound(raw, envelope, {}, target, {}, place);
  demand(converted.has_value());
  auto file = postoffice::FileSystem::posix().create_unnamed("/tmp");
  demand(file.has_value());
  demand(converted->attachments.copy_to(raw.content(), **file).has_value());
  std::string octets(converted->attachments.size(), '\0');
  demand((*file)->read_at(0, octets).value() == octets.size());
  // A container is opened again, so more may be there.
  std::size_t at = 0;
  auto next = wanted.begin();
  for (const postoffice::Attachment& found : converted->header.attachments) {
    const auto come = std::string_view(octets).substr(at, found.size);
    const bool is_report = found.content_type.starts_with("message/");
    if (next != wanted.end() && (come == *next || (is_report && same_lines(come, *next)))) ++next;
    at += found.size;
  }
  demand(at == octets.size() && next == wanted.end());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view file(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool plain = (data[0] & 1) != 0;
  const converter::SpoolPlace place{&postoffice::FileSystem::posix(), "/tmp",
                                    (data[0] & 2) != 0 ? std::size_t{16} : std::size_t{1} << 20};
  const auto map = converter::AddressMap::parse("NET/PO example.net\n", "map");
  converter::OutboundRequest request;
  request.recipients = {postoffice::TypedAddress::parse("SMTP:bob@old.example")};
  request.message_id = "0123456789abcdef";
  converter::OutboundSettings settings;
  settings.hostname = "gateway.example.net";
  if (plain) settings.uuencode_domains = {"old.example"};

  postoffice::MemorySource source(file);
  postoffice::Reader reader(source);
  auto header = reader.next();
  if (!header || !*header) return 0;
  std::string content;
  postoffice::StringSink sink(content);
  const auto envelope =
      converter::convert_outbound(reader, **header, request, *map, settings, place, sink);
  if (!envelope) return 0;
  check_lines(content);
  const std::string head = "\r\n" + content.substr(0, content.find("\r\n\r\n") + 2);
  for (const std::string name : {"From", "Date", "Message-ID", "X-Mailer"}) {
    demand(count_of(head, "\r\n" + name + ":") == 1);
  }
  demand(count_of(head, "\r\nBcc:") == 0);
  demand(count_of(converter::render_outbound_envelope(*envelope), "\r\n") == 2);
  // An answer to a request for a receipt has a part of its own.
  if (converter::is_disposition_answer(**header)) return 0;
  if (!plain) check_way_in(content, attachments_of(file), place);
  return 0;
}
