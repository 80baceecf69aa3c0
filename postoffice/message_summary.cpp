// Messages in one line; see the header.
#include "postoffice/message_summary.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "postoffice/character_set.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/mmff_text.h"
#include "postoffice/printable.h"

namespace smtpgate::postoffice {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t longest_cell = 300;  // octets; a terminal cuts earlier

std::string shown(const TypedAddress& address) {
  return address.name.empty() ? address.address : address.name;
}

TypedAddress in_utf8(const TypedAddress& address, const std::string& set) {
  return {to_utf8(address.type, set), to_utf8(address.address, set), to_utf8(address.name, set)};
}

Json to_json(const TypedAddress& address) {
  return {{"type", address.type}, {"address", address.address}, {"name", address.name}};
}

std::vector<Table::Column> columns(MailbagPart part) {
  const bool is_sent = part == MailbagPart::sent;
  return {{"", false},
          {is_sent ? "Sent" : "Received", false},
          {is_sent ? "To" : "From", false, 12},
          {"Subject", false, 16},
          {"Size", true},
          {"Att", true},
          {"ID", false}};
}

}  // namespace

MessageSummary summarize(const MessageHeader& header, const std::string& fallback) {
  MessageSummary summary;
  const std::string set = character_set_of(header, fallback);
  summary.from = in_utf8(header.from, set);
  if (!header.to.empty()) summary.to = in_utf8(header.to.front(), set);
  summary.recipients = header.to.size() + header.cc.size();
  summary.subject = to_utf8(header.subject, set);
  summary.attachments = header.attachments.size();
  return summary;
}

MessageSummary summarize(const Mailbag& mailbag, const MailbagEntry& entry,
                         const std::string& fallback) {
  MessageSummary summary;
  auto file = mailbag.open_message(entry);
  if (!file) {
    summary.problem = file.error().sentence();
    return summary;
  }
  FileSource source(**file);
  Reader reader(source);
  auto header = reader.next();
  if (!header) {
    summary.problem = header.error().str();
  } else if (!*header) {
    summary.problem = "the file is empty";
  } else {
    summary = summarize(**header, fallback);
  }
  return summary;
}

std::string correspondent(const MessageSummary& summary, MailbagPart part) {
  if (part != MailbagPart::sent) return shown(summary.from);
  return shown(summary.to) +
         (summary.recipients > 1 ? fmt::format(" +{}", summary.recipients - 1) : "");
}

std::string summary_json(const Postoffice& postoffice, const MailbagEntry& entry,
                         const MessageSummary& summary, MailbagPart part) {
  const bool is_sent = part == MailbagPart::sent;
  const std::string_view status = is_sent ? "sent" : entry.is_read ? "read" : "new";
  Json message = {{"id", entry.id},
                  {"status", status},
                  {"received", postoffice.local_time(entry.arrival).rfc3339},
                  {"size", entry.size}};
  if (!summary.problem.empty()) {
    message["problem"] = summary.problem;
  } else {
    message["from"] = to_json(summary.from);
    if (is_sent) {
      message["to"] = to_json(summary.to);
      message["recipients"] = summary.recipients;
    }
    message["subject"] = summary.subject;
    message["attachments"] = summary.attachments;
  }
  // ASCII: a terminal may take characters beyond it for orders.
  return message.dump(-1, ' ', true, Json::error_handler_t::replace);
}

MessageTable::MessageTable(MailbagPart part, TimeZone zone)
    : part_(part), zone_(std::move(zone)), table_(columns(part)) {}

void MessageTable::add(const MailbagEntry& entry, const MessageSummary& summary) {
  const LocalTime arrival = local_time(zone_, entry.arrival);
  const bool is_broken = !summary.problem.empty();
  table_.add(
      {entry.is_read ? "" : "new", arrival.date + " " + arrival.time,
       printable(correspondent(summary, part_), longest_cell),
       is_broken ? "(" + printable(summary.problem, longest_cell) + ")"
                 : printable(summary.subject, longest_cell),
       short_size(entry.size), summary.attachments == 0 ? "" : std::to_string(summary.attachments),
       printable(entry.short_id)},
      !entry.is_read);
}

TimeZone readers_zone() {
  auto zone = TimeZone::open("");
  return zone ? *zone : TimeZone();
}

}  // namespace smtpgate::postoffice
