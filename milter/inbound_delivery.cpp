// Delivery of one message to all its mailboxes: see the header.
#include "milter/inbound_delivery.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "milter/kept_chain.h"
#include "milter/message_observer.h"
#include "milter/passing_on.h"
#include "milter/shadow.h"
#include "milter/unwrapping.h"
#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/groups.h"
#include "postoffice/kept_original.h"
#include "postoffice/mailbox_move.h"
#include "postoffice/postoffice.h"
#include "postoffice/printable.h"
#include "postoffice/put.h"
#include "postoffice/reports.h"

namespace smtpgate::milter {

using converter::ConvertedMessage;
using converter::Envelope;
using converter::EnvelopeRecipient;
using converter::RawMessage;
using postoffice::BeyondRecipient;
using postoffice::Delivery;
using postoffice::Distribution;
using postoffice::FailedMember;
using postoffice::FileSystem;
using postoffice::OriginalKeeper;
using postoffice::Postoffice;
using postoffice::Quota;

namespace {

/// Of a recipient's name in the envelope: its place there.
using Places = std::vector<std::size_t>;

Outcome too_late() {
  return Outcome::temporary(
      "the deadline passed before the message was filed; it will be tried "
      "again",
      "4.4.7");
}

/// What became of all that one recipient comes to: a mailbox, or the many of a group.
class Tally {
 public:
  /// One more outcome is to come.
  void expect() { ++expected_; }
  bool is_complete() const { return expected_ > 0 && added_ >= expected_; }
  void add(const Outcome& outcome) {
    ++added_;
    if (outcome.is_delivered()) {
      ++good_;
      if (!first_good_) first_good_ = outcome;
    } else {
      bad_ = bad_ ? worse(*bad_, outcome) : outcome;
    }
  }
  /// Temporary as long as anything may still succeed; a member that is nobody fails the recipient
  /// only where there is no other.
  Outcome outcome() const {
    if (bad_ && (bad_->is_temporary() || good_ == 0)) return *bad_;
    if (good_ == 1) return *first_good_;
    if (good_ > 1) return Outcome::delivered(fmt::format("delivered to {} members", good_));
    return Outcome::temporary("not tried yet");
  }

 private:
  unsigned expected_ = 0;
  unsigned added_ = 0;
  unsigned good_ = 0;
  std::optional<Outcome> first_good_;
  std::optional<Outcome> bad_;
};

/// The recipients of one postoffice, and what they come to there, in the order of first mention.
struct Group {
  const converter::ServedPostoffice* postoffice = nullptr;
  bool is_encapsulated = false;  ///< apart from the others: their message is another
  Places places;

  struct Mailbox {
    std::string name;
    Quota quota;
    bool keeps_original = false;
    Places places;
  };
  struct Passing {
    std::vector<BeyondRecipient> recipients;  ///< of one `via`
    Places places;
  };
  struct Failure {
    FailedMember member;
    std::string name;  ///< of the group or mailbox in the envelope
    std::string owner;
    Places places;
  };
  std::vector<Mailbox> mailboxes;
  std::vector<Passing> passings;
  std::map<std::string, std::size_t> passing_of_via;
  std::map<std::string, std::size_t> passing_of_address;  ///< by address_key()
  std::vector<Failure> failures;
  /// Who hears of members that do not get it, by the name in the envelope.
  std::map<std::string, std::string> owners;
};

/// Everything one delivery shares, so that its steps can be read one by one.
class Run {
 public:
  Run(const Configuration& configuration, const Envelope& envelope, RawMessage& raw,
      const Deadline& deadline, Reach reach, FileSystem& files, MessageRecord* record)
      : configuration_(configuration),
        envelope_(envelope),
        raw_(raw),
        deadline_(deadline),
        reach_(reach),
        files_(files),
        record_(record),
        tallies_(envelope.recipients.size()),
        remarks_(envelope.recipients.size()) {}

  std::vector<Outcome> deliver() {
    for (Group& group : groups()) deliver_group(group);
    std::vector<Outcome> outcomes;
    for (std::size_t i = 0; i < tallies_.size(); ++i) {
      outcomes.push_back(tallies_[i].outcome().with(remarks_[i]));
    }
    return outcomes;
  }

 private:
  std::vector<Group> groups();
  void deliver_group(Group& group);
  void distribute(Group& group, const Postoffice& office, std::string_view content_key);
  void take_distribution(Group& group, const std::string& name, const Distribution& distribution,
                         const Places& places);
  void pass_beyond(Group& group, const Postoffice& office, std::string_view content_key,
                   const std::vector<BeyondRecipient>& all, const Places& places);
  void convert_and_file(Group& group);
  Expected<ConvertedMessage> convert(const Postoffice& office);
  bool take_encapsulated(const Group& group, ConvertedMessage& converted, const Postoffice& office);
  Outcome write_and_seal(Delivery& delivery, ConvertedMessage& converted,
                         postoffice::LineEnd line_end);
  void file_into_all(Group& group, ConvertedMessage& converted, const Postoffice& office);
  void note_refused_member(Group& group, const Group::Mailbox& mailbox, const Outcome& outcome);
  void pass_on_all(const Group& group, const ConvertedMessage& converted, const Postoffice& office);
  void report_failures(const Group& group, const ConvertedMessage& converted,
                       const Postoffice& office);
  void add(const Places& places, const Outcome& outcome) {
    for (const std::size_t place : places) tallies_[place].add(outcome);
  }
  bool all_delivered(const Group& group) const;
  void keep_chain(const Group& group, ConvertedMessage* converted, postoffice::LineEnd line_end);

  const Configuration& configuration_;
  const Envelope& envelope_;
  RawMessage& raw_;
  const Deadline& deadline_;
  Reach reach_;
  FileSystem& files_;
  MessageRecord* record_;
  std::vector<Tally> tallies_;
  std::vector<std::string> remarks_;  ///< for the end of each recipient's outcome
};

std::vector<Group> Run::groups() {
  std::vector<Group> result;
  std::map<std::pair<std::string, bool>, std::size_t> group_of;
  for (std::size_t i = 0; i < envelope_.recipients.size(); ++i) {
    const postoffice::NativeAddress& address = envelope_.recipients[i].mailbox;
    const auto* served = configuration_.find_postoffice(address.postoffice);
    if (served == nullptr) {
      tallies_[i].add(Outcome::temporary("the postoffice " + address.postoffice.str() +
                                             " is not served; add a [[postoffice]] for it to " +
                                             configuration_.path,
                                         "4.3.5"));
      continue;
    }
    const bool is_encapsulated = envelope_.recipients[i].is_encapsulated;
    const auto [place, is_new] =
        group_of.try_emplace({ascii_lower(served->name.str()), is_encapsulated}, result.size());
    if (is_new) result.emplace_back();
    Group& group = result[place->second];
    group.postoffice = served;
    group.is_encapsulated = is_encapsulated;
    group.places.push_back(i);
  }
  return result;
}

bool Run::all_delivered(const Group& group) const {
  for (const std::size_t place : group.places) {
    if (!tallies_[place].outcome().is_delivered()) return false;
  }
  return true;
}

/// The edge where what libraries throw becomes a value. What was filed stays filed.
void Run::deliver_group(Group& group) {
  std::string what;
  try {
    return convert_and_file(group);
  } catch (const std::bad_alloc&) {
    what = "out of memory";
  } catch (const std::exception& exception) {
    what = exception.what();
  }
  for (const std::size_t place : group.places) {
    if (tallies_[place].is_complete()) continue;
    tallies_[place].add(
        Outcome::temporary("the gateway could not deliver: " + what + "; it will be tried again"));
  }
}

/// Each name of the envelope once, then each mailbox and each passing-on once.
void Run::distribute(Group& group, const Postoffice& office, std::string_view content_key) {
  std::map<std::pair<bool, std::string>, Places> names;
  for (const std::size_t place : group.places) {
    const EnvelopeRecipient& recipient = envelope_.recipients[place];
    names[{recipient.is_group, recipient.mailbox.mailbox}].push_back(place);
  }
  for (const auto& [name, places] : names) {
    postoffice::Resolved resolved;
    (name.first ? resolved.group : resolved.mailbox) = name.second;
    // Who is at home here (logged in, or on this machine) is not the Internet.
    const auto distribution = postoffice::distribute(
        office, resolved, {.is_from_internet = !envelope_.sender_is_trusted});
    if (!distribution) {
      add(places, distribution.error());
    } else if (reach_ == Reach::mailboxes && !distribution->is_plain()) {
      add(places, Outcome::temporary(name.second + " reaches beyond this postoffice's mailboxes"));
    } else {
      group.owners[name.second] = distribution->owner;
      take_distribution(group, name.second, *distribution, places);
      pass_beyond(group, office, content_key, distribution->beyond, places);
    }
  }
}

void Run::take_distribution(Group& group, const std::string& name, const Distribution& distribution,
                            const Places& places) {
  const auto append = [&](Places& to) {
    to.insert(to.end(), places.begin(), places.end());
    for (const std::size_t place : places) tallies_[place].expect();
  };
  for (const std::string& mailbox : distribution.mailboxes) {
    auto found = std::find_if(group.mailboxes.begin(), group.mailboxes.end(),
                              [&](const Group::Mailbox& one) { return one.name == mailbox; });
    if (found == group.mailboxes.end()) {
      found = group.mailboxes.insert(found, {mailbox,
                                             distribution.quota_of(mailbox),
                                             distribution.keeping_original.contains(mailbox),
                                             {}});
    }
    append(found->places);
  }
  for (const FailedMember& failed : distribution.failures) {
    for (const std::size_t place : places) tallies_[place].expect();
    add(places, failed.outcome);
    group.failures.push_back({failed, name, distribution.owner, places});
  }
}

/// Who is not in a mailbox of this postoffice.
void Run::pass_beyond(Group& group, const Postoffice& office, std::string_view content_key,
                      const std::vector<BeyondRecipient>& all, const Places& places) {
  for (const BeyondRecipient& beyond : all) {
    // Moved with the rest of a mailbox that went to another postoffice: there already.
    const auto known_there =
        postoffice::was_filed_before_forward(office, beyond.via, content_key, envelope_.arrival);
    if (!known_there || *known_there) {
      for (const std::size_t place : places) tallies_[place].expect();
      add(places, known_there ? Outcome::delivered("duplicate of " + std::string(content_key) +
                                                   " in mailbox " + beyond.via)
                              : known_there.error());
      continue;
    }
    // Who is passed the message in the name of another group already gets it from there, once.
    const auto [known, is_new] =
        group.passing_of_address.try_emplace(postoffice::address_key(beyond.address), 0);
    if (is_new) {
      const auto [via, is_first] =
          group.passing_of_via.try_emplace(beyond.via, group.passings.size());
      if (is_first) group.passings.emplace_back();
      known->second = via->second;
      group.passings[via->second].recipients.push_back(beyond);
    }
    Places& to = group.passings[known->second].places;
    if (!to.empty() && to.back() == places.back()) continue;
    to.insert(to.end(), places.begin(), places.end());
    for (const std::size_t place : places) tallies_[place].expect();
  }
}

Expected<ConvertedMessage> Run::convert(const Postoffice& office) {
  const StageTimer timer(record_, Stage::convert);
  const postoffice::PostofficeSettings& settings = office.settings();
  const converter::TargetFormat target{.name = settings.name,
                                       .character_set = settings.character_set,
                                       .line_end = settings.line_end,
                                       .arrival = office.local_time(envelope_.arrival),
                                       .short_attachment_names = settings.short_attachment_names};
  auto converted = converter::convert_inbound(raw_, envelope_, configuration_.converter.map, target,
                                              configuration_.converter.inbound,
                                              configuration_.spool_place(files_));
  if (converted && record_ != nullptr) note_conversion(*record_, *converted);
  return converted;
}

void Run::convert_and_file(Group& group) {
  if (deadline_.passed()) return add(group.places, too_late());
  const auto opened = Postoffice::open(group.postoffice->directory, files_);
  if (!opened) return add(group.places, opened.error());
  if (const auto wrong = why_wrong_kind(configuration_, *group.postoffice, files_)) {
    return add(group.places, *wrong);
  }
  if (group.is_encapsulated && reach_ == Reach::mailboxes) {
    return add(group.places, Outcome::temporary("encapsulated mail may be for anybody"));
  }
  const postoffice::PostofficeSettings& settings = opened->settings();
  auto converted = convert(*opened);
  if (!converted) {
    add(group.places, converted.error());
    return keep_chain(group, nullptr, settings.line_end);
  }
  if (group.is_encapsulated && take_encapsulated(group, *converted, *opened)) {
    return keep_chain(group, &*converted, settings.line_end);
  }
  distribute(group, *opened, converted->content_key);
  if (!group.mailboxes.empty()) file_into_all(group, *converted, *opened);
  pass_on_all(group, *converted, *opened);
  report_failures(group, *converted, *opened);
  keep_chain(group, &*converted, settings.line_end);
}

/// False: it is an ordinary message, which now says why.
bool Run::take_encapsulated(const Group& group, ConvertedMessage& converted,
                            const Postoffice& office) {
  const UnwrappingPlace place{.configuration = configuration_,
                              .office = office,
                              .files = files_,
                              .arrival = envelope_.arrival,
                              .too_late = [this] { return deadline_.passed(); }};
  const Unwrapped unwrapped = unwrap(place, raw_, converted);
  if (unwrapped.outcome) {
    add(group.places, *unwrapped.outcome);
    return true;
  }
  converted.header.add_field(
      postoffice::ext::odd,
      "not-unwrapped: " +
          postoffice::from_utf8(unwrapped.why_not, office.settings().character_set));
  for (const std::size_t where : group.places) {
    remarks_[where] = "; not unwrapped: " + unwrapped.why_not;
  }
  return false;
}

Outcome Run::write_and_seal(Delivery& delivery, ConvertedMessage& converted,
                            postoffice::LineEnd line_end) {
  {
    const StageTimer timer(record_, Stage::put);
    if (auto written = converted.write_to(raw_, delivery.message_file(), line_end); !written) {
      return written.error().outcome();
    }
  }
  if (deadline_.passed()) return too_late();
  const StageTimer timer(record_, Stage::sync);
  return delivery.seal(envelope_.arrival, converted.content_key);
}

void Run::file_into_all(Group& group, ConvertedMessage& converted, const Postoffice& office) {
  auto delivery = Delivery::begin(office);
  const Outcome sealed = delivery ? write_and_seal(*delivery, converted, office.settings().line_end)
                                  : delivery.error();
  OriginalKeeper originals(office, converted.content_key, envelope_.arrival,
                           [this](postoffice::File& file) { return raw_.content().copy_to(file); });
  const auto file_in = [&](const Group::Mailbox& mailbox) {
    if (!sealed.is_delivered()) return sealed;
    if (deadline_.passed()) return too_late();
    // Before the message, so that who finds that finds its original.
    if (mailbox.keeps_original && !converted.content_key.empty()) {
      Outcome kept = originals.keep_in(mailbox.name);
      if (!kept.is_delivered()) return kept;
    }
    return delivery->file_into(mailbox.name, mailbox.quota);
  };
  const StageTimer timer(record_, Stage::put);
  for (const Group::Mailbox& mailbox : group.mailboxes) {
    const Outcome outcome = file_in(mailbox);
    add(mailbox.places, outcome);
    if (outcome.is_permanent()) note_refused_member(group, mailbox, outcome);
  }
}

/// The sender hears of the name that he wrote to; of a member of it, its owner must.
void Run::note_refused_member(Group& group, const Group::Mailbox& mailbox, const Outcome& outcome) {
  for (const std::size_t place : mailbox.places) {
    const EnvelopeRecipient& recipient = envelope_.recipients[place];
    const std::string& name = recipient.mailbox.mailbox;
    if (!recipient.is_group && name == mailbox.name) continue;
    group.failures.push_back({{mailbox.name, name, outcome}, name, group.owners[name], {place}});
  }
}

void Run::pass_on_all(const Group& group, const ConvertedMessage& converted,
                      const Postoffice& office) {
  const PassingOn message{.postoffice = office,
                          .map = configuration_.converter.map,
                          .settings = configuration_.converter.inbound,
                          .envelope = envelope_,
                          .raw = raw_,
                          .content_key = converted.content_key};
  for (const Group::Passing& passing : group.passings) {
    add(passing.places, deadline_.passed() ? too_late() : pass_on(message, passing.recipients));
  }
}

/// A member that is nobody is the owner's to mend, not the sender's to hear of.
void Run::report_failures(const Group& group, const ConvertedMessage& converted,
                          const Postoffice& office) {
  for (const Group::Failure& failure : group.failures) {
    if (!failure.member.outcome.is_permanent()) continue;
    const postoffice::Report report{
        .id = "member " + failure.name + " " + failure.member.member + " " + converted.content_key,
        .subject = "A member cannot be reached: " + failure.member.member,
        .lines = {fmt::format("Mail for {} did not reach this member:", failure.name),
                  fmt::format("  {} ({}): {}", printable(failure.member.member),
                              printable(failure.member.where),
                              printable(failure.member.outcome.sentence())),
                  "The others got it. Make room for it, correct the entry, or take it out."},
    };
    const Outcome told = postoffice::file_report(office, failure.owner, report);
    if (!told.is_delivered()) add(failure.places, told);
  }
}

void Run::keep_chain(const Group& group, ConvertedMessage* converted,
                     postoffice::LineEnd line_end) {
  const KeepChain wanted = configuration_.gateway.keep_chain;
  if (wanted == KeepChain::never) return;
  if (wanted == KeepChain::failed && all_delivered(group)) return;
  keep_chain_files(configuration_, *group.postoffice, envelope_, raw_, converted, line_end, files_);
}

}  // namespace

std::vector<Outcome> deliver_inbound(const Configuration& configuration, const Envelope& envelope,
                                     RawMessage& raw, const Deadline& deadline, Reach reach,
                                     FileSystem& files, MessageRecord* record) {
  return Run(configuration, envelope, raw, deadline, reach, files, record).deliver();
}

Outcome prepare_work_directory(const Configuration& configuration, FileSystem& files) {
  for (const std::string& directory :
       {configuration.spool_directory(), configuration.chain_directory()}) {
    const auto made = files.make_directory(directory, 0700);
    if (!made && made.error().code != EEXIST) return made.error().outcome();
  }
  return Outcome::delivered("work directory is ready");
}

}  // namespace smtpgate::milter
