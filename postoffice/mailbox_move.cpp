// Moving a mailbox; see the header. The order, which docs/scale.md explains:
//
// 1. GLB/.moving-<mailbox> says where to, so that a second call knows a mailbox over there as its
//    own work. 2. The mailbox is made over there, with settings and aliases. 3. The forward is set
// here. 4. Message by message: filed there under its own key as any delivery files it, then removed
// here; a second try finds the marker that filing made. 5. The markers of messages that are gone.
#include "postoffice/mailbox_move.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "postoffice/aliases.h"
#include "postoffice/derived_key.h"
#include "postoffice/filing.h"
#include "postoffice/folder.h"
#include "postoffice/groups.h"
#include "postoffice/kept_original.h"
#include "postoffice/mailbag.h"
#include "postoffice/mailbox_changes.h"
#include "postoffice/put.h"
#include "postoffice/shared_file_system.h"
#include "postoffice/shared_lock.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::uint64_t largest_note = 1024;

class Move {
 public:
  Move(const Postoffice& from, const Postoffice& to, std::string_view mailbox,
       const MoveOptions& options)
      : from_(from), to_(to), mailbox_(fold_mailbox_name(mailbox)), options_(options) {}

  Expected<MoveReport> run() {
    if (auto problem = why_not()) return failure(*problem);
    if (auto problem = set_up()) return failure(*problem);
    // A delivery on another host may have read the settings as they were.
    std::this_thread::sleep_for(name_memory(from_.files(), from_.directory()));
    for (const MailbagPart part : {MailbagPart::received, MailbagPart::sent}) {
      if (auto problem = move_part(part)) return failure(*problem);
    }
    if (auto problem = copy_markers()) return failure(*problem);
    if (auto problem = remove_note()) return failure(*problem);
    return std::move(report_);
  }

 private:
  std::string note_path() const { return from_.path(note_name()); }
  std::string note_name() const { return "GLB/" + std::string(moving_prefix) + mailbox_; }

  /// Nothing if they can be one after the other what they are asked to be.
  std::optional<Outcome> why_not() const {
    const PostofficeSettings& ours = from_.settings();
    const PostofficeSettings& theirs = to_.settings();
    if (ours.name == theirs.name) {
      return Outcome::permanent(
          "both postoffices are " + ours.name.str() + "; a mailbox is moved to another one",
          "5.3.5");
    }
    if (mailbox_ == layout::postmaster) {
      return Outcome::permanent("the postmaster's mailbox stays: every postoffice has one",
                                "5.3.5");
    }
    if (ours.character_set != theirs.character_set || ours.line_end != theirs.line_end) {
      return Outcome::permanent(
          fmt::format("{} and {} differ in character set or line end; export the mailbox and "
                      "import it",
                      ours.name.str(), theirs.name.str()),
          "5.3.5");
    }
    auto settings = read_mailbox_settings(from_, mailbox_);
    if (!settings) return settings.error();
    auto bag = Mailbag::open(from_, mailbox_);
    if (!bag) return bag.error();
    auto messages = bag->list();
    if (!messages) return messages.error();
    const bool has_folders = std::any_of(messages->begin(), messages->end(),
                                         [](const MailbagEntry& entry) { return entry.is_folder; });
    if (has_folders || settings->delivery != "mailbag") {
      return Outcome::permanent(
          "mailbox " + mailbox_ + " keeps messages as directories; export them, and make it anew",
          "5.3.5");
    }
    return std::nullopt;
  }

  std::optional<Outcome> set_up() {
    auto ours = MailboxChanges::begin(from_);
    if (!ours) return ours.error();
    auto theirs = MailboxChanges::begin(to_);
    if (!theirs) return theirs.error();
    auto settings = read_mailbox_settings(from_, mailbox_);
    if (!settings) return settings.error();
    auto is_going_on = find_note();
    if (!is_going_on) return is_going_on.error();
    const TypedAddress target = TypedAddress::native({to_.settings().name, mailbox_});
    const bool forwards_there = !settings->keep_copy && settings->forward.size() == 1 &&
                                settings->forward.front().str() == target.str();
    auto there = to_.files().status(to_.mailbag_directory(mailbox_));
    if (!there && there.error().code != ENOENT) return there.error().outcome();
    if (there && !*is_going_on && !forwards_there) {
      return Outcome::permanent("there is a mailbox " + mailbox_ + " in " +
                                    to_.settings().name.str() + " already; rename one of them",
                                "5.3.5");
    }
    if (auto problem = write_note()) return problem;
    if (!there) {
      if (auto problem = make_mailbox(*theirs, *settings)) return problem;
    }
    if (forwards_there) return std::nullopt;
    MailboxChange change{.kind = MailboxChange::Kind::set, .mailbox = mailbox_};
    change.settings = *settings;
    change.settings.forward = {target};
    change.settings.keep_copy = false;
    return apply(*ours, change);
  }

  static std::optional<Outcome> apply(const MailboxChanges& changes, const MailboxChange& change) {
    auto problems = changes.check({change});
    if (!problems) return problems.error();
    if (!problems->empty()) return problems->front().outcome;
    auto result = changes.apply({change});
    if (result.trouble) return *result.trouble;
    if (!result.outcomes.front().is_delivered()) return result.outcomes.front();
    return std::nullopt;
  }

  /// False: there is none. Who is at it has it locked.
  Expected<bool> find_note() {
    auto text = read_whole(from_.files(), note_path(), largest_note);
    if (!text) {
      if (text.error().code == ENOENT) return false;
      return failure(text.error().outcome());
    }
    auto taken = is_shared_lock_taken(from_, note_name());
    if (!taken) return failure(taken.error().outcome());
    if (*taken) {
      return failure(Outcome::temporary("mailbox " + mailbox_ + " is being moved at this moment"));
    }
    if (*text != to_.settings().name.str() + "\n") {
      return failure(Outcome::permanent(
          fmt::format("mailbox {} is being moved to {}; go on with that first, or remove {}",
                      mailbox_, text->substr(0, text->find('\n')), note_path()),
          "5.3.5"));
    }
    return true;
  }

  std::optional<Outcome> write_note() {
    auto owner = owner_for_new_files(from_.files(), from_.directory());
    if (!owner) return owner.error().outcome();
    auto written =
        replace_file(from_.files(), note_path(), to_.settings().name.str() + "\n", 0600, *owner);
    if (!written) return written.error().outcome();
    auto lock = take_shared_lock(from_, note_name(), {});
    if (!lock) return lock.error().outcome();
    if (!*lock) return Outcome::temporary("somebody else moves mailbox " + mailbox_);
    lock_ = std::move(*lock);
    return std::nullopt;
  }

  std::optional<Outcome> make_mailbox(const MailboxChanges& changes,
                                      const MailboxSettings& settings) {
    MailboxChange change{.kind = MailboxChange::Kind::add, .mailbox = mailbox_};
    change.settings = settings;
    change.group = options_.group;
    auto aliases = read_aliases(from_);
    if (!aliases) return aliases.error();
    for (const AliasEntry& entry : aliases->entries()) {
      if (entry.mailbox != mailbox_) continue;
      auto taken = to_.resolve(entry.name);
      if (!taken && taken.error().is_temporary()) return taken.error();
      if (taken) {
        report_.left_aliases.push_back(entry.name);
      } else {
        change.new_aliases.push_back(entry.name);
      }
    }
    return apply(changes, change);
  }

  /// Again and again, since somebody may be filing a message meanwhile, until there is none.
  std::optional<Outcome> move_part(MailbagPart part) {
    auto source = Mailbag::open(from_, mailbox_, part);
    if (!source) return source.error();
    auto target = Mailbag::open(to_, mailbox_, part);
    if (!target) return target.error();
    for (;;) {
      auto entries = source->list();
      if (!entries) return entries.error();
      if (entries->empty()) return std::nullopt;
      // The oldest first.
      std::reverse(entries->begin(), entries->end());
      for (const MailbagEntry& entry : *entries) {
        if (auto problem = move_message(*source, *target, entry)) return problem;
        std::size_t& count = part == MailbagPart::sent ? report_.sent : report_.messages;
        ++count;
        if (options_.progress) options_.progress(report_.messages + report_.sent);
      }
    }
  }

  /// What has no content key for its name (put by hand, or a second one of the same content) gets
  /// a key of its own here, so that a second try knows it.
  std::string key_of(const MailbagEntry& entry) const {
    if (is_content_key(entry.id)) return entry.id;
    return derived_key("moved\n" + from_.settings().name.str() + "\n" + mailbox_ + "\n" + entry.id);
  }

  std::optional<Outcome> move_message(const Mailbag& source, const Mailbag& target,
                                      const MailbagEntry& entry) {
    auto file = source.open_message(entry);
    if (!file) {
      // Deleted by its reader.
      if (file.error().is_permanent()) return std::nullopt;
      return file.error();
    }
    auto status = (*file)->status();
    if (!status) return status.error().outcome();
    auto delivery = Delivery::begin(to_);
    if (!delivery) return delivery.error();
    auto copied = delivery->message_file().append_from(**file, 0, status->size);
    if (!copied) return copied.error().outcome();
    const std::string key = key_of(entry);
    if (Outcome sealed = delivery->seal(status->modified, key); !sealed.is_delivered()) {
      return sealed;
    }
    const bool is_sent = source.part() == MailbagPart::sent;
    if (!is_sent) {
      if (auto problem = keep_original(key, status->modified)) return problem;
    }
    const Outcome filed = is_sent ? delivery->keep_sent(mailbox_) : delivery->file_into(mailbox_);
    if (!filed.is_delivered()) return filed;
    if (entry.is_read && !is_sent) {
      MailbagEntry arrived;
      arrived.id = key;
      // Who reads over there may have been faster.
      if (Outcome read = target.mark_read(arrived); read.is_temporary()) return read;
    }
    if (!is_sent) {
      if (auto problem = mark_here(entry.id)) return problem;
    }
    const Outcome removed = source.remove(entry);
    if (removed.is_temporary()) return removed;
    return is_sent ? std::nullopt : remove_original(key);
  }

  /// A delivery that died before it made the marker will be tried again here, where the message is
  /// then no more, and must not go on by the forward.
  std::optional<Outcome> mark_here(const std::string& id) {
    if (!is_content_key(id)) return std::nullopt;
    const std::string mailbag = from_.mailbag_directory(mailbox_);
    const std::string markers = path_in(mailbag, layout::markers);
    auto there = from_.files().status(path_in(markers, id));
    if (there) return std::nullopt;
    if (there.error().code != ENOENT) return there.error().outcome();
    auto owner = owner_for_new_files(from_.files(), from_.directory());
    if (!owner) return owner.error().outcome();
    auto made = make_marker(from_.files(), mailbag, id, *owner);
    if (made) made = from_.files().sync_directory(markers);
    if (!made) return made.error().outcome();
    return std::nullopt;
  }

  std::string original_path(const std::string& key) const {
    return path_in(path_in(from_.mailbag_directory(mailbox_), layout::original), key + ".eml");
  }

  std::optional<Outcome> keep_original(const std::string& key, std::int64_t arrival) {
    auto source = from_.files().open(original_path(key));
    if (!source) {
      if (source.error().code == ENOENT) return std::nullopt;
      return source.error().outcome();
    }
    auto status = (*source)->status();
    if (!status) return status.error().outcome();
    OriginalKeeper keeper(to_, key, arrival,
                          [&](File& file) { return file.append_from(**source, 0, status->size); });
    if (Outcome kept = keeper.keep_in(mailbox_); !kept.is_delivered()) return kept;
    return std::nullopt;
  }

  std::optional<Outcome> remove_original(const std::string& key) {
    auto removed = from_.files().remove(original_path(key));
    if (removed || removed.error().code == ENOENT) return std::nullopt;
    return removed.error().outcome();
  }

  /// Of messages that were read and deleted: Postfix may still try one of these again.
  std::optional<Outcome> copy_markers() {
    const std::string source = path_in(from_.mailbag_directory(mailbox_), layout::markers);
    const std::string mailbag = to_.mailbag_directory(mailbox_);
    auto owner = owner_for_new_files(to_.files(), to_.directory());
    if (!owner) return owner.error().outcome();
    auto names = from_.files().list(source);
    if (!names) return names.error().outcome();
    // Listed after the markers, and new/ before cur/, as its readers move it: what was filed since
    // the last look is still to be moved, and a marker over there would make it a duplicate.
    std::set<std::string> still_here;
    for (const std::string_view part : {layout::unread, layout::read}) {
      auto there = from_.files().list(path_in(from_.mailbag_directory(mailbox_), part));
      if (!there) return there.error().outcome();
      still_here.insert(there->begin(), there->end());
    }
    for (const std::string& name : *names) {
      if (!is_content_key(name) || still_here.contains(name)) continue;
      if (auto made = make_marker(to_.files(), mailbag, name, *owner); !made) {
        return made.error().outcome();
      }
    }
    auto synced = to_.files().sync_directory(path_in(mailbag, layout::markers));
    if (!synced) return synced.error().outcome();
    return std::nullopt;
  }

  std::optional<Outcome> remove_note() {
    auto removed = from_.files().remove(note_path());
    if (removed || removed.error().code == ENOENT) return std::nullopt;
    return removed.error().outcome();
  }

  const Postoffice from_;
  const Postoffice to_;
  const std::string mailbox_;
  const MoveOptions& options_;
  std::unique_ptr<File> lock_;
  MoveReport report_;
};

}  // namespace

Expected<MoveReport> move_mailbox(const Postoffice& from, const Postoffice& to,
                                  std::string_view mailbox, const MoveOptions& options) {
  if (auto why = why_bad_mailbox_name(mailbox)) {
    return failure(Outcome::permanent("there is no mailbox " + std::string(mailbox), "5.1.1"));
  }
  return Move(from, to, mailbox, options).run();
}

Expected<bool> was_filed_before_forward(const Postoffice& postoffice, std::string_view mailbox,
                                        std::string_view key, std::int64_t now) {
  constexpr std::int64_t day_seconds = 86'400;
  if (!is_content_key(key)) return false;
  const std::string folded = fold_mailbox_name(mailbox);
  const std::string markers = path_in(postoffice.mailbag_directory(folded), layout::markers);
  const auto marker = postoffice.files().status(path_in(markers, key));
  if (!marker) {
    // A group has no mailbag.
    if (marker.error().code == ENOENT || marker.error().code == ENOTDIR) return false;
    return failure(marker.error().outcome());
  }
  if (marker->modified < now - postoffice.settings().dedupe_days * day_seconds) return false;
  auto settings = read_mailbox_settings(postoffice, folded);
  if (!settings) return failure(settings.error());
  return !settings->forward.empty() && !settings->keep_copy;
}

Expected<std::vector<std::string>> mailbox_routes(const Postoffice& postoffice,
                                                  const std::vector<std::string>& domains,
                                                  std::string_view next_hop) {
  std::set<std::string> addresses;
  const auto add = [&](const std::string& name) {
    const std::size_t at = name.rfind('@');
    for (const std::string& domain : domains) {
      if (at == std::string::npos) {
        addresses.insert(name + "@" + domain);
      } else if (name.substr(at + 1) == domain) {
        addresses.insert(name);
      }
    }
  };
  auto mailboxes = postoffice.list_mailboxes();
  if (!mailboxes) return failure(mailboxes.error());
  std::set<std::string> elsewhere;
  for (const std::string& mailbox : *mailboxes) {
    auto settings = read_mailbox_settings(postoffice, mailbox);
    if (!settings) return failure(settings.error());
    if (!settings->forward.empty() && !settings->keep_copy) {
      elsewhere.insert(mailbox);
    } else if (mailbox != layout::postmaster) {
      add(mailbox);
    }
  }
  auto aliases = read_aliases(postoffice);
  if (!aliases) return failure(aliases.error());
  for (const AliasEntry& entry : aliases->entries()) {
    if (!elsewhere.contains(entry.mailbox)) add(entry.key);
  }
  auto groups = list_groups(postoffice);
  if (!groups) return failure(groups.error());
  for (const std::string& group : *groups) add(group);
  std::vector<std::string> lines;
  for (const std::string& address : addresses) {
    // A blank ends the key of a table, and # begins a comment: Postfix asks such a name by quoting
    // it, which no transport table can say.
    if (address.find_first_of(" \t#\"") != std::string::npos) continue;
    lines.push_back(address + " " + std::string(next_hop));
  }
  return lines;
}

}  // namespace smtpgate::postoffice
