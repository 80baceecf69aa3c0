// Where the programs get their configuration from while they run: the daemon keeps the last good
// one and reads anew when told; door 2 and the look-up read the file anew when what they have is
// old. Not for what is in it: configuration.h.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "milter/configuration.h"
#include "milter/configuration_changes.h"

namespace smtpgate::milter {

/// Gives the configuration of the moment, or the line that says what is wrong with it.
using ConfigurationSource =
    std::function<tl::expected<std::shared_ptr<const Configuration>, std::string>()>;

/// Reads `path` at the first call, and again when what it has is older than `longest`. One thread.
ConfigurationSource read_when_old(std::string path, std::chrono::seconds longest);

/// The daemon's: any thread may get it, one at a time reloads.
class CurrentConfiguration {
 public:
  explicit CurrentConfiguration(Configuration first);

  std::shared_ptr<const Configuration> get() const;

  struct Reloaded {
    std::vector<ConfigurationChange> changes;  ///< against what was in force
    std::vector<std::string> restart;          ///< keys that are not what the process began with
  };
  /// Reads the same file again. With errors, or if it must not be taken (why_not_to_take()), the
  /// last good one stays, and each error is returned, "FILE:LINE: what; what to do".
  tl::expected<Reloaded, std::vector<std::string>> reload();

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Configuration> current_;
  Configuration first_;  ///< what the process was started with
};

}  // namespace smtpgate::milter
