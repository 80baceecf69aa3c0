// Which outgoing messages wait, and which is due next: the daemon's memory of SMTP/, made anew from
// the folder whenever it is looked at. Losing it loses nothing.
//
// Times are seconds of any clock that does not jump. Not for threads: the caller locks.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace smtpgate::milter {

class DueMessages {
 public:
  /// Folder of the postoffice, and the message's ID.
  using Key = std::pair<std::string, std::string>;
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  /// What a look at one postoffice's folder found. New ones are due at once (whoever takes them
  /// sees when they really are); those that are gone are forgotten; those in hand stay.
  void replace(const std::string& postoffice, const std::vector<std::string>& ids);
  /// One that has just come; nothing happens if it is known.
  void add(const std::string& postoffice, const std::string& id);
  /// Something was done with these messages by others: each is due at once again.
  void look_again(const std::string& postoffice);
  /// The same of this one, which is added if it is not known.
  void look_again(const std::string& postoffice, const std::string& id);
  void forget_postoffices_but(const std::set<std::string>& postoffices);

  /// The one due longest, now in hand; nullopt if none is due at `now`.
  std::optional<Key> begin(std::int64_t now);
  /// It is no longer in hand: gone, or due again at that time.
  void end(const Key& key, std::optional<std::int64_t> due);

  /// When the next one is due; `never` if none waits.
  std::int64_t next_due() const;
  std::size_t size() const { return entries_.size(); }
  std::size_t in_hand() const { return in_hand_; }

 private:
  struct Entry {
    std::int64_t due = 0;
    bool in_hand = false;
    bool look_again = false;  ///< asked while it was in hand
  };

  void look_again(std::map<Key, Entry>::iterator entry);

  std::map<Key, Entry> entries_;
  std::set<std::pair<std::int64_t, Key>> order_;  ///< those not in hand
  std::size_t in_hand_ = 0;
};

}  // namespace smtpgate::milter
