// smtpconv: the converter by hand. A thin main over converter/inbound.h, convert_out.h and
// postoffice/mmff_show.h, mmff_extract.h. Not for delivering: nothing here touches a postoffice's
// mailbags.
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/filesystem.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "converter/address_list.h"
#include "converter/inbound.h"
#include "converter/programs/convert_out.h"
#include "converter/programs/smtpconv_support.h"
#include "converter/settings.h"
#include "postoffice/character_set.h"
#include "postoffice/file_system.h"
#include "postoffice/mmff_extract.h"
#include "postoffice/mmff_show.h"
#include "postoffice/postoffice.h"
#include "postoffice/settings_file.h"

namespace {

using namespace smtpgate;
using postoffice::FileSystem;
using postoffice::LineEnd;

using smtpconv::exit_code;
using smtpconv::fail;
using smtpconv::host_name;

/// A file, or standard input for "" and "-".
class Input {
 public:
  explicit Input(const std::string& path)
      : name_(path.empty() || path == "-" ? "standard input" : path),
        is_standard_(path.empty() || path == "-"),
        descriptor_(is_standard_ ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0) fail_with("open");
  }
  ~Input() {
    if (!is_standard_ && descriptor_ >= 0) close(descriptor_);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  const std::string& error() const { return error_; }  ///< empty while all is well

  /// Whether it is the very file at `path`.
  bool is(const std::string& path) const {
    struct stat ours{};
    struct stat other{};
    return fstat(descriptor_, &ours) == 0 && stat(path.c_str(), &other) == 0 &&
           ours.st_dev == other.st_dev && ours.st_ino == other.st_ino;
  }

  /// Pieces go to `take` until it returns false.
  template <typename Take>
  void for_each_piece(Take take) {
    constexpr std::size_t size = std::size_t{256} << 10;
    // Not filled: a small message never touches most of it.
    const auto buffer = std::make_unique_for_overwrite<char[]>(size);
    for (;;) {
      const ssize_t count = read(descriptor_, buffer.get(), size);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail_with("read");
      if (count <= 0) return;
      if (!take(std::string_view(buffer.get(), static_cast<std::size_t>(count)))) return;
    }
  }

 private:
  void fail_with(std::string_view operation) {
    error_ = fmt::format("cannot {} {}: {}; name a message file that can be read", operation, name_,
                         std::strerror(errno));
  }

  std::string name_;
  bool is_standard_;
  int descriptor_;
  std::string error_;
};

struct LineEndFlags {
  bool cr = false;
  bool lf = false;
  bool crlf = false;

  void add_to(CLI::App& command) {
    command.add_flag("--f0", cr, "Force CR line ends (also -f0)");
    command.add_flag("--f1", lf, "Force LF line ends (also -f1)");
    command.add_flag("--f2", crlf, "Force CR LF line ends (also -f2)");
  }
  std::optional<LineEnd> chosen() const {
    if (cr) return LineEnd::cr;
    if (lf) return LineEnd::lf;
    if (crlf) return LineEnd::crlf;
    return std::nullopt;
  }
};

struct InOptions {
  std::string sender;
  std::vector<std::string> recipients;
  std::string configuration;
  std::string directory;
  std::string message;
  bool trace = false;
  std::string character_set;
  LineEndFlags line_end;
};

// R is NET/PO/BOX, or an Internet address that the address map knows.
std::optional<postoffice::NativeAddress> mailbox_of(const std::string& recipient,
                                                    const converter::AddressMap& map) {
  if (auto native = postoffice::NativeAddress::parse(recipient);
      native && recipient.find('@') == std::string::npos) {
    return native;
  }
  const auto address = converter::parse_path(recipient);
  if (!address) return std::nullopt;
  const auto* entry = map.find(converter::canonical_domain(address->domain));
  if (entry == nullptr || postoffice::why_bad_mailbox_name(address->local_part)) {
    return std::nullopt;
  }
  return postoffice::NativeAddress{entry->postoffice, address->local_part};
}

// The postoffice's own settings where the configuration serves it, else the defaults in the
// machine's zone.
converter::TargetFormat target_for(const postoffice::PostofficeName& name,
                                   const std::vector<converter::ServedPostoffice>& served,
                                   std::int64_t now) {
  converter::TargetFormat target;
  target.name = name;
  for (const converter::ServedPostoffice& one : served) {
    if (!(one.name == name)) continue;
    if (auto folder = postoffice::Postoffice::open(one.directory)) {
      target.character_set = folder->settings().character_set;
      target.line_end = folder->settings().line_end;
      target.arrival = folder->local_time(now);
      return target;
    }
  }
  if (auto zone = postoffice::TimeZone::open(""))
    target.arrival = postoffice::local_time(*zone, now);
  return target;
}

int run_in(const InOptions& options) {
  converter::ConverterSettings settings;
  if (!options.configuration.empty()) {
    auto file = postoffice::SettingsFile::read(options.configuration);
    if (!file) return fail(EX_CONFIG, file.error());
    settings = converter::read_converter_settings(*file);
    if (const auto errors = file->errors(); !errors.empty()) {
      for (const std::string& error : errors) fail(EX_CONFIG, error);
      return EX_CONFIG;
    }
  }
  settings.inbound.keep_trace = settings.inbound.keep_trace || options.trace;
  if (settings.inbound.hostname.empty()) settings.inbound.hostname = host_name();

  converter::Envelope envelope;
  const auto sender = converter::parse_path(options.sender);
  if (!sender)
    return fail(EX_USAGE, "--sender " + options.sender + " is no address; write user@host or <>");
  envelope.sender = sender->str();
  envelope.arrival = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  for (const std::string& recipient : options.recipients) {
    const auto mailbox = mailbox_of(recipient, settings.map);
    if (!mailbox) {
      return fail(EX_NOUSER, "--rcpt " + recipient +
                                 " is neither NET/PO/MAILBOX nor an address that the address map "
                                 "knows; give --config FILE, or write NET/PO/MAILBOX");
    }
    envelope.recipients.push_back({recipient, "", *mailbox});
  }

  converter::TargetFormat target = target_for(envelope.recipients.front().mailbox.postoffice,
                                              settings.postoffices, envelope.arrival);
  if (!options.character_set.empty()) target.character_set = options.character_set;
  if (!postoffice::is_file_character_set(target.character_set)) {
    return fail(EX_USAGE, "--character-set " + target.character_set +
                              " is not known, or cannot hold ASCII octet for octet; take one such "
                              "as UTF-8, windows-1252 or CP437");
  }
  if (const auto line_end = options.line_end.chosen()) target.line_end = *line_end;

  boost::system::error_code error;
  boost::filesystem::create_directories(options.directory, error);
  if (error) return fail(EX_CANTCREAT, "cannot make " + options.directory + ": " + error.message());

  FileSystem& files = FileSystem::posix();
  const converter::SpoolPlace place{&files, options.directory};
  Input input(options.message);
  if (!input.error().empty()) return fail(EX_NOINPUT, input.error());
  if (input.is(options.directory + "/SMTP_IN.822")) {
    return fail(EX_USAGE,
                "FILE is the SMTP_IN.822 of --out, which is written anew; give another --out");
  }
  converter::RawMessage raw(place);
  if (const Outcome kept =
          converter::keep_raw_in_chain(options.directory, raw, envelope, settings.inbound, files);
      !kept.is_delivered()) {
    return fail(exit_code(kept), kept.sentence());
  }
  std::optional<Outcome> trouble;
  input.for_each_piece([&](std::string_view piece) {
    if (auto fed = raw.feed(piece); !fed) trouble = fed.error().outcome();
    return !trouble;
  });
  if (!input.error().empty()) return fail(EX_NOINPUT, input.error());
  if (trouble) return fail(exit_code(*trouble), trouble->sentence());

  auto converted =
      converter::convert_inbound(raw, envelope, settings.map, target, settings.inbound, place);
  if (!converted) return fail(exit_code(converted.error()), converted.error().sentence());
  const Outcome written = converter::write_chain(options.directory, raw, envelope, *converted,
                                                 settings.inbound, target.line_end, files);
  if (!written.is_delivered()) return fail(exit_code(written), written.sentence());
  return EX_OK;
}

struct FileOptions {
  std::string file;
  std::string directory;
  bool json = false;
  bool short_names = false;
  LineEndFlags line_end;
};

int report(const postoffice::FormatError& error) {
  std::cerr << "smtpconv: " << error.str() << '\n';  // escaped by str()
  return error.is_file_error ? EX_TEMPFAIL : EX_DATAERR;
}

template <typename Use>
int with_source(const std::string& path, Use use) {
  auto file = FileSystem::posix().open(path);
  if (!file) return fail(EX_NOINPUT, file.error().sentence());
  postoffice::FileSource source(**file);
  return use(source);
}

int run_show(const FileOptions& options) {
  postoffice::ShowOptions show;
  show.reader.line_end = options.line_end.chosen();
  return with_source(options.file, [&](postoffice::ByteSource& source) {
    const auto shown = options.json ? postoffice::show_json(source, std::cout, show)
                                    : postoffice::show_text(source, std::cout, show);
    std::cout.flush();
    if (!std::cout) return fail(EX_IOERR, "cannot write to standard output");
    return shown ? EX_OK : report(shown.error());
  });
}

int run_extract(const FileOptions& options) {
  boost::system::error_code error;
  boost::filesystem::create_directories(options.directory, error);
  if (error) return fail(EX_CANTCREAT, "cannot make " + options.directory + ": " + error.message());
  return with_source(options.file, [&](postoffice::ByteSource& source) {
    postoffice::ExtractOptions extract;
    extract.reader.line_end = options.line_end.chosen();
    extract.short_names = options.short_names;
    const auto extracted = postoffice::extract(source, options.directory, extract);
    if (extracted) return EX_OK;
    return fail(exit_code(extracted.error()), extracted.error().sentence());
  });
}

// The historical spelling -f0 -f1 -f2 beside --f0: CLI11 knows one-letter options only.
std::vector<std::string> with_historical_switches(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  for (std::string& argument : arguments) {
    if (argument == "-f0" || argument == "-f1" || argument == "-f2") argument.insert(0, "-");
  }
  return {arguments.rbegin(), arguments.rend()};
}

}  // namespace

int main(int argc, char** argv) {
  if (sodium_init() < 0) return fail(EX_SOFTWARE, "libsodium does not start");
  CLI::App app(
      "smtpconv - Internet mail to Microsoft Mail File Format (MMFF) and back, by hand.\n\n"
      "  smtpconv in --sender bob@example.com --rcpt NET/PO/alice --out chain message.eml\n"
      "  smtpconv show chain/TO_NC.API\n"
      "  smtpconv out --out chain --map ADDR_MAP.CFG FROM_NC.API\n"
      "  smtpconv extract --out files chain/TO_NC.API",
      "smtpconv");
  app.set_version_flag("--version", std::string("smtpconv ") + SMTPGATE_VERSION);
  app.require_subcommand(1);

  InOptions in_options;
  CLI::App& in = *app.add_subcommand(
      "in",
      "Convert one RFC 5322 message (file or standard input, CR LF or LF) to the chain:\n"
      "SMTP_IN.ENV, SMTP_IN.822, API_OUT.TMP and TO_NC.API in the directory of --out.");
  in.add_option("--sender", in_options.sender, "Envelope sender; <> for the null return path")
      ->required();
  in.add_option("--rcpt", in_options.recipients,
                "Envelope recipient, NET/PO/MAILBOX or (with --config) an Internet address; "
                "may be given again")
      ->required()
      ->take_all();
  in.add_option("--config", in_options.configuration,
                "smtpgate.toml: its address map, its [converter] settings");
  in.add_option("--out", in_options.directory, "Directory for the four files; made if missing")
      ->required();
  in.add_flag("-T,--trace", in_options.trace,
              "Keep Received lines and other hidden fields in the text");
  in.add_option("--character-set", in_options.character_set,
                "Of the file, in place of the postoffice's (default UTF-8)");
  in_options.line_end.add_to(in);
  in.add_option("FILE", in_options.message, "The message; standard input if missing or -");

  smtpconv::OutOptions out_options;
  LineEndFlags out_line_end;
  CLI::App& out = *app.add_subcommand(
      "out",
      "Convert an MMFF file to Internet mail: SMTP_OUT.ENV and SMTP_OUT.822 in the directory of\n"
      "--out; several messages: a numbered directory each. Nothing is sent.");
  out.add_option("--out", out_options.directory, "Directory for the files; made if missing")
      ->required();
  out.add_option("--config", out_options.configuration,
                 "smtpgate.toml: its address map, its [converter] settings");
  out.add_option("--map", out_options.map,
                 "An address map alone. Without one, NET/PO has the domain po.net.invalid");
  out.add_option("--rcpt", out_options.recipients,
                 "Envelope recipient in place of TO and CC: user@host, SMTP:user@host or "
                 "NET/PO/MAILBOX; may be given again")
      ->take_all();
  out.add_flag("--null-sender", out_options.null_sender,
               "The envelope's sender is <>, as of mail that programs make");
  out_line_end.add_to(out);
  out.add_option("FILE", out_options.file, "An MMFF file")->required();

  FileOptions show_options;
  CLI::App& show = *app.add_subcommand("show", "Say what an MMFF file holds.");
  show.add_flag("--json", show_options.json, "As JSON, for programs");
  show_options.line_end.add_to(show);
  show.add_option("FILE", show_options.file, "An MMFF file")->required();

  FileOptions extract_options;
  CLI::App& extract = *app.add_subcommand(
      "extract",
      "Write the text as message.txt (UTF-8) and each attachment as a file beside it, under\n"
      "safe and unique names; several messages: a numbered directory each.");
  extract.add_option("--out", extract_options.directory, "Directory; made if missing")->required();
  extract.add_flag("--short-names", extract_options.short_names,
                   "Attachments under names for DOS, in the form 8.3");
  extract_options.line_end.add_to(extract);
  extract.add_option("FILE", extract_options.file, "An MMFF file")->required();

  try {
    app.parse(with_historical_switches(argc, argv));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EX_OK : EX_USAGE;
  }
  try {
    if (in.parsed()) return run_in(in_options);
    if (out.parsed()) {
      out_options.line_end = out_line_end.chosen();
      return smtpconv::run_out(out_options);
    }
    if (show.parsed()) return run_show(show_options);
    return run_extract(extract_options);
  } catch (const std::exception& error) {
    return fail(EX_TEMPFAIL, error.what());
  }
}
