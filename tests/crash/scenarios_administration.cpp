// Scenarios of administrators at work: mailboxes added, set, renamed, removed and imported, aliases
// and groups changed, while mail comes.
#include <functional>
#include <string>
#include <utility>

#include "postoffice/groups.h"
#include "postoffice/mailbox_changes.h"
#include "postoffice/mailbox_import.h"
#include "tests/crash/scenario_parts.h"

namespace smtpgate::crash {

namespace {

using postoffice::MailboxChange;
using postoffice::MailboxChanges;
using postoffice::Postoffice;

/// What `change` says of the open postoffice; a person who was broken off takes "is there already"
/// for done.
Errand administrates(std::function<Outcome(const Postoffice&, bool is_again)> change) {
  Errand errand;
  errand.run = [change = std::move(change)](World& world, bool is_again) {
    auto opened = Postoffice::open(World::folder(), world.disk());
    if (!opened) return opened.error();
    const Outcome done = change(*opened, is_again);
    return is_again && done.is_permanent() ? Outcome::delivered("done before") : done;
  };
  return errand;
}

using FindChanges = std::function<Expected<std::vector<MailboxChange>>(const Postoffice&)>;

/// As the commands `postoffice mailbox ...` do it.
Outcome change_mailboxes(const Postoffice& office, const FindChanges& find) {
  auto begun = MailboxChanges::begin(office);
  if (!begun) return begun.error();
  if (begun->finished() > 0) return Outcome::delivered("what was begun is finished");
  auto changes = find(office);
  if (!changes) return changes.error();
  auto problems = begun->check(*changes);
  if (!problems) return problems.error();
  if (!problems->empty()) return problems->front().outcome;
  auto result = begun->apply(*changes);
  if (result.trouble) return *result.trouble;
  for (const Outcome& one : result.outcomes) {
    if (!one.is_delivered()) return one;
  }
  return Outcome::delivered("changed");
}

Errand changes_mailbox(MailboxChange change) {
  return administrates([change = std::move(change)](const Postoffice& office, bool) {
    return change_mailboxes(office, [&](const Postoffice&) {
      return Expected<std::vector<MailboxChange>>(std::vector<MailboxChange>{change});
    });
  });
}

Errand imports(std::string text, postoffice::ImportFormat format) {
  return administrates([text = std::move(text), format](const Postoffice& office, bool) {
    return change_mailboxes(office,
                            [&](const Postoffice& now) -> Expected<std::vector<MailboxChange>> {
                              auto read = postoffice::read_import(now, text, format, "");
                              if (read.trouble) return failure(*read.trouble);
                              if (read.problems.empty()) return std::move(read.changes);
                              return failure(Outcome::permanent(read.problems.front().text));
                            });
  });
}

Scenario& add(std::vector<Scenario>& all, const std::string& name, Errand errand) {
  Scenario& one = all.emplace_back();
  one.name = name;
  one.shows_settings = true;
  one.errands = {std::move(errand)};
  return one;
}

/// Dora's mail goes to Anna too; Anna has aliases. Ben keeps what he sends.
void prepare(World& world) {
  const Postoffice office = world.open();
  postoffice::MailboxSettings forwards;
  forwards.forward = {*postoffice::parse_forward(office, "anna")};
  (void)postoffice::write_mailbox_settings(office, "dora", forwards);
  (void)office.add_alias("a.berg", "anna");
  (void)office.add_alias("sales@example.com", "ben");
  world.disk().sync_all();
}

void add_mailbox_changes(std::vector<Scenario>& all) {
  MailboxChange adds;
  adds.mailbox = "Erna";
  adds.settings.full_name = "Erna Enders";
  adds.settings.keep_original = true;
  adds.new_aliases = {"e.enders", "erna.enders@example.com"};
  add(all, "mailbox: added with aliases", changes_mailbox(adds));
  MailboxChange plain;
  plain.mailbox = "erna";
  add(all, "mailbox: added, nothing else", changes_mailbox(plain));
  MailboxChange sets;
  sets.kind = MailboxChange::Kind::set;
  sets.mailbox = "anna";
  sets.settings.quota.messages = 50;
  sets.new_aliases = {"anna.berg"};
  sets.lost_aliases = {"a.berg"};
  add(all, "mailbox: set, with aliases changed", changes_mailbox(sets)).before = prepare;
  MailboxChange renames;
  renames.kind = MailboxChange::Kind::rename;
  renames.mailbox = "anna";
  renames.new_name = "annac";
  for (const bool by_door_1 : {true, false}) {
    Scenario& renamed =
        add(all, std::string("mailbox: renamed while mail comes, door ") + (by_door_1 ? "1" : "2"),
            changes_mailbox(renames));
    renamed.before = prepare;
    renamed.may_be_deleted = false;  // in whose name it was read is another question
    renamed.inbound = {
        to({anna, "a.berg@example.com", "dora@example.com"}, text_message("renamed"), by_door_1)};
  }
  MailboxChange removes;
  removes.kind = MailboxChange::Kind::remove;
  removes.mailbox = "ben";
  removes.with_messages = true;
  add(all, "mailbox: removed with its aliases and memberships", changes_mailbox(removes)).before =
      prepare;
}

void add_imports(std::vector<Scenario>& all) {
  add(all, "import: added, set and removed",
      imports("name,action,full_name,aliases,quota_messages\n"
              "erna,add,Erna Enders,e.enders,100\n"
              "franz,add,,,\n"
              "anna,set,Anna Berg,anna.berg;berg,10\n"
              "carl,remove,,,\n",
              postoffice::ImportFormat::csv))
      .before = prepare;
  add(all, "import: renamed, and another added",
      imports("M\tanna\tPCM:ACME/MAIN/anna\n \tAnna Carlsson\tPCM:ACME/MAIN/annac\n"
              "A\tAnna Berg\tPCM:ACME/MAIN/annab\n",
              postoffice::ImportFormat::import));
}

void add_alias_and_group_changes(std::vector<Scenario>& all) {
  Scenario& alias = add(all, "alias: added", administrates([](const Postoffice& office, bool) {
                          return office.add_alias("orders", "carl");
                        }));
  alias.before = prepare;
  alias.errands.push_back(
      administrates([](const Postoffice& office, bool) { return office.remove_alias("a.berg"); }));
  Scenario& group =
      add(all, "group: made, changed, removed", administrates([](const Postoffice& office, bool) {
            return postoffice::write_group(office, {"team", "anna", {"anna", "carl"}});
          }));
  group.errands.push_back(administrates([](const Postoffice& office, bool) {
    return postoffice::change_group(office, "all", [](postoffice::Group& one) {
      one.members = {"anna", "team"};
      return Outcome::delivered("changed");
    });
  }));
  group.errands.push_back(administrates(
      [](const Postoffice& office, bool) { return postoffice::remove_group(office, "holed"); }));
}

}  // namespace

void add_administration(std::vector<Scenario>& all) {
  add_mailbox_changes(all);
  add_imports(all);
  add_alias_and_group_changes(all);
}

}  // namespace smtpgate::crash
