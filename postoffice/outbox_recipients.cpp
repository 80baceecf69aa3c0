// Recipients of a message from an outbox; see the header.
#include "postoffice/outbox_recipients.h"

#include <algorithm>
#include <set>
#include <utility>

#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/group_file.h"
#include "postoffice/name_search.h"
#include "postoffice/outgoing.h"

namespace smtpgate::postoffice {

namespace {

/// Members looked at for one message, over all its groups: they may share most of them.
constexpr std::size_t most_looked_at = 1'000'000;

class Finder {
 public:
  explicit Finder(const Postoffice& postoffice) : postoffice_(postoffice), names_(postoffice) {}

  void find(const TypedAddress& address) {
    if (result_.are_too_many || !named_.insert(address_key(address)).second) return;
    if (address.type != "CSI" && address.type != "SMTP") {
      return fail(address, Outcome::permanent("151 Unknown service " + address.type +
                                                  "; write NET/PO/MAILBOX or SMTP:user@host",
                                              "5.1.2"));
    }
    auto checked = parse_member(address.str(), postoffice_.settings().name);
    if (!checked) {
      return fail(address, Outcome::permanent("142 Bad address: it " + checked.error(), "5.1.3"));
    }
    auto native = NativeAddress::parse(address.address);
    if (address.type == "CSI" && native && native->postoffice == postoffice_.settings().name) {
      find_name(native->mailbox, address);
    } else {
      add_beyond({address, {}, {}});
    }
    count();
  }

  OutboxRecipients take() { return std::move(result_); }

 private:
  void fail(const TypedAddress& address, Outcome outcome) {
    result_.failures.push_back({address, std::move(outcome)});
    count();
  }

  void add_beyond(const BeyondRecipient& recipient) {
    if (beyond_.insert(address_key(recipient.address)).second) {
      result_.beyond.push_back(recipient);
    }
  }

  void find_name(const std::string& name, const TypedAddress& address) {
    auto found = names_.resolve(name);
    if (!found) return fail(address, found.error());
    if (!expanded_.insert(found->group.empty() ? "m" + found->mailbox : "g" + found->group)
             .second) {
      return;
    }
    auto all = distribute(postoffice_, *found);
    if (!all) return fail(address, all.error());
    looked_at_ += all->mailboxes.size() + all->beyond.size() + all->failures.size();
    for (std::string& mailbox : all->mailboxes) {
      if (mailboxes_.insert(mailbox).second) result_.mailboxes.push_back(std::move(mailbox));
    }
    result_.quotas.merge(all->quotas);
    for (const BeyondRecipient& recipient : all->beyond) add_beyond(recipient);
    for (const FailedMember& member : all->failures) {
      auto parsed = parse_member(member.member, postoffice_.settings().name);
      const Outcome& why = member.outcome;
      const std::string sentence = "(" + member.where + ") " + why.sentence();
      fail(parsed ? *parsed : TypedAddress{"CSI", member.member, {}},
           why.is_temporary() ? Outcome::temporary(sentence, why.status())
                              : Outcome::permanent(sentence, why.status()));
    }
  }

  void count() {
    const std::size_t all =
        result_.mailboxes.size() + result_.beyond.size() + result_.failures.size();
    result_.are_too_many = all > most_outgoing_recipients || looked_at_ > most_looked_at;
  }

  const Postoffice& postoffice_;
  NameSearch names_;
  std::set<std::string> named_;     ///< addresses of the message
  std::set<std::string> expanded_;  ///< what they resolved to
  std::set<std::string> mailboxes_;
  std::set<std::string> beyond_;
  std::size_t looked_at_ = 0;
  OutboxRecipients result_;
};

}  // namespace

bool OutboxRecipients::has_temporary_failure() const {
  return std::any_of(failures.begin(), failures.end(),
                     [](const FailedRecipient& failed) { return failed.outcome.is_temporary(); });
}

std::vector<FilingTarget> OutboxRecipients::filing_targets() const {
  std::vector<FilingTarget> targets;
  targets.reserve(mailboxes.size());
  for (const std::string& mailbox : mailboxes) {
    const auto quota = quotas.find(mailbox);
    targets.push_back({mailbox, quota == quotas.end() ? Quota{} : quota->second});
  }
  return targets;
}

OutboxRecipients find_recipients(const Postoffice& postoffice,
                                 const std::vector<TypedAddress>& addresses) {
  Finder finder(postoffice);
  for (const TypedAddress& one : addresses) finder.find(one);
  return finder.take();
}

OutboxRecipients find_outbox_recipients(const Postoffice& postoffice, const MessageHeader& header,
                                        const std::string& set) {
  std::vector<TypedAddress> addresses;
  const auto add_all = [&](const std::vector<TypedAddress>& list) {
    for (const TypedAddress& one : list) {
      addresses.push_back({one.type, to_utf8(one.address, set), to_utf8(one.name, set)});
    }
  };
  add_all(header.to);
  add_all(header.cc);
  for (const ExtendedField& field : header.fields) {
    if (!equals_ignoring_case(field.name, ext::bcc)) continue;
    addresses.push_back(TypedAddress::parse(trim(to_utf8(field.value, set))));
  }
  return find_recipients(postoffice, addresses);
}

}  // namespace smtpgate::postoffice
