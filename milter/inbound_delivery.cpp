// Delivery of one message to all its mailboxes: see the header.
#include "milter/inbound_delivery.h"

#include <cerrno>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "milter/kept_chain.h"
#include "milter/message_observer.h"
#include "milter/passing_on.h"
#include "milter/postoffice_recipients.h"
#include "milter/recipient_tallies.h"
#include "milter/shadow.h"
#include "milter/unwrapping.h"
#include "postoffice/character_set.h"
#include "postoffice/kept_original.h"
#include "postoffice/postoffice.h"
#include "postoffice/printable.h"
#include "postoffice/put.h"
#include "postoffice/reports.h"

namespace smtpgate::milter {

using converter::ConvertedMessage;
using converter::Envelope;
using converter::EnvelopeRecipient;
using converter::RawMessage;
using postoffice::Delivery;
using postoffice::FileSystem;
using postoffice::FilingTarget;
using postoffice::OriginalKeeper;
using postoffice::Postoffice;

namespace {

Outcome too_late() {
  return Outcome::temporary(
      "the deadline passed before the message was filed; it will be tried "
      "again",
      "4.4.7");
}

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
    for (auto& group : recipients_by_postoffice(configuration_, envelope_, tallies_)) {
      deliver_group(group);
    }
    std::vector<Outcome> outcomes;
    for (std::size_t i = 0; i < remarks_.size(); ++i) {
      outcomes.push_back(tallies_.outcome(i).with(remarks_[i]));
    }
    return outcomes;
  }

 private:
  void deliver_group(PostofficeRecipients& group);
  void convert_and_file(PostofficeRecipients& group);
  Expected<ConvertedMessage> convert(const Postoffice& office);
  bool take_encapsulated(const PostofficeRecipients& group, ConvertedMessage& converted,
                         const Postoffice& office);
  Outcome write_and_seal(Delivery& delivery, ConvertedMessage& converted,
                         postoffice::LineEnd line_end);
  void file_into_all(PostofficeRecipients& group, ConvertedMessage& converted,
                     const Postoffice& office);
  void note_refused_member(PostofficeRecipients& group,
                           const PostofficeRecipients::Mailbox& mailbox, const Outcome& outcome);
  void pass_on_all(const PostofficeRecipients& group, const ConvertedMessage& converted,
                   const Postoffice& office);
  void report_failures(const PostofficeRecipients& group, const ConvertedMessage& converted,
                       const Postoffice& office);
  void keep_chain(const PostofficeRecipients& group, ConvertedMessage* converted,
                  postoffice::LineEnd line_end);

  const Configuration& configuration_;
  const Envelope& envelope_;
  RawMessage& raw_;
  const Deadline& deadline_;
  Reach reach_;
  FileSystem& files_;
  MessageRecord* record_;
  RecipientTallies tallies_;
  std::vector<std::string> remarks_;  ///< for the end of each recipient's outcome
};

/// The edge where what libraries throw becomes a value. What was filed stays filed.
void Run::deliver_group(PostofficeRecipients& group) {
  std::string what;
  try {
    return convert_and_file(group);
  } catch (const std::bad_alloc&) {
    what = "out of memory";
  } catch (const std::exception& exception) {
    what = exception.what();
  }
  for (const std::size_t place : group.places) {
    if (tallies_.is_complete(place)) continue;
    tallies_.add({place}, Outcome::temporary("the gateway could not deliver: " + what +
                                             "; it will be tried again"));
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

void Run::convert_and_file(PostofficeRecipients& group) {
  if (deadline_.passed()) return tallies_.add(group.places, too_late());
  const auto opened = Postoffice::open(group.postoffice->directory, files_);
  if (!opened) return tallies_.add(group.places, opened.error());
  if (const auto wrong = why_wrong_kind(configuration_, *group.postoffice, files_)) {
    return tallies_.add(group.places, *wrong);
  }
  if (group.is_encapsulated && reach_ == Reach::mailboxes) {
    return tallies_.add(group.places, Outcome::temporary("encapsulated mail may be for anybody"));
  }
  const postoffice::PostofficeSettings& settings = opened->settings();
  auto converted = convert(*opened);
  if (!converted) {
    tallies_.add(group.places, converted.error());
    return keep_chain(group, nullptr, settings.line_end);
  }
  if (group.is_encapsulated && take_encapsulated(group, *converted, *opened)) {
    return keep_chain(group, &*converted, settings.line_end);
  }
  distribute(group, *opened, envelope_, converted->content_key, reach_, tallies_);
  if (!group.mailboxes.empty()) file_into_all(group, *converted, *opened);
  pass_on_all(group, *converted, *opened);
  report_failures(group, *converted, *opened);
  keep_chain(group, &*converted, settings.line_end);
}

/// False: it is an ordinary message, which now says why.
bool Run::take_encapsulated(const PostofficeRecipients& group, ConvertedMessage& converted,
                            const Postoffice& office) {
  const UnwrappingPlace place{.configuration = configuration_,
                              .office = office,
                              .files = files_,
                              .arrival = envelope_.arrival,
                              .too_late = [this] { return deadline_.passed(); }};
  const Unwrapped unwrapped = unwrap(place, raw_, converted);
  if (unwrapped.outcome) {
    tallies_.add(group.places, *unwrapped.outcome);
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

void Run::file_into_all(PostofficeRecipients& group, ConvertedMessage& converted,
                        const Postoffice& office) {
  auto delivery = Delivery::begin(office);
  const Outcome sealed = delivery ? write_and_seal(*delivery, converted, office.settings().line_end)
                                  : delivery.error();
  OriginalKeeper originals(office, converted.content_key, envelope_.arrival,
                           [this](postoffice::File& file) { return raw_.content().copy_to(file); });
  const auto before_each = [&](std::size_t place) -> std::optional<Outcome> {
    if (deadline_.passed()) return too_late();
    // Before the message, so that who finds that finds its original.
    const PostofficeRecipients::Mailbox& mailbox = group.mailboxes[place];
    if (mailbox.keeps_original && !converted.content_key.empty()) {
      Outcome kept = originals.keep_in(mailbox.target.mailbox);
      if (!kept.is_delivered()) return kept;
    }
    return std::nullopt;
  };
  std::vector<FilingTarget> targets;
  for (const auto& mailbox : group.mailboxes) targets.push_back(mailbox.target);
  const StageTimer timer(record_, Stage::put);
  const std::vector<Outcome> outcomes = sealed.is_delivered()
                                            ? delivery->file_into_all(targets, before_each)
                                            : std::vector<Outcome>(targets.size(), sealed);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    tallies_.add(group.mailboxes[i].places, outcomes[i]);
    if (outcomes[i].is_permanent()) note_refused_member(group, group.mailboxes[i], outcomes[i]);
  }
}

/// The sender hears of the name that he wrote to; of a member of it, its owner must.
void Run::note_refused_member(PostofficeRecipients& group,
                              const PostofficeRecipients::Mailbox& mailbox,
                              const Outcome& outcome) {
  for (const std::size_t place : mailbox.places) {
    const EnvelopeRecipient& recipient = envelope_.recipients[place];
    const std::string& name = recipient.mailbox.mailbox;
    if (!recipient.is_group && name == mailbox.target.mailbox) continue;
    group.failures.push_back(
        {{mailbox.target.mailbox, name, outcome}, name, group.owners[name], {place}});
  }
}

void Run::pass_on_all(const PostofficeRecipients& group, const ConvertedMessage& converted,
                      const Postoffice& office) {
  const PassingOn message{.postoffice = office,
                          .map = configuration_.converter.map,
                          .settings = configuration_.converter.inbound,
                          .envelope = envelope_,
                          .raw = raw_,
                          .content_key = converted.content_key};
  for (const PostofficeRecipients::Passing& passing : group.passings) {
    tallies_.add(passing.places,
                 deadline_.passed() ? too_late() : pass_on(message, passing.recipients));
  }
}

/// A member that is nobody is the owner's to mend, not the sender's to hear of.
void Run::report_failures(const PostofficeRecipients& group, const ConvertedMessage& converted,
                          const Postoffice& office) {
  for (const PostofficeRecipients::Failure& failure : group.failures) {
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
    if (!told.is_delivered()) tallies_.add(failure.places, told);
  }
}

void Run::keep_chain(const PostofficeRecipients& group, ConvertedMessage* converted,
                     postoffice::LineEnd line_end) {
  const KeepChain wanted = configuration_.gateway.keep_chain;
  if (wanted == KeepChain::never) return;
  if (wanted == KeepChain::failed && tallies_.all_delivered(group.places)) return;
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
