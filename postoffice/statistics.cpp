// Counting: see the header.
#include "postoffice/statistics.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "postoffice/folder.h"
#include "postoffice/message_folder.h"
#include "postoffice/outgoing.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::int64_t hour = 3600;

/// Device and inode of files with more than one name.
struct FileHash {
  std::size_t operator()(const std::pair<std::uint64_t, std::uint64_t>& file) const {
    return std::hash<std::uint64_t>()(file.second * 31 + file.first);
  }
};
using SharedFiles = std::unordered_set<std::pair<std::uint64_t, std::uint64_t>, FileHash>;

class Counting {
 public:
  Counting(const Postoffice& postoffice, std::int64_t now)
      : postoffice_(postoffice), files_(postoffice.files()), now_(now) {}

  Expected<Statistics> run(const std::function<void(std::size_t, std::size_t)>& progress) {
    auto names = postoffice_.list_mailboxes();
    if (!names) return failure(names.error());
    for (const std::string& name : *names) {
      progress(result_.mailboxes.size(), names->size());
      result_.mailboxes.push_back(count_of(name));
      result_.all.add(result_.mailboxes.back().count);
    }
    std::stable_sort(result_.mailboxes.begin(), result_.mailboxes.end(),
                     [](const MailboxCount& a, const MailboxCount& b) {
                       return a.count.octets > b.count.octets;
                     });
    if (const Outcome counted = count_outgoing(); !counted.is_delivered()) return failure(counted);
    return std::move(result_);
  }

  MailboxCount count_of(const std::string& name) {
    MailboxCount mailbox;
    mailbox.name = name;
    for (const std::string_view part : {layout::unread, layout::read}) {
      auto counted = count_part(path_in(postoffice_.mailbag_directory(name), part),
                                part == layout::unread, mailbox.count);
      if (counted) continue;
      mailbox.count = {};
      mailbox.trouble = counted.error().outcome();
      break;
    }
    return mailbox;
  }

 private:
  FileResult<void> count_part(const std::string& directory, bool is_unread, MailbagCount& count) {
    auto listed = files_.list_with_status(directory);
    if (!listed) return tl::unexpected(listed.error());
    for (NamedStatus& one : *listed) {
      if (one.name.front() == '.') continue;
      if (one.status.kind == FileKind::directory) {
        auto message = files_.status(path_in(path_in(directory, one.name), layout::folder_message));
        if (!message) continue;  // none of ours, or deleted just now
        one.status = *message;
      }
      if (one.status.kind == FileKind::regular) add(one.status, is_unread, count);
    }
    return {};
  }

  void add(const FileStatus& file, bool is_unread, MailbagCount& count) {
    ++count.messages;
    count.unread += is_unread ? 1 : 0;
    count.octets += file.size;
    const std::int64_t age = now_ - file.modified;
    count.last_hour += age < hour ? 1 : 0;
    count.last_day += age < 24 * hour ? 1 : 0;
    count.last_week += age < 7 * 24 * hour ? 1 : 0;
    count.newest = std::max(count.newest, file.modified);
    if (file.links > 1 && !shared_.insert({file.device, file.inode}).second) return;
    ++result_.files;
    result_.octets_of_files += file.size;
  }

  Outcome count_outgoing() {
    const auto entries = OutgoingMail(postoffice_).list();
    if (!entries) return entries.error();
    OutgoingCount& count = result_.outgoing;
    for (const OutgoingEntry& entry : *entries) {
      if (entry.is_bad) {
        ++count.bad;
      } else if (!entry.host.empty()) {
        ++count.taken;
      } else if (entry.state.held) {
        ++count.held;
      } else {
        ++count.waiting;
        const std::int64_t since = entry.state.created;
        if (count.oldest_waiting == 0 || since < count.oldest_waiting) count.oldest_waiting = since;
      }
    }
    return Outcome::delivered("counted");
  }

  const Postoffice& postoffice_;
  FileSystem& files_;
  std::int64_t now_;
  Statistics result_;
  SharedFiles shared_;
};

}  // namespace

void MailbagCount::add(const MailbagCount& other) {
  messages += other.messages;
  unread += other.unread;
  octets += other.octets;
  last_hour += other.last_hour;
  last_day += other.last_day;
  last_week += other.last_week;
  newest = std::max(newest, other.newest);
}

Expected<Statistics> count_all(const Postoffice& postoffice, std::int64_t now,
                               const std::function<void(std::size_t, std::size_t)>& progress) {
  return Counting(postoffice, now).run(progress);
}

MailboxCount count_mailbox(const Postoffice& postoffice, const std::string& name,
                           std::int64_t now) {
  return Counting(postoffice, now).count_of(name);
}

}  // namespace smtpgate::postoffice
