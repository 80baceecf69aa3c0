// The scenarios of mail by itself, in and out; see the header. Those of people with commands are in
// scenarios_people.cpp, scenarios_services.cpp and scenarios_administration.cpp.
#include "tests/crash/scenarios.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <string>
#include <utility>

#include "postoffice/mailbox_settings.h"
#include "tests/crash/scenario_parts.h"

namespace smtpgate::crash {

namespace {

/// Both ways of the same message.
void add_both(std::vector<Scenario>& all, const std::string& name,
              const std::vector<std::string>& recipients, const std::string& content) {
  for (const bool by_door_1 : {true, false}) {
    Scenario& one = all.emplace_back();
    one.name = name + (by_door_1 ? ", door 1" : ", door 2");
    one.inbound = {to(recipients, content, by_door_1)};
  }
}

/// A first try ended between two steps of filing; what is on the disk of it was not synced.
Scenario after_a_first_try(const std::string& name, const std::string& last_step, bool was_read) {
  Scenario one;
  one.name = name;
  one.is_a_retry = true;
  one.inbound = {to({anna}, text_message("again"), false)};
  one.before = [last_step, was_read](World& world) {
    Scenario first;
    first.inbound = {to({anna}, text_message("again"), false)};
    world.begin(first);
    bool is_next = false;
    world.disk().before([&](std::uint64_t, const Operation& operation) {
      if (is_next) world.disk().stop();
      is_next = operation.name == last_step;
    });
    world.live();
    world.die(Death::process);
    if (was_read) world.read_all();
  };
  return one;
}

/// Filed long ago, then lost with its marker, and now put back from a backup that nobody has
/// synced.
Scenario after_a_restore(const std::string& name, const std::string& part) {
  Scenario one;
  one.name = name;
  one.is_a_retry = true;
  one.inbound = {to({anna}, text_message("restored"), false)};
  one.counts_from = [](const World& world) {
    return !world.disk().names(world.mailbag("anna") + "/ids").empty();
  };
  one.before = [part](World& world) {
    Scenario first;
    first.inbound = {to({anna}, text_message("restored"), false)};
    world.begin(first);
    world.live();
    const std::string place = world.mailbag("anna");
    SimulatedDisk& disk = world.disk();
    const std::string key = disk.names(place + "/new").front();
    const std::string contents = *disk.contents(place + "/new/" + key);
    disk.erase(place + "/new/" + key);
    disk.erase(place + "/ids/" + key);
    disk.sync_all();
    disk.put_unsynced(place + "/" + part + "/" + key, contents);
  };
  return one;
}

/// Where links end: `from` is part of the name that cannot be linked.
SimulatedDisk::Fault no_links(const std::string& from, int code) {
  return {[from](std::uint64_t, const Operation& operation) {
            return operation.name == "link" && operation.path.find(from) != std::string::npos;
          },
          code, SimulatedDisk::Moment::instead};
}

/// The same of a directory: its files are there, and nothing of it is synced.
Scenario after_a_restored_folder(const std::string& name, const std::string& part) {
  const InboundMail mail = to({"fred@example.com"}, message_with_attachments("restored", 3), false);
  Scenario one;
  one.name = name;
  one.is_a_retry = true;
  one.inbound = {mail};
  one.counts_from = [](const World& world) {
    return !world.disk().names(world.mailbag("fred") + "/ids").empty();
  };
  one.before = [mail, part](World& world) {
    Scenario first;
    first.inbound = {mail};
    world.begin(first);
    world.live();
    SimulatedDisk& disk = world.disk();
    const std::string bag = world.mailbag("fred");
    const std::string id = disk.names(bag + "/new").front();
    const std::string filed = bag + "/new/" + id;
    std::map<std::string, std::string> files;
    for (const std::string& file : disk.names(filed)) {
      files[file] = disk.contents(filed + "/" + file).value_or("");
      disk.erase(filed + "/" + file);
    }
    disk.erase(filed);
    disk.erase(bag + "/ids/" + id);
    const std::string restored = bag + "/" + part + "/" + id;
    if (!disk.make_directory(restored, 0770)) return;
    for (const auto& [file, contents] : files) {
      disk.put_unsynced(restored + "/" + file, contents);
    }
  };
  return one;
}

/// Room is reserved and counted beside the filing: nobody is refused for what a crash left of it.
Scenario beside_a_quota(const std::string& name, bool by_door_1) {
  Scenario one;
  one.name = name;
  one.inbound = {to({anna, ben}, text_message("quota"), by_door_1)};
  one.before = [](World& world) {
    postoffice::MailboxSettings settings;
    settings.quota.messages = 10;
    const postoffice::Postoffice office = world.open();
    (void)postoffice::write_mailbox_settings(office, "anna", settings);
    world.disk().sync_all();
  };
  return one;
}

/// Each step in all of them before the next. One has a quota, one is a folder; one is damaged,
/// until somebody mends it, and is no matter of the others.
Scenario to_many(bool by_door_1) {
  Scenario one;
  one.name = std::string("many mailboxes, one damaged, door ") + (by_door_1 ? "1" : "2");
  one.inbound = {to({anna, ben, "carl@example.com", "dora@example.com", "emil@example.com",
                     "fred@example.com", "postmaster@example.com"},
                    message_with_attachments("to many", 3), by_door_1)};
  const std::string aside = "/aside";
  one.before = [aside](World& world) {
    postoffice::MailboxSettings settings;
    settings.quota.messages = 10;
    const postoffice::Postoffice office = world.open();
    (void)postoffice::write_mailbox_settings(office, "emil", settings);
    world.disk().move(world.mailbag("carl") + "/new", aside);
    world.disk().sync_all();
  };
  Errand mends;
  mends.run = [aside](World& world, bool) {
    if (!world.disk().exists(world.mailbag("carl"))) return Outcome::temporary("not there");
    if (world.disk().exists(aside)) {
      world.disk().put_back(aside, world.mailbag("carl") + "/new");
    }
    return Outcome::delivered("mended");
  };
  one.errands = {mends};
  return one;
}

/// The same on a disk that has no files without names: NFS, GlusterFS, Btrfs.
void add_in_work_directories(std::vector<Scenario>& all, const std::vector<std::string>& names) {
  const std::vector<Scenario> before = all;
  for (const Scenario& scenario : before) {
    const auto is_it = [&](const std::string& name) { return scenario.name.starts_with(name); };
    if (std::none_of(names.begin(), names.end(), is_it)) continue;
    Scenario& one = all.emplace_back(scenario);
    one.name += ", in a work directory";
    one.has_linkable_files = false;
  }
}

void add_inbound(std::vector<Scenario>& all) {
  add_both(all, "text to one", {anna}, text_message("one"));
  all.push_back(beside_a_quota("a mailbox with a quota beside another, door 1", true));
  all.push_back(beside_a_quota("a mailbox with a quota beside another, door 2", false));
  add_both(all, "attachments to several", {anna, ben, "carl@example.com"},
           message_with_attachments("many", 20));
  add_both(all, "nested group and members", {"all@example.com", ben, "some@example.com"},
           text_message("group"));
  for (const bool by_door_1 : {true, false}) all.push_back(to_many(by_door_1));
  Scenario& overlapping = all.emplace_back();
  overlapping.name = "the same to overlapping sets, both doors";
  overlapping.inbound = {to({anna, ben}, text_message("same"), true),
                         to({ben, "some@example.com"}, text_message("same"), false)};
  Scenario& large = all.emplace_back();
  large.name = "more than fits memory, door 1";
  large.inbound = {to({anna, ben}, message_with_attachments("large", 14'000), true)};
  add_both(all, "folder mailbox beside others", {"fred@example.com", anna},
           message_with_attachments("folder", 3));
  Scenario& folder_copied = all.emplace_back();
  folder_copied.name = "folder mailbox, no links at all: copies";
  folder_copied.inbound = {to({"fred@example.com"}, message_with_attachments("copied", 3), false)};
  folder_copied.condition = no_links("/", ENOTSUP);
  all.push_back(
      after_a_restored_folder("folder mailbox, put back by hand in new, and again", "new"));
  all.push_back(
      after_a_restored_folder("folder mailbox, put back by hand in cur, and again", "cur"));
  Scenario& beyond = all.emplace_back();
  beyond.name = "group that reaches beyond";
  beyond.inbound = {to({"wide@example.com", anna}, text_message("wide"), true)};
  Scenario& holed = all.emplace_back();
  holed.name = "group with a member that is nobody";
  holed.inbound = {to({"holed@example.com"}, text_message("holed"), false)};
  Scenario& copied = all.emplace_back();
  copied.name = "too many links: a copy";
  copied.inbound = {to({anna, ben}, text_message("copy"), true)};
  copied.condition = no_links("/P1/", EMLINK);
  Scenario& renamed = all.emplace_back();
  renamed.name = "no links at all: a copy renamed";
  renamed.inbound = {to({anna}, text_message("renamed"), false)};
  renamed.condition = no_links("/", ENOTSUP);
  all.push_back(after_a_first_try("again, found in new", "link", false));
  all.push_back(after_a_first_try("again, found in cur", "link", true));
  all.push_back(after_a_restore("put back by hand in new, and again", "new"));
  all.push_back(after_a_restore("put back by hand in cur, and again", "cur"));
  add_in_work_directories(
      all, {"text to one", "attachments to several", "nested group and members, door 2",
            "the same to overlapping sets", "folder mailbox beside others", "too many links",
            "no links at all", "again, found in", "put back by hand in"});
}

void add_outgoing(std::vector<Scenario>& all) {
  Scenario& here = all.emplace_back();
  here.name = "outbox to a mailbox here";
  here.outbox = {{"anna", "a.API", file_to("TO:CSI:ACME/MAIN/carl\n", "here")}};
  Scenario& beyond = all.emplace_back();
  beyond.name = "outbox to the Internet, kept in sent";
  beyond.outbox = {{"ben", "b.API",
                    file_to("TO:SMTP:x@elsewhere.example\nTO:SMTP:y@elsewhere.example\n", "out",
                            "CSI:ACME/MAIN/ben")}};
  Scenario& at_once = all.emplace_back();
  at_once.name = "outbox to the Internet, sent meanwhile";
  at_once.outbox = {{"anna", "c.API", file_to("TO:SMTP:x@elsewhere.example\n", "at once")}};
  at_once.sends_meanwhile = true;
  Scenario& passed = all.emplace_back();
  passed.name = "group that reaches beyond, sent meanwhile";
  passed.inbound = {to({"wide@example.com"}, text_message("passed"), false)};
  passed.sends_meanwhile = true;
  Scenario& mixed = all.emplace_back();
  mixed.name = "outbox to here, a group and beyond";
  mixed.outbox = {
      {"anna", "m.API",
       file_to("TO:CSI:ACME/MAIN/wide\nTO:CSI:ACME/MAIN/ben\nCC:SMTP:x@elsewhere.example\n",
               "mixed")}};
  Scenario& failed = all.emplace_back();
  failed.name = "outbox, a name that is nobody";
  failed.outbox = {
      {"anna", "f.API", file_to("TO:CSI:ACME/MAIN/carl\nTO:CSI:ACME/MAIN/nobody\n", "failed")}};
  Scenario& aside = all.emplace_back();
  aside.name = "outbox, in another's name: set aside";
  aside.outbox = {
      {"anna", "s.API", file_to("TO:CSI:ACME/MAIN/carl\n", "aside", "CSI:ACME/MAIN/ben")}};
  Scenario& refused = all.emplace_back();
  refused.name = "outgoing, one refused by the host";
  refused.outbox = {
      {"anna", "r.API",
       file_to("TO:SMTP:x@elsewhere.example\nTO:SMTP:no@elsewhere.example\n", "refused")}};
  refused.refused_recipients = {"no@elsewhere.example"};
  Scenario& later = all.emplace_back();
  later.name = "outgoing, one taken, one refused, one refused later";
  later.outbox = {{"anna", "l.API",
                   file_to("TO:SMTP:x@elsewhere.example\nTO:SMTP:no@elsewhere.example\n"
                           "TO:SMTP:never@elsewhere.example\n",
                           "later")}};
  later.refused_recipients = {"no@elsewhere.example"};
  later.refused_later = {"never@elsewhere.example"};
  Scenario& deferred = all.emplace_back();
  deferred.name = "outgoing, one taken, one deferred first";
  deferred.outbox = {
      {"anna", "d.API",
       file_to("TO:SMTP:x@elsewhere.example\nTO:SMTP:never@elsewhere.example\n", "deferred")}};
  deferred.refused_later = {"never@elsewhere.example"};
  Scenario& several = all.emplace_back();
  several.name = "outbox, two messages in a file, one bad";
  several.outbox = {{"anna", "t.API",
                     file_to("TO:CSI:ACME/MAIN/carl\n", "first") +
                         file_to("TO:CSI:ACME/MAIN/carl\n", "second", "CSI:ACME/MAIN/ben")}};
  Scenario& other_disk = all.emplace_back();
  other_disk.name = "outbox on another file system";
  other_disk.outbox = {{"anna", "o.API", file_to("TO:CSI:ACME/MAIN/carl\n", "elsewhere")}};
  other_disk.condition = SimulatedDisk::Fault{
      [](std::uint64_t, const Operation& operation) {
        return operation.name == "rename" && operation.path.find("/outbox/") != std::string::npos &&
               operation.to.find("/P1/") != std::string::npos;
      },
      EXDEV, SimulatedDisk::Moment::instead};
}

}  // namespace

std::vector<Scenario> all_scenarios() {
  std::vector<Scenario> all;
  add_inbound(all);
  add_outgoing(all);
  add_people(all);
  add_services(all);
  add_administration(all);
  return all;
}

}  // namespace smtpgate::crash
