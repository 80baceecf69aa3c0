// Syncs in words; see the header.
#include "tests/crash/sync_labels.h"

namespace smtpgate::crash {

namespace {

/// A path by what it is: hosts, ids, keys and mailboxes become "*".
std::string kind_of(const std::string& path) {
  std::string result;
  std::string before;
  for (std::size_t at = 0; at < path.size();) {
    std::size_t end = path.find('/', at + 1);
    if (end == std::string::npos) end = path.size();
    std::string part = path.substr(at + 1, end - at - 1);
    const bool is_named = before == "MBG" || before == "P1" || part.size() > 16;
    const bool is_temporary = part.starts_with(".new-") || part.starts_with(".smtp");
    if (is_temporary) part = part.substr(0, part.find('-')) + "-*";
    if (is_named && !is_temporary && part.find(".API") == std::string::npos) part = "*";
    // A message that was given up is worked on by the same code.
    const bool is_bad = part == "BAD" && end < path.size();
    if (part != "po" && !is_bad) result += (result.empty() ? "" : "/") + part;
    before = part;
    at = end;
  }
  return result;
}

bool changes_something(const Operation& operation) {
  return operation.name == "create" || operation.name == "link" || operation.name == "rename" ||
         operation.name == "remove" || operation.name == "make the directory" ||
         operation.name == "write" || operation.name == "copy";
}

bool is_of_mailbag(const Operation& operation) {
  return operation.name == "sync directory" && operation.path.find("/MBG/") != std::string::npos &&
         operation.path.ends_with("/new");
}

/// Where a sync stands among those of the mailbags that a message is filed in together: the first
/// and the last of them must each be seen to matter.
std::string rank_of(const std::vector<Operation>& operations, std::uint64_t sync) {
  if (!is_of_mailbag(operations[sync])) return "";
  const bool is_first = sync == 0 || !is_of_mailbag(operations[sync - 1]);
  const bool is_last = sync + 1 == operations.size() || !is_of_mailbag(operations[sync + 1]);
  if (is_first && is_last) return "";
  return is_first  ? ", the first of several"
         : is_last ? ", the last of several"
                   : ", among several";
}

std::string parent_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

}  // namespace

std::string label_of(const std::vector<Operation>& operations, std::uint64_t sync) {
  const Operation& operation = operations[sync];
  std::string label = operation.name + " " + kind_of(operation.path) + rank_of(operations, sync);
  for (std::uint64_t i = sync; i-- > 0;) {
    if (!changes_something(operations[i])) continue;
    const Operation& change = operations[i];
    label += ", after " + change.name + " " + kind_of(change.to.empty() ? change.path : change.to);
    break;
  }
  // What is written under another name: which one it becomes. Not where a message goes later.
  for (std::uint64_t i = sync + 1; i < operations.size(); ++i) {
    if (operations[i].name != "rename" || operations[i].path != operation.path) continue;
    if (operation.path.find("/MBG/") != std::string::npos &&
        operations[i].to.find("/cur/") != std::string::npos) {
      break;
    }
    label += ", before rename to " + kind_of(operations[i].to);
    break;
  }
  return label;
}

bool are_of_one_rename(const std::vector<Operation>& operations, std::uint64_t sync) {
  if (sync + 1 >= operations.size()) return false;
  const Operation& first = operations[sync];
  const Operation& second = operations[sync + 1];
  if (first.name != "sync directory" || second.name != first.name) return false;
  for (std::uint64_t i = sync; i-- > 0;) {
    if (!changes_something(operations[i])) continue;
    const std::string from = parent_of(operations[i].path);
    const std::string to = parent_of(operations[i].to);
    return operations[i].name == "rename" && from != to &&
           ((first.path == to && second.path == from) || (first.path == from && second.path == to));
  }
  return false;
}

}  // namespace smtpgate::crash
