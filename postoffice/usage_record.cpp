// The usage record; see the header.
#include "postoffice/usage_record.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "postoffice/folder.h"
#include "postoffice/unique_id.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::string_view count_prefix = "count.";
constexpr std::string_view new_prefix = "new.";
constexpr std::string_view count_format = "smtpgate-usage-1";
constexpr std::uint64_t largest_count_file = 4096;
constexpr std::int64_t oldest_kept = 3'600;  ///< its process is dead
/// A directory that changed less than this before a count may change again in the same tick of the
/// clock, unseen.
constexpr std::int64_t settled_after = 2;
constexpr int most_tries = 10;

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || text.empty()) return std::nullopt;
  return number;
}

std::optional<UsageEntry> parse_entry(const std::string& name) {
  const bool is_filed = name.starts_with(filed_room_prefix);
  if (!is_filed && !name.starts_with(kept_room_prefix)) return std::nullopt;
  const std::string_view rest =
      std::string_view(name).substr(is_filed ? filed_room_prefix.size() : kept_room_prefix.size());
  const auto octets = number_of(rest.substr(0, rest.find('.')));
  if (!octets) return std::nullopt;
  return UsageEntry{name, *octets, is_filed};
}

std::string render(const UsageCount& count) {
  return fmt::format("{}\nmessages {}\noctets {}\nnew {}\ncur {}\n", count_format,
                     count.usage.messages, count.usage.octets, count.new_changed,
                     count.read_changed);
}

/// nullopt: not what render() writes, so that the mailbag is counted again.
std::optional<UsageCount> parse_count(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  constexpr std::string_view words[] = {"messages ", "octets ", "new ", "cur "};
  if (lines.size() != 1 + std::size(words) || lines.front() != count_format) return std::nullopt;
  std::int64_t values[std::size(words)] = {};
  for (std::size_t i = 0; i < std::size(words); ++i) {
    if (!lines[i + 1].starts_with(words[i])) return std::nullopt;
    const std::string_view digits = lines[i + 1].substr(words[i].size());
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), values[i]);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) {
      return std::nullopt;
    }
  }
  if (values[0] < 0 || values[1] < 0) return std::nullopt;
  return UsageCount{{static_cast<std::uint64_t>(values[0]), static_cast<std::uint64_t>(values[1])},
                    values[2],
                    values[3]};
}

}  // namespace

UsageRecord::UsageRecord(const Postoffice& postoffice, const std::string& mailbox)
    : postoffice_(postoffice),
      files_(postoffice.files()),
      mailbag_(postoffice.mailbag_directory(mailbox)),
      directory_(path_in(mailbag_, layout::usage)) {}

FileResult<std::unique_ptr<File>> UsageRecord::create(const std::string& name) {
  auto file = files_.create(path_in(directory_, name), 0600);
  if (!file && file.error().code == ENOENT) {
    auto owner = owner_for_new_files(files_, postoffice_.directory());
    if (!owner) return tl::unexpected(owner.error());
    auto made = make_owned_directory(files_, directory_, 0700, *owner);
    if (!made && made.error().code != EEXIST) return tl::unexpected(made.error());
    file = files_.create(path_in(directory_, name), 0600);
  }
  if (!file) return file;
  auto owner = owner_for_new_files(files_, postoffice_.directory());
  if (owner && *owner) (void)(*file)->set_owner((*owner)->user, (*owner)->group);
  return file;
}

FileResult<UsageState> UsageRecord::read() {
  for (int tries = 0; tries < most_tries; ++tries) {
    auto record = list();
    if (!record || record->generation == 0) return record;
    const std::string path = count_path(record->generation);
    auto text = read_whole(files_, path, largest_count_file);
    auto status = files_.status(path);
    // Somebody has counted meanwhile, and may have taken away what that count holds.
    auto next = files_.status(count_path(record->generation + 1));
    if (next) continue;
    if (next.error().code != ENOENT) return tl::unexpected(next.error());
    if (!text || !status) {
      const FileError& error = text ? status.error() : text.error();
      if (error.code == ENOENT) continue;
      return tl::unexpected(error);
    }
    record->count = parse_count(*text);
    record->counted_at = status->modified;
    return record;
  }
  return tl::unexpected(FileError{EBUSY, "read the usage in", directory_});
}

FileResult<Usage> UsageRecord::recount() {
  const std::string id = new_unique_id();
  const std::string temporary = std::string(new_prefix) + id;
  auto file = create(temporary);
  if (!file) return tl::unexpected(file.error());
  auto done = recount_with(**file, temporary);
  (void)files_.remove(path_in(directory_, temporary));
  return done;
}

FileResult<Usage> UsageRecord::count_unrecorded() {
  Usage usage;
  for (const std::string_view part : {layout::unread, layout::read}) {
    auto counted = count_part(path_in(mailbag_, part), usage);
    if (!counted) return tl::unexpected(counted.error());
  }
  return usage;
}

bool UsageRecord::has_abandoned_room(const UsageState& record, std::int64_t now) {
  return std::any_of(record.entries.begin(), record.entries.end(), [&](const UsageEntry& entry) {
    return !entry.is_filed && is_old(entry.name, now);
  });
}

bool UsageRecord::is_unchanged(const UsageCount& count) {
  auto unread = changed(layout::unread);
  auto read = changed(layout::read);
  return unread && read && *unread == count.new_changed && *read == count.read_changed;
}

std::string UsageRecord::count_path(std::uint64_t generation) const {
  return path_in(directory_, fmt::format("{}{}", count_prefix, generation));
}

FileResult<std::int64_t> UsageRecord::changed(std::string_view part) {
  auto status = files_.status(path_in(mailbag_, part));
  if (!status) return tl::unexpected(status.error());
  return status->modified;
}

FileResult<UsageState> UsageRecord::list() {
  UsageState record;
  auto names = files_.list(directory_);
  if (!names) {
    if (names.error().code == ENOENT) return record;
    return tl::unexpected(names.error());
  }
  for (const std::string& name : *names) {
    if (name.starts_with(count_prefix)) {
      const auto generation = number_of(std::string_view(name).substr(count_prefix.size()));
      record.generation = std::max(record.generation, generation.value_or(0));
    } else if (name.starts_with(new_prefix)) {
      record.unfinished.push_back(name);
    } else if (auto entry = parse_entry(name)) {
      record.entries.push_back(std::move(*entry));
    }
  }
  return record;
}

FileResult<Usage> UsageRecord::recount_with(File& file, const std::string& temporary) {
  auto begun = file.status();  // the file system's clock, which on a server is not ours
  if (!begun) return tl::unexpected(begun.error());
  auto before = list();
  if (!before) return tl::unexpected(before.error());
  auto count = count_mailbag(begun->modified);
  if (!count) return tl::unexpected(count.error());
  if (auto written = file.write(render(*count)); !written) {
    return tl::unexpected(written.error());
  }
  // Not synced: what a power cut makes of it is no count, and leads to the next one.
  auto placed = place(path_in(directory_, temporary), count_path(before->generation + 1));
  if (!placed) {
    if (placed.error().code == EEXIST) return count->usage;
    return tl::unexpected(placed.error());
  }
  take_away(*before, begun->modified);
  return count->usage;
}

FileResult<void> UsageRecord::place(const std::string& from, const std::string& to) {
  auto linked = files_.link(from, to);
  if (linked || linked.error().code == EEXIST) return linked;
  auto taken = files_.status(to);
  if (taken) return tl::unexpected(FileError{EEXIST, "rename to", to});
  return files_.rename(from, to);
}

void UsageRecord::take_away(const UsageState& before, std::int64_t begun) {
  const auto remove = [&](const std::string& name) {
    (void)files_.remove(path_in(directory_, name));
  };
  if (before.generation > 0) remove(fmt::format("{}{}", count_prefix, before.generation));
  for (const UsageEntry& entry : before.entries) {
    if (entry.is_filed || is_old(entry.name, begun)) remove(entry.name);
  }
  for (const std::string& name : before.unfinished) {
    if (is_old(name, begun)) remove(name);
  }
}

bool UsageRecord::is_old(const std::string& name, std::int64_t begun) {
  auto status = files_.status(path_in(directory_, name));
  return status && status->modified < begun - oldest_kept;
}

FileResult<UsageCount> UsageRecord::count_mailbag(std::int64_t begun) {
  auto unread = changed(layout::unread);
  auto read = changed(layout::read);
  if (!unread) return tl::unexpected(unread.error());
  if (!read) return tl::unexpected(read.error());
  UsageCount count;
  // new/ first: a message that its reader moves meanwhile is counted twice, not never.
  for (const std::string_view part : {layout::unread, layout::read}) {
    auto counted = count_part(path_in(mailbag_, part), count.usage);
    if (!counted) return tl::unexpected(counted.error());
  }
  auto unread_after = changed(layout::unread);
  auto read_after = changed(layout::read);
  const auto is_settled = [&](std::int64_t first, const FileResult<std::int64_t>& second) {
    return second && *second == first && first + settled_after <= begun;
  };
  if (is_settled(*unread, unread_after)) count.new_changed = *unread;
  if (is_settled(*read, read_after)) count.read_changed = *read;
  return count;
}

FileResult<void> UsageRecord::count_part(const std::string& directory, Usage& usage) {
  auto names = files_.list(directory);
  if (!names) return tl::unexpected(names.error());
  for (const std::string& name : *names) {
    if (name.front() == '.') continue;
    const std::string path = path_in(directory, name);
    auto status = files_.status(path);
    if (status && status->kind == FileKind::directory) {
      status = files_.status(path_in(path, layout::folder_message));
    }
    if (!status && status.error().code == ENOENT) continue;  // moved or deleted just now
    if (!status) return tl::unexpected(status.error());
    if (status->kind != FileKind::regular) continue;
    ++usage.messages;
    usage.octets += status->size;
  }
  return {};
}

}  // namespace smtpgate::postoffice
