// Listings of outgoing mail; see the header.
#include "postoffice/programs/queue_listing.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "postoffice/printable.h"
#include "postoffice/unique_id.h"

namespace smtpgate::postoffice {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t longest_cell = 300;  // octets; a terminal cuts earlier

std::string cell(std::string_view text) {
  return printable(text, longest_cell);
}

std::string_view status_of(const OutgoingEntry& entry) {
  if (entry.is_bad) return "bad";
  if (!entry.host.empty()) return "taken";
  return entry.state.held ? "held" : "waiting";
}

std::ptrdiff_t count_of(const OutgoingState& state, RecipientState wanted) {
  return std::count_if(state.recipients.begin(), state.recipients.end(),
                       [wanted](const OutgoingRecipient& one) { return one.state == wanted; });
}

/// Whose mail it is: a mailbox, or the envelope sender of what is passed on.
std::string sender_of(const OutgoingState& state) {
  if (!state.mailbox.empty()) return state.mailbox;
  return state.sender ? "<" + *state.sender + ">" : "<>";
}

/// The newest thing that is known: of the message as a whole, of who still waits, of who failed.
std::string last_reason(const OutgoingState& state) {
  if (!state.reason.empty()) return state.reason;
  for (const auto wanted : {RecipientState::waiting, RecipientState::failed}) {
    for (const OutgoingRecipient& one : state.recipients) {
      if (one.state == wanted && !one.reason.empty()) return one.reason;
    }
  }
  return {};
}

std::string next_attempt(const OutgoingEntry& entry, std::int64_t now) {
  if (entry.is_bad) return "BAD";
  if (!entry.host.empty()) return "at " + cell(entry.host);
  if (entry.state.held) return "held";
  if (entry.state.next_attempt <= now) return "now";
  return "in " + short_duration(entry.state.next_attempt - now);
}

Json to_json(const Postoffice& postoffice, const OutgoingEntry& entry) {
  const OutgoingState& state = entry.state;
  Json message = {{"id", state.id},
                  {"status", status_of(entry)},
                  {"host", entry.host},
                  {"content", entry.content == OutgoingContent::mmff ? "mmff" : "internet"},
                  {"size", entry.size},
                  {"mailbox", state.mailbox},
                  {"sender", nullptr},
                  {"created", postoffice.local_time(state.created).rfc3339},
                  {"next_attempt", postoffice.local_time(state.next_attempt).rfc3339},
                  {"attempts", state.attempts},
                  {"held", state.held},
                  {"maybe_sent", state.maybe_sent},
                  {"reason", state.reason},
                  {"recipients", Json::array()}};
  if (state.sender) message["sender"] = *state.sender;
  for (const OutgoingRecipient& one : state.recipients) {
    message["recipients"].push_back({{"type", one.address.type},
                                     {"address", one.address.address},
                                     {"name", one.address.name},
                                     {"state", state_name(one.state)},
                                     {"status", one.status},
                                     {"reason", one.reason},
                                     {"queue_id", one.queue_id}});
  }
  return message;
}

void print_json(const Json& json, std::ostream& out) {
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

}  // namespace

void print_queue(const Postoffice&, const std::vector<OutgoingEntry>& entries, std::int64_t now,
                 const Terminal& terminal, std::ostream& out) {
  if (entries.empty()) {
    out << "no outgoing mail\n";
    return;
  }
  std::vector<std::string_view> ids;
  for (const OutgoingEntry& entry : entries) ids.push_back(entry.state.id);
  const std::vector<std::size_t> sizes = unique_beginnings(ids);
  Table table({{"ID", false},
               {"Age", true},
               {"Size", true},
               {"From", false, 8},
               {"Waiting", true},
               {"Sent", true},
               {"Failed", true},
               {"Next", false},
               {"Last reason", false, 12}});
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const OutgoingEntry& entry = entries[i];
    const OutgoingState& state = entry.state;
    const bool is_known = state.created > 0;  // else its state cannot be read
    table.add({state.id.substr(0, sizes[i]), is_known ? short_duration(now - state.created) : "?",
               short_size(entry.size), is_known ? cell(sender_of(state)) : "?",
               std::to_string(count_of(state, RecipientState::waiting)),
               std::to_string(count_of(state, RecipientState::sent)),
               std::to_string(count_of(state, RecipientState::failed)), next_attempt(entry, now),
               cell(last_reason(state))},
              entry.is_bad);
  }
  table.print(out, terminal.width, terminal.with_colours);
  out << fmt::format("{} message{}\n", entries.size(), entries.size() == 1 ? "" : "s");
}

void print_queue_json(const Postoffice& postoffice, const std::vector<OutgoingEntry>& entries,
                      std::ostream& out) {
  Json list = {{"messages", Json::array()}};
  for (const OutgoingEntry& entry : entries) {
    list["messages"].push_back(to_json(postoffice, entry));
  }
  print_json(list, out);
}

void print_queued(const Postoffice& postoffice, const OutgoingEntry& entry, std::int64_t now,
                  const Terminal& terminal, std::ostream& out) {
  const OutgoingState& state = entry.state;
  const auto line = [&](std::string_view label, std::string_view value) {
    out << fmt::format("{:<10} {}\n", label, value);
  };
  line("Message", state.id);
  line("Status", status_of(entry));
  line("From", cell(sender_of(state)));
  line("Size", fmt::format("{} octets, {}", entry.size,
                           entry.content == OutgoingContent::mmff ? "MMFF" : "Internet mail"));
  line("Created", fmt::format("{}, {} ago", postoffice.local_time(state.created).rfc3339,
                              short_duration(now - state.created)));
  line("Attempts", std::to_string(state.attempts));
  line("Next", next_attempt(entry, now));
  if (state.maybe_sent) line("Note", "a try broke before its answer: it may have been sent");
  if (!state.reason.empty()) line("Reason", printable(state.reason));
  if (state.recipients.empty()) return;
  out << '\n';
  Table table({{"Recipient", false, 20},
               {"State", false},
               {"Status", false},
               {"Queue ID", false},
               {"Last answer", false, 20}});
  for (const OutgoingRecipient& one : state.recipients) {
    table.add({cell(one.address.str()), std::string(state_name(one.state)), cell(one.status),
               cell(one.queue_id), printable(one.reason)},
              one.state == RecipientState::failed);
  }
  table.print(out, terminal.width, terminal.with_colours);
}

void print_queued_json(const Postoffice& postoffice, const OutgoingEntry& entry,
                       std::ostream& out) {
  print_json(to_json(postoffice, entry), out);
}

}  // namespace smtpgate::postoffice
