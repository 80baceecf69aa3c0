// The ALIAS file's format; see the header.
#include "postoffice/alias_file.h"

#include <algorithm>

#include <fmt/format.h>

#include "postoffice/address.h"
#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/printable.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t longest_alias = 64 + 1 + 255;  // RFC 5321, 4.5.3.1: local part, @, domain

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '\x7f';
}

/// One line without its end: an entry, nothing (blank or comment), or what is wrong.
tl::expected<std::optional<AliasEntry>, std::string> parse_line(std::string_view line) {
  line = trim(line);
  if (line.empty() || line.front() == '#') return std::nullopt;
  const std::size_t name_end = std::min(line.find_first_of(" \t"), line.size());
  const std::string_view name = line.substr(0, name_end);
  const std::string_view mailbox = trim(line.substr(name_end));
  if (mailbox.empty()) {
    return tl::unexpected(
        fmt::format("alias {} names no mailbox; write: name  mailbox", printable(name, 80)));
  }
  if (auto why = why_bad_alias_name(name)) {
    return tl::unexpected(fmt::format("alias {} {}", printable(name, 80), *why));
  }
  if (auto why = why_bad_mailbox_name(mailbox)) {
    return tl::unexpected(fmt::format("mailbox name {} {}", printable(mailbox, 80), *why));
  }
  return AliasEntry{std::string(name), alias_key(name), fold_mailbox_name(mailbox), 0};
}

}  // namespace

std::optional<std::string> why_bad_alias_name(std::string_view name) {
  if (name.empty()) return "is empty; write the part before the @, or a whole address";
  if (name.size() > longest_alias) return "is longer than any mail address";
  if (name.front() == '#') return "begins with #, which begins a comment";
  if (!is_utf8(name)) return "is not UTF-8; save the file as UTF-8";
  if (std::any_of(name.begin(), name.end(), [](char c) { return c == ' ' || is_control(c); })) {
    return "holds a blank or control character";
  }
  const std::size_t at = name.rfind('@');
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view domain = name.substr(at + 1);
  if (at == 0 || domain.empty()) return "is no whole address; write local@domain";
  if (std::any_of(domain.begin(), domain.end(), [](char c) { return c < 0; })) {
    return "has a domain that is not ASCII; write its xn-- form";
  }
  return std::nullopt;
}

std::string alias_key(std::string_view local_part, std::string_view domain) {
  while (!domain.empty() && domain.back() == '.') domain.remove_suffix(1);
  std::string key = fold_mailbox_name(local_part);
  if (!domain.empty()) key += "@" + ascii_lower(domain);
  return key;
}

std::string alias_key(std::string_view name) {
  const std::size_t at = name.rfind('@');
  if (at == std::string_view::npos) return alias_key(name, {});
  return alias_key(name.substr(0, at), name.substr(at + 1));
}

tl::expected<AliasFile, std::string> AliasFile::parse(std::string_view text,
                                                      const std::string& path) {
  AliasFile file;
  file.text_ = text;
  int number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    auto entry = parse_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!entry) {
      return tl::unexpected(fmt::format("{}:{}: {}", printable(path), number, entry.error()));
    }
    if (!*entry) continue;
    const auto [first, is_new] = file.by_key_.emplace((*entry)->key, file.entries_.size());
    if (!is_new) {
      return tl::unexpected(fmt::format(
          "{}:{}: alias {} stands in line {} already; take one of them out", printable(path),
          number, printable((*entry)->name, 80), file.entries_[first->second].line));
    }
    (*entry)->line = number;
    file.entries_.push_back(std::move(**entry));
  }
  return file;
}

const AliasEntry* AliasFile::find(std::string_view key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : &entries_[found->second];
}

std::string AliasFile::edited(const AliasEdit& edit) const {
  std::string text;
  std::string_view rest = text_;
  auto entry = entries_.begin();
  for (int number = 1; !rest.empty(); ++number) {
    const std::size_t size = std::min(rest.find('\n'), rest.size() - 1) + 1;
    const std::string_view line = rest.substr(0, size);
    rest.remove_prefix(size);
    if (entry == entries_.end() || entry->line != number) {
      text += line;
      continue;
    }
    if (!edit.removed.contains(entry->key)) {
      const auto renamed = edit.renamed.find(entry->mailbox);
      text += renamed == edit.renamed.end() ? std::string(line)
                                            : fmt::format("{}  {}\n", entry->name, renamed->second);
    }
    ++entry;
  }
  if (!text.empty() && text.back() != '\n') text += '\n';
  for (const auto& [name, mailbox] : edit.added) text += fmt::format("{}  {}\n", name, mailbox);
  return text;
}

}  // namespace smtpgate::postoffice
