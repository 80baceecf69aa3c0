// What the parts of the way out have in common: where they get their configuration, their log and
// their disk from. Not for state: each part has its own.
#pragma once

#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>

#include "milter/configuration.h"
#include "milter/log.h"
#include "postoffice/file_system.h"

namespace smtpgate::milter {

struct OutboundSurroundings {
  /// The one that counts now; from any thread.
  std::function<std::shared_ptr<const Configuration>()> configuration;
  Log* log = nullptr;
  postoffice::FileSystem* files = &postoffice::FileSystem::posix();

  static std::int64_t now() { return static_cast<std::int64_t>(std::time(nullptr)); }
};

}  // namespace smtpgate::milter
