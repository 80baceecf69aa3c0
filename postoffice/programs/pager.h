// Where a long text for a person goes: through a pager if standard output is a terminal, straight
// to standard output otherwise. For commands that show one thing and end.
#pragma once

#include <sys/types.h>

namespace smtpgate::postoffice {

class Pager {
 public:
  /// Starts PAGER ("less" without one; its words, no shell) and puts it in front of standard
  /// output, if that is a terminal and `is_wanted`. PAGER empty or "cat": none. Where it cannot be
  /// started, there is none either.
  explicit Pager(bool is_wanted);
  Pager(const Pager&) = delete;
  Pager& operator=(const Pager&) = delete;
  ~Pager() { finish(); }

  bool is_running() const { return child_ > 0; }
  /// All is written; until its user has left it. What he did not want to see is no error.
  void finish();

 private:
  pid_t child_ = -1;
  int terminal_ = -1;  ///< standard output as it was
};

}  // namespace smtpgate::postoffice
