// When the daily summary of dead letters is due, in the daemon (docs/dead-letters.md, "The daily
// summary"). Not for what is in it (postoffice/letter_summary.h).
//
// One thread. Several daemons with one postoffice need not know of each other: the summary of a day
// has one key, so it is filed once.
#pragma once

#include <cstdint>
#include <ctime>
#include <functional>
#include <map>
#include <string>

#include "milter/configuration.h"
#include "milter/log.h"
#include "postoffice/file_system.h"

namespace smtpgate::milter {

class LettersWatch {
 public:
  explicit LettersWatch(
      Log& log, postoffice::FileSystem& files = postoffice::FileSystem::posix(),
      std::function<std::int64_t()> now = [] { return std::int64_t{std::time(nullptr)}; })
      : log_(log), files_(files), now_(std::move(now)) {}

  /// To be called every minute or so: looks at each postoffice whose time has come and that was not
  /// looked at on this day of its zone. One that cannot be looked at is tried again after an hour.
  void look(const Configuration& configuration);

 private:
  struct Looked {
    std::string day;            ///< of the last summary, or of finding that there is none to write
    std::int64_t next_try = 0;  ///< not before, after trouble; seconds since 1970
  };
  void look_at(const converter::ServedPostoffice& served, const Configuration& configuration);

  Log& log_;
  postoffice::FileSystem& files_;
  std::function<std::int64_t()> now_;
  std::map<std::string, Looked> looked_;  ///< by the folder
};

}  // namespace smtpgate::milter
