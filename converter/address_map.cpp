// ADDR_MAP.CFG: see the header. Read whole, checked whole, so that a person sees all errors at
// once.
#include "converter/address_map.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "converter/address_list.h"
#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/printable.h"

namespace smtpgate::converter {

namespace {

constexpr std::string_view blanks = " \t\r";
constexpr std::size_t longest_shown = 100;

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (;;) {
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    if (line.empty()) return words;
    words.push_back(line.substr(0, line.find_first_of(blanks)));
    line.remove_prefix(words.back().size());
  }
}

/// nullopt if `domain` may stand in the map, else the reason as the end of "the domain X ...".
std::optional<std::string> why_bad_domain(std::string_view domain) {
  if (domain.find('@') != std::string_view::npos) return "has an @; write the domain alone";
  if (domain.substr(0, 1) == ".") domain.remove_prefix(1);
  if (!domain.empty() && domain.back() == '.') domain.remove_suffix(1);
  if (domain.empty()) return "is empty; write a domain such as mail.example.com";
  if (domain.size() > 253) return "is longer than 253 octets; no domain is";
  if (!postoffice::is_utf8(domain)) return "is not UTF-8; save the file as UTF-8";
  if (domain.front() == '[' && domain.back() == ']') return std::nullopt;
  const bool has_empty_label =
      domain.front() == '.' || domain.back() == '.' || domain.find("..") != std::string_view::npos;
  if (has_empty_label) return "has two dots with nothing between; remove one";
  for (const char c : domain) {
    const bool fine = is_ascii_alpha(c) || is_ascii_digit(c) || c == '-' || c == '.' || c == '_' ||
                      static_cast<unsigned char>(c) >= 0x80;
    if (!fine) return "has a character that no domain has; write a domain such as mail.example.com";
  }
  return std::nullopt;
}

std::string canonical_entry(std::string_view domain) {
  if (domain.substr(0, 1) != ".") return canonical_domain(domain);
  return "." + canonical_domain(domain.substr(1));
}

std::string key_of(const postoffice::PostofficeName& name) {
  return ascii_lower(name.str());
}

}  // namespace

tl::expected<AddressMap, std::vector<std::string>> AddressMap::read(const std::string& path) {
  const auto unreadable = [&path](int error) {
    return tl::unexpected(std::vector<std::string>{
        fmt::format("{}: cannot be read ({}); check the path and its permissions", printable(path),
                    std::strerror(error))});
  };
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return unreadable(errno);
  std::ostringstream text;
  text << file.rdbuf();
  // A directory opens but does not read; an empty file gives no octet either, which is no error
  // yet.
  if (file.bad() || (text.str().empty() && errno != 0)) return unreadable(errno);
  return parse(text.str(), path);
}

tl::expected<AddressMap, std::vector<std::string>> AddressMap::parse(std::string_view text,
                                                                     const std::string& name) {
  AddressMap map;
  std::vector<std::pair<int, std::string>> errors;
  std::unordered_map<std::string, int> pairs;  // "net/po domain" to its line
  const std::string file = printable(name);
  const auto refuse = [&](int line, const std::string& what) {
    errors.emplace_back(line, fmt::format("{}:{}: {}", file, line, what));
  };
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  for (int line = 1; !text.empty(); ++line) {
    const std::size_t end = text.find('\n');
    const std::vector<std::string_view> words = words_of(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (words.empty() || words[0][0] == '#' || words[0][0] == ';') continue;
    if (words.size() != 2) {
      refuse(line, fmt::format("{} where a postoffice and a domain are wanted; write \"NET/PO  "
                               "domain\", comments on lines of their own",
                               words.size() == 1 ? "one word" : "more than two words"));
      continue;
    }
    std::optional<postoffice::PostofficeName> postoffice =
        postoffice::PostofficeName::parse(words[0]);
    if (!postoffice) {
      refuse(line, fmt::format("\"{}\" is no postoffice; write its name as NET/PO",
                               printable(words[0], longest_shown)));
      continue;
    }
    if (const std::optional<std::string> reason = why_bad_domain(words[1])) {
      refuse(line,
             fmt::format("the domain \"{}\" {}", printable(words[1], longest_shown), *reason));
      continue;
    }
    Entry entry{std::move(*postoffice), canonical_entry(words[1]), line};
    const auto [same, is_new] = pairs.emplace(key_of(entry.postoffice) + " " + entry.domain, line);
    if (!is_new) {
      refuse(line,
             fmt::format("{} {} stands on line {} already; remove one of them",
                         printable(entry.postoffice.str()), printable(entry.domain), same->second));
      continue;
    }
    map.having_[entry.domain].push_back(map.entries_.size());
    map.entries_.push_back(std::move(entry));
  }

  // A postoffice that no address leads to would lose the replies to its own mail. Names in the
  // order of the file.
  std::unordered_map<std::string, bool> reached;
  for (const Entry& entry : map.entries_) {
    // Any subdomain will do to try a leading dot; a label of one letter is as good as the rest.
    const bool dotted = entry.domain.front() == '.';
    const Entry* first = map.find(dotted ? "*" + entry.domain : entry.domain);
    bool& is_reached = reached[key_of(entry.postoffice)];
    is_reached |= first != nullptr && first->postoffice == entry.postoffice;
    const bool is_hidden = first != nullptr && first->domain != entry.domain &&
                           first->line < entry.line && !(first->postoffice == entry.postoffice);
    if (!is_hidden) continue;
    refuse(entry.line,
           fmt::format("{} {} can never match, because {} {} on line {} has it all; move the line "
                       "above that one",
                       printable(entry.postoffice.str()), printable(entry.domain),
                       printable(first->postoffice.str()), printable(first->domain), first->line));
    is_reached = true;  // that is what is to be mended
  }
  for (const Entry& entry : map.entries_) {
    bool& is_reached = reached[key_of(entry.postoffice)];
    if (is_reached) continue;
    is_reached = true;  // told once
    refuse(entry.line, fmt::format("no address leads to {}, because other postoffices have all its "
                                   "domains on earlier lines; give it a domain of its own",
                                   printable(entry.postoffice.str())));
  }
  if (map.entries_.empty() && errors.empty()) {
    return tl::unexpected(std::vector<std::string>{
        file + ": has no entries; write \"NET/PO  domain\", one pair a line"});
  }
  if (errors.empty()) return map;
  std::sort(errors.begin(), errors.end());
  std::vector<std::string> lines;
  lines.reserve(errors.size());
  for (auto& error : errors) lines.push_back(std::move(error.second));
  return tl::unexpected(std::move(lines));
}

std::vector<const AddressMap::Entry*> AddressMap::find_all(std::string_view domain) const {
  std::vector<const Entry*> found;
  const Entry* first = find(domain);
  if (first == nullptr) return found;
  for (const std::size_t index : having_.at(first->domain)) found.push_back(&entries_[index]);
  return found;
}

const AddressMap::Entry* AddressMap::find(std::string_view domain) const {
  const std::string wanted = canonical_domain(domain);
  std::size_t best = entries_.size();
  const auto consider = [&](const std::string& key) {
    const auto found = having_.find(key);
    if (found != having_.end()) best = std::min(best, found->second.front());
  };
  consider(wanted);
  // A sender may write a domain of a million dots; no entry is longer than a domain can be.
  std::size_t dot = wanted.size() <= 1000 ? wanted.find('.') : std::string::npos;
  while (dot != std::string::npos && dot > 0) {
    consider(wanted.substr(dot));
    dot = wanted.find('.', dot + 1);
  }
  return best < entries_.size() ? &entries_[best] : nullptr;
}

bool AddressMap::has_shared_domains() const {
  return std::any_of(having_.begin(), having_.end(),
                     [](const auto& domain) { return domain.second.size() > 1; });
}

std::optional<std::string> AddressMap::name_at(const postoffice::NativeAddress& address,
                                               const std::string& domain) const {
  if (!shared_names_ || !is_shared(domain)) return address.mailbox;
  return shared_names_(address, domain);
}

}  // namespace smtpgate::converter
