// A group's file; see the header.
#include "postoffice/group_file.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/folder.h"
#include "postoffice/printable.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t longest_address = 64 + 1 + 255;  // RFC 5321, 4.5.3.1: local part, @, domain
constexpr std::size_t longest_shown_line = 80;
constexpr std::string_view owner_word = "OWNER:";

bool is_control_or_blank(char c) {
  return static_cast<unsigned char>(c) <= 0x20 || c == '\x7f';
}

/// nullopt if `address` can stand in SMTP as it is.
std::optional<std::string> why_bad_internet_address(std::string_view address) {
  if (address.size() > longest_address) return "is longer than any mail address";
  if (!is_utf8(address)) return "is not UTF-8";
  if (std::any_of(address.begin(), address.end(), is_control_or_blank)) {
    return "holds a blank or control character; write one address a line";
  }
  if (address.find_first_of("<>,;") != std::string_view::npos) {
    return "holds one of < > , ; - write one address a line, without its name";
  }
  const std::size_t at = address.rfind('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == address.size()) {
    return "is no mail address; write user@host";
  }
  return std::nullopt;
}

}  // namespace

tl::expected<TypedAddress, std::string> parse_member(std::string_view text,
                                                     const PostofficeName& here) {
  TypedAddress address = TypedAddress::parse(text);
  const bool is_bare_internet = address.address.find('@') != std::string::npos &&
                                text.find(':') == std::string_view::npos &&
                                text.find('/') == std::string_view::npos;
  if (is_bare_internet) address = TypedAddress::internet(std::string(text));
  if (address.type == "SMTP") {
    if (auto why = why_bad_internet_address(address.address)) return tl::unexpected(*why);
    return address;
  }
  if (address.type != "CSI") {
    return tl::unexpected("is of the unknown type " + address.type +
                          "; write a name, NET/PO/MAILBOX or user@host");
  }
  if (address.address.find('/') == std::string::npos) {
    if (auto why = why_bad_mailbox_name(address.address)) return tl::unexpected(*why);
    return TypedAddress::native({here, address.address});
  }
  if (!NativeAddress::parse(address.address)) {
    return tl::unexpected(std::string("is no address; write a name, NET/PO/MAILBOX or user@host"));
  }
  return address;
}

std::string address_key(const TypedAddress& address) {
  if (address.type != "SMTP") return address.type + ":" + fold_mailbox_name(address.address);
  const std::size_t at = std::min(address.address.rfind('@'), address.address.size());
  return "SMTP:" + address.address.substr(0, at) +
         ascii_lower(std::string_view(address.address).substr(at));
}

tl::expected<GroupFile, std::string> GroupFile::parse(std::string_view text,
                                                      const std::string& path,
                                                      const PostofficeName& here) {
  GroupFile file;
  const auto error = [&](std::string_view what, std::string_view why) {
    return tl::unexpected(fmt::format("{}:{}: {} {}", printable(path), file.lines_.size() + 1,
                                      printable(what, longest_shown_line), why));
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    Line line;
    line.text = text.substr(0, end);
    if (line.text.ends_with('\r')) line.text.pop_back();
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string_view content = trim(line.text);
    if (content.empty() || content.front() == '#') {
      file.lines_.push_back(std::move(line));
      continue;
    }
    if (starts_with_ignoring_case(content, owner_word)) {
      const std::string_view name = trim(content.substr(owner_word.size()));
      if (!file.owner_.empty()) return error("OWNER", "stands there twice; take one out");
      if (auto why = why_bad_mailbox_name(name)) {
        return error(std::string("OWNER ").append(name), *why + "; write OWNER: mailbox");
      }
      line.kind = Line::Kind::owner;
      file.owner_ = fold_mailbox_name(name);
    } else {
      if (auto member = parse_member(content, here); !member) {
        return error(std::string("member ").append(content), member.error());
      }
      line.kind = Line::Kind::member;
      line.member = content;
    }
    file.lines_.push_back(std::move(line));
  }
  return file;
}

std::vector<std::string> GroupFile::members() const {
  std::vector<std::string> members;
  for (const Line& line : lines_) {
    if (line.kind == Line::Kind::member) members.push_back(line.member);
  }
  return members;
}

std::string GroupFile::with(const Group& group) const {
  const bool names_owner = !group.owner.empty() && group.owner != layout::postmaster;
  const std::string owner_line = std::string(owner_word) + " " + group.owner + "\n";
  std::set<std::string, std::less<>> missing(group.members.begin(), group.members.end());
  bool has_owner = false;
  std::string text;
  for (const Line& line : lines_) {
    if (line.kind == Line::Kind::owner) {
      if (names_owner) text += owner_line;
      has_owner = true;
    } else if (line.kind == Line::Kind::comment || missing.erase(line.member) > 0) {
      text.append(line.text).append("\n");
    }
  }
  if (!has_owner && names_owner) text.insert(0, owner_line);
  for (const std::string& member : group.members) {
    if (missing.erase(member) > 0) text.append(member).append("\n");
  }
  return text;
}

}  // namespace smtpgate::postoffice
