// Mail from peers; see the header.
#include "postoffice/peer_mail.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "postoffice/ascii.h"
#include "postoffice/byte_stream.h"
#include "postoffice/character_set.h"
#include "postoffice/derived_key.h"
#include "postoffice/folder.h"
#include "postoffice/groups.h"
#include "postoffice/mailbox_move.h"
#include "postoffice/message_copy.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/mmff_text.h"
#include "postoffice/outbox_recipients.h"
#include "postoffice/put.h"
#include "postoffice/reports.h"

namespace smtpgate::postoffice {

namespace {

/// Fields that the converter alone writes: they would show another sender than FROM, or recipients
/// that are none.
constexpr std::string_view converters_fields[] = {ext::content_key, ext::envelope_from,
                                                  ext::envelope_to, ext::header_from};

bool is_converters(const ExtendedField& field) {
  return std::any_of(std::begin(converters_fields), std::end(converters_fields),
                     [&](std::string_view name) { return equals_ignoring_case(field.name, name); });
}

/// No two programs may report to each other for ever.
bool is_made_by_program(const MessageHeader& header, const NativeAddress& from) {
  return fold_mailbox_name(from.mailbox) == layout::postmaster ||
         header.field(ext::auto_submitted) || header.field(ext::disposition);
}

/// One hand-over for each message and each name that passes it on. BLAKE2b like a content key, of a
/// text that no content key is made of.
std::string key_of(const std::string& mac, const std::string& via) {
  return derived_key("smtpgate-encapsulated-1\n" + mac + "\n" + via);
}

bool is_same(const NativeAddress& a, const NativeAddress& b) {
  return a.postoffice == b.postoffice &&
         fold_mailbox_name(a.mailbox) == fold_mailbox_name(b.mailbox);
}

OutgoingRecipient failed_recipient(const TypedAddress& address, const Outcome& outcome) {
  OutgoingRecipient recipient;
  recipient.address = address;
  recipient.state = RecipientState::failed;
  recipient.status = outcome.status();
  recipient.reason = outcome.sentence();
  return recipient;
}

class Putting {
 public:
  Putting(const Postoffice& postoffice, const PeerMail& mail)
      : postoffice_(postoffice), mail_(mail), message_(*mail.message) {}

  Outcome run() {
    OffsetSource source(*message_.content.file, message_.content.offset, message_.content.size);
    Reader reader(source);
    auto header = reader.next();
    if (!header) return header.error().outcome();
    if (!*header) return Outcome::permanent("the payload has no message", "5.6.0");
    is_made_by_program_ = is_made_by_program(**header, message_.header.from);
    find();
    auto delivery = Delivery::begin(postoffice_);
    if (!delivery) return delivery.error();
    File& copy = delivery->message_file();
    if (Outcome written = write(reader, std::move(**header), copy); !written.is_delivered()) {
      return written;
    }
    if (mail_.too_late()) return too_late();
    const Outcome sealed = delivery->seal(mail_.arrival, message_.mac);
    if (!sealed.is_delivered()) return sealed;
    file(*delivery);
    pass_on(copy);
    if (trouble_) return *trouble_;
    return report(copy);
  }

 private:
  static Outcome too_late() {
    return Outcome::temporary(
        "the deadline passed before the message was filed; it will be tried again", "4.4.7");
  }

  void note_trouble(const Outcome& outcome) {
    if (!trouble_) trouble_ = outcome;
  }

  void find() {
    std::vector<TypedAddress> addresses;
    for (const NativeAddress& one : mail_.to) addresses.push_back(TypedAddress::native(one));
    recipients_ = find_recipients(postoffice_, addresses);
    failed_ = mail_.refused;
    if (recipients_.are_too_many) {
      const Outcome why = Outcome::permanent(
          fmt::format("more than {} recipients, or groups with too many members; send it in parts",
                      most_outgoing_recipients),
          "5.5.3");
      recipients_ = {};
      for (const TypedAddress& one : addresses) failed_.push_back(failed_recipient(one, why));
    }
    for (const FailedRecipient& one : recipients_.failures) {
      if (one.outcome.is_temporary()) {
        note_trouble(one.outcome);
      } else {
        failed_.push_back(failed_recipient(one.address, one.outcome));
      }
    }
  }

  /// Octet for octet but for what docs/encapsulation.md names.
  Outcome write(Reader& reader, MessageHeader header, File& target) {
    const FileRange& range = message_.content;
    const bool lacks_set =
        !header.field(ext::character_set) &&
        !equals_ignoring_case(message_.header.character_set, postoffice_.settings().character_set);
    if (std::erase_if(header.fields, is_converters) > 0) {
      if (lacks_set) header.add_field(ext::character_set, message_.header.character_set);
      FileSink sink(target);
      const CopyResult copied =
          copy_message(postoffice_, reader, std::move(header), sink, reader.line_end());
      if (copied.failed) return *copied.failed;
      if (copied.format_error) return copied.format_error->outcome();
      return Outcome::delivered("written");
    }
    // Before the last token line, where our own writer has its fields as well.
    const std::uint64_t place = lacks_set ? reader.last_line_offset() : 0;
    std::string field;
    if (lacks_set) {
      const std::string_view end = line_end_octets(reader.line_end());
      field = fmt::format("EXT:S:0:{}{}{}{}", ext::character_set, end,
                          message_.header.character_set, end);
    }
    auto written = target.append_from(*range.file, range.offset, place);
    if (written) written = target.write(field);
    if (written)
      written = target.append_from(*range.file, range.offset + place, range.size - place);
    return written ? Outcome::delivered("written") : written.error().outcome();
  }

  void file(Delivery& delivery) {
    const std::vector<FilingTarget> targets = recipients_.filing_targets();
    const std::vector<Outcome> outcomes =
        delivery.file_into_all(targets, [this](std::size_t) -> std::optional<Outcome> {
          if (mail_.too_late()) return too_late();
          return std::nullopt;
        });
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const Outcome& filed = outcomes[i];
      if (filed.is_delivered()) {
        ++filed_;
      } else if (filed.is_temporary()) {
        note_trouble(filed);
      } else {
        failed_.push_back(failed_recipient(
            TypedAddress::native({postoffice_.settings().name, targets[i].mailbox}), filed));
      }
    }
  }

  /// Only when it is known who they all are: what was handed over is not added to.
  void pass_on(File& copy) {
    if (recipients_.has_temporary_failure()) return;
    std::vector<BeyondRecipient>& all = recipients_.beyond;
    std::erase_if(all, [&](const BeyondRecipient& one) { return is_not_to_go_on(one); });
    std::stable_sort(
        all.begin(), all.end(),
        [](const BeyondRecipient& a, const BeyondRecipient& b) { return a.via < b.via; });
    for (auto first = all.begin(); first != all.end();) {
      const auto last = std::find_if(
          first, all.end(), [&](const BeyondRecipient& one) { return one.via != first->via; });
      const Outcome handed = mail_.too_late() ? too_late() : hand_over(copy, first, last);
      if (handed.is_delivered()) {
        passed_on_ += static_cast<std::size_t>(last - first);
      } else if (handed.is_temporary()) {
        note_trouble(handed);
      } else {
        for (; first != last; ++first) failed_.push_back(failed_recipient(first->address, handed));
      }
      first = last;
    }
  }

  /// A mailbox that got it at an earlier try and has moved to another postoffice since has it
  /// there.
  bool is_not_to_go_on(const BeyondRecipient& one) {
    const auto known_there =
        was_filed_before_forward(postoffice_, one.via, message_.mac, mail_.arrival);
    if (!known_there) {
      note_trouble(known_there.error());
      return true;
    }
    if (*known_there) ++filed_;
    return *known_there;
  }

  template <typename Place>
  Outcome hand_over(File& copy, Place first, Place last) {
    auto draft = OutgoingDraft::begin(postoffice_, OutgoingContent::mmff);
    if (!draft) return draft.error();
    auto status = copy.status();
    if (!status) return status.error().outcome();
    auto copied = draft->content().append_from(copy, 0, status->size);
    if (!copied) return copied.error().outcome();
    OutgoingState state;
    // What programs made goes on as a program's: nobody is told of its failure.
    if (!is_made_by_program_) state.mailbox = first->owner;
    state.created = mail_.arrival;
    state.next_attempt = mail_.arrival;
    for (Place one = first; one != last; ++one) {
      OutgoingRecipient recipient;
      recipient.address = one->address;
      state.recipients.push_back(std::move(recipient));
    }
    return draft->hand_over(std::move(state), key_of(message_.mac, first->via));
  }

  Outcome report(File& copy) {
    const std::string here = postoffice_.settings().name.str();
    std::string told;
    if (!failed_.empty()) {
      NonDelivery failed;
      failed.message_id = message_.header.id;
      failed.recipients = failed_;
      failed.remark = "It came encapsulated and was opened by the postmaster of " + here + ".";
      failed.original = &copy;
      const Outcome reported = is_made_by_program_
                                   ? file_non_delivery(postoffice_, layout::postmaster, failed)
                                   : send_non_delivery(postoffice_, message_.header.from, failed);
      // Permanent is nothing that Postfix could do better.
      if (!reported.is_delivered()) return Outcome::temporary(reported.sentence());
      told = fmt::format(", {} reported to {}", failed_.size(),
                         is_made_by_program_ ? "the postmaster" : message_.header.from.str());
    }
    std::string passed = passed_on_ > 0 ? fmt::format(", passed on to {}", passed_on_) : "";
    return Outcome::delivered(fmt::format("unwrapped: filed as {} in {} mailbox{} of {}{}{}",
                                          message_.mac, filed_, filed_ == 1 ? "" : "es", here,
                                          passed, told));
  }

  const Postoffice& postoffice_;
  const PeerMail& mail_;
  const EncapsulatedMessage& message_;
  OutboxRecipients recipients_;
  std::vector<OutgoingRecipient> failed_;
  std::optional<Outcome> trouble_;
  bool is_made_by_program_ = false;
  std::size_t filed_ = 0;
  std::size_t passed_on_ = 0;
};

}  // namespace

Expected<void> check_peer_message(const EncapsulatedMessage& message) {
  const FileRange& range = message.content;
  OffsetSource source(*range.file, range.offset, range.size);
  Reader reader(source);
  auto header = reader.next();
  if (!header) return failure(header.error().outcome());
  if (!*header) return failure(Outcome::permanent("the payload has no message", "5.6.0"));
  const TypedAddress& from = (*header)->from;
  const std::string set = character_set_of(**header, message.header.character_set);
  const auto native = NativeAddress::parse(to_utf8(from.address, set));
  if (from.type != "CSI" || !native || !is_same(*native, message.header.from)) {
    return failure(Outcome::permanent(
        "the message is from another than its payload, " + message.header.from.str(), "5.6.0"));
  }
  auto second = reader.next();
  if (!second) return failure(second.error().outcome());
  if (*second) return failure(Outcome::permanent("the payload has several messages", "5.6.0"));
  return {};
}

Outcome put_peer_mail(const Postoffice& postoffice, const PeerMail& mail) {
  return Putting(postoffice, mail).run();
}

}  // namespace smtpgate::postoffice
