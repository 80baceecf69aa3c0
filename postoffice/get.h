// SMTPGET: takes messages out of the outgoing mail into an MMFF file, for whoever sends them by
// other means than the gateway's own submission. Written and synced first, removed from SMTP/ then:
// a crash between the two leaves a message in both, never in neither.
//
// Not for the gateway's own sending, which takes from SMTP/ itself (outgoing.h). One call belongs
// to one thread; several may run at once on one postoffice.
//
// Sources: Q118787, Q104280 (switches, at most 50 messages a run), Q87223 (kinds of files), Q111839
// (a left-over FROM_NC.API stopped the original for ever).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "postoffice/mmff.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

inline constexpr std::size_t most_messages_got = 50;

struct GetOptions {
  std::size_t most = most_messages_got;
  bool extended = false;            ///< with CC and EXT fields
  bool encapsulated = false;        ///< each as the one attachment of a message around it
  bool keeps = false;               ///< they stay in SMTP/
  std::optional<LineEnd> line_end;  ///< of the token lines and the text; empty: the postoffice's
};

/// Something to tell about one message, or about the file.
struct GetNote {
  int number = 0;             ///< of the original's errors; 0: taken
  std::uint64_t message = 0;  ///< ordinal in the run; 0: none in particular
  std::uint64_t line = 0;
  std::string text;  ///< hostile bytes possible

  /// "141-1-2 text"; for what was taken "message 1: text". Printable.
  std::string str() const;
};

struct GetResult {
  std::uint64_t taken = 0;    ///< in the file
  std::uint64_t held = 0;     ///< left: `postoffice queue hold`
  std::uint64_t not_due = 0;  ///< left: tried before, to be tried again later
  std::uint64_t other = 0;    ///< left: somebody has it, or it is no MMFF
  std::uint64_t faulty = 0;   ///< left: told with its error
  bool some_temporary = false;
};

/// Into `path`, which must not exist or be empty, and is not made if there is nothing to take. The
/// error: nothing was taken (permanent: there is something at `path`; temporary: a disk failed).
Expected<GetResult> get_messages(const Postoffice& postoffice, const std::string& path,
                                 const GetOptions& options,
                                 const std::function<void(const GetNote&)>& tell);

}  // namespace smtpgate::postoffice
