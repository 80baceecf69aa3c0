// Hints by inotify: see the header. A watch that cannot be had is no error: polling finds what it
// would have told.
#include "milter/outbox_watch.h"

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace smtpgate::milter {

namespace {

/// A file is complete for its writer when it is closed or renamed into place.
constexpr std::uint32_t arrivals = IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR;
constexpr std::uint32_t new_names = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR;

}  // namespace

OutboxWatch::OutboxWatch()
    : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

OutboxWatch::~OutboxWatch() {
  if (inotify_ >= 0) ::close(inotify_);
  if (wake_ >= 0) ::close(wake_);
}

void OutboxWatch::wake() {
  const std::uint64_t one = 1;
  // It can only fail when it is awake already.
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
}

bool OutboxWatch::watch(const std::string& path, Watched what) {
  const std::uint32_t mask = what.kind == Kind::mailboxes ? new_names : arrivals;
  const int descriptor = ::inotify_add_watch(inotify_, path.c_str(), mask);
  if (descriptor < 0) return false;
  watched_[descriptor] = std::move(what);
  return true;
}

void OutboxWatch::watch_mailboxes(std::size_t postoffice) {
  namespace fs = std::filesystem;
  std::error_code error;
  const std::string bags = directories_[postoffice] + "/MBG";
  for (fs::directory_iterator entry(bags, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string mailbox = entry->path().filename().string();
    if (mailbox.empty() || mailbox.front() == '.') continue;
    const std::string outbox = bags + "/" + mailbox + "/outbox";
    if (!watch(outbox, {Kind::outbox, postoffice, std::move(mailbox)})) ++unwatched_;
  }
}

void OutboxWatch::set_postoffices(const std::vector<std::string>& directories) {
  for (const auto& [descriptor, what] : watched_) ::inotify_rm_watch(inotify_, descriptor);
  watched_.clear();
  unwatched_ = 0;
  directories_ = directories;
  for (std::size_t i = 0; i < directories_.size(); ++i) {
    watch(directories_[i] + "/SMTP", {Kind::outgoing, i, {}});
    watch(directories_[i] + "/MBG", {Kind::mailboxes, i, {}});
    watch_mailboxes(i);
  }
}

void OutboxWatch::read_events(Hint& hint) {
  alignas(inotify_event) std::array<char, 64 << 10> buffer;
  std::set<std::size_t> new_mailboxes;
  for (;;) {
    const ssize_t count = ::read(inotify_, buffer.data(), buffer.size());
    if (count <= 0) break;
    for (ssize_t at = 0; at < count;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      if ((event->mask & IN_Q_OVERFLOW) != 0) hint.everything = true;
      const auto found = watched_.find(event->wd);
      if (found == watched_.end()) continue;
      const Watched& what = found->second;
      if ((event->mask & IN_IGNORED) != 0) {
        watched_.erase(found);
      } else if (what.kind == Kind::outbox) {
        hint.outboxes.emplace(what.postoffice, what.mailbox);
      } else if (what.kind == Kind::outgoing) {
        if (event->len > 0) hint.outgoing.emplace(what.postoffice, event->name);
      } else {
        new_mailboxes.insert(what.postoffice);
      }
    }
  }
  // A new mailbox may have got its first file before it was watched.
  for (const std::size_t postoffice : new_mailboxes) {
    watch_mailboxes(postoffice);
    hint.everything = true;
  }
}

OutboxWatch::Hint OutboxWatch::wait(std::chrono::milliseconds limit) {
  Hint hint;
  std::array<pollfd, 2> sources{{{wake_, POLLIN, 0}, {inotify_, POLLIN, 0}}};
  if (::poll(sources.data(), sources.size(), static_cast<int>(limit.count())) <= 0) return hint;
  if (sources[0].revents != 0) {
    std::uint64_t times = 0;
    hint.woken = ::read(wake_, &times, sizeof times) == sizeof times;
  }
  if (sources[1].revents != 0) read_events(hint);
  return hint;
}

}  // namespace smtpgate::milter
