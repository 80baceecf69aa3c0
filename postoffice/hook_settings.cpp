// Settings of hooks; see the header.
#include "postoffice/hook_settings.h"

#include <algorithm>

#include <fmt/format.h>

#include "postoffice/ascii.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::int64_t longest_run = 86'400;  // seconds
constexpr std::int64_t most_at_once = 64;
constexpr std::int64_t most_attempts = 1000;
constexpr std::size_t longest_user = 64;

bool is_user_name(std::string_view name) {
  return name.size() <= longest_user && std::all_of(name.begin(), name.end(), [](char c) {
           return is_ascii_alpha(c) || is_ascii_digit(c) || c == '-' || c == '_' || c == '.';
         });
}

}  // namespace

HookSettings read_hook_settings(SettingsTable& root) {
  HookSettings settings;
  settings.seconds =
      static_cast<int>(root.integer("hook_seconds", settings.seconds, 1, longest_run));
  settings.at_once =
      static_cast<int>(root.integer("hook_at_once", settings.at_once, 1, most_at_once));
  settings.attempts =
      static_cast<int>(root.integer("hook_attempts", settings.attempts, 1, most_attempts));
  settings.removes = root.choice("hook_done", "keep", {"keep", "remove"}) == "remove";
  settings.user = root.string("hook_user", "");
  if (!is_user_name(settings.user)) root.error("hook_user", "is no user's name");
  return settings;
}

std::optional<std::string> why_bad_hook_settings(const HookSettings& settings) {
  const auto range = [](std::string_view key, std::int64_t value, std::int64_t most) {
    return value >= 1 && value <= most
               ? std::optional<std::string>()
               : fmt::format("{} is {}; write a number from 1 to {}", key, value, most);
  };
  if (auto why = range("hook_seconds", settings.seconds, longest_run)) return why;
  if (auto why = range("hook_at_once", settings.at_once, most_at_once)) return why;
  if (auto why = range("hook_attempts", settings.attempts, most_attempts)) return why;
  if (!is_user_name(settings.user)) return "hook_user is no user's name";
  return std::nullopt;
}

std::string render_hook_settings(const HookSettings& settings) {
  const HookSettings defaults;
  std::string text;
  const auto line = [&text](std::string_view key, const auto& value) {
    text += fmt::format("{} = {}\n", key, value);
  };
  if (settings.seconds != defaults.seconds) line("hook_seconds", settings.seconds);
  if (settings.at_once != defaults.at_once) line("hook_at_once", settings.at_once);
  if (settings.attempts != defaults.attempts) line("hook_attempts", settings.attempts);
  if (settings.removes) line("hook_done", "\"remove\"");
  if (!settings.user.empty()) line("hook_user", "\"" + settings.user + "\"");
  return text;
}

}  // namespace smtpgate::postoffice
