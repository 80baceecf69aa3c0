// Taking messages into a file; see the header.
#include "postoffice/get.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "postoffice/character_set.h"
#include "postoffice/folder.h"
#include "postoffice/hand_copy.h"
#include "postoffice/message_copy.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/mmff_text.h"
#include "postoffice/mmff_writer.h"
#include "postoffice/outgoing.h"
#include "postoffice/printable.h"
#include "postoffice/unique_id.h"

namespace smtpgate::postoffice {

namespace {

constexpr int parse_error = 140;
constexpr int postoffice_trouble = 201;

constexpr std::string_view inner_name = "MESSAGE.API";
constexpr std::string_view outer_subject = "Encapsulated message";
constexpr std::string_view outer_text =
    "The attachment is a whole message in the Microsoft Mail File Format.";

/// The file that is written, under a temporary name beside its own until it is whole.
class TargetFile {
 public:
  TargetFile(FileSystem& files, std::string path)
      : files_(files),
        path_(std::move(path)),
        temporary_(path_in(parent_directory(path_), ".smtpget-" + random_hex(8))) {}
  TargetFile(const TargetFile&) = delete;
  TargetFile& operator=(const TargetFile&) = delete;
  ~TargetFile() {
    if (file_) (void)files_.remove(temporary_);
  }

  /// permanent: there is something at its place. temporary: another run is about to fill it.
  std::optional<Outcome> open() {
    auto there = files_.status(path_);
    if (!there && there.error().code != ENOENT) return there.error().outcome();
    if (there && (there->kind != FileKind::regular || there->size > 0)) return taken_outcome();
    if (there) {
      // Left by a run that died before it wrote anything: it stops nothing (Q111839).
      auto found = files_.open(path_);
      if (!found) return found.error().outcome();
      if (auto problem = hold(std::move(*found))) return problem;
    }
    auto made = files_.create(temporary_, there ? there->mode : 0600);
    if (!made) return made.error().outcome();
    file_ = std::move(*made);
    return std::nullopt;
  }

  File& file() { return *file_; }

  /// Durable under its own name when this returns nothing.
  std::optional<Outcome> finish() {
    auto done = file_->sync();
    if (done) done = file_->close();
    if (!done) return done.error().outcome();
    if (auto problem = place()) return problem;
    file_.reset();
    auto synced = files_.sync_directory(parent_directory(path_));
    if (!synced) {
      // Nothing leaves SMTP/, so this file must not be taken for what did.
      (void)files_.remove(path_);
      return synced.error().outcome();
    }
    return std::nullopt;
  }

 private:
  static bool is_link_refused(int code) {
    return code == EPERM || code == ENOTSUP || code == ENOSYS;
  }

  /// By link, which never takes another's place. By rename only over an empty file that we hold.
  std::optional<Outcome> place() {
    if (!held_) {
      auto linked = files_.link(temporary_, path_);
      if (linked) {
        (void)files_.remove(temporary_);  // a second name of what is there
        return std::nullopt;
      }
      if (!is_link_refused(linked.error().code)) return said(linked.error());
      auto made = files_.create(path_, 0600);
      if (!made) return said(made.error());
      if (auto problem = hold(std::move(*made))) return problem;
    }
    if (auto problem = why_not_ours()) return problem;
    auto moved = files_.rename(temporary_, path_);
    if (!moved) return moved.error().outcome();
    return std::nullopt;
  }

  /// Of several runs on one empty file one gets the lock, and replaces it; so whoever gets the lock
  /// later must look whether it is still the file of that name.
  std::optional<Outcome> hold(std::unique_ptr<File> empty) {
    auto locked = empty->try_lock();
    if (!locked) return locked.error().outcome();
    if (!*locked) {
      return Outcome::temporary(path_ + " is being filled by another smtpget; nothing was taken");
    }
    held_ = std::move(empty);
    return why_not_ours();
  }

  std::optional<Outcome> why_not_ours() {
    auto ours = held_->status();
    if (!ours) return ours.error().outcome();
    auto named = files_.status(path_);
    if (!named) return named.error().outcome();
    if (named->device != ours->device || named->inode != ours->inode || named->size > 0) {
      return taken_outcome();
    }
    return std::nullopt;
  }

  Outcome said(const FileError& error) const {
    return error.code == EEXIST ? taken_outcome() : error.outcome();
  }

  Outcome taken_outcome() const {
    return Outcome::permanent(path_ +
                                  " is there and not empty: an earlier run's messages, not yet "
                                  "worked on? Move it away first; nothing was taken",
                              "5.2.0");
  }

  FileSystem& files_;
  std::string path_;
  std::string temporary_;
  std::unique_ptr<File> file_;  ///< null: not made, or in its place
  std::unique_ptr<File> held_;  ///< the empty file that is replaced, locked; null: there is none
};

/// One message on its way into the file.
struct Envelope {
  std::vector<std::string> waiting;  ///< typed addresses, UTF-8
  bool is_header = true;             ///< they are exactly those of TO and CC
  bool is_in_header = true;          ///< each of them is in TO or CC
};

Envelope envelope_of(const OutgoingState& state, const MessageHeader& header,
                     const std::string& set) {
  std::set<std::string> shown;
  for (const auto* list : {&header.to, &header.cc}) {
    for (const TypedAddress& address : *list) shown.insert(to_utf8(address.str(), set));
  }
  Envelope envelope;
  std::set<std::string> known;
  for (const OutgoingRecipient& recipient : state.recipients) {
    if (recipient.state != RecipientState::waiting) continue;
    std::string address = recipient.address.str();
    if (!shown.contains(address)) envelope.is_in_header = false;
    if (known.insert(address).second) envelope.waiting.push_back(std::move(address));
  }
  envelope.is_header = envelope.is_in_header && known.size() == shown.size();
  return envelope;
}

class Get {
 public:
  Get(const Postoffice& postoffice, const std::string& path, const GetOptions& options,
      const std::function<void(const GetNote&)>& tell)
      : postoffice_(postoffice),
        options_(options),
        tell_(tell),
        mail_(postoffice),
        target_(postoffice.files(), path),
        line_end_(options.line_end.value_or(postoffice.settings().line_end)) {}

  Expected<GetResult> run() {
    auto ids = mail_.waiting();
    if (!ids) return failure(ids.error());
    if (auto problem = target_.open()) return failure(*problem);
    for (const std::string& id : *ids) {
      if (result_.taken == options_.most) break;
      if (auto problem = get(id)) return failure(*problem);
    }
    if (result_.taken == 0) return result_;
    if (auto problem = target_.finish()) return failure(*problem);
    if (!options_.keeps) remove_taken();
    return result_;
  }

 private:
  void note(int number, std::string text, std::uint64_t line = 0) {
    tell_({number, ordinal_, line, std::move(text)});
  }
  void leave_faulty(int number, const std::string& id, const std::string& text,
                    std::uint64_t line = 0) {
    ++result_.faulty;
    note(number, "message " + id + ": " + text, line);
  }
  void leave(const Outcome& failed) {
    if (failed.is_temporary()) result_.some_temporary = true;
    ++result_.faulty;
    note(postoffice_trouble, failed.sentence());
  }

  /// A time that is further off than a day was written by a clock that has been set back since.
  static bool is_later(std::int64_t next_attempt) {
    constexpr std::int64_t longest_pause = 86'400;
    const std::int64_t now = std::time(nullptr);
    return next_attempt > now && next_attempt - now <= longest_pause;
  }

  /// True if it is one to be taken now; counted if not.
  bool is_wanted(const OutgoingState& state, OutgoingContent content) {
    if (content != OutgoingContent::mmff) {
      ++result_.other;
    } else if (state.held) {
      ++result_.held;
    } else if (is_later(state.next_attempt)) {
      ++result_.not_due;
    } else {
      return true;
    }
    return false;
  }

  /// What is wrong with the file that is written, and with it the run.
  std::optional<Outcome> get(const std::string& id) {
    // A look first, so that what is left is not moved about.
    auto seen = mail_.look(id);
    if (!seen || !*seen) return std::nullopt;
    ++ordinal_;
    if (!(*seen)->state.recipients.empty() && !is_wanted((*seen)->state, (*seen)->content)) {
      return std::nullopt;
    }
    auto taken = mail_.take(id);
    if (!taken) {
      leave(taken.error());
      return std::nullopt;
    }
    if (!*taken) {
      ++result_.other;
      return std::nullopt;
    }
    if ((*taken)->state().is_done()) {
      // Sent before; its removal failed then.
      const Outcome finished = (*taken)->finish((*taken)->state());
      if (!finished.is_delivered()) {
        leave(finished);
      } else if (finished.status() == gone_until_power_cut) {
        note(postoffice_trouble, finished.sentence());
      }
      return std::nullopt;
    }
    return write(std::move(**taken));
  }

  std::optional<Outcome> write(TakenMessage taken) {
    const std::string id = taken.state().id;
    auto file = taken.open_content();
    auto status = file ? (*file)->status() : FileResult<FileStatus>(FileStatus{});
    if (!file || !status) {
      leave(file ? status.error().outcome() : file.error());
      return std::nullopt;
    }
    OffsetSource source(**file);
    Reader reader(source);
    auto header = reader.next();
    if (!header) {
      leave_faulty(header.error().number, id, header.error().text, header.error().line);
      result_.some_temporary = result_.some_temporary || header.error().is_file_error;
      return std::nullopt;
    }
    if (!*header || end_of_contents(reader, **header) > status->size) {
      leave_faulty(parse_error, id, "it is not whole; `postoffice queue return` tells its sender");
      return std::nullopt;
    }
    return write(std::move(taken), reader, std::move(**header));
  }

  std::optional<Outcome> write(TakenMessage taken, Reader& reader, MessageHeader header) {
    const std::string& id = taken.state().id;
    const std::string set = character_set_of(header, postoffice_.settings().character_set);
    const Envelope envelope = envelope_of(taken.state(), header, set);
    std::vector<std::string> recipients;
    for (const std::string& address : envelope.waiting) {
      std::uint64_t replaced = 0;
      recipients.push_back(from_utf8(address, set, &replaced));
      if (replaced == 0) continue;
      leave_faulty(bad_address, id,
                   "Bad address " + address + ": it cannot be written in the message's " +
                       "character set " + set);
      return std::nullopt;
    }
    CopyResult copied;
    if (options_.encapsulated) {
      copied = write_encapsulated(reader, std::move(header), recipients);
    } else if (envelope.is_header) {
      copied = copy(reader, std::move(header), target_.file());
    } else if (options_.extended) {
      for (std::string& address : recipients) {
        header.add_field(ext::envelope_to, std::move(address));
      }
      copied = copy(reader, std::move(header), target_.file());
    } else if (envelope.is_in_header) {
      // Some were served already. The basic format has no place for the others but TO.
      set_recipients(header, recipients);
      copied = copy(reader, std::move(header), target_.file());
    } else {
      leave_faulty(bad_address, id,
                   "it is for others than its TO and CC name, which the basic format cannot say; "
                   "take it with -h");
      return std::nullopt;
    }
    // It was whole a moment ago, so this is a disk's fault.
    if (copied.format_error) return copied.format_error->outcome();
    if (copied.failed) return copied.failed;
    ++result_.taken;
    note(0, fmt::format("{} taken for {} recipient{}{}", id, recipients.size(),
                        recipients.size() == 1 ? "" : "s",
                        taken.state().maybe_sent ? "; it may have been sent before" : ""));
    messages_.push_back(std::move(taken));
    return std::nullopt;
  }

  CopyResult copy(Reader& reader, MessageHeader header, File& file) {
    FileSink sink(file);
    return copy_message(postoffice_, reader, std::move(header), sink, line_end_, options_.extended);
  }

  static void set_recipients(MessageHeader& header, const std::vector<std::string>& recipients) {
    std::vector<TypedAddress> to;
    for (const std::string& address : recipients) to.push_back(TypedAddress::parse(address));
    header.to = std::move(to);
    header.cc.clear();
  }

  CopyResult write_encapsulated(Reader& reader, MessageHeader header,
                                const std::vector<std::string>& recipients) {
    auto inner = postoffice_.files().create_unnamed(postoffice_.path(layout::work));
    if (!inner) return {std::nullopt, inner.error().outcome()};
    CopyResult copied = copy(reader, header, **inner);
    if (!copied.is_good()) return copied;
    auto written = write_outer(**inner, header, recipients);
    if (!written) return {std::nullopt, written.error().outcome()};
    return {};
  }

  FileResult<void> write_outer(File& inner, const MessageHeader& header,
                               const std::vector<std::string>& recipients) {
    auto status = inner.status();
    if (!status) return tl::unexpected(status.error());
    const std::string text = std::string(outer_text) + std::string(line_end_octets(line_end_));
    MessageHeader outer;
    outer.from = header.from;
    set_recipients(outer, recipients);
    outer.date = header.date;
    outer.time = header.time;
    outer.subject = outer_subject;
    outer.text_size = text.size();
    Attachment attachment;
    attachment.name = inner_name;
    attachment.size = status->size;
    outer.attachments = {attachment};
    if (auto set = header.field(ext::character_set)) outer.add_field(ext::character_set, *set);
    const std::string lines = render_header(outer, line_end_, options_.extended) + text;
    if (auto written = target_.file().write(lines); !written) return written;
    return target_.file().append_from(inner, 0, status->size);
  }

  void remove_taken() {
    for (TakenMessage& taken : messages_) {
      OutgoingState state = taken.state();
      for (OutgoingRecipient& recipient : state.recipients) {
        if (recipient.state != RecipientState::waiting) continue;
        recipient.state = RecipientState::sent;
        recipient.status = "2.0.0";
        recipient.reason = "taken by smtpget";
      }
      const Outcome finished = taken.finish(state);
      if (finished.status() == gone_until_power_cut) {
        note(postoffice_trouble, "it is in the file; " + finished.sentence());
      }
      if (finished.is_delivered()) continue;
      result_.some_temporary = true;
      note(postoffice_trouble,
           "message " + state.id + " is in the file, but stays in SMTP: " + finished.sentence());
    }
  }

  const Postoffice& postoffice_;
  const GetOptions& options_;
  const std::function<void(const GetNote&)>& tell_;
  OutgoingMail mail_;
  TargetFile target_;
  LineEnd line_end_;
  std::uint64_t ordinal_ = 0;
  std::vector<TakenMessage> messages_;
  GetResult result_;
};

}  // namespace

std::string GetNote::str() const {
  if (number == 0) return fmt::format("message {}: {}", message, printable(text));
  return fmt::format("{}-{}-{} {}", number, message, line, printable(text));
}

Expected<GetResult> get_messages(const Postoffice& postoffice, const std::string& path,
                                 const GetOptions& options,
                                 const std::function<void(const GetNote&)>& tell) {
  return Get(postoffice, path, options, tell).run();
}

}  // namespace smtpgate::postoffice
