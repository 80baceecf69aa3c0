// OutgoingDraft: a message got ready in P1 and handed over by one rename; see outgoing.h.
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "postoffice/character_set.h"
#include "postoffice/folder.h"
#include "postoffice/locked_directory.h"
#include "postoffice/outgoing.h"
#include "postoffice/outgoing_folder.h"
#include "postoffice/put.h"
#include "postoffice/work_directory.h"

namespace smtpgate::postoffice {

namespace {

/// What no later step could mend; nothing if all is well.
std::optional<Outcome> why_not_to_be_handed_over(const OutgoingState& state) {
  if (state.recipients.size() > most_outgoing_recipients) {
    return Outcome::permanent(
        fmt::format("{} recipients beyond this postoffice are more than the {} that one message "
                    "may have; send it in parts",
                    state.recipients.size(), most_outgoing_recipients),
        "5.5.3");
  }
  if (state.is_done()) {
    return Outcome::permanent("a message for nobody is not handed over; a fault in this program");
  }
  for (const OutgoingRecipient& recipient : state.recipients) {
    if (!recipient.address.address.empty() && is_utf8(recipient.address.address)) continue;
    return Outcome::permanent(
        "the address " + recipient.address.str() + " is empty or no UTF-8; write it again",
        "5.1.3");
  }
  if (state.sender && !is_utf8(*state.sender)) {
    return Outcome::permanent("the sender " + *state.sender + " is no UTF-8; write it again",
                              "5.1.7");
  }
  return std::nullopt;
}

}  // namespace

struct OutgoingDraft::State {
  State(const Postoffice& office, WorkDirectory directory, std::unique_ptr<File> opened)
      : postoffice(office), work(std::move(directory)), file(std::move(opened)) {}

  Postoffice postoffice;
  WorkDirectory work;
  std::unique_ptr<File> file;  ///< null: hand_over() was called
  std::string path = work.path();
  std::string id = work.id();

  /// Content and state on disk, under names that are on disk as well.
  FileResult<void> write(const OutgoingState& state) {
    FileSystem& files = postoffice.files();
    auto owner = owner_for_new_files(files, postoffice.directory());
    if (!owner) return tl::unexpected(owner.error());
    if (*owner) {
      auto owned = file->set_owner((*owner)->user, (*owner)->group);
      if (!owned) return owned;
    }
    if (auto synced = file->sync(); !synced) return synced;
    if (auto closed = file->close(); !closed) return closed;
    return replace_file(files, path_in(path, layout::outgoing_state), render_outgoing_state(state),
                        0600, *owner);
  }

  /// Not handed over for sure only if it plainly lies in P1. Where nobody can say, the marker stays
  /// and finds out when the key comes again; without one, what lies in P1 is cleared later.
  Outcome not_moved(const FileError& error, std::optional<OutgoingMarker>& marker) {
    auto here = is_named(postoffice.files(), work.lock(), path);
    if (here && *here) return error.outcome();
    (void)work.release();
    if (marker) marker->leave();
    return Outcome::temporary(error.sentence() + "; message " + id + " may be sent all the same");
  }

  /// The rename into SMTP/, durably; temporary, and back in P1, if it is not.
  std::optional<Outcome> move(std::optional<OutgoingMarker>& marker) {
    FileSystem& files = postoffice.files();
    const std::string target = OutgoingPlace{id, {}, false}.path(postoffice);
    auto moved = move_directory(files, work.lock(), path, target);
    if (!moved) return not_moved(moved.error(), marker);
    auto synced = files.sync_directory(postoffice.path(layout::outgoing));
    if (synced) return std::nullopt;
    // It is locked, so nobody has taken it. What cannot be moved back will be sent, though nobody
    // knows whether it would survive a crash.
    (void)move_directory(files, work.lock(), target, path);
    return not_moved(synced.error(), marker);
  }

  Outcome hand_over(OutgoingState state, std::string_view key) {
    if (auto problem = why_not_to_be_handed_over(state)) return *problem;
    if (auto problem = make_outgoing_parts(postoffice)) return *problem;
    std::optional<OutgoingMarker> marker;
    if (!key.empty()) {
      auto made = OutgoingMarker::make(postoffice, key, path, id);
      if (!made) return made.error();
      if (!*made) return Outcome::delivered("duplicate of what was handed over before");
      marker.emplace(std::move(**made));
    }
    state.id = id;
    state.key = key;
    if (auto written = write(state); !written) return written.error().outcome();
    if (auto problem = move(marker)) return *problem;
    if (marker) marker->confirm();
    // The lock last: from now on it is anybody's.
    (void)work.release();
    return Outcome::delivered("message " + id + " waits in SMTP");
  }
};

Expected<OutgoingDraft> OutgoingDraft::begin(const Postoffice& postoffice,
                                             OutgoingContent content) {
  auto work = WorkDirectory::make(postoffice);
  if (!work) return failure(work.error());
  const std::string_view name =
      content == OutgoingContent::mmff ? layout::outgoing_mmff : layout::outgoing_internet;
  auto file = postoffice.files().create(path_in(work->path(), name), 0600);
  if (!file) return failure(file.error().outcome());
  return OutgoingDraft(std::make_unique<State>(postoffice, std::move(*work), std::move(*file)));
}

OutgoingDraft::OutgoingDraft(std::unique_ptr<State> state) : state_(std::move(state)) {}
OutgoingDraft::OutgoingDraft(OutgoingDraft&&) noexcept = default;
OutgoingDraft& OutgoingDraft::operator=(OutgoingDraft&&) noexcept = default;
OutgoingDraft::~OutgoingDraft() = default;

const std::string& OutgoingDraft::id() const {
  return state_->id;
}

const std::string& OutgoingDraft::path() const {
  return state_->path;
}

File& OutgoingDraft::content() {
  return *state_->file;
}

Outcome OutgoingDraft::hand_over(OutgoingState state, std::string_view key) {
  if (!state_->file) {
    return Outcome::temporary("message " + id() +
                              " was handed over before; a fault in this program");
  }
  if (!key.empty() && !is_content_key(key)) {
    return Outcome::temporary("\"" + std::string(key) + "\" is no key; a fault in this program");
  }
  Outcome outcome = state_->hand_over(std::move(state), key);
  state_->file.reset();
  return outcome;
}

}  // namespace smtpgate::postoffice
