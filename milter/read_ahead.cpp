// Reading ahead for libmilter: see the header.
#include "milter/read_ahead.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <new>

#include <dlfcn.h>

namespace smtpgate::milter {

namespace {

/// What was read and not yet asked for.
struct Ahead {
  std::array<char, read_ahead_octets> octets;
  std::size_t begin = 0;
  std::size_t end = 0;

  std::size_t size() const { return end - begin; }
};

/// By descriptor; connections with higher ones are not read ahead. Pages of it that nobody uses
/// take no memory.
constexpr std::size_t most_descriptors = 65'536;
constinit std::array<std::atomic<Ahead*>, most_descriptors> connections{};

constinit thread_local bool accepts_for_milter = false;

bool has_place(int descriptor) {
  return descriptor >= 0 && static_cast<std::size_t>(descriptor) < most_descriptors;
}

Ahead* find(int descriptor) {
  if (!has_place(descriptor)) return nullptr;
  return connections[static_cast<std::size_t>(descriptor)].load(std::memory_order_acquire);
}

void replace(int descriptor, std::unique_ptr<Ahead> fresh) {
  if (!has_place(descriptor)) return;
  const std::unique_ptr<Ahead> old(connections[static_cast<std::size_t>(descriptor)].exchange(
      fresh.release(), std::memory_order_acq_rel));
}

bool is_ready(const pollfd& one) {
  const Ahead* ahead = (one.events & POLLIN) != 0 ? find(one.fd) : nullptr;
  return ahead != nullptr && ahead->size() > 0;
}

/// What these names mean without us: the C library's, or those of a checker in between.
struct Next {
  template <typename Function>
  static Function* named(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
  }
  decltype(smtpgate_accept)* accept = named<decltype(smtpgate_accept)>("accept");
  decltype(smtpgate_poll)* poll = named<decltype(smtpgate_poll)>("poll");
  decltype(smtpgate_read)* read = named<decltype(smtpgate_read)>("read");
  decltype(smtpgate_close)* close = named<decltype(smtpgate_close)>("close");
};

const Next& next() {
  static const Next functions;
  return functions;
}

}  // namespace

AcceptingForMilter::AcceptingForMilter() {
  accepts_for_milter = true;
}

AcceptingForMilter::~AcceptingForMilter() {
  accepts_for_milter = false;
}

int smtpgate_accept(int descriptor, sockaddr* address, socklen_t* size) {
  const int accepted = next().accept(descriptor, address, size);
  // Without memory for it, it is read as ever.
  if (accepted >= 0 && accepts_for_milter) {
    replace(accepted, std::unique_ptr<Ahead>(new (std::nothrow) Ahead));
  }
  return accepted;
}

int smtpgate_poll(pollfd* descriptors, nfds_t count, int milliseconds) {
  pollfd* const end = descriptors + count;
  if (std::none_of(descriptors, end, is_ready)) {
    return next().poll(descriptors, count, milliseconds);
  }
  // One that waits alone need not ask the kernel at all.
  if (count == 1 && (descriptors->events & POLLOUT) == 0) {
    descriptors->revents = POLLIN;
    return 1;
  }
  if (const int others = next().poll(descriptors, count, 0); others < 0) return others;
  for (pollfd* one = descriptors; one != end; ++one) {
    if (is_ready(*one)) one->revents = static_cast<short>(one->revents | POLLIN);
  }
  return static_cast<int>(
      std::count_if(descriptors, end, [](const pollfd& one) { return one.revents != 0; }));
}

ssize_t smtpgate_read(int descriptor, void* to, std::size_t size) {
  Ahead* ahead = find(descriptor);
  if (ahead == nullptr) return next().read(descriptor, to, size);
  if (ahead->size() == 0) {
    if (size >= ahead->octets.size()) return next().read(descriptor, to, size);
    const ssize_t came = next().read(descriptor, ahead->octets.data(), ahead->octets.size());
    if (came <= 0) return came;
    ahead->begin = 0;
    ahead->end = static_cast<std::size_t>(came);
  }
  const std::size_t taken = std::min(size, ahead->size());
  std::memcpy(to, ahead->octets.data() + ahead->begin, taken);
  ahead->begin += taken;
  return static_cast<ssize_t>(taken);
}

int smtpgate_close(int descriptor) {
  // Before it is closed: the next that gets its number may be a file.
  replace(descriptor, nullptr);
  return next().close(descriptor);
}

}  // namespace smtpgate::milter
