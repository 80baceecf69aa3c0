// Composing; see the header. The text comes first into a file without a name, in the postoffice's
// character set and line ends: its size must stand before it.
#include "postoffice/compose.h"

#include <cerrno>
#include <ctime>
#include <memory>
#include <optional>
#include <utility>

#include <boost/filesystem.hpp>

#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/folder.h"
#include "postoffice/group_file.h"
#include "postoffice/hand_copy.h"
#include "postoffice/mmff.h"
#include "postoffice/mmff_text.h"
#include "postoffice/mmff_writer.h"
#include "postoffice/outbox_taken.h"
#include "postoffice/safe_file_name.h"
#include "postoffice/unique_id.h"

namespace smtpgate::postoffice {

namespace {

/// UTF-8 to the octets of the postoffice's files, counted.
class TextWriter {
 public:
  TextWriter(File& file, CharacterEncoder encoder, LineEnd line_end)
      : file_(file),
        to_line_feeds_(LineEnd::crlf),
        encoder_(std::move(encoder)),
        end_(line_end_octets(line_end)) {}

  FileResult<void> write(std::string_view piece) {
    std::string encoded;
    encoder_.feed(to_line_feeds_.convert(piece), encoded);
    return append(encoded);
  }
  FileResult<void> finish() {
    std::string encoded;
    encoder_.feed(to_line_feeds_.finish(), encoded);
    encoder_.finish(encoded);
    return append(encoded);
  }
  std::uint64_t size() const { return size_; }

 private:
  FileResult<void> append(const std::string& encoded) {
    std::string out;
    out.reserve(encoded.size());
    for (const char c : encoded) c == '\n' ? out.append(end_) : out.append(1, c);
    size_ += out.size();
    return file_.write(out);
  }

  File& file_;
  LineFeedConverter to_line_feeds_;
  CharacterEncoder encoder_;
  std::string_view end_;
  std::uint64_t size_ = 0;
};

class Composer {
 public:
  Composer(const Postoffice& postoffice, const Composition& composition)
      : postoffice_(postoffice),
        files_(postoffice.files()),
        composition_(composition),
        from_(fold_mailbox_name(composition.mailbox)),
        mailbox_(from_),
        outbox_(outbox_directory(postoffice, mailbox_)),
        set_(postoffice.settings().character_set) {}

  /// The name, without the dot that hides it, of what was written.
  Expected<std::string> run(ByteSource& text) {
    if (auto problem = find_mailbox()) return failure(*problem);
    if (auto problem = why_no_mailbox()) return failure(*problem);
    if (auto problem = fill_header()) return failure(*problem);
    if (auto problem = open_attachments()) return failure(*problem);
    if (auto problem = store_text(text)) return failure(*problem);
    return write_hidden();
  }
  const std::string& mailbox() const { return mailbox_; }
  const std::string& outbox() const { return outbox_; }

 private:
  /// Another name of a mailbox is one that it may send under (docs/outgoing.md, "Judged"); the
  /// catch-all gives nobody a name, and a group has no outbox.
  std::optional<Outcome> find_mailbox() {
    if (!why_bad_mailbox_name(mailbox_)) {
      const auto status = files_.status(outbox_);
      // What else is wrong with it is told by whoever uses it.
      if (status || status.error().code != ENOENT) return std::nullopt;
    }
    auto found = postoffice_.resolve(from_);
    if (!found && found.error().is_temporary()) return found.error();
    if (!found || found->how == "catch-all") return std::nullopt;
    if (!found->group.empty()) {
      return Outcome::permanent(
          from_ + " is a group, and only mailboxes send; name yours with --from", "5.1.1");
    }
    mailbox_ = found->mailbox;
    outbox_ = outbox_directory(postoffice_, mailbox_);
    return std::nullopt;
  }

  std::optional<Outcome> why_no_mailbox() const {
    const Outcome unknown =
        Outcome::permanent("there is no mailbox " + composition_.mailbox, "5.1.1");
    if (why_bad_mailbox_name(mailbox_)) return unknown;
    auto status = files_.status(outbox_);
    if (status) return std::nullopt;
    if (status.error().code == EACCES) {
      return Outcome::permanent("you may not send as " + mailbox_ +
                                ": that is for the members of its group; ask the administrator");
    }
    if (status.error().code != ENOENT) return status.error().outcome();
    if (auto problem = why_not_there(postoffice_)) return *problem;
    return unknown;
  }

  /// Told now rather than in a report later.
  std::optional<Outcome> why_unknown(const TypedAddress& address) const {
    auto native = NativeAddress::parse(address.address);
    if (address.type != "CSI" || !native || !(native->postoffice == postoffice_.settings().name)) {
      return std::nullopt;
    }
    auto found = postoffice_.resolve(native->mailbox);
    if (found || found.error().is_temporary()) return std::nullopt;
    return found.error();
  }

  std::optional<Outcome> parse(const std::vector<std::string>& words,
                               std::vector<TypedAddress>& list) const {
    for (const std::string& word : words) {
      auto address = parse_member(word, postoffice_.settings().name);
      if (!address) {
        return Outcome::permanent("recipient " + word + " " + address.error(), "5.1.3");
      }
      if (auto unknown = why_unknown(*address)) return unknown;
      std::uint64_t replaced = 0;
      address->address = from_utf8(address->address, set_, &replaced);
      if (replaced > 0) {
        return Outcome::permanent("recipient " + word + " cannot be written in " + set_ +
                                      ", the postoffice's character set",
                                  "5.1.3");
      }
      list.push_back(std::move(*address));
    }
    return std::nullopt;
  }

  std::optional<Outcome> fill_header() {
    if (composition_.to.empty()) {
      return Outcome::permanent("name at least one recipient with --to", "5.1.3");
    }
    std::vector<TypedAddress> hidden;
    if (auto problem = parse(composition_.to, header_.to)) return problem;
    if (auto problem = parse(composition_.cc, header_.cc)) return problem;
    if (auto problem = parse(composition_.bcc, hidden)) return problem;
    const std::string& priority = composition_.priority;
    if (!priority.empty() &&
        (priority.size() != 1 || (!is_ascii_alpha(priority[0]) && !is_ascii_digit(priority[0])))) {
      return Outcome::permanent("a priority is one letter or digit, 5 the highest of mail");
    }
    header_.from = TypedAddress::native({postoffice_.settings().name, from_utf8(from_, set_)});
    header_.subject = from_utf8(composition_.subject, set_);
    header_.priority = priority;
    const LocalTime time = postoffice_.local_time(std::time(nullptr));
    header_.date = time.date;
    header_.time = time.time;
    header_.add_field(ext::character_set, set_);
    for (const TypedAddress& address : hidden) header_.add_field(ext::bcc, address.str());
    for (const ExtendedField& field : composition_.fields) {
      header_.add_field(field.name, from_utf8(field.value, set_), field.number, field.type);
    }
    return std::nullopt;
  }

  std::optional<Outcome> open_attachments() {
    UniqueNames names;
    for (const std::string& path : composition_.attachments) {
      // A person may name a file by a link; the file system door follows none.
      boost::system::error_code error;
      const auto resolved = boost::filesystem::canonical(path, error);
      auto file = files_.open(error ? path : resolved.string());
      if (!file) return Outcome::permanent(file.error().sentence(), "5.3.0");
      auto status = (*file)->status();
      if (!status) return Outcome::permanent(status.error().sentence(), "5.3.0");
      if (status->kind != FileKind::regular) {
        return Outcome::permanent(path + " is no regular file; only files can be attached");
      }
      Attachment attachment;
      const std::string name = boost::filesystem::path(path).filename().string();
      attachment.name = from_utf8(names.take(safe_file_name(name, "attachment")), set_);
      attachment.size = status->size;
      header_.attachments.push_back(std::move(attachment));
      attachments_.push_back(std::move(*file));
    }
    return std::nullopt;
  }

  std::optional<Outcome> store_text(ByteSource& text) {
    auto encoder = CharacterEncoder::open(set_);
    if (!encoder) return Outcome::temporary("the system does not know " + set_, "4.3.5");
    auto stored = files_.create_unnamed(outbox_);
    if (!stored) return explain(stored.error());
    text_ = std::move(*stored);
    TextWriter writer(*text_, std::move(*encoder), postoffice_.settings().line_end);
    std::string buffer(stream_buffer_size, '\0');
    for (;;) {
      auto count = text.read(buffer);
      if (!count) return Outcome::permanent(count.error().sentence(), "5.3.0");
      if (*count == 0) break;
      auto written = writer.write(std::string_view(buffer).substr(0, *count));
      if (!written) return written.error().outcome();
    }
    if (auto finished = writer.finish(); !finished) return finished.error().outcome();
    header_.text_size = writer.size();
    return std::nullopt;
  }

  Outcome explain(const FileError& error) const {
    if (error.code != EACCES && error.code != EPERM) return error.outcome();
    return Outcome::permanent(error.sentence() + "; only who may write in the outbox of " +
                              mailbox_ + " may send as it");
  }

  FileResult<void> copy(Writer& writer, File& file) {
    OffsetSource source(file);
    std::string buffer(stream_buffer_size, '\0');
    for (;;) {
      auto count = source.read(buffer);
      if (!count) return tl::unexpected(count.error());
      if (*count == 0) return {};
      auto written = writer.write(std::string_view(buffer).substr(0, *count));
      if (!written) return written;
    }
  }

  FileResult<void> write_to(File& file) {
    FileSink sink(file);
    Writer writer(sink, postoffice_.settings().line_end);
    if (auto begun = writer.begin(header_); !begun) return begun;
    if (auto copied = copy(writer, *text_); !copied) return copied;
    for (const auto& attachment : attachments_) {
      if (auto copied = copy(writer, *attachment); !copied) return copied;
    }
    if (auto ended = writer.end(); !ended) return ended;
    return file.sync();
  }

  Expected<std::string> write_hidden() {
    const std::string name = "send-" + new_unique_id() + ".API";
    const std::string hidden = path_in(outbox_, "." + name);
    // The gateway is another user. The folder keeps everybody else out.
    auto file = files_.create(hidden, 0644);
    if (!file) return failure(explain(file.error()));
    if (auto written = write_to(**file); !written) {
      (void)files_.remove(hidden);  // the first error is the one to report
      return failure(written.error().outcome());
    }
    return name;
  }

  const Postoffice& postoffice_;
  FileSystem& files_;
  const Composition& composition_;
  const std::string from_;  ///< the name that it is sent under: the mailbox's, or another of its
  std::string mailbox_;
  std::string outbox_;
  const std::string set_;
  MessageHeader header_;
  std::vector<std::unique_ptr<File>> attachments_;
  std::unique_ptr<File> text_;
};

}  // namespace

struct MessageDraft::State {
  FileSystem& files;
  std::string mailbox;
  std::string outbox;
  std::string name;
  bool is_dropped = false;

  std::string hidden() const { return path_in(outbox, "." + name); }
  /// True: the gateway has it by now, and what it takes is durable. `is_dropped` stays true where
  /// it is still there.
  bool take_back(const std::string& visible) {
    auto renamed = files.rename(visible, hidden());
    if (renamed) {
      is_dropped = false;
      return false;
    }
    return renamed.error().code == ENOENT && files.status(outbox).has_value();
  }
  ~State() {
    if (!is_dropped) (void)files.remove(hidden());  // else it is nobody's message for ever
  }
};

MessageDraft::MessageDraft(std::unique_ptr<State> state) : state_(std::move(state)) {}
MessageDraft::MessageDraft(MessageDraft&&) noexcept = default;
MessageDraft& MessageDraft::operator=(MessageDraft&&) noexcept = default;
MessageDraft::~MessageDraft() = default;

Expected<MessageDraft> MessageDraft::make(const Postoffice& postoffice,
                                          const Composition& composition, ByteSource& text) {
  Composer composer(postoffice, composition);
  auto name = composer.run(text);
  if (!name) return failure(name.error());
  return MessageDraft(std::unique_ptr<State>(
      new State{postoffice.files(), composer.mailbox(), composer.outbox(), std::move(*name)}));
}

Outcome MessageDraft::drop() {
  const std::string visible = path_in(state_->outbox, state_->name);
  auto renamed = state_->files.rename(state_->hidden(), visible);
  if (!renamed) {
    // A file server's answer may be lost on the way back.
    auto left = state_->files.status(state_->hidden());
    state_->is_dropped = !left && left.error().code == ENOENT;
    if (!state_->is_dropped) return renamed.error().outcome();
  }
  state_->is_dropped = true;
  if (auto synced = state_->files.sync_directory(state_->outbox); !synced) {
    // Taken back, so that whoever sends it again does not send it twice.
    if (!state_->take_back(visible)) return synced.error().outcome();
  }
  return Outcome::delivered("dropped in the outbox of " + state_->mailbox + " as " + state_->name);
}

bool MessageDraft::is_dropped() const {
  return state_->is_dropped;
}

Outcome drop_message(const Postoffice& postoffice, const Composition& composition,
                     ByteSource& text) {
  auto draft = MessageDraft::make(postoffice, composition, text);
  return draft ? draft->drop() : draft.error();
}

}  // namespace smtpgate::postoffice
