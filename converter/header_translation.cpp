// How the header's fields are shared out: see the header and docs/conversion.md.
#include "converter/header_translation.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "converter/address_list.h"
#include "converter/answering_fields.h"
#include "converter/encoded_word.h"
#include "converter/mail_date.h"
#include "postoffice/ascii.h"
#include "postoffice/character_set.h"

namespace smtpgate::converter {

using postoffice::MessageHeader;
using postoffice::NativeAddress;
using postoffice::TypedAddress;
namespace ext = postoffice::ext;

namespace {

// MMFF demands a TO line; the recipients may not stand in for it, since one of them may be a Bcc.
constexpr std::string_view nobody = "undisclosed-recipients:;";

// Trace is dropped from the text as the original did (Q115493); -T shows it.
bool is_trace(std::string_view name) {
  return equals_ignoring_case(name, "Received") || equals_ignoring_case(name, "Return-Path");
}

// Said in other ways by the file itself once the parts are decoded.
bool describes_encoding(std::string_view name) {
  constexpr std::array<std::string_view, 4> names = {
      "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition"};
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view n) { return equals_ignoring_case(name, n); });
}

// Likewise, of mail before MIME (RFC 1154, Q111857); kept aside, because relays make it wrong.
bool tells_of_parts(std::string_view name) {
  return equals_ignoring_case(name, "Encoding") || equals_ignoring_case(name, "X-MS-Attachment");
}

// A blind recipient appears in no shared file, whatever a careless sender wrote; nor does what
// delivery agents add for the one recipient of their copy.
bool is_blind(std::string_view name) {
  constexpr std::array<std::string_view, 6> names = {
      "Bcc", "Resent-Bcc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To"};
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view n) { return equals_ignoring_case(name, n); });
}

class Translation {
 public:
  Translation(const HeaderFields& fields, const Envelope& envelope, const AddressMap& map,
              const TargetFormat& target, const InboundSettings& settings)
      : fields_(fields), envelope_(envelope), map_(map), target_(target), settings_(settings) {}

  TranslatedHeader run() {
    set_from();
    shown_to_ = add_addresses("To", result_.message.to);
    shown_cc_ = add_addresses("Cc", result_.message.cc);
    if (result_.message.to.empty()) {
      result_.message.to.push_back(TypedAddress::internet(std::string(nobody)));
    }
    if (const HeaderField* subject = fields_.find("Subject")) {
      result_.message.subject = decode(subject->value);
    }
    result_.message.priority = priority();
    result_.message.date = target_.arrival.date;
    result_.message.time = target_.arrival.time;
    add_extended_fields();
    share_out_lines();
    return std::move(result_);
  }

 private:
  std::string decode(std::string_view value) {
    DecodedText decoded = decode_header_text(unfold(value));
    result_.odd = result_.odd || decoded.odd || decoded.replaced > 0;
    return std::move(decoded.text);
  }

  // A postoffice that is not UTF-8 may lack a letter of an address: it would be another's there.
  bool survives_target_set(const std::string& address) const {
    const std::string there = postoffice::from_utf8(address, target_.character_set);
    return postoffice::to_utf8(there, target_.character_set) == postoffice::compose(address);
  }

  bool is_native_in_target_set(const std::string& native) const {
    return survives_target_set(native) &&
           postoffice::has_native_form(postoffice::from_utf8(native, target_.character_set));
  }

  // Only a domain of the map and a legal mailbox name make an address native (Q112286); not a
  // domain that several postoffices share, since only a look into them says whose it is.
  TypedAddress typed(const HeaderAddress& header) const {
    const AddressMap::Entry* entry = header.address.domain.empty()
                                         ? nullptr
                                         : map_.find(canonical_domain(header.address.domain));
    const bool is_one_postoffices = entry != nullptr && !map_.is_shared(header.address.domain);
    if (is_one_postoffices && !postoffice::why_bad_mailbox_name(header.address.local_part)) {
      const NativeAddress native{entry->postoffice, header.address.local_part};
      if (is_native_in_target_set(native.str())) return TypedAddress::native(native, header.name);
    }
    return TypedAddress::internet(header.address.str(), header.name);
  }

  void set_from() {
    const std::string envelope_sender = envelope_.sender;
    const HeaderField* field = fields_.find("From");
    AddressList list;
    if (field != nullptr) list = parse_address_list(field->value, settings_.most_addresses);
    result_.odd = result_.odd || list.odd;
    // A domain that stands only in a group's name was seen by nobody who judges senders by it.
    std::erase_if(list.addresses, [](const HeaderAddress& one) {
      return one.is_told_by_group && !one.address.domain.empty();
    });
    TypedAddress& from = result_.message.from;
    shown_from_ =
        list.addresses.size() == 1 && !list.odd && !list.says_more && !settings_.from_envelope;
    if (!settings_.from_envelope && !list.addresses.empty()) {
      // An outsider's From stays an Internet address even if it claims a domain of ours.
      from = envelope_.sender_is_trusted
                 ? typed(list.addresses.front())
                 : TypedAddress::internet(list.addresses.front().address.str(),
                                          list.addresses.front().name);
      return;
    }
    if (envelope_sender.empty()) {
      // The null return path is the postmaster's (Q98067), so that an answer goes to no loop.
      from = TypedAddress::native(NativeAddress{target_.name, "postmaster"});
    } else {
      const std::optional<InternetAddress> address = parse_path(envelope_sender);
      HeaderAddress sender;
      if (address) sender.address = *address;
      from = address && envelope_.sender_is_trusted
                 ? typed(sender)
                 : TypedAddress::internet(address ? address->str() : envelope_sender);
      // The header's name is shown where both speak of the same address (Q112286).
      if (address && list.addresses.size() == 1 &&
          equals_ignoring_case(list.addresses.front().address.str(), address->str())) {
        from.name = list.addresses.front().name;
        shown_from_ = true;
      }
    }
    if (field != nullptr && settings_.from_envelope) {
      result_.message.add_field(ext::header_from, decode(field->value));
    }
  }

  // True if the tokens say all that the header lines said.
  bool add_addresses(std::string_view name, std::vector<TypedAddress>& addresses) {
    bool says_all = true;
    for (const HeaderField* field : fields_.find_all(name)) {
      AddressList list = parse_address_list(field->value, settings_.most_addresses);
      result_.odd = result_.odd || list.odd;
      const bool fits = addresses.size() + list.addresses.size() <= settings_.most_addresses;
      if (list.truncated || !fits) return false;
      for (const HeaderAddress& address : list.addresses) addresses.push_back(typed(address));
      says_all = says_all && !list.odd && !list.says_more;
    }
    return says_all;
  }

  // Importance, X-Priority and Priority to the native codes (Q112915): 5 urgent, 1 low, none for
  // normal.
  std::string priority() const {
    const auto first_word = [&](std::string_view name) -> std::string {
      const HeaderField* field = fields_.find(name);
      if (field == nullptr) return {};
      const std::string value = ascii_lower(unfold(field->value));
      return value.substr(0, value.find_first_of(" \t(;"));
    };
    for (const std::string& word : {first_word("Importance"), first_word("X-Priority"),
                                    first_word("Priority"), first_word("X-MSMail-Priority")}) {
      if (word == "high" || word == "urgent" || word == "1" || word == "2") return "5";
      if (word == "low" || word == "non-urgent" || word == "4" || word == "5") return "1";
    }
    return {};
  }

  void add_if_present(std::string_view field_name, std::string_view ext_name) {
    const HeaderField* field = fields_.find(field_name);
    if (field == nullptr) return;
    std::string value = decode(field->value);
    if (!value.empty()) result_.message.add_field(ext_name, std::move(value));
  }

  void add_extended_fields() {
    MessageHeader& message = result_.message;
    message.add_field(ext::envelope_from, envelope_.sender);
    add_if_present("Message-ID", ext::message_id);
    if (const HeaderField* field = fields_.find("Date")) {
      if (const std::optional<MailDate> date = parse_mail_date(unfold(field->value))) {
        message.add_field(ext::sent, date->rfc3339());
      } else {
        message.add_field(ext::sent_as_written, decode(field->value));
        message.add_field(ext::odd, "date-unreadable");
      }
    }
    message.add_field(ext::received, target_.arrival.rfc3339);
    add_if_present("Sender", ext::sender);
    add_if_present("Reply-To", ext::reply_to);
    add_answering_fields();
    if (!envelope_.queue_id.empty()) message.add_field(ext::queue_id, envelope_.queue_id);
  }

  void add_answering_fields() {
    MessageHeader& message = result_.message;
    AnsweringFields answering = read_answering_fields(fields_);
    for (HeaderAddress& one : answering.receipt_to) {
      // In the form in which ENVELOPE-FROM is compared with it; names say nothing here.
      one.address.domain = canonical_domain(one.address.domain);
      const TypedAddress address = typed(one);
      if (!survives_target_set(address.address)) continue;
      message.add_field(ext::receipt_to, address.type == "SMTP" ? address.address : address.str());
    }
    const auto add = [&](std::string_view name, std::string& value) {
      if (!value.empty()) message.add_field(name, std::move(value));
    };
    add(ext::receipt_options, answering.receipt_options);
    add(ext::original_recipient, answering.original_recipient);
    add(ext::auto_submitted, answering.auto_submitted);
    add(ext::precedence, answering.precedence);
  }

  // Every field ends in a token, on top of the text, in TRACE, or is one of the few that say
  // nothing more.
  void share_out_lines() {
    bool subject_seen = false;
    bool from_seen = false;
    std::set<std::string> described;
    for (const HeaderField& field : fields_.all()) {
      const std::string_view name = field.name;
      if (is_blind(name)) continue;
      if (is_trace(name) || tells_of_parts(name) ||
          matches_field_pattern(name, settings_.hidden_fields)) {
        if (settings_.keep_trace) {
          show(field);
        } else {
          result_.message.add_field(ext::trace, line_of(field));
        }
        continue;
      }
      if (describes_encoding(name)) {
        // Only the first one was heard.
        if (!described.insert(ascii_lower(name)).second) show(field);
        continue;
      }
      if (equals_ignoring_case(name, "From")) {
        if (!shown_from_ || from_seen) show(field);
        from_seen = true;
      } else if (equals_ignoring_case(name, "Subject")) {
        if (subject_seen) show(field);
        subject_seen = true;
      } else if (equals_ignoring_case(name, "To")) {
        if (!shown_to_) show(field);
      } else if (equals_ignoring_case(name, "Cc")) {
        if (!shown_cc_) show(field);
      } else {
        show(field);
      }
    }
  }

  // Folds are often made with a tab, which says nothing once the line is whole again.
  std::string line_of(const HeaderField& field) {
    std::string line = field.name.empty() ? std::string() : field.name + ": ";
    line += decode(field.value);
    std::replace(line.begin(), line.end(), '\t', ' ');
    return line;
  }

  // A decoded word may hold a line end: it would add a line that HEADLEN does not count.
  void show(const HeaderField& field) {
    std::string line = line_of(field);
    std::replace_if(
        line.begin(), line.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
    result_.text_lines.push_back(std::move(line));
  }

  const HeaderFields& fields_;
  const Envelope& envelope_;
  const AddressMap& map_;
  const TargetFormat& target_;
  const InboundSettings& settings_;
  TranslatedHeader result_;
  bool shown_from_ = false;
  bool shown_to_ = true;
  bool shown_cc_ = true;
};

}  // namespace

TranslatedHeader translate_header(const HeaderFields& fields, const Envelope& envelope,
                                  const AddressMap& map, const TargetFormat& target,
                                  const InboundSettings& settings) {
  return Translation(fields, envelope, map, target, settings).run();
}

bool matches_field_pattern(std::string_view name, const std::vector<std::string>& patterns) {
  if (name.empty()) return false;
  const char initial = ascii_lower(name.front());
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    // Asked for each field and many patterns.
    if (pattern.empty() || (pattern.front() != '*' && ascii_lower(pattern.front()) != initial)) {
      return false;
    }
    if (pattern.ends_with('*')) {
      return starts_with_ignoring_case(name,
                                       std::string_view(pattern).substr(0, pattern.size() - 1));
    }
    return equals_ignoring_case(name, pattern);
  });
}

std::vector<std::string> InboundSettings::default_hidden_fields() {
  return {
      // signatures and their verdicts
      "DKIM-Signature",
      "DomainKey-Signature",
      "ARC-*",
      "Authentication-Results",
      "X-Google-DKIM-Signature",
      "Received-SPF",
      "X-Received-SPF",
      "DKIM-Filter",
      // trace that relays add
      "X-Received",
      "X-Originating-IP",
      "X-Forwarded-*",
      "Delivery-Date",
      // spam and virus scanners
      "X-Spam-*",
      "X-Spamd-*",
      "X-Rspamd-*",
      "X-Virus-*",
      "X-Amavis-*",
      "X-Proofpoint-*",
      "X-Barracuda-*",
      "X-IronPort-*",
      "X-Mimecast-*",
      "X-Forefront-*",
      // providers' own notes to themselves
      "X-MS-Exchange-*",
      "X-Microsoft-Antispam*",
      "X-MS-Office365-*",
      "X-MS-PublicTrafficType",
      "X-MS-TrafficTypeDiagnostic",
      "X-EOPAttributedMessage",
      "X-Exchange-Antispam-*",
      "X-Google-Smtp-Source",
      "X-Gm-Message-State",
      "X-SG-EID",
      "X-SG-ID",
      "X-YMail-*",
      "X-Feedback-ID",
      "Feedback-ID",
  };
}

}  // namespace smtpgate::converter
