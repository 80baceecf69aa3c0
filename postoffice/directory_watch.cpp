// Waiting for directories; see the header.
#include "postoffice/directory_watch.h"

#include <array>
#include <csignal>

#include <poll.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace smtpgate::postoffice {

DirectoryWatch::DirectoryWatch(const std::vector<std::string>& directories, int stop)
    : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), stop_(stop) {
  for (const std::string& directory : directories) {
    const int watched = ::inotify_add_watch(inotify_, directory.c_str(),
                                            IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR);
    if (watched < 0) is_complete_ = false;
  }
}

DirectoryWatch::~DirectoryWatch() {
  if (inotify_ >= 0) ::close(inotify_);
}

DirectoryWatch::Reason DirectoryWatch::wait(std::chrono::milliseconds limit) {
  // poll() passes over what is no descriptor.
  std::array<pollfd, 2> sources{{{stop_, POLLIN, 0}, {inotify_, POLLIN, 0}}};
  const int ready = ::poll(sources.data(), sources.size(), static_cast<int>(limit.count()));
  if (ready <= 0) return Reason::time_is_over;
  if (sources[0].revents != 0) return Reason::stop;
  // What changed is looked for; here the events are only taken away.
  alignas(inotify_event) std::array<char, 16 << 10> buffer;
  while (::read(inotify_, buffer.data(), buffer.size()) > 0) {
  }
  return Reason::changed;
}

StopSignal::StopSignal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  descriptor_ = ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

StopSignal::~StopSignal() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool StopSignal::has_come() const {
  pollfd source{descriptor_, POLLIN, 0};
  return ::poll(&source, 1, 0) > 0;
}

}  // namespace smtpgate::postoffice
