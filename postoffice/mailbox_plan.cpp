// GLB/CHANGES.json; see the header. Settings stand in it as the text of their own file, so that
// there is one form of them only.
#include "postoffice/mailbox_plan.h"

#include <cerrno>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "postoffice/folder.h"

namespace smtpgate::postoffice {

namespace {

using nlohmann::json;

constexpr std::uint64_t largest_plan = std::uint64_t{1} << 30;
constexpr int known_version = 1;
constexpr const char* kind_names[] = {"add", "set", "rename", "remove"};

json to_json(const MailboxChange& change) {
  return {{"do", kind_names[static_cast<std::size_t>(change.kind)]},
          {"mailbox", change.mailbox},
          {"new_name", change.new_name},
          {"group", change.group},
          {"settings", render_mailbox_settings(change.settings)},
          {"new_aliases", change.new_aliases},
          {"lost_aliases", change.lost_aliases},
          {"with_messages", change.with_messages}};
}

/// Types are checked by at() and get_to(), whose exceptions end in read_plan().
MailboxChange from_json(const Postoffice& postoffice, const json& object, const std::string& path) {
  MailboxChange change;
  const std::string kind = object.at("do");
  bool is_known = false;
  for (std::size_t i = 0; i < std::size(kind_names); ++i) {
    if (kind != kind_names[i]) continue;
    change.kind = static_cast<MailboxChange::Kind>(i);
    is_known = true;
  }
  if (!is_known) throw std::runtime_error("no such change");
  object.at("mailbox").get_to(change.mailbox);
  object.at("new_name").get_to(change.new_name);
  object.at("group").get_to(change.group);
  object.at("new_aliases").get_to(change.new_aliases);
  object.at("lost_aliases").get_to(change.lost_aliases);
  object.at("with_messages").get_to(change.with_messages);
  auto settings =
      parse_mailbox_settings(postoffice, object.at("settings").get<std::string>(), path);
  if (!settings) throw std::runtime_error(settings.error().sentence());
  change.settings = std::move(*settings);
  const bool is_rename = change.kind == MailboxChange::Kind::rename;
  if (why_bad_mailbox_name(change.mailbox) ||
      (is_rename && why_bad_mailbox_name(change.new_name))) {
    throw std::runtime_error("no mailbox name");
  }
  return change;
}

}  // namespace

Expected<MailboxPlan> read_plan(const Postoffice& postoffice) {
  const std::string path = postoffice.path(layout::mailbox_plan);
  auto text = read_whole(postoffice.files(), path, largest_plan);
  if (!text) {
    if (text.error().code == ENOENT) return MailboxPlan();
    return failure(text.error().outcome());
  }
  std::string why;
  try {
    const json object = json::parse(*text);
    if (object.at("version") == known_version) {
      MailboxPlan plan;
      object.at("source").get_to(plan.source);
      for (const json& one : object.at("changes")) {
        plan.changes.push_back(from_json(postoffice, one, path));
      }
      return plan;
    }
    why = "its version is not known here";
  } catch (const std::exception& exception) {
    why = exception.what();
  }
  return failure(
      Outcome::temporary(path + " cannot be understood (" + why +
                             "); see in it what was left unfinished, do it by hand, and remove it",
                         "4.3.5"));
}

Outcome write_plan(const Postoffice& postoffice, const MailboxPlan& plan) {
  json object = {{"version", known_version}, {"source", plan.source}, {"changes", json::array()}};
  for (const MailboxChange& change : plan.changes) object["changes"].push_back(to_json(change));
  auto owner = owner_for_new_files(postoffice.files(), postoffice.directory());
  if (!owner) return owner.error().outcome();
  auto written = replace_file(postoffice.files(), postoffice.path(layout::mailbox_plan),
                              object.dump(1) + "\n", 0644, *owner);
  if (!written) return written.error().outcome();
  return Outcome::delivered("written down");
}

Outcome remove_plan(const Postoffice& postoffice) {
  const std::string path = postoffice.path(layout::mailbox_plan);
  auto removed = postoffice.files().remove(path);
  if (!removed && removed.error().code != ENOENT) return removed.error().outcome();
  // Not synced: a power cut that brings it back has the same done once more, which changes nothing,
  // and the next plan's sync is this one's too.
  return Outcome::delivered("done");
}

}  // namespace smtpgate::postoffice
