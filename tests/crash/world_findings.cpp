// What can be seen in the world when all is over; see world.h.
#include <algorithm>
#include <functional>
#include <set>
#include <sstream>
#include <string>

#include "postoffice/postoffice_check.h"
#include "tests/crash/message_digest.h"
#include "tests/crash/test_clock.h"
#include "tests/crash/world.h"

namespace smtpgate::crash {

bool World::is_directory(const std::string& path) const {
  return disk_.look(path).kind == postoffice::FileKind::directory;
}

/// A message's directory is its message and each of its files: their octets, but of message.json,
/// which says when it came, only that it is whole.
std::string World::describe(const std::string& path) const {
  if (!is_directory(path)) return digest_of(disk_.contents(path).value_or(""));
  std::string result = digest_of(disk_.contents(path + "/message.api").value_or(""));
  for (const std::string& name : disk_.names(path)) {
    if (name.front() == '.') continue;  // of its command's runner
    const std::string contents = disk_.contents(path + "/" + name).value_or("");
    result += " +" + name;
    if (name == "message.json") {
      const bool is_whole = contents.starts_with("{\n") && contents.ends_with("\n}\n");
      if (!is_whole) result += std::string(" ") + std::string(damaged_mark);
    } else if (name != "message.api") {
      result += ":" + std::to_string(std::hash<std::string>()(contents));
    }
  }
  return result;
}

namespace {

/// What a report says of a try that failed before, which not every life had.
std::string without_last_try(std::string text) {
  constexpr std::string_view mark = "; the last try: ";
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark)) {
    text.erase(at, std::min(text.find('\n', at), text.size()) - at);
  }
  return text;
}

}  // namespace

/// Of a report, whom it tells of: which recipients share one is a matter of when they failed.
void World::add_found(Findings& result, const std::string& where, const std::string& path) const {
  const std::string digest = without_last_try(describe(path));
  // Says how often it was tried, too.
  if (digest.find("is set aside priority=") != std::string::npos) {
    result.push_back(where + ": told of a message set aside");
    return;
  }
  const bool is_report = digest.find("subject=Undeliverable") != std::string::npos;
  bool is_divided = false;
  for (const auto* recipients : {&scenario_->refused_recipients, &scenario_->refused_later}) {
    for (const std::string& recipient : *recipients) {
      if (!is_report || digest.find("\n  " + recipient + "\n") == std::string::npos) continue;
      result.push_back(where + ": told of " + recipient);
      is_divided = true;
    }
  }
  if (!is_divided) result.push_back(where + ": " + digest);
}

void World::add_mail(Findings& result, const std::string& mailbox) const {
  for (const char* part : {"/new/", "/cur/"}) {
    for (const std::string& name : disk_.names(mailbag(mailbox) + part)) {
      if (name.front() == '.') continue;
      add_found(result, mailbox, mailbag(mailbox) + part + name);
    }
  }
  for (const std::string& name : disk_.names(mailbag(mailbox) + "/sent")) {
    result.push_back(mailbox + "/sent: " + describe(mailbag(mailbox) + "/sent/" + name));
  }
  for (const std::string& name : disk_.names(mailbag(mailbox) + "/outbox")) {
    result.push_back(mailbox + "/outbox: " + name + ": " +
                     disk_.contents(mailbag(mailbox) + "/outbox/" + name).value_or(""));
  }
}

/// What administrators change, file by file.
void World::add_settings(Findings& result) const {
  for (const std::string& mailbox : mailboxes()) {
    std::string parts;
    for (const std::string& part : disk_.names(mailbag(mailbox))) parts += " " + part;
    result.push_back("mailbox " + mailbox + ":" + parts);
  }
  for (const std::string directory : {"/GLB", "/GLB/MAILBOX", "/GRP"}) {
    for (const std::string& name : disk_.names(folder() + directory)) {
      const std::string path = folder() + directory + "/" + name;
      if (name.front() == '.' || is_directory(path)) continue;
      result.push_back(directory.substr(1) + "/" + name + ": " + disk_.contents(path).value_or(""));
    }
  }
}

namespace {

/// Without when it came: a report is made at the moment of the failure, and clocks jump here.
std::string without_arrival(const std::string& mmff) {
  std::istringstream lines(mmff);
  std::string kept;
  bool skips_value = false;
  for (std::string line; std::getline(lines, line);) {
    const bool is_time = line.starts_with("DATE:") || line.starts_with("TIME:");
    if (!is_time && !skips_value) kept += line + "\n";
    skips_value = line == "EXT:S:0:RECEIVED";
  }
  return kept;
}

}  // namespace

Findings World::findings() const {
  Findings result = submitted_;
  for (const auto* seen : {&removed_, &taken_, &broken_}) {
    result.insert(result.end(), seen->begin(), seen->end());
  }
  for (const std::string& mailbox : mailboxes()) add_mail(result, mailbox);
  if (scenario_->shows_settings) add_settings(result);
  for (const std::string& id : disk_.names(folder() + "/SMTP/BAD")) {
    const std::string bad = folder() + "/SMTP/BAD/" + id;
    const auto state = postoffice::parse_outgoing_state(
        disk_.contents(bad + "/STATE.json").value_or(""), bad + "/STATE.json");
    result.push_back(
        "BAD: " +
        without_random_parts(without_arrival(disk_.contents(bad + "/FROM_NC.API").value_or(""))) +
        (state ? " because " + state->reason
               : " " + std::string(damaged_mark) + state.error().sentence()));
  }
  for (const std::string& name : disk_.names(desk())) {
    if (name.front() == '.') continue;
    for (const std::string& one : digests_of(disk_.contents(desk() + "/" + name).value_or(""))) {
      result.push_back("desk: " + one);
    }
  }
  std::sort(result.begin(), result.end());
  return result;
}

std::vector<std::string> World::damaged() const {
  std::vector<std::string> result;
  for (const std::string& one : findings()) {
    if (one.find(damaged_mark) != std::string::npos) result.push_back(one);
  }
  return result;
}

Findings World::check() {
  const auto opened = postoffice::Postoffice::open(folder(), disk_);
  if (!opened) return {opened.error().sentence()};
  const auto checked = postoffice::check_postoffice(
      *opened, {.repairs = true, .now = clock_now(), .found = {}, .seen = {}});
  Findings result;
  for (const Outcome& trouble : checked.troubles) result.push_back(trouble.sentence());
  for (const postoffice::CheckFinding& one : checked.findings) {
    using State = postoffice::CheckFinding::State;
    // What a crash may leave, and the daemon's tidying would clear.
    static const std::set<std::string> tidied{"changes-unfinished", "work-left", "markers-old",
                                              "half-done"};
    const bool is_tidied = one.state == State::mended && tidied.contains(one.kind);
    if (one.state == State::note || is_tidied) continue;
    result.push_back(one.kind + ": " + without_random_parts(one.what));
  }
  return result;
}

std::vector<std::string> World::leftovers() const {
  std::vector<std::string> result;
  for (const std::string& host : disk_.names(folder() + "/P1")) {
    for (const std::string& id : disk_.names(folder() + "/P1/" + host)) {
      std::string line = "P1/" + host + "/" + id;
      for (const std::string& name : disk_.names(folder() + "/P1/" + host + "/" + id)) {
        line += " " + name;
      }
      result.push_back(line);
    }
  }
  for (const std::string& name : disk_.names(folder() + "/SMTP")) {
    const bool is_part = name == "BAD" || name == "ids" || name.starts_with(".alive-");
    if (!is_part) result.push_back("SMTP/" + name);
  }
  for (const std::string& name : disk_.names(folder() + "/SMTP/ids")) {
    if (name.starts_with(".new-")) result.push_back("SMTP/ids/" + name);
  }
  for (const std::string& mailbox : mailboxes()) {
    for (const std::string part : {"ids", "new", "cur"}) {
      for (const std::string& name : disk_.names(mailbag(mailbox) + "/" + part)) {
        const bool is_kept = name.starts_with(".receipt-");
        if (name.front() == '.' && !is_kept) result.push_back(mailbox + "/" + part + "/" + name);
      }
    }
  }
  for (const std::string place : {"/GLB", "/GLB/MAILBOX", "/GRP", "/MBG"}) {
    for (const std::string& name : disk_.names(folder() + place)) {
      const bool is_plan = name == "CHANGES.json";
      if (name.starts_with(".lock-")) continue;  // stays, for the next who locks
      if (name.front() == '.' || is_plan) result.push_back(place.substr(1) + "/" + name);
    }
  }
  for (const std::string& name : disk_.names("/work/chain")) {
    if (name.front() == '.') result.push_back("/work/chain/" + name);
  }
  return result;
}

}  // namespace smtpgate::crash
