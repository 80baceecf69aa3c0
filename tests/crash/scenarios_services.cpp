// Scenarios of what programs do beside the doors: mail of a peer that is opened and reported on,
// messages that are given up and looked after by a person, commands of folder mailboxes.
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "postoffice/dead_letters.h"
#include "postoffice/outgoing.h"
#include "postoffice/peer_mail.h"
#include "postoffice/reports.h"
#include "tests/crash/scenario_parts.h"
#include "tests/crash/test_clock.h"

namespace smtpgate::crash {

namespace {

using postoffice::OutgoingMail;
using postoffice::Postoffice;

/// What milter/unwrapping.h does once the payload is believed.
Outcome open_peer_mail(World& world, bool) {
  const std::string path = World::desk() + "/.payload";
  auto opened = Postoffice::open(World::folder(), world.disk());
  if (!opened) return opened.error();
  auto file = world.disk().open(path);
  if (!file) return file.error().outcome();
  postoffice::EncapsulatedMessage message;
  message.header.id = std::string(32, '7');
  message.header.created = 1'795'299'000;
  message.header.character_set = "UTF-8";
  message.header.from = *postoffice::NativeAddress::parse("PEER/PO/paul");
  for (const char* one : {"ACME/MAIN/anna", "ACME/MAIN/wide", "ACME/MAIN/nobody"}) {
    message.header.to.push_back(*postoffice::NativeAddress::parse(one));
  }
  message.content = {file->get(), 0, world.disk().contents(path).value_or("").size()};
  message.mac = std::string(64, 'b');
  postoffice::PeerMail mail;
  mail.message = &message;
  mail.to = message.header.to;
  mail.arrival = clock_now();
  return postoffice::put_peer_mail(*opened, mail);
}

void add_peer(std::vector<Scenario>& all) {
  Scenario& peer = all.emplace_back();
  peer.name = "a peer's message: filed, passed on, and its report to SMTP/";
  peer.before = [](World& world) {
    world.disk().put(World::desk() + "/.payload",
                     file_to("TO:CSI:ACME/MAIN/anna\nTO:CSI:ACME/MAIN/wide\n"
                             "TO:CSI:ACME/MAIN/nobody\n",
                             "from a peer", "CSI:PEER/PO/paul"));
  };
  Errand opens;
  opens.run = open_peer_mail;
  peer.errands = {opens};
}

constexpr const char* no_message = "this is no message\n";

/// A program hands over what nobody can convert.
Outcome hand_over_nonsense(World& world, bool) {
  auto opened = Postoffice::open(World::folder(), world.disk());
  if (!opened) return opened.error();
  auto draft = postoffice::OutgoingDraft::begin(*opened, postoffice::OutgoingContent::mmff);
  if (!draft) return draft.error();
  if (auto written = draft->content().write(no_message); !written) {
    return written.error().outcome();
  }
  postoffice::OutgoingState state;
  state.mailbox = "anna";
  state.created = clock_now();
  state.next_attempt = clock_now();
  state.recipients.emplace_back();
  state.recipients.back().address = postoffice::TypedAddress::internet("x@elsewhere.example");
  return draft->hand_over(std::move(state), std::string(64, 'c'));
}

std::vector<std::string> given_up(const World& world) {
  return world.disk().names(World::folder() + "/SMTP/BAD");
}

Scenario with_nonsense(const std::string& name) {
  Scenario one;
  one.name = name;
  Errand hands_over;
  hands_over.run = hand_over_nonsense;
  one.errands = {hands_over};
  return one;
}

/// A command for the message that lay in BAD when it was given first.
using QueueCommand = std::function<Outcome(const Postoffice&, const std::string& id)>;

/// `postoffice queue return`.
Outcome return_to_sender(const Postoffice& office, const std::string& id) {
  auto found = OutgoingMail(office).find(id);
  if (!found) return found.error();
  auto taken = OutgoingMail(office).take_bad(id);
  if (!taken) return taken.error();
  if (!*taken) return Outcome::temporary("somebody has it");
  return postoffice::return_to_sender(office, **taken, "It was returned by an administrator.");
}

Errand looks_after_bad(const QueueCommand& command, bool mends) {
  Errand errand;
  errand.is_due = [](const World& world) { return !given_up(world).empty(); };
  errand.run = [command, mends, id = std::make_shared<std::string>()](World& world, bool is_again) {
    auto opened = Postoffice::open(World::folder(), world.disk());
    if (!opened) return opened.error();
    if (!given_up(world).empty()) *id = given_up(world).front();
    const std::string file = World::folder() + "/SMTP/BAD/" + *id + "/FROM_NC.API";
    if (mends && world.disk().contents(file) == no_message) {
      world.disk().erase(file);
      world.disk().put(file, file_to("TO:SMTP:x@elsewhere.example\n", "mended"));
    }
    const Outcome done = command(*opened, *id);
    if (done.status() == postoffice::gone_until_power_cut) world.allow_second_copy();
    return is_again && done.is_permanent() ? Outcome::delivered("done before") : done;
  };
  return errand;
}

void add_given_up(std::vector<Scenario>& all) {
  all.push_back(with_nonsense("BAD: given up, and told of"));
  all.push_back(with_nonsense("BAD: mended and tried again"));
  all.back().errands.push_back(
      looks_after_bad([](const Postoffice& office,
                         const std::string& id) { return OutgoingMail(office).retry(id); },
                      true));
  all.push_back(with_nonsense("BAD: returned by hand"));
  all.back().errands.push_back(looks_after_bad(return_to_sender, false));
  all.push_back(with_nonsense("BAD: deleted by hand"));
  all.back().errands.push_back(
      looks_after_bad([](const Postoffice& office,
                         const std::string& id) { return OutgoingMail(office).remove(id); },
                      false));
}

/// `postoffice letters redrive`, of the letter that was there when it was given first.
Outcome redrive(const Postoffice& office, const std::string& id) {
  postoffice::LetterLook look;
  look.now = clock_now();
  look.waits = -1;
  const postoffice::LettersFound found = postoffice::find_dead_letters(office, look);
  auto letter = postoffice::find_letter(office, found, id);
  if (!letter) return letter.error();
  return postoffice::redrive_letter(office, *letter, [](const postoffice::OutboxNote&) {});
}

/// A file that was set aside and is mended, and a message in BAD.
void add_letters(std::vector<Scenario>& all) {
  all.push_back(with_nonsense("letters: BAD redriven"));
  all.back().errands.push_back(looks_after_bad(redrive, true));
  Scenario& file = all.emplace_back();
  file.name = "letters: an outbox's file redriven";
  file.watched = {"anna"};
  file.may_be_read = file.may_be_deleted = false;
  file.before = [](World& world) {
    world.disk().put(world.mailbag("anna") + "/outbox/r.API.bad",
                     file_to("TO:CSI:ACME/MAIN/carl\nTO:SMTP:x@elsewhere.example\n", "redriven"));
    world.disk().sync_all();
  };
  Errand redrives;
  redrives.run = [id = std::make_shared<std::string>()](World& world, bool is_again) {
    auto opened = Postoffice::open(World::folder(), world.disk());
    if (!opened) return opened.error();
    postoffice::LetterLook look;
    look.now = clock_now();
    for (const auto& one : postoffice::find_dead_letters(*opened, look).letters) {
      if (one.reason == postoffice::LetterReason::outbox_refused) *id = one.id;
    }
    if (id->empty()) return Outcome::temporary("not seen yet");
    const Outcome done = redrive(*opened, *id);
    // Taken, and the rest is the daemon's.
    return is_again && done.is_permanent() ? Outcome::delivered("done before") : done;
  };
  file.errands = {redrives};
}

/// Unread, and not set aside for a person who was told.
bool has_open_orders(const World& world) {
  const std::string unread = world.mailbag("hugo") + "/new";
  for (const std::string& name : world.disk().names(unread)) {
    const auto state = world.disk().contents(unread + "/" + name + "/.hook-state").value_or("");
    const auto says = [&state](const char* what) { return state.find(what) != std::string::npos; };
    if (!says("\"set_aside\":true") || !says("\"reported\":true")) return true;
  }
  return false;
}

Scenario with_command(const std::string& name, std::function<int(int attempt)> command) {
  Scenario one;
  one.name = name;
  one.inbound = {to({"hugo@example.com"}, message_with_attachments("order", 3), false)};
  one.watched = {"hugo"};
  one.may_be_read = one.may_be_deleted = false;
  one.command = std::move(command);
  Errand runs;
  runs.kind = Errand::Kind::service;
  runs.is_due = has_open_orders;
  runs.run = [](World& world, bool) {
    move_clock(70);  // the first pause
    constexpr std::string_view unnoted = "the postmaster may be told again";
    const std::size_t unnoted_before = world.log().count(unnoted);
    const Outcome done = world.run_hooks("hugo");
    // Between a report and the note of it; runs that took something are counted by themselves.
    const bool is_unnoted = world.log().count(unnoted) > unnoted_before;
    if (world.disk().has_stopped() || is_unnoted) world.allow_second_copy();
    return done;
  };
  one.errands = {runs};
  return one;
}

void add_commands(std::vector<Scenario>& all) {
  all.push_back(with_command("command: takes an order", {}));
  all.push_back(with_command("command: not now, then done",
                             [](int attempt) { return attempt == 1 ? 75 : 0; }));
  all.push_back(with_command("command: fails until it is set aside", [](int) { return 1; }));
}

}  // namespace

void add_services(std::vector<Scenario>& all) {
  add_peer(all);
  add_given_up(all);
  add_letters(all);
  add_commands(all);
}

}  // namespace smtpgate::crash
