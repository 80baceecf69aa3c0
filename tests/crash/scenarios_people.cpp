// Scenarios of people at work with commands: a mailbox that is full and emptied, receipts, files
// put and got by hand.
#include <string>
#include <utility>

#include "postoffice/get.h"
#include "postoffice/hand_put.h"
#include "postoffice/hand_rest.h"
#include "postoffice/mailbag.h"
#include "postoffice/receipts.h"
#include "tests/crash/scenario_parts.h"
#include "tests/crash/test_clock.h"

namespace smtpgate::crash {

namespace {

using postoffice::Mailbag;
using postoffice::Postoffice;

/// Two messages for a mailbox that takes one, and its reader.
void add_quotas(std::vector<Scenario>& all) {
  for (const bool by_door_1 : {true, false}) {
    Scenario& full = all.emplace_back();
    full.name = std::string("quota: full, then read, door ") + (by_door_1 ? "1" : "2");
    full.inbound = {to({"gerd@example.com"}, text_message("first"), by_door_1),
                    to({"gerd@example.com", anna}, text_message("second"), by_door_1)};
    Errand reads;
    reads.kind = Errand::Kind::service;
    reads.is_due = [](const World& world) {
      return !world.disk().names(world.mailbag("gerd") + "/new").empty() ||
             !world.disk().names(world.mailbag("gerd") + "/cur").empty();
    };
    reads.run = [](World& world, bool) {
      move_clock(30);
      world.empty_mailbox("gerd");
      return Outcome::delivered("read");
    };
    full.errands = {reads};
  }
}

/// `postoffice read --receipt`, and again whenever she likes.
Outcome read_with_receipt(World& world, bool) {
  auto opened = Postoffice::open(World::folder(), world.disk());
  if (!opened) return opened.error();
  auto mailbag = Mailbag::open(*opened, "anna");
  if (!mailbag) return mailbag.error();
  auto messages = mailbag->list();
  if (!messages) return messages.error();
  for (const postoffice::MailbagEntry& one : *messages) {
    const Outcome answered =
        postoffice::answer_receipt_request(*opened, *mailbag, one, postoffice::ReceiptWish::by_hand)
            .outcome;
    if (!answered.is_delivered()) return answered;
    if (Outcome read = mailbag->mark_read(one); !read.is_delivered()) return read;
  }
  return Outcome::delivered("read");
}

void add_receipts(std::vector<Scenario>& all) {
  Scenario& asked = all.emplace_back();
  asked.name = "receipt: asked for, read again and again";
  asked.inbound = {to({anna}, message_with_request("asked"), false)};
  asked.watched = {"anna"};
  asked.may_be_deleted = false;
  Errand reads;
  reads.kind = Errand::Kind::habit;
  reads.run = read_with_receipt;
  // Between the mark and the answer's own name (docs/receipts.md, "Once").
  reads.may_lose = 1;
  asked.errands = {reads};
}

/// `smtpput`: what the program does with the file and its result.
Outcome put_file(World& world, const std::string& name, const postoffice::HandPutOptions& options) {
  const std::string path = World::desk() + "/" + name;
  auto opened = Postoffice::open(World::folder(), world.disk());
  if (!opened) return opened.error();
  auto file = world.disk().open(path);
  if (!file) return file.error().outcome();
  auto locked = (*file)->try_lock();
  if (!locked) return locked.error().outcome();
  const auto result = postoffice::put_by_hand(
      *opened, **file, options,
      [&](const postoffice::HandPutNote& note) { world.log().info(note.str()); });
  if (result.all_delivered) {
    auto removed = postoffice::remove_delivered(world.disk(), path);
    return removed ? Outcome::delivered("all put") : removed.error().outcome();
  }
  if (!result.filed.empty()) {
    const auto replaced = postoffice::replace_by_rest(world.disk(), path, **file, result.rest);
    if (replaced.error) return replaced.error->outcome();
  }
  // As its exit code has it: whoever is kept for later may have the message already.
  return result.some_temporary ? Outcome::temporary("some put, the rest to be tried again")
                               : Outcome::delivered("some put, the rest kept");
}

/// As a script does it that looks after a folder: whatever lies there.
Errand puts(const std::string& name, const postoffice::HandPutOptions& options) {
  Errand errand;
  errand.kind = Errand::Kind::habit;
  errand.is_due = [name](const World& world) {
    return world.disk().exists(World::desk() + "/" + name);
  };
  errand.run = [name, options](World& world, bool) { return put_file(world, name, options); };
  return errand;
}

void add_hand_put(std::vector<Scenario>& all) {
  Scenario& plain = all.emplace_back();
  plain.name = "smtpput: two messages in a file";
  plain.before = [](World& world) {
    world.disk().put(World::desk() + "/in.api",
                     file_to("TO:CSI:ACME/MAIN/carl\n", "first") +
                         file_to("TO:CSI:ACME/MAIN/carl\nCC:CSI:ACME/MAIN/dora\n", "second"));
  };
  plain.errands = {puts("in.api", {})};
  // Until the file has gone nothing says what was filed (docs/postoffice-format.md).
  plain.errands.front().may_double = 3;
  Scenario& rest = all.emplace_back();
  rest.name = "smtpput: one recipient is nobody, the rest kept";
  rest.before = [](World& world) {
    world.disk().put(World::desk() + "/in.api",
                     file_to("TO:CSI:ACME/MAIN/carl\n", "first") +
                         file_to("TO:CSI:ACME/MAIN/nobody\nTO:CSI:ACME/MAIN/dora\n", "second"));
  };
  rest.errands = {puts("in.api", {})};
  rest.errands.front().may_double = 2;
  Scenario& keyed = all.emplace_back();
  keyed.name = "smtpput -e: with the converter's key";
  keyed.before = [](World& world) {
    std::string file = file_to("TO:CSI:ACME/MAIN/carl\n", "keyed");
    const std::string key = "EXT:S:0:CONTENT-KEY\n" + std::string(64, 'a') + "\n";
    file.insert(file.find("TEXT:"), key);
    world.disk().put(World::desk() + "/in.api", file);
  };
  postoffice::HandPutOptions with_envelope;
  with_envelope.envelope.emplace();
  for (const char* mailbox : {"carl", "fred"}) {
    postoffice::EnvelopeLine line;
    line.mailbox = postoffice::NativeAddress::parse(std::string("ACME/MAIN/") + mailbox);
    with_envelope.envelope->push_back(line);
  }
  keyed.errands = {puts("in.api", with_envelope)};
}

/// `smtpget` into a file that is not there yet.
Outcome get_all(World& world, bool) {
  auto opened = Postoffice::open(World::folder(), world.disk());
  if (!opened) return opened.error();
  std::string path;
  for (int number = 1; path.empty() || world.disk().exists(path); ++number) {
    path = World::desk() + "/got-" + std::to_string(number) + ".api";
  }
  constexpr std::string_view may_return = "bring it back and send it twice";
  const std::size_t said_before = world.log().count(may_return);
  auto got = postoffice::get_messages(
      *opened, path, {.extended = true, .line_end = {}},
      [&](const postoffice::GetNote& note) { world.log().info(note.str()); });
  if (!got) return got.error();
  if (world.log().count(may_return) > said_before) world.allow_second_copy();
  return got->some_temporary ? Outcome::temporary("not all could be taken away")
                             : Outcome::delivered("got");
}

void add_hand_get(std::vector<Scenario>& all) {
  Scenario& got = all.emplace_back();
  got.name = "smtpget: two messages into a file";
  got.outbox = {{"anna", "g.API", file_to("TO:SMTP:x@elsewhere.example\n", "got one")},
                {"ben", "h.API",
                 file_to("TO:SMTP:y@elsewhere.example\nTO:SMTP:z@elsewhere.example\n", "got two",
                         "CSI:ACME/MAIN/ben")}};
  got.sends = false;
  Errand gets;
  gets.kind = Errand::Kind::service;
  gets.is_due = [](const World& world) {
    for (const std::string& name : world.disk().names(World::folder() + "/SMTP")) {
      if (postoffice::is_outgoing_id(name.substr(0, 32))) return true;
    }
    return false;
  };
  gets.run = get_all;
  // Written first, removed then: a crash between the two leaves them in both.
  gets.may_double = 2;
  got.errands = {gets};
}

}  // namespace

void add_people(std::vector<Scenario>& all) {
  add_quotas(all);
  add_receipts(all);
  add_hand_put(all);
  add_hand_get(all);
}

}  // namespace smtpgate::crash
