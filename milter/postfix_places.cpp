// Lines of main.cf and master.cf: see the header.
#include "milter/postfix_places.h"

#include <fstream>
#include <utility>

#include "milter/finding.h"
#include "postoffice/ascii.h"

namespace smtpgate::milter {

namespace {

/// Calls `take` with each line that says something, its number, and whether it goes on with the
/// line before it.
template <class Take>
void each_said_line(const std::string& path, Take take) {
  std::ifstream file(path);
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    const std::string_view text = trim(line);
    if (text.empty() || text.front() == '#') continue;
    take(text, number, is_blank(line.front()));
  }
}

std::string key_of(const PostfixService& service) {
  return service.fields.size() < 2 ? std::string() : service.fields[0] + "/" + service.fields[1];
}

std::string_view next_word(std::string_view& rest) {
  rest = trim(rest);
  const std::string_view word = rest.substr(0, rest.find_first_of(" \t"));
  rest.remove_prefix(word.size());
  return word;
}

}  // namespace

PostfixPlaces::PostfixPlaces(std::string directory, bool is_default)
    : directory_(std::move(directory)), is_default_(is_default) {
  each_said_line(directory_ + "/main.cf",
                 [&](std::string_view text, std::size_t number, bool goes_on) {
                   const std::size_t equals = text.find('=');
                   if (goes_on || equals == std::string_view::npos) return;
                   settings_[std::string(trim(text.substr(0, equals)))] = number;
                 });
  std::string service;
  each_said_line(
      directory_ + "/master.cf", [&](std::string_view text, std::size_t number, bool goes_on) {
        if (!goes_on) {
          const std::string_view name = next_word(text);
          const std::string_view type = next_word(text);
          service = std::string(name) + "/" + std::string(type);
          services_.emplace(service, number);
        }
        for (std::string_view word = next_word(text); !word.empty(); word = next_word(text)) {
          if (word != "-o") continue;
          std::string_view option = next_word(text);
          while (option.starts_with('{')) option = trim(option.substr(1));
          if (option.empty()) option = next_word(text);
          options_[service + "/" + std::string(option.substr(0, option.find('=')))] = number;
        }
      });
}

std::string PostfixPlaces::setting(const std::string& name) const {
  const auto found = settings_.find(name);
  const std::string path = directory_ + "/main.cf";
  return found == settings_.end() ? path : path + ":" + std::to_string(found->second);
}

std::string PostfixPlaces::setting(const PostfixService& service, const std::string& name) const {
  if (!service.options.contains(name)) return setting(name);
  const auto found = options_.find(key_of(service) + "/" + name);
  return found == options_.end() ? this->service(service)
                                 : master() + ":" + std::to_string(found->second);
}

std::string PostfixPlaces::service(const PostfixService& service) const {
  const auto found = services_.find(key_of(service));
  return found == services_.end() ? master() : master() + ":" + std::to_string(found->second);
}

std::string PostfixPlaces::command(const std::string& option, const std::string& word) const {
  return "postconf " + (is_default_ ? std::string() : "-c " + shell_word(directory_) + " ") +
         option + " " + shell_word(word);
}

std::string PostfixPlaces::edit(const std::string& name, const std::string& value) const {
  return command("-e", name + " = " + value);
}

std::string PostfixPlaces::edit(const PostfixService& service, const std::string& name,
                                const std::string& value) const {
  return service.options.contains(name) ? edit_own(service, name, value) : edit(name, value);
}

std::string PostfixPlaces::edit_own(const PostfixService& service, const std::string& name,
                                    const std::string& value) const {
  return command("-P", key_of(service) + "/" + name + "=" + value);
}

std::string PostfixPlaces::edit_field(const PostfixService& service, const std::string& field,
                                      const std::string& value) const {
  return command("-F", key_of(service) + "/" + field + "=" + value);
}

}  // namespace smtpgate::milter
