// Listings; see the header.
#include "postoffice/mailbag_listing.h"

#include <optional>
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

/// What the first message of a file says of itself, in UTF-8; or what is wrong with it.
struct Summary {
  TypedAddress from;
  TypedAddress to;  ///< the first
  std::size_t recipients = 0;
  std::string subject;
  std::size_t attachments = 0;
  std::string problem;
};

std::string shown(const TypedAddress& address) {
  return address.name.empty() ? address.address : address.name;
}

/// Whom it is from; of what was sent, whom it is for.
std::string correspondent(const Summary& summary, bool is_sent) {
  if (!is_sent) return shown(summary.from);
  return shown(summary.to) +
         (summary.recipients > 1 ? fmt::format(" +{}", summary.recipients - 1) : "");
}

TypedAddress in_utf8(const TypedAddress& address, const std::string& set) {
  return {to_utf8(address.type, set), to_utf8(address.address, set), to_utf8(address.name, set)};
}

Json to_json(const TypedAddress& address) {
  return {{"type", address.type}, {"address", address.address}, {"name", address.name}};
}

Summary summarize(const Mailbag& mailbag, const MailbagEntry& entry, const std::string& fallback) {
  Summary summary;
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
    return summary;
  }
  if (!*header) {
    summary.problem = "the file is empty";
    return summary;
  }
  const MessageHeader& message = **header;
  const std::string set = character_set_of(message, fallback);
  summary.from = in_utf8(message.from, set);
  if (!message.to.empty()) summary.to = in_utf8(message.to.front(), set);
  summary.recipients = message.to.size() + message.cc.size();
  summary.subject = to_utf8(message.subject, set);
  summary.attachments = message.attachments.size();
  return summary;
}

Json to_json(const MailbagEntry& entry, const Summary& summary, const LocalTime& arrival,
             bool is_sent) {
  const std::string_view status = is_sent ? "sent" : entry.is_read ? "read" : "new";
  Json message = {
      {"id", entry.id}, {"status", status}, {"received", arrival.rfc3339}, {"size", entry.size}};
  if (!summary.problem.empty()) {
    message["problem"] = summary.problem;
    return message;
  }
  message["from"] = to_json(summary.from);
  if (is_sent) {
    message["to"] = to_json(summary.to);
    message["recipients"] = summary.recipients;
  }
  message["subject"] = summary.subject;
  message["attachments"] = summary.attachments;
  return message;
}

}  // namespace

Outcome list_mailbag(const Postoffice& postoffice, const Mailbag& mailbag,
                     const ListingOptions& options, std::ostream& out) {
  auto entries = mailbag.list(options.newest);
  if (!entries) return entries.error();
  const bool is_sent = mailbag.part() == MailbagPart::sent;
  Table table({{"", false},
               {is_sent ? "Sent" : "Received", false},
               {is_sent ? "To" : "From", false, 12},
               {"Subject", false, 16},
               {"Size", true},
               {"Att", true},
               {"ID", false}});
  Json list = {{"mailbox", mailbag.mailbox()}, {"messages", Json::array()}};
  for (const MailbagEntry& entry : *entries) {
    const Summary summary = summarize(mailbag, entry, postoffice.settings().character_set);
    const LocalTime arrival = postoffice.local_time(entry.arrival);
    if (options.as_json) {
      list["messages"].push_back(to_json(entry, summary, arrival, is_sent));
      continue;
    }
    const bool is_broken = !summary.problem.empty();
    table.add({entry.is_read ? "" : "new", arrival.date + " " + arrival.time,
               printable(correspondent(summary, is_sent), longest_cell),
               is_broken ? "(" + printable(summary.problem, longest_cell) + ")"
                         : printable(summary.subject, longest_cell),
               short_size(entry.size),
               summary.attachments == 0 ? "" : std::to_string(summary.attachments),
               printable(entry.short_id)},
              !entry.is_read);
  }
  if (options.as_json) {
    out << list.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
  } else if (entries->empty()) {
    out << "no messages in " << (is_sent ? "sent/ of " : "") << "mailbox " << mailbag.mailbox()
        << '\n';
  } else {
    table.print(out, options.terminal.width, options.terminal.with_colours);
  }
  return Outcome::delivered(fmt::format("{} messages", entries->size()));
}

}  // namespace smtpgate::postoffice
