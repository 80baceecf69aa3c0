// Serving one message of an outbox; see the header.
#include "postoffice/outbox_message.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "postoffice/character_set.h"
#include "postoffice/derived_key.h"
#include "postoffice/groups.h"
#include "postoffice/hand_copy.h"
#include "postoffice/mailbox_move.h"
#include "postoffice/mmff_text.h"
#include "postoffice/outbox_recipients.h"
#include "postoffice/outgoing.h"
#include "postoffice/printable.h"
#include "postoffice/put.h"
#include "postoffice/reports.h"
#include "postoffice/told_recipients.h"

namespace smtpgate::postoffice {

namespace {

constexpr int too_much = 145;

/// What makes the message the same one after a crash. BLAKE2b like a content key, of a text that no
/// content key is made of.
std::string key_of(const OutboxMessage& message) {
  return derived_key(fmt::format("smtpgate-outbox-1\n{}\n{}", message.id, message.number));
}

FormatError refusal(int number, std::uint64_t message, std::string text) {
  FormatError error;
  error.number = number;
  error.message = message;
  error.line = 0;
  error.text = std::move(text);
  return error;
}

class Server {
 public:
  Server(const Postoffice& postoffice, const OutboxMessage& message,
         const std::function<void(const OutboxNote&)>& tell)
      : postoffice_(postoffice),
        message_(message),
        tell_(tell),
        key_(key_of(message)),
        set_(character_set_of(*message.header, postoffice.settings().character_set)) {}

  OutboxServed run() {
    if (!judge_sender()) return std::move(served_);
    recipients_ = find_outbox_recipients(postoffice_, *message_.header, set_);
    if (recipients_.are_too_many) {
      refuse(too_much,
             fmt::format("more than {} recipients, or groups with too many members; send it in "
                         "parts",
                         most_outgoing_recipients));
      return std::move(served_);
    }
    auto settings = read_mailbox_settings(postoffice_, message_.mailbox);
    if (!settings && !message_.is_late) {
      trouble({}, settings.error());
      return std::move(served_);
    }
    keeps_sent_ = settings && settings->keep_sent;
    if (!settings || !settings->send_to_internet) refuse_internet(settings);
    leave_out_moved();
    if (!make_copies()) return std::move(served_);
    serve_here();
    if (draft_) hand_over();
    report_failures();
    return std::move(served_);
  }

 private:
  void tell(const std::string& recipient, Outcome outcome) {
    tell_({message_.mailbox, message_.file, message_.id, recipient, std::move(outcome)});
  }

  /// Something that may pass: the message stays for another day.
  void trouble(const std::string& recipient, const Outcome& outcome) {
    served_.is_unfinished = true;
    tell(recipient, outcome);
  }

  void refuse(int number, std::string text) {
    served_.refused = refusal(number, message_.number, std::move(text));
  }

  bool judge_sender() {
    auto why = why_not_from(postoffice_, message_.mailbox, *message_.header, message_.number);
    if (!why) {
      trouble({}, why.error());
      return false;
    }
    served_.refused = std::move(*why);
    return !served_.refused;
  }

  /// What the message or a group names on the Internet. Where a forward of another mailbox leads is
  /// that mailbox's affair.
  void refuse_internet(const Expected<MailboxSettings>& settings) {
    const Outcome refusal = Outcome::permanent(
        settings ? "mailbox " + message_.mailbox + " may not send mail to the Internet"
                 : settings.error().sentence(),
        "5.7.1");
    std::erase_if(recipients_.beyond, [&](const BeyondRecipient& one) {
      const bool is_forwarded = !one.via.empty() && one.via == one.owner;
      if (one.address.type != "SMTP" || is_forwarded) return false;
      recipients_.failures.push_back({one.address, refusal});
      return true;
    });
  }

  /// Mailboxes that got it at an earlier try and have moved to another postoffice since: it went
  /// over with the rest, and would go there a second time.
  void leave_out_moved() {
    const std::int64_t now = std::time(nullptr);
    std::erase_if(recipients_.beyond, [&](const BeyondRecipient& one) {
      if (one.via.empty()) return false;
      const auto known_there = was_filed_before_forward(postoffice_, one.via, key_, now);
      if (!known_there) {
        recipients_.failures.push_back({one.address, known_there.error()});
        return true;
      }
      if (*known_there) {
        tell(one.address.str(),
             Outcome::delivered("duplicate of " + key_ + " in mailbox " + one.via));
      }
      return *known_there;
    });
  }

  bool is_held_back() const { return recipients_.has_temporary_failure() && !message_.is_late; }

  /// The message for mailboxes here, and for Postfix; none where there is nobody for it.
  bool make_copies() {
    const bool is_for_postfix = !recipients_.beyond.empty() && !is_held_back();
    if (!recipients_.mailboxes.empty() || keeps_sent_) {
      auto delivery = Delivery::begin(postoffice_);
      if (!delivery) return give_up(delivery.error());
      delivery_.emplace(std::move(*delivery));
    }
    if (is_for_postfix) {
      auto draft = OutgoingDraft::begin(postoffice_, OutgoingContent::mmff);
      if (!draft) return give_up(draft.error());
      draft_.emplace(std::move(*draft));
    }
    if (!delivery_ && !draft_) return true;
    HandCopy copy(postoffice_, *message_.content, *message_.reader, *message_.header, false);
    File& first = delivery_ ? delivery_->message_file() : draft_->content();
    auto copied = copy.write_to(first, message_.number == 1);
    if (copied.failed) return give_up(*copied.failed);
    if (copied.format_error) {
      served_.refused = std::move(copied.format_error);
      served_.is_format_error = true;
      return false;
    }
    if (delivery_ && draft_) {
      auto status = first.status();
      auto done = status ? draft_->content().append_from(first, 0, status->size)
                         : FileResult<void>(tl::unexpected(status.error()));
      if (!done) return give_up(done.error().outcome());
    }
    return true;
  }

  bool give_up(const Outcome& outcome) {
    trouble({}, outcome);
    return false;
  }

  void serve_here() {
    if (!delivery_) return;
    const Outcome sealed = delivery_->seal(std::time(nullptr), key_);
    if (!sealed.is_delivered()) return trouble({}, sealed);
    const std::vector<FilingTarget> targets = recipients_.filing_targets();
    const std::vector<Outcome> outcomes = delivery_->file_into_all(targets);
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const NativeAddress address{postoffice_.settings().name, targets[i].mailbox};
      const Outcome& filed = outcomes[i];
      if (filed.is_temporary() && !message_.is_late) {
        trouble("CSI:" + address.str(), filed);
      } else if (filed.is_delivered()) {
        tell("CSI:" + address.str(), filed);
      } else {
        recipients_.failures.push_back({TypedAddress::native(address), filed});
      }
    }
    if (!keeps_sent_) return;
    const Outcome kept = delivery_->keep_sent(message_.mailbox);
    if (kept.is_temporary() && !message_.is_late) return trouble({}, kept);
    if (!kept.is_delivered()) tell({}, kept);
  }

  void report_failures() {
    NonDelivery failed;
    failed.message_id = key_;
    for (const FailedRecipient& one : recipients_.failures) {
      if (one.outcome.is_temporary() && !message_.is_late) {
        trouble(one.address.str(), one.outcome);
        continue;
      }
      OutgoingRecipient recipient;
      recipient.address = one.address;
      recipient.state = RecipientState::failed;
      recipient.status = one.outcome.status();
      recipient.reason = one.outcome.sentence();
      failed.recipients.push_back(std::move(recipient));
      tell(one.address.str(), one.outcome);
    }
    if (failed.recipients.empty()) return;
    failed.original = message_.content;
    failed.original_part = {message_.start, message_.size};
    const Outcome reported = file_non_delivery(postoffice_, message_.mailbox, failed);
    if (!reported.is_delivered()) trouble({}, reported);
  }

  std::vector<OutgoingRecipient> recipients_beyond() const {
    std::vector<OutgoingRecipient> all;
    for (const BeyondRecipient& beyond : recipients_.beyond) {
      OutgoingRecipient recipient;
      recipient.address = beyond.address;
      all.push_back(std::move(recipient));
    }
    return all;
  }

  /// Some recipients, and the key under which they are handed over once.
  struct Part {
    std::vector<OutgoingRecipient> recipients;
    std::string key;
  };

  /// All in one, as a rule. But where somebody here does not get it yet, there is another try, and
  /// who is here now may be beyond then (a mailbox that moves, a new forward): then it is written
  /// down who goes with the first part, so that others neither miss it nor have it go twice.
  Expected<std::vector<Part>> parts() {
    std::vector<OutgoingRecipient> all = recipients_beyond();
    auto told = ToldRecipients::read(postoffice_, message_.mailbox, "handed over\n" + key_);
    if (!told) return failure(told.error());
    std::vector<Part> result;
    if (told->is_empty() && !served_.is_unfinished) {
      result.push_back({std::move(all), key_});
      return result;
    }
    auto groups = told->divide(all);
    if (!groups) return failure(groups.error());
    for (ToldRecipients::Group& group : *groups) {
      result.push_back(
          {std::move(group.recipients),
           group.number == 0
               ? key_
               : derived_key(fmt::format("smtpgate-outbox-part-1\n{}\n{}", key_, group.identity))});
    }
    return result;
  }

  void hand_over() {
    auto all = parts();
    if (!all) return trouble({}, all.error());
    // Copies first: what is handed over cannot be read any more.
    std::vector<OutgoingDraft> drafts;
    drafts.push_back(std::move(*draft_));
    while (drafts.size() < all->size()) {
      auto copy = copy_of(drafts.front());
      if (!copy) return trouble({}, copy.error());
      drafts.push_back(std::move(*copy));
    }
    for (std::size_t i = 0; i < all->size(); ++i) hand_over_part(drafts[i], std::move((*all)[i]));
  }

  Expected<OutgoingDraft> copy_of(OutgoingDraft& draft) {
    auto copy = OutgoingDraft::begin(postoffice_, OutgoingContent::mmff);
    if (!copy) return copy;
    auto status = draft.content().status();
    auto done = status ? copy->content().append_from(draft.content(), 0, status->size)
                       : FileResult<void>(tl::unexpected(status.error()));
    if (!done) return failure(done.error().outcome());
    return copy;
  }

  void hand_over_part(OutgoingDraft& draft, Part part) {
    OutgoingState state;
    state.mailbox = message_.mailbox;
    state.created = std::time(nullptr);
    state.next_attempt = state.created;
    state.recipients = part.recipients;
    const Outcome handed = draft.hand_over(std::move(state), part.key);
    if (handed.is_permanent()) {
      for (const OutgoingRecipient& one : part.recipients) {
        recipients_.failures.push_back({one.address, handed});
      }
      return;
    }
    if (handed.is_temporary()) return trouble({}, handed);
    served_.was_handed_over = true;
    if (handed.sentence().starts_with("duplicate ")) return tell({}, handed);
    // Under the ID that all further lines of it have; this one has both.
    tell_({message_.mailbox,
           message_.file,
           draft.id(),
           {},
           handed.with("; taken as " + message_.id)});
  }

  const Postoffice& postoffice_;
  const OutboxMessage& message_;
  const std::function<void(const OutboxNote&)>& tell_;
  const std::string key_;
  const std::string set_;
  OutboxRecipients recipients_;
  bool keeps_sent_ = false;
  std::optional<Delivery> delivery_;
  std::optional<OutgoingDraft> draft_;
  OutboxServed served_;
};

}  // namespace

ReaderOptions outbox_reader_options() {
  ReaderOptions options;
  options.most_recipients = most_outgoing_recipients;
  // What a person or program writes; the wide limits are for what the gateway itself has written.
  options.longest_line = std::uint64_t{1} << 20;
  options.largest_header = std::uint64_t{64} << 20;
  return options;
}

Expected<std::optional<FormatError>> why_not_from(const Postoffice& postoffice,
                                                  const std::string& mailbox,
                                                  const MessageHeader& header,
                                                  std::uint64_t number) {
  const TypedAddress& from = header.from;
  const std::string address =
      to_utf8(from.address, character_set_of(header, postoffice.settings().character_set));
  auto native = NativeAddress::parse(address);
  if (from.type == "CSI" && native && native->postoffice == postoffice.settings().name) {
    auto found = postoffice.resolve(native->mailbox);
    if (!found && found.error().is_temporary()) return failure(found.error());
    if (found && found->mailbox == mailbox && found->how != "catch-all") return std::nullopt;
  }
  return refusal(
      bad_address, number,
      fmt::format("Bad address {}:{} in FROM: mail from this outbox is from {}/{} or one "
                  "of its aliases",
                  from.type, address, postoffice.settings().name.str(), mailbox));
}

OutboxServed serve_outbox_message(const Postoffice& postoffice, const OutboxMessage& message,
                                  const std::function<void(const OutboxNote&)>& tell) {
  return Server(postoffice, message, tell).run();
}

}  // namespace smtpgate::postoffice
