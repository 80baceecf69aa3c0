// The search behind Postoffice::resolve(), for callers that look up many names at once: GLB/ALIAS
// is read when it is first needed, and then once. Internal to this room.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "postoffice/alias_file.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// For one piece of work, a message or a group: what it read of ALIAS does not change any more. One
/// thread.
class NameSearch {
 public:
  /// `postoffice` outlives the search.
  explicit NameSearch(const Postoffice& postoffice) : postoffice_(postoffice) {}

  /// As Postoffice::resolve().
  Expected<Resolved> resolve(std::string_view local_part, std::string_view domain = {});

 private:
  /// The mailbox, alias or group of exactly that name; nothing if there is none.
  Expected<std::optional<Resolved>> find(std::string_view local_part, std::string_view domain);
  /// The mailbox that the configuration points to ("alias x", "catch_all").
  Expected<Resolved> follow(const std::string& mailbox, const std::string& pointer,
                            std::string how);
  Expected<std::optional<Resolved>> look_again(std::string_view local_part,
                                               std::string_view domain);
  Outcome load_aliases();
  Expected<bool> mailbox_exists(const std::string& folded);
  Expected<bool> group_exists(const std::string& folded);
  Expected<std::optional<Resolved>> make_postmaster();
  Expected<std::optional<Resolved>> find_alias(std::string_view local_part,
                                               std::string_view domain);

  const Postoffice& postoffice_;
  std::optional<AliasFile> aliases_;
  /// Which ALIAS that was: inode and time of change; zeros: none.
  std::pair<std::uint64_t, std::int64_t> aliases_read_{0, 0};
};

}  // namespace smtpgate::postoffice
