// Whether all recipients of a message may be claimed at once, by the answer DISCARD, instead of one
// by one: much less work for Postfix, which then drops the queue file with whatever stands in it
// (docs/flow.md, "Claiming by DISCARD"). So it must be proved from Postfix's own settings that no
// recipient can stand in there that the milter was not shown: no copies, no header checks, no
// aliases, no other milter.
//
// Not for whether all recipients of one message are claimed: milter_session.h counts them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "milter/configuration.h"
#include "milter/log.h"
#include "milter/postfix_settings.h"

namespace smtpgate::milter {

/// What of Postfix's settings may add recipients that a milter is not shown, each "setting: why".
/// Empty: nothing does.
std::vector<std::string> what_may_add_recipients(const PostfixSettings& settings);

/// The daemon's proof, made at its start and at each reload, and void as soon as main.cf or
/// master.cf is another file than it was then. Safe from any thread.
class DiscardClaim {
 public:
  explicit DiscardClaim(Log& log) : log_(&log) {}

  /// How often forget() was called. To be taken before the configuration that is proved for.
  std::uint64_t era();
  /// Proves anew, if the configuration asks for it; a line in the log says what came out. Asking
  /// Postfix takes a second, and whoever reloads does not wait for it: a proof that was begun in an
  /// earlier `era` is of another configuration, and counts no longer.
  void prove(const Configuration& configuration, const PostfixProgram& program, std::uint64_t era);
  /// Not allowed until prove() says so: another configuration is in force.
  void forget();
  /// Now, for one message. Two look-ups in the kernel's cache.
  bool is_allowed();

 private:
  /// Of main.cf and master.cf: device, inode, size, and change time to the nanosecond.
  using Identity = std::array<std::int64_t, 10>;
  struct Proof {
    std::string directory;
    Identity identity{};
  };
  static bool identify(const std::string& directory, Identity& identity);

  Log* log_;
  std::mutex mutex_;
  std::shared_ptr<const Proof> proof_;  ///< nullptr: not allowed
  std::uint64_t era_ = 0;
};

}  // namespace smtpgate::milter
