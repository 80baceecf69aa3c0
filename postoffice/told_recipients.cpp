// The file of recipients that were told of: a line a report, with a name for each address, which is
// a hash, so that a hundred thousand long addresses make no huge file. See the header.
#include "postoffice/told_recipients.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "postoffice/derived_key.h"
#include "postoffice/folder.h"
#include "postoffice/outgoing_folder.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t name_octets = 16;
/// Of a message with most_outgoing_recipients, each in a report of its own, and more.
constexpr std::uint64_t largest_list = std::uint64_t{8} << 20;

std::string name_of(std::string_view text) {
  return derived_key(text, name_octets);
}

std::string joined(const std::vector<std::string>& names) {
  std::string line;
  for (const std::string& name : names) line += (line.empty() ? "" : " ") + name;
  return line;
}

std::vector<std::string> divided(std::string_view line) {
  std::vector<std::string> names;
  while (!line.empty()) {
    const std::string_view name = line.substr(0, line.find(' '));
    if (!name.empty()) names.emplace_back(name);
    line.remove_prefix(std::min(line.size(), name.size() + 1));
  }
  return names;
}

}  // namespace

ToldRecipients::ToldRecipients(const Postoffice& postoffice, std::string path)
    : postoffice_(postoffice), path_(std::move(path)) {}

Expected<ToldRecipients> ToldRecipients::read(const Postoffice& postoffice,
                                              std::string_view mailbox,
                                              std::string_view message_id) {
  const std::string who =
      "smtpgate-told-1\n" + std::string(mailbox) + "\n" + std::string(message_id);
  ToldRecipients told(postoffice, path_in(postoffice.path(layout::outgoing_markers),
                                          std::string(told_prefix) + name_of(who)));
  auto text = read_whole(postoffice.files(), told.path_, largest_list);
  if (!text) {
    if (text.error().code == ENOENT) return told;
    return failure(text.error().outcome());
  }
  for (std::string_view rest = *text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    told.groups_.push_back(divided(line));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  return told;
}

Expected<std::vector<ToldRecipients::Group>> ToldRecipients::divide(
    const std::vector<OutgoingRecipient>& failed) {
  std::map<std::string, const OutgoingRecipient*> left;
  for (const OutgoingRecipient& one : failed) left.emplace(name_of(one.address.str()), &one);
  std::vector<Group> result;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    Group group{i, joined(groups_[i]), {}};
    for (const std::string& name : groups_[i]) {
      const auto found = left.find(name);
      if (found == left.end()) continue;
      group.recipients.push_back(*found->second);
      left.erase(found);
    }
    if (!group.recipients.empty()) result.push_back(std::move(group));
  }
  if (left.empty()) return result;

  std::vector<std::string> names;
  for (const auto& [name, one] : left) names.push_back(name);
  Group others{groups_.size(), joined(names), {}};
  for (const OutgoingRecipient& one : failed) {
    if (left.erase(name_of(one.address.str())) > 0) others.recipients.push_back(one);
  }
  result.push_back(std::move(others));
  groups_.push_back(std::move(names));

  std::string text;
  for (const std::vector<std::string>& group : groups_) text += joined(group) + "\n";
  if (auto problem = make_outgoing_parts(postoffice_)) return failure(*problem);
  FileSystem& files = postoffice_.files();
  auto owner = owner_for_new_files(files, postoffice_.directory());
  if (!owner) return failure(owner.error().outcome());
  if (auto written = replace_file(files, path_, text, 0600, *owner); !written) {
    return failure(written.error().outcome());
  }
  return result;
}

}  // namespace smtpgate::postoffice
