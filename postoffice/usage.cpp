// What may come into a mailbox with a quota; see the header.
#include "postoffice/usage.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "postoffice/folder.h"
#include "postoffice/unique_id.h"
#include "postoffice/usage_record.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t most_entries = 500;
constexpr std::int64_t oldest_count = 86'400;  ///< seconds

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
Usage most_of(const UsageState& record) {
  Usage usage = record.count ? record.count->usage : Usage{};
  for (const UsageEntry& entry : record.entries) usage = with(usage, entry.octets);
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
  const std::string name = fmt::format("{}{}.{}", kept_room_prefix, octets, new_unique_id());
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
                                      [&](const UsageEntry& entry) { return entry.name == name; });
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
  const std::string filed_name =
      std::string(filed_room_prefix) + name_.substr(kept_room_prefix.size());
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
