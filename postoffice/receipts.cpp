// Receipts; see the header. Everything that can fail is done before the mark is made: what is left
// after it is one rename.
#include "postoffice/receipts.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/compose.h"
#include "postoffice/folder.h"
#include "postoffice/group_file.h"
#include "postoffice/groups.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/mmff_text.h"
#include "postoffice/printable.h"
#include "postoffice/receipt_marks.h"
#include "postoffice/report_lines.h"
#include "postoffice/utf8.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t longest_value = 1000;  // octets taken over from the message into the answer
constexpr std::size_t most_requests = 100;

/// Reads a header's fields as UTF-8.
class Fields {
 public:
  Fields(const MessageHeader& header, const std::string& set) : header_(header), set_(set) {}

  /// Trimmed; nullopt if the field is not there.
  std::optional<std::string> find(std::string_view name) const {
    const auto value = header_.field(name);
    if (!value) return std::nullopt;
    return std::string(trim(to_utf8(*value, set_)));
  }
  std::string value(std::string_view name) const { return find(name).value_or(""); }
  /// At most most_requests + 1 of them: one more than could be answered.
  std::vector<std::string> all(std::string_view name) const {
    std::vector<std::string> found;
    for (const ExtendedField& field : header_.fields) {
      if (found.size() > most_requests) break;
      if (!equals_ignoring_case(field.name, name)) continue;
      const std::string value(trim(to_utf8(field.value, set_)));
      if (!value.empty()) found.push_back(value);
    }
    return found;
  }
  TypedAddress from() const { return {header_.from.type, to_utf8(header_.from.address, set_), {}}; }

 private:
  const MessageHeader& header_;
  const std::string& set_;
};

/// The part that names somebody at his site: before the @, or behind the last slash.
std::string_view local_name(std::string_view address) {
  const std::size_t at = address.rfind('@');
  if (at != std::string_view::npos) return address.substr(0, at);
  return address.substr(address.rfind('/') + 1);
}

bool is_program_address(std::string_view address) {
  constexpr std::array<std::string_view, 2> known = {"postmaster", "mailer-daemon"};
  return std::any_of(known.begin(), known.end(), [&](std::string_view one) {
    return equals_ignoring_case(local_name(address), one);
  });
}

class Judge {
 public:
  Judge(const Postoffice& postoffice, std::string_view mailbox, const MessageHeader& header,
        const std::string& set)
      : postoffice_(postoffice),
        mailbox_(mailbox),
        header_(header),
        fields_(header, set),
        from_(fields_.from()),
        envelope_from_(fields_.find(ext::envelope_from)) {}

  Expected<ReceiptRequest> run() {
    const std::vector<std::string> requests = fields_.all(ext::receipt_to);
    result_.is_asked =
        !requests.empty() || (is_from_inside() && equals_ignoring_case(header_.priority, "R"));
    if (!result_.is_asked) return std::move(result_);
    result_.never = why_never();
    if (!result_.never.empty()) return std::move(result_);
    find_askers(requests);
    if (result_.to.empty()) result_.never = "its request names nobody who could be answered";
    for (const TypedAddress& one : result_.to) {
      auto own = is_own(one);
      if (!own) return failure(own.error());
      if (*own) result_.never = "its request names this mailbox itself";
    }
    if (result_.never.empty()) result_.only_by_hand = why_only_by_hand(requests.size());
    return std::move(result_);
  }

 private:
  /// What the converter filed has an ENVELOPE-FROM always; outboxes cannot make one.
  bool is_from_inside() const { return !envelope_from_ && from_.type == "CSI"; }

  std::string why_never() const {
    if (envelope_from_ && envelope_from_->empty()) {
      return "its sender is <>, so a program sent it";
    }
    if (is_program_address(from_.address) ||
        (envelope_from_ && is_program_address(*envelope_from_))) {
      return "it is from a postmaster";
    }
    const std::string automatic = fields_.value(ext::auto_submitted);
    if (!automatic.empty() && !equals_ignoring_case(automatic, "no")) {
      return "a program sent it (" + automatic + ")";
    }
    if (fields_.find(ext::report_kind) || fields_.find(ext::disposition)) {
      return "it is a report itself";
    }
    const std::string precedence = fields_.value(ext::precedence);
    if (!precedence.empty()) return "it came over a list or in bulk (" + precedence + ")";
    if (ascii_lower(fields_.value(ext::receipt_options)).find("required") != std::string::npos) {
      return "it demands a form of receipt that is not known here (RFC 8098, 2.2)";
    }
    return {};
  }

  void find_askers(const std::vector<std::string>& requests) {
    if (is_from_inside()) {
      result_.to = {from_};
      return;
    }
    std::vector<std::string> keys;
    for (const std::string& request : requests) {
      // Not parse_member(), to which "a/b@example.com" is no mail address.
      TypedAddress address = starts_with_ignoring_case(request, "CSI:")
                                 ? TypedAddress::parse(request)
                                 : TypedAddress::internet(request);
      if (!parse_member(address.str(), postoffice_.settings().name)) continue;
      std::string key = address_key(address);
      if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
      keys.push_back(std::move(key));
      result_.to.push_back(std::move(address));
    }
  }

  Expected<bool> is_own(const TypedAddress& address) const {
    const auto native = NativeAddress::parse(address.address);
    if (address.type != "CSI" || !native || !(native->postoffice == postoffice_.settings().name)) {
      return false;
    }
    auto found = postoffice_.resolve(native->mailbox);
    if (!found && found.error().is_temporary()) return failure(found.error());
    return found && found->mailbox == mailbox_;
  }

  /// RFC 8098, 2.1.
  std::string why_only_by_hand(std::size_t requests) const {
    if (is_from_inside()) return {};
    if (result_.to.size() != 1 || requests != 1) return "its request names more than one address";
    const TypedAddress& asker = result_.to.front();
    if (asker.type == "CSI") {
      // FROM is native only where the sender was authenticated or local.
      return address_key(asker) == address_key(from_) ? std::string()
                                                      : "its request names another than its author";
    }
    if (!envelope_from_) return "it is not known who sent it";
    return address_key(asker) == address_key(TypedAddress::internet(*envelope_from_))
               ? std::string()
               : "its request names another address than it was sent from";
  }

  const Postoffice& postoffice_;
  const std::string_view mailbox_;
  const MessageHeader& header_;
  const Fields fields_;
  const TypedAddress from_;
  const std::optional<std::string> envelope_from_;
  ReceiptRequest result_;
};

std::string shortened(std::string text) {
  if (text.size() <= longest_value) return text;
  text.resize(longest_value);
  text.resize(valid_utf8_prefix(text));
  return text;
}

class Answering {
 public:
  Answering(const Postoffice& postoffice, const Mailbag& mailbag, const MailbagEntry& entry,
            ReceiptWish wish)
      : postoffice_(postoffice),
        files_(postoffice.files()),
        mailbag_(mailbag),
        entry_(entry),
        wish_(wish),
        directory_(path_in(postoffice.mailbag_directory(mailbag.mailbox()), layout::read)),
        mark_(path_in(directory_, receipt_mark(entry.id))) {}

  ReceiptResult run() {
    if (wish_ == ReceiptWish::forbidden) return quiet("no receipt, as was asked for");
    if (wish_ == ReceiptWish::as_set) {
      auto settings = read_mailbox_settings(postoffice_, mailbag_.mailbox());
      if (!settings) return told(settings.error());
      if (settings->receipts != "on-read") return quiet("receipts are not set to be sent");
      if (!settings->send_to_internet) return quiet("the mailbox may not send to the Internet");
    }
    auto header = read_header();
    if (!header) return told(header.error());
    set_ = character_set_of(*header, postoffice_.settings().character_set);
    auto request = judge_receipt_request(postoffice_, mailbag_.mailbox(), *header, set_);
    if (!request) return told(request.error());
    if (!request->is_asked) return not_asked();
    if (!request->never.empty()) return refused(request->never);
    if (wish_ == ReceiptWish::as_set && !request->only_by_hand.empty()) {
      return refused(request->only_by_hand + "; --receipt answers it all the same");
    }
    auto answered = files_.status(mark_);
    if (answered) return answered_before();
    if (answered.error().code != ENOENT) return told(answered.error().outcome());
    return answer(*header, request->to);
  }

 private:
  ReceiptResult quiet(std::string why) const { return {Outcome::delivered(std::move(why)), false}; }
  ReceiptResult told(Outcome outcome) const {
    return {outcome.is_delivered() ? std::move(outcome) : no_receipt(outcome), true};
  }
  static Outcome no_receipt(const Outcome& why) {
    std::string sentence = "no receipt: " + why.sentence();
    return why.is_temporary() ? Outcome::temporary(std::move(sentence), why.status())
                              : Outcome::permanent(std::move(sentence), why.status());
  }
  ReceiptResult refused(const std::string& why) const {
    return {Outcome::permanent("message " + entry_.short_id + " is not answered: " + why, "5.7.0"),
            true};
  }
  ReceiptResult not_asked() const {
    if (wish_ != ReceiptWish::by_hand) return quiet("nobody asked for a receipt");
    return refused("nobody asked for a receipt");
  }
  ReceiptResult answered_before() const {
    return quiet("message " + entry_.short_id + " was answered before");
  }

  Expected<MessageHeader> read_header() const {
    auto file = mailbag_.open_message(entry_);
    if (!file) return failure(file.error());
    FileSource source(**file);
    Reader reader(source);
    auto header = reader.next();
    if (!header) return failure(header.error().outcome());
    if (!*header) return failure(Outcome::permanent("the file is empty", "5.6.0"));
    return std::move(**header);
  }

  ReceiptResult answer(const MessageHeader& header, const std::vector<TypedAddress>& to) {
    const Composition composition = compose(header, to);
    const std::string text = text_of(header);
    MemorySource source(text);
    auto draft = MessageDraft::make(postoffice_, composition, source);
    if (!draft) return told(draft.error());
    bool was_there = false;
    if (Outcome marked = make_mark(was_there); !marked.is_delivered()) return told(marked);
    if (was_there) return answered_before();
    const Outcome dropped = draft->drop();
    if (!dropped.is_delivered()) return told(without_mark(dropped, draft->is_dropped()));
    std::string who = to.front().str();
    if (to.size() > 1) who += fmt::format(" and {} more", to.size() - 1);
    return told(Outcome::delivered("a receipt goes to " + who));
  }

  Composition compose(const MessageHeader& header, const std::vector<TypedAddress>& to) const {
    const Fields fields(header, set_);
    Composition composition;
    composition.mailbox = mailbag_.mailbox();
    for (const TypedAddress& one : to) composition.to.push_back(one.str());
    composition.subject = "Read: " + shortened(to_utf8(header.subject, set_));
    const auto add = [&](std::string_view name, std::string value) {
      if (value.empty() || value.size() > longest_value) return;
      composition.fields.push_back({'S', 0, std::string(name), std::move(value)});
    };
    add(ext::auto_submitted, "auto-replied");
    add(ext::disposition, std::string("manual-action/MDN-sent-") +
                              (wish_ == ReceiptWish::by_hand ? "manually" : "automatically") +
                              "; displayed");
    add(ext::report_for, message_id(fields));
    add(ext::original_recipient, fields.value(ext::original_recipient));
    return composition;
  }

  /// A message from within has no Message-ID, but in sent/ of its sender the name that it has here.
  std::string message_id(const Fields& fields) const {
    std::string written = fields.value(ext::message_id);
    if (!written.empty() || fields.find(ext::envelope_from)) return written;
    return local_message_id(entry_.id);
  }

  std::string text_of(const MessageHeader& header) const {
    const Fields fields(header, set_);
    const LocalTime now = postoffice_.local_time(std::time(nullptr));
    std::string text = "This is a receipt for your message\n\n";
    text += "  Subject: " + printable(shortened(to_utf8(header.subject, set_))) + '\n';
    const std::string sent = fields.value(ext::sent);
    const std::string date = header.date + (header.time.empty() ? "" : " " + header.time);
    text += "  Date:    " + printable(shortened(sent.empty() ? to_utf8(date, set_) : sent)) + '\n';
    text += fmt::format("\nIt was displayed to {} ({}/{}) at {}.\n", mailbag_.mailbox(),
                        postoffice_.settings().name.str(), mailbag_.mailbox(), now.rfc3339);
    text += "This does not say that it was read to its end, understood or agreed with.\n";
    return text;
  }

  /// O_EXCL and synced: of two who answer at once, one finds it there.
  Outcome make_mark(bool& was_there) {
    auto owner = owner_for_new_files(files_, postoffice_.directory());
    if (!owner) return owner.error().outcome();
    auto file = files_.create(mark_, 0644);
    if (!file) {
      was_there = file.error().code == EEXIST;
      return was_there ? Outcome::delivered("answered before") : file.error().outcome();
    }
    FileResult<void> done;
    if (*owner) done = (*file)->set_owner((*owner)->user, (*owner)->group);
    if (done) done = files_.sync_directory(directory_);  // it is its name, and holds nothing
    return done ? Outcome::delivered("marked") : without_mark(done.error().outcome(), false);
  }

  /// The answer did not leave, so the next reader may try again; a mark that stays prevents that.
  Outcome without_mark(const Outcome& why, bool may_have_left) {
    if (may_have_left) return why;
    auto removed = files_.remove(mark_);
    if (removed || removed.error().code == ENOENT) return why;
    return Outcome::temporary(why.sentence() + "; and " + removed.error().sentence() +
                              ": remove it by hand to try again");
  }

  const Postoffice& postoffice_;
  FileSystem& files_;
  const Mailbag& mailbag_;
  const MailbagEntry& entry_;
  const ReceiptWish wish_;
  const std::string directory_;  ///< cur/
  const std::string mark_;
  std::string set_;
};

}  // namespace

Expected<ReceiptRequest> judge_receipt_request(const Postoffice& postoffice,
                                               std::string_view mailbox,
                                               const MessageHeader& header,
                                               const std::string& set) {
  return Judge(postoffice, mailbox, header, set).run();
}

ReceiptResult answer_receipt_request(const Postoffice& postoffice, const Mailbag& mailbag,
                                     const MailbagEntry& entry, ReceiptWish wish) {
  return Answering(postoffice, mailbag, entry, wish).run();
}

}  // namespace smtpgate::postoffice
