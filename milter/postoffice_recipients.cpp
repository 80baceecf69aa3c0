// What recipients come to: see the header.
#include "milter/postoffice_recipients.h"

#include <algorithm>
#include <utility>

#include "postoffice/ascii.h"
#include "postoffice/mailbox_move.h"
#include "postoffice/outcome.h"

namespace smtpgate::milter {

using converter::Envelope;
using converter::EnvelopeRecipient;
using postoffice::BeyondRecipient;
using postoffice::Distribution;
using postoffice::FailedMember;
using postoffice::Postoffice;

namespace {

/// Following the groups and forwards of one postoffice's recipients.
class Distributor {
 public:
  Distributor(PostofficeRecipients& group, const Postoffice& office, const Envelope& envelope,
              std::string_view content_key, RecipientTallies& tallies)
      : group_(group),
        office_(office),
        envelope_(envelope),
        content_key_(content_key),
        tallies_(tallies) {}

  /// Each name of the envelope once, then each mailbox and each passing-on once.
  void run(Reach reach) {
    std::map<std::pair<bool, std::string>, Places> names;
    for (const std::size_t place : group_.places) {
      const EnvelopeRecipient& recipient = envelope_.recipients[place];
      names[{recipient.is_group, recipient.mailbox.mailbox}].push_back(place);
    }
    for (const auto& [name, places] : names) {
      postoffice::Resolved resolved;
      (name.first ? resolved.group : resolved.mailbox) = name.second;
      // Who is at home here (logged in, or on this machine) is not the Internet.
      const auto distribution = postoffice::distribute(
          office_, resolved, {.is_from_internet = !envelope_.sender_is_trusted});
      if (!distribution) {
        tallies_.add(places, distribution.error());
      } else if (reach == Reach::mailboxes && !distribution->is_plain()) {
        tallies_.add(places, Outcome::temporary(name.second +
                                                " reaches beyond this postoffice's mailboxes"));
      } else {
        group_.owners[name.second] = distribution->owner;
        take(name.second, *distribution, places);
        pass_beyond(distribution->beyond, places);
      }
    }
  }

 private:
  void append(Places& to, const Places& places) {
    to.insert(to.end(), places.begin(), places.end());
    tallies_.expect(places);
  }

  void take(const std::string& name, const Distribution& distribution, const Places& places) {
    for (const std::string& mailbox : distribution.mailboxes) {
      const auto [known, is_new] = mailboxes_.try_emplace(mailbox, group_.mailboxes.size());
      if (is_new) {
        group_.mailboxes.push_back({{mailbox, distribution.quota_of(mailbox)},
                                    distribution.keeping_original.contains(mailbox),
                                    {}});
      }
      append(group_.mailboxes[known->second].places, places);
    }
    for (const FailedMember& failed : distribution.failures) {
      tallies_.expect(places);
      tallies_.add(places, failed.outcome);
      group_.failures.push_back({failed, name, distribution.owner, places});
    }
  }

  /// Who is not in a mailbox of this postoffice.
  void pass_beyond(const std::vector<BeyondRecipient>& all, const Places& places) {
    for (const BeyondRecipient& beyond : all) {
      // Moved with the rest of a mailbox that went to another postoffice: there already.
      const auto known_there = postoffice::was_filed_before_forward(
          office_, beyond.via, content_key_, envelope_.arrival);
      if (!known_there || *known_there) {
        tallies_.expect(places);
        tallies_.add(places, known_there
                                 ? Outcome::delivered("duplicate of " + std::string(content_key_) +
                                                      " in mailbox " + beyond.via)
                                 : known_there.error());
        continue;
      }
      // Who is passed the message in the name of another group already gets it from there, once.
      const auto [known, is_new] =
          passing_of_address_.try_emplace(postoffice::address_key(beyond.address), 0);
      if (is_new) {
        const auto [via, is_first] =
            passing_of_via_.try_emplace(beyond.via, group_.passings.size());
        if (is_first) group_.passings.emplace_back();
        known->second = via->second;
        group_.passings[via->second].recipients.push_back(beyond);
      }
      Places& to = group_.passings[known->second].places;
      if (to.empty() || to.back() != places.back()) append(to, places);
    }
  }

  PostofficeRecipients& group_;
  const Postoffice& office_;
  const Envelope& envelope_;
  const std::string_view content_key_;
  RecipientTallies& tallies_;
  // Places in the lists of the group.
  std::map<std::string, std::size_t> mailboxes_;
  std::map<std::string, std::size_t> passing_of_via_;
  std::map<std::string, std::size_t> passing_of_address_;  ///< by address_key()
};

}  // namespace

std::vector<PostofficeRecipients> recipients_by_postoffice(const Configuration& configuration,
                                                           const Envelope& envelope,
                                                           RecipientTallies& tallies) {
  std::vector<PostofficeRecipients> result;
  std::map<std::pair<std::string, bool>, std::size_t> group_of;
  for (std::size_t i = 0; i < envelope.recipients.size(); ++i) {
    const postoffice::NativeAddress& address = envelope.recipients[i].mailbox;
    const auto* served = configuration.find_postoffice(address.postoffice);
    if (served == nullptr) {
      tallies.add({i}, Outcome::temporary("the postoffice " + address.postoffice.str() +
                                              " is not served; add a [[postoffice]] for it to " +
                                              configuration.path,
                                          "4.3.5"));
      continue;
    }
    const bool is_encapsulated = envelope.recipients[i].is_encapsulated;
    const auto [place, is_new] =
        group_of.try_emplace({ascii_lower(served->name.str()), is_encapsulated}, result.size());
    if (is_new) result.emplace_back();
    PostofficeRecipients& group = result[place->second];
    group.postoffice = served;
    group.is_encapsulated = is_encapsulated;
    group.places.push_back(i);
  }
  return result;
}

void distribute(PostofficeRecipients& recipients, const Postoffice& office,
                const Envelope& envelope, std::string_view content_key, Reach reach,
                RecipientTallies& tallies) {
  Distributor(recipients, office, envelope, content_key, tallies).run(reach);
}

}  // namespace smtpgate::milter
