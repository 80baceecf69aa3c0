// What the tests of the way out share: a message built in memory, one call to its Internet form,
// and that form taken apart again by our own way in.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "converter/inbound.h"
#include "converter/outbound.h"
#include "postoffice/mmff_writer.h"
#include "unit/catch.h"
#include "unit/converter/conversion_fixture.h"

namespace smtpgate::test {

/// What convert_outbound() made.
struct SentMessage {
  converter::OutboundEnvelope envelope;
  std::string content;

  std::string header() const { return content.substr(0, content.find("\r\n\r\n") + 2); }
  std::string body() const { return content.substr(content.find("\r\n\r\n") + 4); }
  /// The value of a field, unfolded; "(none)" without it.
  std::string field(std::string_view name) const {
    const std::string fields = "\r\n" + header();
    const std::size_t begin = fields.find("\r\n" + std::string(name) + ":");
    if (begin == std::string::npos) return "(none)";
    std::size_t end = fields.find("\r\n", begin + 2);
    while (end + 2 < fields.size() && fields[end + 2] == ' ') end = fields.find("\r\n", end + 2);
    std::string value = fields.substr(begin + 2, end - begin - 2);
    for (std::size_t fold = value.find("\r\n"); fold != std::string::npos;
         fold = value.find("\r\n")) {
      value.erase(fold, 2);
    }
    value.erase(0, name.size() + 1);
    return value.empty() ? value : value.substr(1);
  }
  /// How many fields of that name there are.
  std::size_t count(std::string_view name) const {
    const std::string fields = "\r\n" + header();
    const std::string wanted = "\r\n" + std::string(name) + ":";
    std::size_t found = 0;
    for (std::size_t at = fields.find(wanted); at != std::string::npos;
         at = fields.find(wanted, at + 1)) {
      ++found;
    }
    return found;
  }
};

/// A message and everything that its conversion needs; the same every day.
struct Sending {
  TemporaryDirectory directory;
  postoffice::MessageHeader header;
  std::string text = "Hello.\n";
  std::vector<std::string> contents;  ///< of header.attachments
  postoffice::LineEnd line_end = postoffice::LineEnd::lf;
  converter::AddressMap map;
  converter::OutboundRequest request;
  converter::OutboundSettings settings;
  std::size_t memory = std::size_t{64} << 10;

  Sending() {
    map = *converter::AddressMap::parse(
        "NET/PO  .sub.example.net\nNET/PO  example.net\nNET/PO  po.example.net\n"
        "NET/OTHER  other.example.net\n",
        "ADDR_MAP.CFG");
    header.from = postoffice::TypedAddress::parse("CSI:NET/PO/anna");
    header.to = {postoffice::TypedAddress::parse("SMTP:bob@example.com")};
    header.date = "2026-11-21";
    header.time = "20:31";
    header.subject = "Plan";
    request.recipients = {postoffice::TypedAddress::parse("SMTP:bob@example.com")};
    request.now = 1795300000;
    request.zone_minutes = 60;
    request.message_id = "0190a1b2c3d4e5f60718293a4b5c6d7e";
    request.envelope_id = request.message_id;
    settings.hostname = "gateway.example.net";
  }

  void attach(std::string name, std::string octets) {
    postoffice::Attachment attachment;
    attachment.name = std::move(name);
    header.attachments.push_back(std::move(attachment));
    contents.push_back(std::move(octets));
  }

  /// The MMFF file.
  std::string file() {
    header.text_size = text.size();
    for (std::size_t index = 0; index < contents.size(); ++index) {
      header.attachments[index].size = contents[index].size();
    }
    std::string octets = postoffice::render_header(header, line_end) + text;
    for (const std::string& one : contents) octets += one;
    return octets;
  }

  Expected<SentMessage> try_file(const std::string& octets) {
    postoffice::MemorySource source(octets);
    postoffice::Reader reader(source);
    const auto read = reader.next();
    if (!read) throw std::runtime_error(read.error().str());
    if (!*read) throw std::runtime_error("no message in the file");
    SentMessage sent;
    postoffice::StringSink sink(sent.content);
    auto envelope = converter::convert_outbound(
        reader, **read, request, map, settings,
        {&postoffice::FileSystem::posix(), directory.path(), memory}, sink);
    if (!envelope) return failure(envelope.error());
    sent.envelope = std::move(*envelope);
    return sent;
  }
  Expected<SentMessage> try_send() { return try_file(file()); }
  SentMessage send() {
    auto sent = try_send();
    if (!sent) throw std::runtime_error(sent.error().sentence());
    return std::move(*sent);
  }
};

/// The text as a reader that knows format=flowed sees it (RFC 3676), quote marks as written: an
/// implementation apart from the one that is tested.
inline std::string unflowed(const std::string& text) {
  std::string result;
  bool goes_on = false;
  std::size_t depth_before = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    std::size_t depth = 0;
    while (depth < line.size() && line[depth] == '>') ++depth;
    std::string content = line.substr(depth);
    const bool is_signature = line == "-- ";
    const bool joins = goes_on && depth == depth_before && !is_signature;
    if (joins || depth == 0) {
      if (!content.empty() && content.front() == ' ') content.erase(0, 1);
    }
    result += joins ? content : line.substr(0, depth) + content;
    goes_on = !is_signature && !line.empty() && line.back() == ' ';
    depth_before = depth;
    if (!goes_on && end < text.size()) result += '\n';
  }
  return result;
}

/// What our own way in makes of `sent`.
inline ReadMessage received(const SentMessage& sent) {
  Converting converting;
  return converting.read(sent.content);
}

/// The text that came in. Soft line breaks are undone by unflowed() as well, and both must be of
/// one mind; throws if they are not.
inline std::string received_text(const SentMessage& sent) {
  std::string text = received(sent).text;
  if (sent.content.find("; format=flowed") == std::string::npos) return text;
  Converting keeping;
  keeping.settings.joins_flowed = false;
  if (unflowed(keeping.read(sent.content).text) != text) {
    throw std::runtime_error("the text is joined otherwise: " + text);
  }
  return text;
}

/// RFC 5322: lines of at most 998 octets ended by CR LF alone; our folds at 78 where they can be.
inline void check_lines(const std::string& content) {
  REQUIRE(content.ends_with("\r\n"));
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t end = content.find("\r\n", at);
    const std::string_view line = std::string_view(content).substr(at, end - at);
    if (line.size() > 998 ||
        line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
      FAIL("line: " << line.substr(0, 200));
    }
    at = end + 2;
  }
}

}  // namespace smtpgate::test
