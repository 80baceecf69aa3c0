// Differences, and what a reload looks at: see the header.
#include "milter/configuration_changes.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "milter/secret_file.h"
#include "milter/shadow.h"
#include "postoffice/postoffice.h"

namespace smtpgate::milter {

namespace {

constexpr std::array<std::string_view, 16> keys_of_the_start = {
    "gateway.user",       "gateway.group",       "gateway.work",
    "gateway.log",        "gateway.records",     "status.listen",
    "status.socket_mode", "status.socket_group", "status.token_file",
    "milter.socket",      "milter.socket_mode",  "milter.socket_group",
    "milter.memory",      "outbound.enabled",    "designated_host.connections",
    "shadow.enabled",
};

/// Secrets have files of their own; should one be written here all the same, it goes no further.
bool holds_secret(std::string_view key) {
  const std::string_view last = key.substr(key.rfind('.') + 1);
  return last == "password" || last == "secret" || last == "token" || last == "key";
}

/// "FILE:LINE: KEY: ".
std::string place_of(const Configuration& configuration, const std::string& key) {
  const auto found = configuration.values.find(key);
  return fmt::format("{}:{}: {}: ", configuration.path,
                     found == configuration.values.end() ? 1 : found->second.line, key);
}

void look_at_postoffices(const Configuration& now, const Configuration& fresh,
                         std::vector<std::string>& errors) {
  for (const converter::ServedPostoffice& served : fresh.converter.postoffices) {
    const auto* known = now.find_postoffice(served.name);
    if (known != nullptr && known->directory == served.directory) continue;
    const std::string place =
        place_of(fresh, fmt::format("postoffice[{}].{}", served.name.str(),
                                    fresh.shadow.enabled ? "shadow" : "path"));
    const auto opened = postoffice::Postoffice::open(served.directory);
    if (!opened) {
      errors.push_back(place + opened.error().sentence());
    } else if (!(opened->settings().name == served.name)) {
      errors.push_back(fmt::format("{}{} says it is {}; correct one of the two", place,
                                   served.directory, opened->settings().name.str()));
    } else if (const auto wrong = why_wrong_kind(fresh, served)) {
      errors.push_back(place + wrong->sentence());
    }
  }
}

void look_at_secrets(const Configuration& now, const Configuration& fresh,
                     std::vector<std::string>& errors) {
  postoffice::FileSystem& files = postoffice::FileSystem::posix();
  const std::string& password = fresh.designated_host.password_file;
  if (!password.empty() && password != now.designated_host.password_file) {
    if (const auto read = read_password(files, password); !read) {
      errors.push_back(place_of(fresh, "designated_host.password_file") + read.error().sentence());
    }
  }
  for (const converter::Peer& peer : fresh.converter.peers) {
    const bool is_known =
        std::any_of(now.converter.peers.begin(), now.converter.peers.end(),
                    [&](const converter::Peer& one) { return one.key_file == peer.key_file; });
    if (is_known) continue;
    if (const auto read = read_peer_key(files, peer.key_file); !read) {
      errors.push_back(place_of(fresh, "peer[" + peer.name + "].key_file") +
                       read.error().sentence());
    }
  }
}

}  // namespace

std::string describe(const ConfigurationChange& change) {
  return fmt::format("{}: {} -> {}", change.key, change.before.empty() ? "none" : change.before,
                     change.after.empty() ? "none" : change.after);
}

std::vector<ConfigurationChange> changes_between(const postoffice::SettingValues& before,
                                                 const postoffice::SettingValues& after) {
  std::vector<ConfigurationChange> result;
  const auto add = [&](const std::string& key, const std::string& old_text,
                       const std::string& new_text) {
    if (old_text == new_text) return;
    if (holds_secret(key)) {
      result.push_back(
          {key, old_text.empty() ? "" : "(not shown)", new_text.empty() ? "" : "(not shown)"});
    } else {
      result.push_back({key, old_text, new_text});
    }
  };
  for (const auto& [key, value] : before) {
    const auto found = after.find(key);
    add(key, value.text, found == after.end() ? std::string() : found->second.text);
  }
  for (const auto& [key, value] : after) {
    if (!before.contains(key)) add(key, {}, value.text);
  }
  std::sort(result.begin(), result.end(),
            [](const auto& a, const auto& b) { return a.key < b.key; });
  return result;
}

bool needs_restart(std::string_view key) {
  return std::find(keys_of_the_start.begin(), keys_of_the_start.end(), key) !=
         keys_of_the_start.end();
}

std::vector<std::string> why_not_to_take(const Configuration& now, const Configuration& fresh) {
  std::vector<std::string> errors;
  if (now.shadow.enabled != fresh.shadow.enabled) {
    errors.push_back(
        place_of(fresh, "shadow.enabled") +
        "shadow mode is switched by a restart alone: stop smtpgate, and start it; where "
        "Postfix routes mail to the gateway, take the change back now, since door 2 "
        "and the look-up follow the file");
    return errors;
  }
  look_at_postoffices(now, fresh, errors);
  look_at_secrets(now, fresh, errors);
  return errors;
}

}  // namespace smtpgate::milter
