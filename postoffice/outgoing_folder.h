// What the files that implement outgoing mail share: names in SMTP/, one message's directory held
// by this process, the sign of life of a host, and the parts of SMTP/ made where they are missing.
// Internal to this room; docs/outgoing.md. The public face is outgoing.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/file_system.h"
#include "postoffice/outcome.h"
#include "postoffice/outgoing.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// Where a message's directory is.
struct OutgoingPlace {
  std::string id;
  std::string host;     ///< that has it taken; empty: nobody
  bool is_bad = false;  ///< in BAD
  std::string path(const Postoffice& postoffice) const;
};

/// Every message's directory in SMTP/ (and in SMTP/BAD), oldest first. Other names are nothing.
Expected<std::vector<OutgoingPlace>> outgoing_places(const Postoffice& postoffice, bool with_bad);

/// SMTP/.gone-<id>: a message that is being removed.
std::string gone_path(const Postoffice& postoffice, std::string_view id);

/// SMTP, SMTP/BAD and SMTP/ids of a folder that was made before there were any. Nothing, or why
/// not.
std::optional<Outcome> make_outgoing_parts(const Postoffice& postoffice);

/// The entry SMTP/.alive-<host> touched.
std::optional<Outcome> mark_alive(const Postoffice& postoffice);
std::string alive_path(const Postoffice& postoffice, std::string_view host);

/// Has whoever watches SMTP/ look at this message again (attention_name), or at all that wait
/// without one: its state was changed by a command. Best effort: what is not heard of is found by
/// the next look.
void draw_attention(const Postoffice& postoffice, std::string_view id = {});

/// STATE.json in `directory`, which must be that of `id`.
FileResult<std::string> read_state_file(const Postoffice& postoffice, const std::string& directory);
Expected<OutgoingState> read_outgoing_state(const Postoffice& postoffice,
                                            const std::string& directory, std::string_view id);

struct OutgoingContentFile {
  OutgoingContent kind = OutgoingContent::mmff;
  std::string path;
  std::uint64_t size = 0;
};
FileResult<OutgoingContentFile> find_outgoing_content(const Postoffice& postoffice,
                                                      const std::string& directory);

/// A message's directory, locked; given back by the destructor. Belongs to one thread.
class HeldDirectory {
 public:
  /// SMTP/<id> renamed to SMTP/<id>.<host>, or one of ours that nobody holds; nullopt: somebody
  /// else has it, or it is gone.
  static Expected<std::optional<HeldDirectory>> take(const Postoffice& postoffice,
                                                     std::string_view id);
  /// SMTP/BAD/<id>, where it stays.
  static Expected<std::optional<HeldDirectory>> take_bad(const Postoffice& postoffice,
                                                         std::string_view id);

  HeldDirectory(HeldDirectory&&) noexcept = default;
  HeldDirectory& operator=(HeldDirectory&& other) noexcept;
  ~HeldDirectory();

  const Postoffice& postoffice() const { return postoffice_; }
  const std::string& id() const { return id_; }
  const std::string& path() const { return path_; }
  bool is_held() const { return lock_ != nullptr; }

  /// Durably to another path; it belongs to nobody then.
  FileResult<void> move_away(const std::string& to);

 private:
  HeldDirectory(const Postoffice& postoffice, std::string_view id, std::string path,
                std::string home, std::unique_ptr<File> lock);
  void give_back() noexcept;

  Postoffice postoffice_;
  std::string id_;
  std::string path_;
  std::string home_;            ///< where it lies when nobody has it
  std::unique_ptr<File> lock_;  ///< null: given away
};

/// The marker SMTP/ids/<key> of a message that is being handed over. While that goes on it is
/// called
/// .<key> and names the message, so that whoever comes after a crash finds out how far it got.
class OutgoingMarker {
 public:
  /// For the message `id`, which is being made in the directory `draft`. nullopt: handed over
  /// before. temporary: somebody is at it at this moment.
  static Expected<std::optional<OutgoingMarker>> make(const Postoffice& postoffice,
                                                      std::string_view key,
                                                      const std::string& draft,
                                                      std::string_view id);

  OutgoingMarker(OutgoingMarker&&) noexcept = default;
  OutgoingMarker& operator=(OutgoingMarker&&) = delete;
  /// Removed, unless it was confirmed or left.
  ~OutgoingMarker();

  void confirm();  ///< the message lies in SMTP/
  void leave();    ///< nobody can say: found out when the key comes again

 private:
  OutgoingMarker(const Postoffice& postoffice, std::string_view key);

  std::unique_ptr<Postoffice> postoffice_;  ///< null: done with
  std::string key_;
};

/// SMTP/ids/told-<...>: whom a sender was told of (told_recipients.h). It goes like a marker.
inline constexpr std::string_view told_prefix = "told-";

/// A message with this key leaves: from now on its marker alone says that it was handed over.
void confirm_outgoing_marker(const Postoffice& postoffice, std::string_view key);

}  // namespace smtpgate::postoffice
