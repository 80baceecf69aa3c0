// Delivery of one message to all its mailboxes: see the header.
#include "milter/inbound_delivery.h"

#include <cerrno>
#include <exception>
#include <map>
#include <string>
#include <utility>

#include "milter/kept_chain.h"
#include "postoffice/ascii.h"
#include "postoffice/postoffice.h"
#include "postoffice/put.h"

namespace smtpgate::milter {

using converter::ConvertedMessage;
using converter::Envelope;
using converter::RawMessage;
using postoffice::Delivery;
using postoffice::FileSystem;
using postoffice::Postoffice;

namespace {

Outcome too_late() {
  return Outcome::temporary(
      "the deadline passed before the message was filed; it will be tried "
      "again",
      "4.4.7");
}

/// The recipients of one postoffice: mailbox to their places in the envelope, in the order in which
/// mailboxes first appear.
struct Group {
  const converter::ServedPostoffice* postoffice = nullptr;
  std::vector<std::pair<std::string, std::vector<std::size_t>>> mailboxes;
};

/// Everything one delivery shares, so that its steps can be read one by one.
class Run {
 public:
  Run(const Configuration& configuration, const Envelope& envelope, RawMessage& raw,
      const Deadline& deadline, FileSystem& files)
      : configuration_(configuration),
        envelope_(envelope),
        raw_(raw),
        deadline_(deadline),
        files_(files),
        outcomes_(envelope.recipients.size(), Outcome::temporary("not tried yet")) {}

  std::vector<Outcome> deliver() {
    for (const Group& group : groups()) deliver_group(group);
    return std::move(outcomes_);
  }

 private:
  std::vector<Group> groups();
  void deliver_group(const Group& group);
  void convert_and_file(const Group& group);
  Outcome write_and_seal(Delivery& delivery, ConvertedMessage& converted,
                         postoffice::LineEnd line_end);
  void file_into_all(const Group& group, Delivery& delivery);
  void set(const Group& group, const Outcome& outcome);
  bool all_delivered(const Group& group) const;
  void keep_chain(const Group& group, ConvertedMessage* converted, postoffice::LineEnd line_end);

  const Configuration& configuration_;
  const Envelope& envelope_;
  RawMessage& raw_;
  const Deadline& deadline_;
  FileSystem& files_;
  std::vector<Outcome> outcomes_;
};

std::vector<Group> Run::groups() {
  std::vector<Group> result;
  std::map<std::string, std::size_t> group_of;
  std::map<std::pair<std::size_t, std::string>, std::size_t> mailbox_of;
  for (std::size_t i = 0; i < envelope_.recipients.size(); ++i) {
    const postoffice::NativeAddress& address = envelope_.recipients[i].mailbox;
    const auto* served = configuration_.find_postoffice(address.postoffice);
    if (served == nullptr) {
      outcomes_[i] = Outcome::temporary("the postoffice " + address.postoffice.str() +
                                            " is not served; add a [[postoffice]] for it to " +
                                            configuration_.path,
                                        "4.3.5");
      continue;
    }
    const auto [group, new_group] =
        group_of.try_emplace(ascii_lower(served->name.str()), result.size());
    if (new_group) result.push_back({served, {}});
    auto& mailboxes = result[group->second].mailboxes;
    const auto [mailbox, new_mailbox] =
        mailbox_of.try_emplace({group->second, address.mailbox}, mailboxes.size());
    if (new_mailbox) mailboxes.push_back({address.mailbox, {}});
    mailboxes[mailbox->second].second.push_back(i);
  }
  return result;
}

void Run::set(const Group& group, const Outcome& outcome) {
  for (const auto& [mailbox, places] : group.mailboxes) {
    for (const std::size_t place : places) outcomes_[place] = outcome;
  }
}

bool Run::all_delivered(const Group& group) const {
  for (const auto& [mailbox, places] : group.mailboxes) {
    if (!outcomes_[places.front()].is_delivered()) return false;
  }
  return true;
}

/// The edge where what libraries throw becomes a value. Outcomes set before the throw stand: what
/// was filed stays filed.
void Run::deliver_group(const Group& group) {
  std::string what;
  try {
    set(group, Outcome::temporary("the delivery broke off; it will be tried again"));
    convert_and_file(group);
    return;
  } catch (const std::bad_alloc&) {
    what = "out of memory";
  } catch (const std::exception& exception) {
    what = exception.what();
  }
  for (const auto& [mailbox, places] : group.mailboxes) {
    for (const std::size_t place : places) {
      if (outcomes_[place].is_delivered()) continue;
      outcomes_[place] =
          Outcome::temporary("the gateway could not deliver: " + what + "; it will be tried again");
    }
  }
}

void Run::convert_and_file(const Group& group) {
  if (deadline_.passed()) return set(group, too_late());
  const auto opened = Postoffice::open(group.postoffice->directory, files_);
  if (!opened) return set(group, opened.error());

  const postoffice::PostofficeSettings& settings = opened->settings();
  const converter::TargetFormat target{.name = settings.name,
                                       .character_set = settings.character_set,
                                       .line_end = settings.line_end,
                                       .arrival = opened->local_time(envelope_.arrival)};
  auto converted = converter::convert_inbound(raw_, envelope_, configuration_.converter.map, target,
                                              configuration_.converter.inbound,
                                              configuration_.spool_place(files_));
  if (!converted) {
    set(group, converted.error());
    return keep_chain(group, nullptr, settings.line_end);
  }

  auto delivery = Delivery::begin(*opened);
  if (!delivery) {
    set(group, delivery.error());
  } else if (const Outcome sealed = write_and_seal(*delivery, *converted, settings.line_end);
             !sealed.is_delivered()) {
    set(group, sealed);
  } else {
    file_into_all(group, *delivery);
  }
  keep_chain(group, &*converted, settings.line_end);
}

Outcome Run::write_and_seal(Delivery& delivery, ConvertedMessage& converted,
                            postoffice::LineEnd line_end) {
  if (auto written = converted.write_to(raw_, delivery.message_file(), line_end); !written) {
    return written.error().outcome();
  }
  if (deadline_.passed()) return too_late();
  return delivery.seal(envelope_.arrival, converted.content_key);
}

void Run::file_into_all(const Group& group, Delivery& delivery) {
  for (const auto& [mailbox, places] : group.mailboxes) {
    const Outcome outcome = deadline_.passed() ? too_late() : delivery.file_into(mailbox);
    for (const std::size_t place : places) outcomes_[place] = outcome;
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
                                     RawMessage& raw, const Deadline& deadline, FileSystem& files) {
  return Run(configuration, envelope, raw, deadline, files).deliver();
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
