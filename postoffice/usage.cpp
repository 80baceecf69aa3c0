// The usage record; see the header. Names in MBG/<mailbox>/usage/:
//   count.<n>            the n-th count; the highest is the one that holds
//   kept.<octets>.<id>   room for a message that is being filed
//   filed.<octets>.<id>  a message that was filed after the count began
//   new.<id>             a count that is being written
// What is used is at most the count and all that is kept or filed. Readers only take away, so it
// may be less; then, at the limit, it is counted again.
#include "postoffice/usage.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "postoffice/folder.h"
#include "postoffice/unique_id.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::string_view count_prefix = "count.";
constexpr std::string_view kept_prefix = "kept.";
constexpr std::string_view filed_prefix = "filed.";
constexpr std::string_view new_prefix = "new.";
constexpr std::string_view count_format = "smtpgate-usage-1";
constexpr std::uint64_t largest_count_file = 4096;
constexpr std::size_t most_entries = 500;
constexpr std::int64_t oldest_count = 86'400;  ///< seconds
constexpr std::int64_t oldest_kept = 3'600;    ///< its process is dead
/// A directory that changed less than this before a count may change again in the same tick of the
/// clock, unseen.
constexpr std::int64_t settled_after = 2;
constexpr int most_tries = 10;

struct Entry {
  std::string name;
  std::uint64_t octets = 0;
  bool is_filed = false;
};

struct Count {
  Usage usage;
  std::int64_t new_changed = -1;  ///< -1: it may have changed unseen
  std::int64_t read_changed = -1;
};

struct Record {
  std::uint64_t generation = 0;  ///< 0: never counted
  std::optional<Count> count;
  std::int64_t counted_at = 0;
  std::vector<Entry> entries;
  std::vector<std::string> unfinished;
};

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || text.empty()) return std::nullopt;
  return number;
}

std::optional<Entry> parse_entry(const std::string& name) {
  const bool is_filed = name.starts_with(filed_prefix);
  if (!is_filed && !name.starts_with(kept_prefix)) return std::nullopt;
  const std::string_view rest =
      std::string_view(name).substr(is_filed ? filed_prefix.size() : kept_prefix.size());
  const auto octets = number_of(rest.substr(0, rest.find('.')));
  if (!octets) return std::nullopt;
  return Entry{name, *octets, is_filed};
}

std::string render(const Count& count) {
  return fmt::format("{}\nmessages {}\noctets {}\nnew {}\ncur {}\n", count_format,
                     count.usage.messages, count.usage.octets, count.new_changed,
                     count.read_changed);
}

/// nullopt: not what render() writes, so that the mailbag is counted again.
std::optional<Count> parse_count(std::string_view text) {
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
  return Count{{static_cast<std::uint64_t>(values[0]), static_cast<std::uint64_t>(values[1])},
               values[2],
               values[3]};
}

class UsageRecord {
 public:
  UsageRecord(const Postoffice& postoffice, const std::string& mailbox)
      : postoffice_(postoffice),
        files_(postoffice.files()),
        mailbag_(postoffice.mailbag_directory(mailbox)),
        directory_(path_in(mailbag_, layout::usage)) {}

  const std::string& directory() const { return directory_; }

  /// A new empty file in the record; the record's directory is made where it is missing.
  FileResult<std::unique_ptr<File>> create(const std::string& name) {
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

  FileResult<Record> read() {
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

  /// Counts, and takes away what the count holds. Who counts at the same time and is first, wins.
  FileResult<Usage> recount() {
    const std::string id = new_unique_id();
    const std::string temporary = std::string(new_prefix) + id;
    auto file = create(temporary);
    if (!file) return tl::unexpected(file.error());
    auto done = recount_with(**file, temporary);
    (void)files_.remove(path_in(directory_, temporary));
    return done;
  }

  /// What the mailbag holds at this moment, without a word in the record.
  FileResult<Usage> count_unrecorded() {
    Usage usage;
    for (const std::string_view part : {layout::unread, layout::read}) {
      auto counted = count_part(path_in(mailbag_, part), usage);
      if (!counted) return tl::unexpected(counted.error());
    }
    return usage;
  }

  /// Room that is kept for a message whose process is dead; the next count gives it back.
  bool has_abandoned_room(const Record& record, std::int64_t now) {
    return std::any_of(record.entries.begin(), record.entries.end(), [&](const Entry& entry) {
      return !entry.is_filed && is_old(entry.name, now);
    });
  }

  /// True if the mailbag is as it was when it was counted.
  bool is_unchanged(const Count& count) {
    auto unread = changed(layout::unread);
    auto read = changed(layout::read);
    return unread && read && *unread == count.new_changed && *read == count.read_changed;
  }

 private:
  std::string count_path(std::uint64_t generation) const {
    return path_in(directory_, fmt::format("{}{}", count_prefix, generation));
  }

  FileResult<std::int64_t> changed(std::string_view part) {
    auto status = files_.status(path_in(mailbag_, part));
    if (!status) return tl::unexpected(status.error());
    return status->modified;
  }

  FileResult<Record> list() {
    Record record;
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

  FileResult<Usage> recount_with(File& file, const std::string& temporary) {
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

  /// Never over another count; on a file system without links nobody else can be told from us.
  FileResult<void> place(const std::string& from, const std::string& to) {
    auto linked = files_.link(from, to);
    if (linked || linked.error().code == EEXIST) return linked;
    auto taken = files_.status(to);
    if (taken) return tl::unexpected(FileError{EEXIST, "rename to", to});
    return files_.rename(from, to);
  }

  /// What the count holds: messages that were filed before it began. What cannot be removed counts
  /// twice, and so leads to the next count.
  void take_away(const Record& before, std::int64_t begun) {
    const auto remove = [&](const std::string& name) {
      (void)files_.remove(path_in(directory_, name));
    };
    if (before.generation > 0) remove(fmt::format("{}{}", count_prefix, before.generation));
    for (const Entry& entry : before.entries) {
      if (entry.is_filed || is_old(entry.name, begun)) remove(entry.name);
    }
    for (const std::string& name : before.unfinished) {
      if (is_old(name, begun)) remove(name);
    }
  }

  bool is_old(const std::string& name, std::int64_t begun) {
    auto status = files_.status(path_in(directory_, name));
    return status && status->modified < begun - oldest_kept;
  }

  FileResult<Count> count_mailbag(std::int64_t begun) {
    auto unread = changed(layout::unread);
    auto read = changed(layout::read);
    if (!unread) return tl::unexpected(unread.error());
    if (!read) return tl::unexpected(read.error());
    Count count;
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

  FileResult<void> count_part(const std::string& directory, Usage& usage) {
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

  const Postoffice& postoffice_;
  FileSystem& files_;
  std::string mailbag_;
  std::string directory_;
};

bool fits(const Usage& usage, const Quota& quota) {
  return (quota.messages == 0 || usage.messages <= quota.messages) &&
         (quota.octets == 0 || usage.octets <= quota.octets);
}

Usage with(Usage usage, std::uint64_t octets) {
  ++usage.messages;
  usage.octets += octets;
  return usage;
}

/// All that may be there: counted, filed since, being filed; ours among these.
Usage most_of(const Record& record) {
  Usage usage = record.count ? record.count->usage : Usage{};
  for (const Entry& entry : record.entries) usage = with(usage, entry.octets);
  return usage;
}

std::optional<Outcome> why_too_large(const std::string& mailbox, const Quota& quota,
                                     std::uint64_t octets) {
  if (quota.octets == 0 || octets <= quota.octets) return std::nullopt;
  return Outcome::permanent(
      fmt::format("a message of {} octets is larger than the quota of mailbox {}, {} octets",
                  octets, mailbox, quota.octets),
      "5.2.3");
}

Outcome full(const Postoffice& postoffice, const std::string& mailbox, const Quota& quota,
             const Usage& usage) {
  std::string holds;
  if (quota.octets != 0) holds = fmt::format("{} of {} octets", usage.octets, quota.octets);
  if (quota.messages != 0) {
    holds += fmt::format("{}{} of {} messages", holds.empty() ? "" : ", ", usage.messages,
                         quota.messages);
  }
  std::string sentence = "mailbox " + mailbox + " is full: it holds " + holds;
  return postoffice.settings().quota_reply == QuotaReply::permanent
             ? Outcome::permanent(std::move(sentence), "5.2.2")
             : Outcome::temporary(std::move(sentence), "4.2.2");
}

}  // namespace

FileResult<std::optional<ReservedRoom>> ReservedRoom::take(const Postoffice& postoffice,
                                                           const std::string& mailbox,
                                                           const Quota& quota, std::uint64_t octets,
                                                           std::optional<Outcome>& refused) {
  refused = why_too_large(mailbox, quota, octets);
  if (refused) return std::nullopt;
  UsageRecord usage(postoffice, mailbox);
  const std::string name = fmt::format("{}{}.{}", kept_prefix, octets, new_unique_id());
  auto file = usage.create(name);
  if (!file) return tl::unexpected(file.error());
  ReservedRoom room(postoffice.files(), usage.directory(), name);
  auto now = (*file)->status();
  if (!now) return tl::unexpected(now.error());
  auto record = usage.read();
  if (!record) return tl::unexpected(record.error());
  bool is_counted = false;
  const auto count = [&]() -> FileResult<void> {
    if (auto counted = usage.recount(); !counted) return tl::unexpected(counted.error());
    is_counted = true;
    record = usage.read();
    if (!record) return tl::unexpected(record.error());
    const bool has_ours = std::any_of(record->entries.begin(), record->entries.end(),
                                      [&](const Entry& entry) { return entry.name == name; });
    if (has_ours) return {};
    // A clock that jumped made it look like a dead process's.
    if (auto again = usage.create(name); !again && again.error().code != EEXIST) {
      return tl::unexpected(again.error());
    }
    record->entries.push_back({name, octets, false});
    return {};
  };
  const bool is_due = !record->count || record->entries.size() > most_entries ||
                      record->counted_at < now->modified - oldest_count;
  if (is_due) {
    if (auto counted = count(); !counted) return tl::unexpected(counted.error());
  }
  if (!fits(most_of(*record), quota) && !is_counted &&
      (!record->count || !usage.is_unchanged(*record->count) ||
       usage.has_abandoned_room(*record, now->modified))) {
    if (auto counted = count(); !counted) return tl::unexpected(counted.error());
  }
  if (fits(most_of(*record), quota)) return std::optional<ReservedRoom>(std::move(room));
  const Usage held = record->count ? record->count->usage : Usage{};
  refused = full(postoffice, mailbox, quota, held);
  // Only what others are filing at this moment is in the way: that is no reason for ever.
  if (refused->is_permanent() && fits(with(held, octets), quota)) {
    refused = Outcome::temporary(refused->sentence() + ", and more is being filed", "4.2.2");
  }
  return std::nullopt;
}

ReservedRoom::ReservedRoom(ReservedRoom&& other) noexcept
    : files_(other.files_),
      directory_(std::move(other.directory_)),
      name_(std::exchange(other.name_, {})) {}

ReservedRoom::~ReservedRoom() {
  if (!name_.empty()) (void)files_->remove(path_in(directory_, name_));
}

void ReservedRoom::filed() {
  if (name_.empty()) return;
  const std::string filed_name = std::string(filed_prefix) + name_.substr(kept_prefix.size());
  auto renamed = files_->rename(path_in(directory_, name_), path_in(directory_, filed_name));
  // A clock that jumped made it look like a dead process's, and a count took it away.
  if (!renamed && renamed.error().code == ENOENT) {
    (void)files_->create(path_in(directory_, filed_name), 0600);
  }
  name_.clear();
}

Expected<Usage> recount_usage(const Postoffice& postoffice, std::string_view mailbox) {
  const std::string folded = fold_mailbox_name(mailbox);
  auto status = why_bad_mailbox_name(folded)
                    ? FileResult<FileStatus>(tl::unexpected(FileError{ENOENT, "look at", folded}))
                    : postoffice.files().status(postoffice.mailbag_directory(folded));
  if (!status) {
    if (status.error().code != ENOENT) return failure(status.error().outcome());
    if (auto problem = why_not_there(postoffice)) return failure(*problem);
    return failure(Outcome::permanent("there is no mailbox " + std::string(mailbox), "5.1.1"));
  }
  auto counted = UsageRecord(postoffice, folded).recount();
  if (!counted) return failure(counted.error().outcome());
  return *counted;
}

Expected<std::optional<Outcome>> why_no_room(const Postoffice& postoffice,
                                             const std::string& mailbox, const Quota& quota,
                                             std::uint64_t octets) {
  if (!quota.is_set()) return std::nullopt;
  if (auto refused = why_too_large(mailbox, quota, octets)) return refused;
  const auto held = UsageRecord(postoffice, mailbox).count_unrecorded();
  if (!held) return failure(held.error().outcome());
  if (fits(with(*held, octets), quota)) return std::nullopt;
  return std::optional<Outcome>(full(postoffice, mailbox, quota, *held));
}

bool is_surely_full(const Postoffice& postoffice, const std::string& mailbox, const Quota& quota) {
  if (!quota.is_set()) return false;
  UsageRecord usage(postoffice, mailbox);
  auto record = usage.read();
  if (!record || !record->count) return false;
  return !fits(with(record->count->usage, 1), quota) && usage.is_unchanged(*record->count);
}

}  // namespace smtpgate::postoffice
