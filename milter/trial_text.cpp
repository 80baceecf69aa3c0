// A trial as text and as JSON: see the header.
#include "milter/trial_text.h"

#include <iterator>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "postoffice/printable.h"
#include "postoffice/table.h"

namespace smtpgate::milter {

namespace {

constexpr std::size_t longest_value = 1000;  // octets shown of one

const char* door_word(TrialDoor door) {
  switch (door) {
    case TrialDoor::none:
      return "none";
    case TrialDoor::first:
      return "1";
    case TrialDoor::second:
      return "2";
  }
  return "none";
}

const char* outcome_word(const Outcome& outcome) {
  switch (outcome.kind()) {
    case OutcomeKind::delivered:
      return "delivered";
    case OutcomeKind::temporary:
      return "temporary";
    case OutcomeKind::permanent:
      return "permanent";
  }
  return "temporary";
}

class Text {
 public:
  explicit Text(bool with_colours) : with_colours_(with_colours) {}

  void heading(const std::string& text) {
    fmt::format_to(std::back_inserter(out_), "{}{}{}{}\n", out_.empty() ? "" : "\n", strong(),
                   printable(text, longest_value), plain());
  }
  void line(std::string_view label, const std::string& value, std::string_view colour = {}) {
    const bool is_coloured = with_colours_ && !colour.empty();
    fmt::format_to(std::back_inserter(out_), "  {:<11} {}{}{}\n", label,
                   is_coloured ? fmt::format("\033[{}m", colour) : std::string(),
                   printable(value, longest_value), is_coloured ? "\033[0m" : "");
  }
  void lines(std::string_view label, const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      line(label, value);
      label = {};
    }
  }
  void add(const postoffice::Table& table) {
    std::ostringstream rows;
    table.print(rows, 0, false);
    std::istringstream in(rows.str());
    for (std::string row; std::getline(in, row);) out_ += "  " + row + "\n";
  }
  void quote(const std::string& text) { out_ += "  | " + printable(text) + "\n"; }
  std::string take() { return std::move(out_); }

 private:
  const char* strong() const { return with_colours_ ? "\033[1m" : ""; }
  const char* plain() const { return with_colours_ ? "\033[0m" : ""; }
  bool with_colours_;
  std::string out_;
};

std::string_view colour_of(const Outcome& outcome) {
  return outcome.is_delivered() ? "32" : outcome.is_temporary() ? "33" : "31";
}

void show(Text& text, const TrialRecipient& recipient) {
  text.heading(recipient.address);
  if (!recipient.destination.empty()) {
    text.line("is", fmt::format("{} ({})", recipient.destination, recipient.how));
  }
  bool is_first = true;
  for (const TrialMailbox& mailbox : recipient.mailboxes) {
    text.line(is_first ? "mailbox" : "", mailbox.name + ": " + mailbox.outcome.sentence(),
              colour_of(mailbox.outcome));
    is_first = false;
  }
  text.lines("passed on", recipient.beyond);
  text.lines("not reached", recipient.failures);
  switch (recipient.door) {
    case TrialDoor::none:
      text.line("door", recipient.why_door);
      break;
    case TrialDoor::first:
      text.line("door", "1, at the end of the message");
      break;
    case TrialDoor::second:
      text.line("door", "2, from Postfix's queue" +
                            (recipient.why_door.empty() ? "" : ": " + recipient.why_door));
      break;
  }
  text.line("answer", recipient.reply, colour_of(recipient.outcome));
}

void show(Text& text, const TrialMessage& message) {
  text.heading("In " + message.postoffice);
  if (!message.outcome.is_delivered()) {
    return text.line("not there", message.outcome.sentence(), colour_of(message.outcome));
  }
  text.line("from", message.from);
  text.lines("to", message.to);
  text.lines("cc", message.cc);
  text.line("subject", message.subject);
  text.line("file", fmt::format("{} octets, text {} octets, {}", message.file_size,
                                message.text_size, message.character_set));
  text.line("name", message.content_key);
  text.line("took", fmt::format("{:.3f} s", message.seconds));
  if (message.odd.empty()) {
    text.line("odd", "nothing");
  } else {
    text.lines("odd", message.odd);
  }
  if (message.attachments.empty()) {
    text.line("attachments", "none");
  } else {
    postoffice::Table table({{"ATTACHMENT"}, {"OCTETS", true}, {"TYPE"}});
    for (const TrialAttachment& one : message.attachments) {
      table.add({printable(one.name, longest_value), std::to_string(one.size),
                 printable(one.content_type, longest_value)});
    }
    text.add(table);
  }
  for (const std::string& line : message.first_lines) text.quote(line);
  if (message.has_more_lines) text.quote("...");
}

nlohmann::json json_of(const Outcome& outcome) {
  return {{"outcome", outcome_word(outcome)},
          {"status", outcome.status()},
          {"sentence", outcome.sentence()}};
}

nlohmann::json json_of(const TrialRecipient& recipient) {
  nlohmann::json result = json_of(recipient.outcome);
  result["address"] = recipient.address;
  result["destination"] = recipient.destination;
  result["how"] = recipient.how;
  result["door"] = door_word(recipient.door);
  result["why"] = recipient.why_door;
  result["reply"] = recipient.reply;
  result["beyond"] = recipient.beyond;
  result["failures"] = recipient.failures;
  result["mailboxes"] = nlohmann::json::array();
  for (const TrialMailbox& mailbox : recipient.mailboxes) {
    nlohmann::json one = json_of(mailbox.outcome);
    one["name"] = mailbox.name;
    result["mailboxes"].push_back(std::move(one));
  }
  return result;
}

nlohmann::json json_of(const TrialMessage& message) {
  nlohmann::json result = json_of(message.outcome);
  result["postoffice"] = message.postoffice;
  if (!message.outcome.is_delivered()) return result;
  result["from"] = message.from;
  result["to"] = message.to;
  result["cc"] = message.cc;
  result["subject"] = message.subject;
  result["charset"] = message.character_set;
  result["size"] = message.file_size;
  result["key"] = message.content_key;
  result["seconds"] = message.seconds;
  result["odd"] = message.odd;
  result["text"] = {{"size", message.text_size},
                    {"lines", message.first_lines},
                    {"more", message.has_more_lines}};
  result["attachments"] = nlohmann::json::array();
  for (const TrialAttachment& one : message.attachments) {
    result["attachments"].push_back({{"name", one.name},
                                     {"content_type", one.content_type},
                                     {"size", one.size},
                                     {"odd", one.odd}});
  }
  return result;
}

}  // namespace

std::string render_trial_text(const Trial& trial, bool with_colours) {
  Text text(with_colours);
  text.heading(fmt::format("A message of {} octets from <{}>; nothing is delivered", trial.size,
                           trial.sender));
  for (const TrialRecipient& recipient : trial.recipients) show(text, recipient);
  for (const TrialMessage& message : trial.messages) show(text, message);
  return text.take();
}

std::string render_trial_json(const Trial& trial) {
  nlohmann::json result = {{"sender", trial.sender},
                           {"size", trial.size},
                           {"recipients", nlohmann::json::array()},
                           {"messages", nlohmann::json::array()}};
  for (const TrialRecipient& one : trial.recipients) result["recipients"].push_back(json_of(one));
  for (const TrialMessage& one : trial.messages) result["messages"].push_back(json_of(one));
  return result.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace smtpgate::milter
