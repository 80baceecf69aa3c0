// A delivery that does not happen: see the header.
#include "milter/trial.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "milter/lmtp_server.h"
#include "milter/message_observer.h"
#include "milter/milter_session.h"
#include "milter/recipient_resolver.h"
#include "milter/smtp_command.h"
#include "postoffice/character_set.h"
#include "postoffice/groups.h"
#include "postoffice/put.h"
#include "postoffice/read_only_file_system.h"

namespace smtpgate::milter {

using converter::ConvertedMessage;
using converter::RawMessage;
using postoffice::Postoffice;

namespace {

constexpr std::uint64_t most_text_looked_at = std::uint64_t{256} << 10;
constexpr std::size_t longest_line = 1000;  // octets shown of one

/// Of the many that a group comes to: as a delivery has it.
Outcome outcome_of(const TrialRecipient& recipient, const std::vector<Outcome>& failed) {
  std::optional<Outcome> bad;
  std::size_t good = recipient.beyond.size();
  const auto add_bad = [&](const Outcome& outcome) { bad = bad ? worse(*bad, outcome) : outcome; };
  const Outcome* first_good = nullptr;
  for (const TrialMailbox& mailbox : recipient.mailboxes) {
    if (!mailbox.outcome.is_delivered()) {
      add_bad(mailbox.outcome);
    } else {
      ++good;
      if (first_good == nullptr) first_good = &mailbox.outcome;
    }
  }
  for (const Outcome& outcome : failed) add_bad(outcome);
  if (bad && (bad->is_temporary() || good == 0)) return *bad;
  if (good == 1 && first_good != nullptr) return *first_good;
  return Outcome::delivered(fmt::format("delivered to {} members", good));
}

/// The text behind the header lines, cut into lines whatever ends them.
class FirstLines {
 public:
  FirstLines(TrialMessage& message, std::size_t most) : message_(message), most_(most) {}

  void take(std::string_view text, bool is_all) {
    while (!text.empty()) {
      if (message_.first_lines.size() == most_) {
        message_.has_more_lines = true;
        return;
      }
      const std::size_t end = text.find_first_of("\r\n");
      if (end == std::string_view::npos && !is_all) message_.has_more_lines = true;
      message_.first_lines.emplace_back(
          postoffice::repair_utf8(text.substr(0, std::min(end, longest_line))));
      if (end == std::string_view::npos) return;
      const bool is_pair = text[end] == '\r' && end + 1 < text.size() && text[end + 1] == '\n';
      text.remove_prefix(end + (is_pair ? 2 : 1));
    }
    if (!is_all) message_.has_more_lines = true;
  }

 private:
  TrialMessage& message_;
  std::size_t most_;
};

class TrialRun {
 public:
  TrialRun(const Configuration& configuration, const TrialRequest& request, RawMessage& raw,
           const converter::SpoolPlace& place, postoffice::FileSystem& real)
      : configuration_(configuration),
        request_(request),
        raw_(raw),
        place_(place),
        files_(real),
        resolver_(configuration, files_) {}

  Trial run() {
    const auto sender = converter::parse_path(request_.sender);
    trial_.sender = sender ? sender->str() : without_brackets(request_.sender);
    trial_.size = raw_.size();
    for (const std::string& path : request_.recipients) resolve(path);
    convert_for_all();
    for (std::size_t i = 0; i < trial_.recipients.size(); ++i) finish(i);
    return std::move(trial_);
  }

 private:
  struct Known {
    Resolution resolution;
    const converter::ServedPostoffice* served = nullptr;  ///< nullptr: refused or unknown
  };

  void resolve(const std::string& path);
  void refuse(TrialRecipient& recipient, const Resolution& resolution);
  void choose_door(TrialRecipient& recipient, const std::string& path,
                   const Resolution& resolution);
  void convert_for_all();
  void convert_for(const converter::ServedPostoffice& served);
  void describe(TrialMessage& message, ConvertedMessage& converted, const Postoffice& office);
  Outcome measure(TrialMessage& message, ConvertedMessage& converted, const Postoffice& office);
  void finish(std::size_t which);
  void distribute(TrialRecipient& recipient, const Known& known, const TrialMessage& message);
  void answer(TrialRecipient& recipient);

  const Configuration& configuration_;
  const TrialRequest& request_;
  RawMessage& raw_;
  const converter::SpoolPlace& place_;
  postoffice::ReadOnlyFileSystem files_;
  RecipientResolver resolver_;
  converter::Envelope envelope_;
  std::vector<Known> known_;                            ///< one for each recipient
  std::map<std::string, std::size_t> message_of_name_;  ///< by NET/PO
  Trial trial_;
};

void TrialRun::resolve(const std::string& path) {
  TrialRecipient& recipient = trial_.recipients.emplace_back();
  recipient.address = without_brackets(path);
  known_.push_back({resolver_.resolve_path(path), nullptr});
  Known& known = known_.back();
  const Resolution& resolution = known.resolution;
  recipient.outcome = resolution.outcome;
  if (!resolution.is_known()) return refuse(recipient, resolution);
  recipient.destination = resolution.address.str();
  recipient.how = resolution.how;
  known.served = configuration_.find_postoffice(resolution.address.postoffice);
  choose_door(recipient, path, resolution);
  envelope_.recipients.push_back({path,
                                  {},
                                  resolution.address,
                                  resolution.kind == Resolution::Kind::group,
                                  resolution.is_encapsulated});
}

/// As door 1 does it at RCPT, and door 2 where that lets it pass.
void TrialRun::refuse(TrialRecipient& recipient, const Resolution& resolution) {
  const bool leaves = resolution.kind == Resolution::Kind::unknown_mailbox &&
                      configuration_.gateway.unknown_recipient == UnknownRecipient::leave;
  const bool is_refused_at_once =
      !leaves && (resolution.kind == Resolution::Kind::unknown_mailbox ||
                  resolution.kind == Resolution::Kind::unknown_domain);
  recipient.door = is_refused_at_once ? TrialDoor::none : TrialDoor::second;
  recipient.why_door = is_refused_at_once ? "refused at RCPT"
                       : leaves ? "unknown_recipient = \"leave\": Postfix decides who it is"
                                : resolution.outcome.sentence();
  answer(recipient);
}

void TrialRun::choose_door(TrialRecipient& recipient, const std::string& path,
                           const Resolution& resolution) {
  recipient.door = TrialDoor::second;
  const std::string bracketed = path.starts_with('<') ? path : "<" + path + ">";
  if (!plain_address(bracketed, std::nullopt)) {
    recipient.why_door = "it is not spelt plainly";
    return;
  }
  const auto stays = resolver_.stays_here(resolution, !request_.is_authenticated);
  if (!stays) {
    recipient.why_door = stays.error().sentence();
  } else if (!*stays) {
    recipient.why_door = resolution.is_encapsulated
                             ? "what a peer has encapsulated says itself who gets it"
                             : "it reaches beyond this postoffice's mailboxes";
  } else {
    recipient.door = TrialDoor::first;
  }
}

void TrialRun::convert_for_all() {
  envelope_.sender = trial_.sender;
  envelope_.protocol = "ESMTP";
  envelope_.arrival = request_.arrival;
  envelope_.sender_is_trusted = request_.is_authenticated;
  for (const Known& known : known_) {
    if (known.served != nullptr) convert_for(*known.served);
  }
  if (!trial_.messages.empty()) return;
  // Nobody gets it; what it is like can be told all the same.
  for (const converter::ServedPostoffice& served : configuration_.converter.postoffices) {
    if (Postoffice::open(served.directory, files_)) return convert_for(served);
  }
}

void TrialRun::convert_for(const converter::ServedPostoffice& served) {
  const auto [known, is_new] =
      message_of_name_.try_emplace(served.name.str(), trial_.messages.size());
  if (!is_new) return;
  TrialMessage& message = trial_.messages.emplace_back();
  message.postoffice = served.name.str();
  const auto opened = Postoffice::open(served.directory, files_);
  if (!opened) {
    message.outcome = opened.error();
    return;
  }
  const postoffice::PostofficeSettings& settings = opened->settings();
  const converter::TargetFormat target{.name = settings.name,
                                       .character_set = settings.character_set,
                                       .line_end = settings.line_end,
                                       .arrival = opened->local_time(request_.arrival),
                                       .short_attachment_names = settings.short_attachment_names};
  const auto began = std::chrono::steady_clock::now();
  auto converted = converter::convert_inbound(raw_, envelope_, configuration_.converter.map, target,
                                              configuration_.converter.inbound, place_);
  if (!converted) {
    message.outcome = converted.error();
    return;
  }
  describe(message, *converted, *opened);
  message.outcome = measure(message, *converted, *opened);
  message.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

void TrialRun::describe(TrialMessage& message, ConvertedMessage& converted,
                        const Postoffice& office) {
  const postoffice::MessageHeader& header = converted.header;
  const std::string& set = office.settings().character_set;
  const auto utf8 = [&](const std::string& text) { return postoffice::to_utf8(text, set); };
  const auto shown = [&](const postoffice::TypedAddress& address) {
    const std::string plain = utf8(address.address);
    return address.name.empty() ? plain : utf8(address.name) + " <" + plain + ">";
  };
  message.character_set = set;
  message.from = shown(header.from);
  for (const auto& one : header.to) message.to.push_back(shown(one));
  for (const auto& one : header.cc) message.cc.push_back(shown(one));
  message.subject = utf8(header.subject);
  message.text_size = header.text_size;
  message.content_key = converted.content_key;
  MessageRecord record;
  note_conversion(record, converted);
  for (const std::string& mark : record.odd) message.odd.push_back(utf8(mark));
  for (const postoffice::Attachment& one : header.attachments) {
    TrialAttachment& attachment = message.attachments.emplace_back();
    attachment.name = utf8(one.name);
    attachment.content_type = utf8(one.content_type);
    attachment.size = one.size;
    for (const std::string& mark : one.odd) attachment.odd.push_back(utf8(mark));
  }
  const std::uint64_t looked_at = std::min(converted.text.size(), most_text_looked_at);
  std::string text;
  const auto read = converted.text.for_each_piece(0, looked_at, std::size_t{64} << 10,
                                                  [&](std::string_view piece) {
                                                    text += piece;
                                                    return true;
                                                  });
  if (!read) return;  // measure() meets the same disk, and tells
  FirstLines(message, request_.lines).take(utf8(text), looked_at == converted.text.size());
}

/// The file as it would be, written to a work file: its size is what a quota counts.
Outcome TrialRun::measure(TrialMessage& message, ConvertedMessage& converted,
                          const Postoffice& office) {
  auto file = place_.files->create_unnamed(place_.directory);
  if (!file) return file.error().outcome();
  if (auto written = converted.write_to(raw_, **file, office.settings().line_end); !written) {
    return written.error().outcome();
  }
  const auto status = (*file)->status();
  if (!status) return status.error().outcome();
  message.file_size = status->size;
  return Outcome::delivered("converted");
}

void TrialRun::finish(std::size_t which) {
  TrialRecipient& recipient = trial_.recipients[which];
  const Known& known = known_[which];
  if (known.served == nullptr) return;
  const TrialMessage& message = trial_.messages[message_of_name_.at(known.served->name.str())];
  const std::uint64_t limit = configuration_.lmtp.size_limit;
  if (!message.outcome.is_delivered()) {
    recipient.door = TrialDoor::second;
    recipient.why_door = message.outcome.sentence();
    recipient.outcome = message.outcome;
  } else if (known.resolution.is_encapsulated) {
    recipient.outcome = Outcome::delivered(recipient.why_door);
  } else {
    distribute(recipient, known, message);
    if (recipient.door == TrialDoor::first && !recipient.outcome.is_delivered()) {
      recipient.door = TrialDoor::second;
      recipient.why_door = recipient.outcome.sentence();
    }
  }
  if (recipient.door == TrialDoor::second && limit != 0 && trial_.size > limit) {
    recipient.outcome = Outcome::permanent(
        fmt::format("the message is larger than the {} octets taken here", limit), "5.3.4");
  }
  answer(recipient);
}

void TrialRun::distribute(TrialRecipient& recipient, const Known& known,
                          const TrialMessage& message) {
  const auto opened = Postoffice::open(known.served->directory, files_);
  if (!opened) {
    recipient.outcome = opened.error();
    return;
  }
  postoffice::Resolved resolved;
  (known.resolution.kind == Resolution::Kind::group ? resolved.group : resolved.mailbox) =
      known.resolution.address.mailbox;
  const auto distribution =
      postoffice::distribute(*opened, resolved, {.is_from_internet = !request_.is_authenticated});
  if (!distribution) {
    recipient.outcome = distribution.error();
    return;
  }
  for (const std::string& name : distribution->mailboxes) {
    recipient.mailboxes.push_back(
        {message.postoffice + "/" + name,
         postoffice::would_file_into(*opened, name, distribution->quota_of(name),
                                     message.content_key, message.file_size, request_.arrival)});
  }
  for (const postoffice::BeyondRecipient& one : distribution->beyond) {
    recipient.beyond.push_back(one.address.address);
  }
  std::vector<Outcome> failed;
  for (const postoffice::FailedMember& one : distribution->failures) {
    recipient.failures.push_back(
        fmt::format("{} ({}): {}", one.member, one.where, one.outcome.sentence()));
    failed.push_back(one.outcome);
  }
  recipient.outcome = outcome_of(recipient, failed);
}

void TrialRun::answer(TrialRecipient& recipient) {
  if (recipient.door == TrialDoor::first) {
    recipient.reply = "the recipient is deleted from Postfix's envelope";
    return;
  }
  recipient.reply = fmt::format("{} {} {}", reply_code(recipient.outcome),
                                recipient.outcome.status(), recipient.outcome.sentence());
}

}  // namespace

Outcome Trial::worst() const {
  Outcome result = Outcome::delivered("nothing stands against it");
  for (const TrialRecipient& recipient : recipients) result = worse(result, recipient.outcome);
  for (const TrialMessage& message : messages) result = worse(result, message.outcome);
  return result;
}

Trial try_message(const Configuration& configuration, const TrialRequest& request, RawMessage& raw,
                  const converter::SpoolPlace& place, postoffice::FileSystem& files) {
  std::string what;
  try {
    return TrialRun(configuration, request, raw, place, files).run();
  } catch (const std::exception& exception) {
    what = exception.what();
  }
  Trial broken;
  TrialMessage& message = broken.messages.emplace_back();
  message.outcome = Outcome::temporary("the gateway could not deliver: " + what);
  return broken;
}

}  // namespace smtpgate::milter
