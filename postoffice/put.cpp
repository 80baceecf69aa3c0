// Delivery: one message from its file in P1 into mailbags; and the expiry of markers. The steps in
// a mailbag are in filing.cpp, many of them in filing_batch.cpp, the file in message_file.cpp.
#include "postoffice/put.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <system_error>
#include <utility>

#include "postoffice/ascii.h"
#include "postoffice/filing.h"
#include "postoffice/filing_batch.h"
#include "postoffice/folder.h"
#include "postoffice/kept_original.h"
#include "postoffice/locked_directory.h"
#include "postoffice/message_file.h"
#include "postoffice/message_folder.h"
#include "postoffice/receipt_marks.h"
#include "postoffice/usage.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::int64_t day_seconds = 86'400;

/// ids/.<id>: a copy or a directory that a process was making, or removing, more than a day ago.
/// Told by the time in its id, since its own time is the message's arrival.
bool is_left_over_copy(std::string_view name, std::int64_t now) {
  constexpr std::size_t time_digits = 12;
  if (name.size() <= time_digits || name.front() != '.') return false;
  std::int64_t milliseconds = 0;
  const char* const end = name.data() + 1 + time_digits;
  const auto parsed = std::from_chars(name.data() + 1, end, milliseconds, 16);
  // A day off on either side: a clock may have been set back meanwhile.
  return parsed.ec == std::errc() && parsed.ptr == end &&
         std::abs(now - milliseconds / 1000) > day_seconds;
}

/// The same of new/ and cur/: directories between making and filling, and of users who deleted
/// them.
FileResult<void> clear_hidden_folders(FileSystem& files, const std::string& mailbag,
                                      std::string_view part, std::int64_t now) {
  const std::string directory = path_in(mailbag, part);
  auto names = files.list(directory);
  if (!names) return tl::unexpected(names.error());
  FileResult<void> result;
  for (const std::string& name : *names) {
    // A whole ID: what its readers hide there under other names is theirs.
    constexpr std::size_t hidden_id_size = 33;
    if (name.size() != hidden_id_size || !is_left_over_copy(name, now)) continue;
    auto status = files.status(path_in(directory, name));
    if (!status || status->kind != FileKind::directory) continue;
    auto removed = remove_folder(files, mailbag, path_in(directory, name));
    // Whose it is may keep it.
    if (!removed && removed.error().code != EACCES && removed.error().code != ENOENT) {
      result = removed;
    }
  }
  return result;
}

}  // namespace

bool is_content_key(std::string_view text) {
  return text.size() == content_key_size && std::all_of(text.begin(), text.end(), [](char c) {
           return is_ascii_digit(c) || (c >= 'a' && c <= 'f');
         });
}

struct Delivery::State {
  State(Postoffice office, MessageFile made)
      : postoffice(std::move(office)), work(std::move(made.work)), file(std::move(made.file)) {
    message.file = file.get();
    message.path = std::move(made.path);
    message.id = std::move(made.id);
  }

  Postoffice postoffice;
  std::optional<WorkDirectory> work;
  std::unique_ptr<File> file;
  SealedMessage message;
  bool is_sealed = false;
  /// What went wrong in seal(): from then on every filing is answered with it. Above all after a
  /// failed sync, which must not be tried again (the kernel has forgotten the failed pages).
  std::optional<Outcome> broken;
  std::optional<UnpackedMessage> parts;

  Expected<const UnpackedMessage*> unpacked() {
    if (!parts) {
      auto made = UnpackedMessage::make(postoffice, message);
      if (!made) return failure(made.error());
      parts.emplace(std::move(*made));
    }
    return &*parts;
  }

  FileResult<void> seal() {
    if (message.owner) {
      auto done = file->set_owner(message.owner->user, message.owner->group);
      if (!done) return done;
    }
    if (auto done = file->set_mode(0444); !done) return done;
    if (auto done = file->set_modified(message.arrival); !done) return done;
    if (auto done = file->sync(); !done) return done;
    auto status = file->status();
    if (!status) return tl::unexpected(status.error());
    message.status = *status;
    return {};
  }
};

Expected<Delivery> Delivery::begin(const Postoffice& postoffice) {
  auto file = create_message_file(postoffice);
  if (!file) return failure(file.error());
  auto owner = owner_for_new_files(postoffice.files(), postoffice.directory());
  if (!owner) return failure(owner.error().outcome());
  auto state = std::make_unique<State>(postoffice, std::move(*file));
  state->message.owner = *owner;
  state->message.unpacked = [where = state.get()] { return where->unpacked(); };
  return Delivery(std::move(state));
}

Delivery::Delivery(std::unique_ptr<State> state) : state_(std::move(state)) {}
Delivery::Delivery(Delivery&&) noexcept = default;
Delivery& Delivery::operator=(Delivery&&) noexcept = default;
Delivery::~Delivery() = default;

File& Delivery::message_file() {
  return *state_->file;
}

Outcome Delivery::seal(std::int64_t arrival, std::string_view content_key) {
  if (state_->is_sealed || state_->broken) {
    return Outcome::temporary("message " + id() + " was sealed before; a fault in this program");
  }
  if (!content_key.empty() && !is_content_key(content_key)) {
    state_->broken = Outcome::temporary("\"" + std::string(content_key) +
                                        "\" is no content key; a fault in this program");
    return *state_->broken;
  }
  state_->message.arrival = arrival;
  state_->message.key = content_key;
  if (auto sealed = state_->seal(); !sealed) {
    state_->broken = sealed.error().outcome();
    return *state_->broken;
  }
  state_->is_sealed = true;
  return Outcome::delivered("message " + id() + " sealed");
}

std::optional<Outcome> Delivery::why_not_now(std::string_view mailbox) const {
  if (state_->broken) return *state_->broken;
  if (!state_->is_sealed) {
    return Outcome::temporary("message " + id() + " is not sealed; a fault in this program");
  }
  if (why_bad_mailbox_name(mailbox)) {
    return Outcome::temporary("\"" + std::string(mailbox) +
                              "\" is no mailbox name; a fault in this program");
  }
  return std::nullopt;
}

Outcome Delivery::keep_sent(std::string_view mailbox) {
  if (auto problem = why_not_now(mailbox)) return *problem;
  if (state_->message.key.empty()) {
    return Outcome::temporary("message " + id() + " has no key; a fault in this program");
  }
  return keep_in_sent(state_->postoffice, state_->message, mailbox, std::time(nullptr));
}

Outcome Delivery::file_into(std::string_view mailbox, const Quota& quota) {
  const FilingTarget target{std::string(mailbox), quota};
  return file_into_all({&target, 1}).front();
}

std::vector<Outcome> Delivery::file_into_all(std::span<const FilingTarget> targets,
                                             const BeforeFiling& before_each) {
  return file_message(state_->postoffice, state_->message, targets, std::time(nullptr),
                      [&](std::size_t place) {
                        auto problem = why_not_now(targets[place].mailbox);
                        return problem || !before_each ? problem : before_each(place);
                      });
}

Outcome would_file_into(const Postoffice& postoffice, std::string_view mailbox, const Quota& quota,
                        std::string_view content_key, std::uint64_t octets, std::int64_t arrival) {
  auto owner = owner_for_new_files(postoffice.files(), postoffice.directory());
  if (!owner) return owner.error().outcome();
  SealedMessage message;
  message.key = content_key;
  message.arrival = arrival;
  message.owner = *owner;
  const auto known = is_filed_already(postoffice, message, mailbox, std::time(nullptr));
  if (!known) return known.error().outcome();
  const std::string name(mailbox);
  if (*known) {
    return Outcome::delivered("duplicate of " + message.key + " in mailbox " + name);
  }
  const auto refused = why_no_room(postoffice, name, quota, octets);
  if (!refused) return refused.error();
  if (*refused) return **refused;
  return Outcome::delivered("would be filed in mailbox " + name);
}

const std::string& Delivery::id() const {
  return state_->message.key.empty() ? state_->message.id : state_->message.key;
}

Expected<std::uint64_t> expire_markers(const Postoffice& postoffice, std::int64_t now) {
  FileSystem& files = postoffice.files();
  auto mailboxes = postoffice.list_mailboxes();
  if (!mailboxes) return failure(mailboxes.error());
  const std::int64_t oldest_marker = now - postoffice.settings().dedupe_days * day_seconds;
  std::uint64_t expired = 0;
  std::optional<Outcome> problem;
  // One mailbag in trouble does not keep the others from being cleaned.
  const auto note = [&](const FileError& error) {
    if (error.code != ENOENT && !problem) problem = error.outcome();
  };
  for (const std::string& mailbox : *mailboxes) {
    const std::string mailbag = postoffice.mailbag_directory(mailbox);
    const std::string directory = path_in(mailbag, layout::markers);
    if (auto stale = remove_stale_receipt_marks(files, mailbag, oldest_marker)) {
      expired += *stale;
    } else {
      note(stale.error());
    }
    for (const std::string_view part : {layout::unread, layout::read}) {
      if (auto cleared = clear_hidden_folders(files, mailbag, part, now); !cleared) {
        note(cleared.error());
      }
    }
    if (auto stale = remove_stale_originals(files, mailbag, oldest_marker)) {
      expired += *stale;
    } else {
      note(stale.error());
    }
    auto names = files.list(directory);
    if (!names) {
      note(names.error());
      continue;
    }
    for (const std::string& name : *names) {
      const bool is_copy = is_left_over_copy(name, now);
      if (!is_copy && !is_content_key(name)) continue;
      auto status = files.status(path_in(directory, name));
      if (!status) {
        note(status.error());
        continue;
      }
      if (!is_copy && status->modified >= oldest_marker) continue;
      const bool is_folder = status->kind == FileKind::directory;
      const std::string path = path_in(directory, name);
      if (auto removed = is_folder ? remove_with_files(files, path) : files.remove(path);
          !removed) {
        note(removed.error());
      } else if (!is_copy) {
        ++expired;
      }
    }
  }
  if (problem) return failure(*problem);
  return expired;
}

}  // namespace smtpgate::postoffice
