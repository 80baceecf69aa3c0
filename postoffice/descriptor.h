// A file descriptor that is closed at the end of its owner's life, for the few places that need the
// system's own calls. Not for mail on its way, which goes through file_system.h so that tests can
// stand in.
#pragma once

#include <utility>

#include <unistd.h>

namespace smtpgate::postoffice {

/// Owns one, or none (-1: what open(2) says of a failure). One thread.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(-1); }

  int get() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  /// Closes what it holds, and holds that.
  void reset(int number) {
    if (const int old = std::exchange(number_, number); old >= 0) ::close(old);
  }
  /// The caller closes it.
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

}  // namespace smtpgate::postoffice
