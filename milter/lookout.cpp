// Looking around: see the header.
#include "milter/lookout.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <exception>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "milter/check.h"
#include "postoffice/dead_letters.h"
#include "postoffice/folder.h"
#include "postoffice/outgoing.h"
#include "postoffice/postoffice.h"
#include "postoffice/printable.h"
#include "postoffice/statistics.h"

namespace smtpgate::milter {

using postoffice::FileSystem;
using postoffice::OutgoingEntry;
using postoffice::OutgoingMail;
using postoffice::Postoffice;

namespace {

constexpr std::size_t longest_text = 300;
/// Between two mailbags, so that counting never takes a disk for itself.
constexpr std::chrono::milliseconds breath{5};

std::int64_t now() {
  return static_cast<std::int64_t>(std::time(nullptr));
}

/// The ID begins with 48 bits of milliseconds (unique_id.h).
std::int64_t made_at(const std::string& id) {
  return static_cast<std::int64_t>(std::stoull(id.substr(0, 12), nullptr, 16) / 1000);
}

WaitingReport report_of(const std::string& id, const OutgoingEntry& entry) {
  WaitingReport report;
  report.id = id;
  report.mailbox = printable(entry.state.mailbox, longest_text);
  report.created = entry.state.created;
  report.next_attempt = entry.state.next_attempt;
  report.attempts = entry.state.attempts;
  report.held = entry.state.held;
  report.recipients = entry.state.recipients.size();
  report.reason = printable(entry.state.reason, longest_text);
  for (const postoffice::OutgoingRecipient& one : entry.state.recipients) {
    if (one.state == postoffice::RecipientState::sent) continue;
    if (report.recipient.empty()) report.recipient = printable(one.address.address, longest_text);
    if (report.reason.empty()) report.reason = printable(one.reason, longest_text);
  }
  return report;
}

std::string cannot_write(const std::string& path) {
  if (::access(path.c_str(), W_OK | X_OK) == 0) return {};
  return fmt::format("{} cannot be written: {}", path, std::strerror(errno));
}

}  // namespace

Lookout::Lookout(std::function<std::shared_ptr<const Configuration>()> configuration,
                 std::function<std::string()> configuration_problem, LookoutLimits limits)
    : configuration_(std::move(configuration)),
      configuration_problem_(std::move(configuration_problem)),
      limits_(limits) {}

/// Names alone tell how many and how old; only those that are shown are read.
QueueReport Lookout::look_at_queue(const converter::ServedPostoffice& served) const {
  QueueReport report;
  report.postoffice = served.name.str();
  const auto opened = Postoffice::open(served.directory);
  if (!opened) {
    report.problem = printable(opened.error().sentence(), longest_text);
    return report;
  }
  report.command = postoffice::letters_command(*opened);
  const std::string outgoing = opened->path(postoffice::layout::outgoing);
  const auto names = FileSystem::posix().list(outgoing);
  if (!names) {
    // A folder that never sent anything has none.
    if (names.error().code != ENOENT) report.problem = printable(names.error().sentence());
    return report;
  }
  std::vector<std::string> waiting;
  for (const std::string& name : *names) {
    if (postoffice::is_outgoing_id(name)) {
      waiting.push_back(name);
    } else if (postoffice::is_outgoing_id(name.substr(0, name.find('.')))) {
      ++report.taken;
    }
  }
  std::vector<std::string> bad;
  if (auto listed = FileSystem::posix().list(opened->path(postoffice::layout::bad))) {
    bad = std::move(*listed);
    std::erase_if(bad, [](const std::string& one) { return !postoffice::is_outgoing_id(one); });
  }
  report.waiting = waiting.size();
  report.bad = bad.size();
  std::sort(waiting.begin(), waiting.end());
  std::sort(bad.rbegin(), bad.rend());
  if (!waiting.empty()) report.oldest = made_at(waiting.front());
  const OutgoingMail mail(*opened);
  const auto describe = [&](const std::vector<std::string>& ids, std::vector<WaitingReport>& into) {
    for (std::size_t i = 0; i < std::min(ids.size(), limits_.shown); ++i) {
      const auto entry = mail.look(ids[i]);
      if (entry && *entry) into.push_back(report_of(ids[i], **entry));
    }
  };
  describe(waiting, report.messages);
  describe(bad, report.bad_messages);
  return report;
}

DiskReport Lookout::look_at_disk(const std::string& place, const std::string& path) const {
  DiskReport report;
  report.place = place;
  report.path = printable(path);
  struct statvfs status{};
  if (::statvfs(path.c_str(), &status) != 0) {
    report.problem = fmt::format("{}: {}", report.path, std::strerror(errno));
    return report;
  }
  report.free_bytes = std::uint64_t{status.f_bavail} * status.f_frsize;
  report.size_bytes = std::uint64_t{status.f_blocks} * status.f_frsize;
  report.free_inodes = status.f_favail;
  report.inodes = status.f_files;
  if (report.free_bytes < limits_.least_bytes) {
    report.problem = fmt::format("{}: {} octets are free", report.path, report.free_bytes);
  } else if (report.inodes > 0 && report.free_inodes < limits_.least_inodes) {
    report.problem = fmt::format("{}: {} inodes are free", report.path, report.free_inodes);
  }
  return report;
}

/// Each part has the first of its problems.
void Lookout::judge(const Configuration& configuration, Seen& seen) const {
  auto& problems = seen.readiness.problems;
  const auto note = [&](const char* part, const std::string& problem) {
    if (!problem.empty()) problems.try_emplace(part, printable(problem, longest_text));
  };
  note("configuration", configuration_problem_());
  for (const DiskReport& disk : seen.disks) {
    note(disk.place == "work" ? "work" : "postoffices", disk.problem);
  }
  note("work", cannot_write(configuration.spool_directory()));
  for (const converter::ServedPostoffice& served : configuration.converter.postoffices) {
    const auto opened = Postoffice::open(served.directory);
    note("postoffices",
         opened ? cannot_write(opened->path(postoffice::layout::work)) : opened.error().sentence());
  }
  struct stat socket{};
  const std::string& path = configuration.milter.socket;
  const bool is_there = ::lstat(path.c_str(), &socket) == 0 && S_ISSOCK(socket.st_mode);
  note("socket", is_there ? "" : "there is no socket " + path);
  seen.readiness.ready = problems.empty();
}

void Lookout::look() {
  const auto configuration = configuration_();
  Seen fresh;
  fresh.disks.push_back(look_at_disk("work", configuration->gateway.work));
  for (const converter::ServedPostoffice& served : configuration->converter.postoffices) {
    fresh.disks.push_back(look_at_disk(served.name.str(), served.directory));
    fresh.queues.push_back(look_at_queue(served));
  }
  judge(*configuration, fresh);
  fresh.when = now();
  const std::lock_guard guard(mutex_);
  seen_ = std::move(fresh);
}

void Lookout::count_office(const converter::ServedPostoffice& served, MailbagsReport& report,
                           std::uint64_t& entries, const std::function<bool()>& stopping) const {
  const auto opened = Postoffice::open(served.directory);
  if (!opened) return;  // readiness says so
  const auto names = opened->list_mailboxes();
  if (!names) return;
  MailbagReport& sum = report.offices[served.name.str()];
  sum.postoffice = served.name.str();
  for (const std::string& name : *names) {
    ++report.mailboxes;
    if (entries > limits_.entries || stopping()) {
      ++report.uncounted;
      continue;
    }
    const postoffice::MailboxCount counted = count_mailbox(*opened, name, now());
    entries += counted.count.messages + 1;
    sum.messages += counted.count.messages;
    sum.unread += counted.count.unread;
    sum.octets += counted.count.octets;
    report.largest.push_back({served.name.str(), printable(name), counted.count.messages,
                              counted.count.unread, counted.count.octets});
    std::this_thread::sleep_for(breath);
  }
}

void Lookout::look_slowly(const std::function<bool()>& stopping, bool with_check) {
  const auto configuration = configuration_();
  MailbagsReport mailbags;
  std::uint64_t entries = 0;
  for (const converter::ServedPostoffice& served : configuration->converter.postoffices) {
    count_office(served, mailbags, entries, stopping);
  }
  std::sort(mailbags.largest.begin(), mailbags.largest.end(),
            [](const MailbagReport& a, const MailbagReport& b) { return a.octets > b.octets; });
  if (mailbags.largest.size() > limits_.shown) mailbags.largest.resize(limits_.shown);
  mailbags.counted = now();
  {
    const std::lock_guard guard(mutex_);
    mailbags_ = std::move(mailbags);
  }
  if (!with_check || stopping()) return;
  CheckReport checked;
  CheckOptions options;
  options.configuration_path = configuration->path;
  for (const Finding& finding : milter::check(options)) {
    if (finding.kind == FindingKind::ok) {
      ++checked.ok;
    } else {
      checked.findings.push_back({finding.kind == FindingKind::error ? "error" : "warning",
                                  printable(finding.text, 2 * longest_text)});
    }
  }
  checked.made = now();
  const std::lock_guard guard(mutex_);
  check_ = std::move(checked);
}

Lookout::Seen Lookout::seen() const {
  const std::lock_guard guard(mutex_);
  return seen_;
}

MailbagsReport Lookout::mailbags() const {
  const std::lock_guard guard(mutex_);
  return mailbags_;
}

CheckReport Lookout::check() const {
  const std::lock_guard guard(mutex_);
  return check_;
}

}  // namespace smtpgate::milter
