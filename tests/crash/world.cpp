// The world around the gateway; see the header.
#include "tests/crash/world.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

#include "milter/inbound_delivery.h"
#include "milter/kept_chain.h"
#include "milter/lmtp_server.h"
#include "milter/milter_session.h"
#include "milter/outbound_message.h"
#include "postoffice/groups.h"
#include "postoffice/outbox.h"
#include "postoffice/outgoing.h"
#include "postoffice/put.h"
#include "tests/crash/message_digest.h"
#include "tests/crash/test_clock.h"

namespace smtpgate::crash {

using milter::MilterSession;
using postoffice::OutgoingMail;
using postoffice::Postoffice;

namespace {

constexpr std::int64_t beginning = 1'795'300'000;
constexpr int most_rounds = 4;
constexpr std::int64_t between_looks = 1300;  // seconds

void must(const Outcome& outcome) {
  if (!outcome.is_delivered()) throw std::runtime_error(outcome.sentence());
}

std::string stuffed(const std::string& content) {
  std::string result;
  bool at_start = true;
  for (const char c : content) {
    if (at_start && c == '.') result += '.';
    at_start = c == '\n';
    result += c;
  }
  return result;
}

}  // namespace

void MemoryLog::write(milter::Severity, std::string_view text) {
  lines_.emplace_back(text);
}

bool MemoryLog::has(std::string_view part) const {
  return std::any_of(lines_.begin(), lines_.end(), [part](const std::string& line) {
    return line.find(part) != std::string::npos;
  });
}

World::World() {
  std::string pattern = (std::filesystem::temp_directory_path() / "smtpgate-crash-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  directory_ = pattern;
  std::ofstream(directory_ + "/ADDR_MAP.CFG") << "ACME/MAIN example.com\n";
  std::ofstream(directory_ + "/smtpgate.toml")
      << "[gateway]\nhostname = \"mx.example.com\"\nuser = \"\"\nwork = \"/work\"\n"
         "[converter]\naddress_map = \"ADDR_MAP.CFG\"\n"
         "[[postoffice]]\nname = \"ACME/MAIN\"\npath = \"/po\"\n";
  auto read = milter::read_configuration(directory_ + "/smtpgate.toml");
  if (!read) throw std::runtime_error(read.error().front());
  configuration_ = std::make_shared<const milter::Configuration>(std::move(*read));
  source_ = [this] { return configuration_; };

  set_clock(beginning);
  must(disk_.make_directory("/work", 0700) ? milter::prepare_work_directory(*configuration_, disk_)
                                           : Outcome::temporary("no work directory"));
  postoffice::PostofficeSettings settings;
  settings.name = {"ACME", "MAIN"};
  settings.time_zone = "UTC";
  must(Postoffice::init(folder(), settings, disk_));
  const Postoffice office = open();
  for (const std::string mailbox : all_mailboxes) {
    if (mailbox != "postmaster") must(office.add_mailbox(mailbox));
  }
  must(postoffice::write_group(office, {"all", "anna", {"anna", "ben", "some"}}));
  must(postoffice::write_group(office, {"some", "ben", {"ben", "carl", "dora"}}));
  must(postoffice::write_group(office, {"wide", "dora", {"dora", "frida@elsewhere.example"}}));
  must(postoffice::write_group(office, {"holed", "emil", {"emil", "nobody"}}));
  postoffice::MailboxSettings keeps;
  keeps.keep_sent = true;
  must(postoffice::write_mailbox_settings(office, "ben", keeps));
  postoffice::MailboxSettings as_folders;
  as_folders.delivery = "folder";
  must(postoffice::write_mailbox_settings(office, "fred", as_folders));
  disk_.sync_all();
  prepared_ = disk_.image();
}

World::~World() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

Postoffice World::open() {
  auto opened = Postoffice::open(folder(), disk_);
  if (!opened) throw std::runtime_error(opened.error().sentence());
  return std::move(*opened);
}

std::string World::mailbag(const std::string& mailbox) const {
  return folder() + "/MBG/" + mailbox;
}

void World::begin(const Scenario& scenario) {
  set_clock(beginning);
  disk_.restore(*prepared_);
  if (scenario.before) scenario.before(*this);
  scenario_ = &scenario;
  log_.clear();
  inbound_.clear();
  submitted_.clear();
  removed_.clear();
  refusals_.clear();
  unsaved_.clear();
  tried_.clear();
  in_doubt_ = submitted_in_try_ = 0;
  looks_ = 0;
  answers_left.reset();
  keeps_deletions = true;
  for (const InboundMail& mail : scenario.inbound) {
    inbound_.push_back({mail, !mail.by_door_1, {}, {}});
    if (!mail.by_door_1) inbound_.back().queue = mail.recipients;
  }
  for (const OutboxFile& file : scenario.outbox) {
    disk_.put(mailbag(file.mailbox) + "/outbox/" + file.name, file.content);
  }
  disk_.heal();
  disk_.count_anew();
  disk_.set_condition(scenario.condition);
  if (scenario.sends_meanwhile) disk_.set_neighbour([this] { send_what_is_free(); });
}

/// A sender is told of a message as soon as it has its name in SMTP/, and has it once it is free.
void World::send_what_is_free() {
  for (const std::string& name : disk_.names(folder() + "/SMTP")) {
    if (!postoffice::is_outgoing_id(name)) continue;
    if (!disk_.is_locked(folder() + "/SMTP/" + name)) return try_waiting();
  }
}

bool World::answer_gets_out() {
  if (disk_.has_stopped()) return false;
  if (!answers_left) return true;
  if (*answers_left == 0) {
    disk_.stop();
    return false;
  }
  --*answers_left;
  return true;
}

void World::live() {
  for (int round = 0; round < most_rounds; ++round) {
    for (Inbound& inbound : inbound_) {
      if (!inbound.is_accepted) send_by_client(inbound);
      if (disk_.has_stopped()) return;
      if (inbound.is_accepted && !inbound.queue.empty()) deliver_by_postfix(inbound);
      if (disk_.has_stopped()) return;
    }
    send_outgoing();
    if (disk_.has_stopped() || is_over()) return;
  }
}

/// The client's transaction, with the daemon in it.
void World::send_by_client(Inbound& inbound) {
  inbound.deletions.clear();
  MilterSession session({.configuration = [this] { return configuration_; },
                         .log = &log_,
                         .files = &disk_,
                         .stopping = [] { return false; }});
  session.connected("mail.remote.example", "192.0.2.1");
  session.mail_from("<" + inbound.mail.sender + ">", {}, {inbound.mail.sender, ""});
  for (const std::string& recipient : inbound.mail.recipients) {
    const auto refused = session.recipient("<" + recipient + ">", {}, {"smtpgate", std::nullopt});
    if (refused && !disk_.has_stopped()) refusals_.push_back(refused->code + " " + refused->text);
  }
  if (session.wants_content()) {
    const std::string& content = inbound.mail.content;
    std::size_t at = 0;
    for (;;) {
      const std::size_t end = content.find("\r\n", at);
      const std::string line = content.substr(at, end - at);
      at = end + 2;
      if (line.empty()) break;
      const std::size_t colon = line.find(':');
      session.header(line.substr(0, colon), line.substr(colon + 1));
    }
    session.end_of_headers();
    constexpr std::size_t chunk = 65'535;
    for (; at < content.size(); at += chunk) {
      session.body(std::string_view(content).substr(at, chunk));
    }
    session.end_of_message("4F3A1", [&](const std::string& path) {
      if (!answer_gets_out()) return false;
      inbound.deletions.push_back(path.substr(1, path.size() - 2));
      return true;
    });
  }
  if (!answer_gets_out()) return;
  inbound.is_accepted = true;
  inbound.queue = inbound.mail.recipients;
  for (const std::string& gone : inbound.deletions) std::erase(inbound.queue, gone);
}

/// One delivery of Postfix's lmtp client: what gets 250 leaves the queue.
void World::deliver_by_postfix(Inbound& inbound) {
  std::string input = "LHLO mx.example.com\r\nMAIL FROM:<" + inbound.mail.sender + ">\r\n";
  for (const std::string& recipient : inbound.queue) input += "RCPT TO:<" + recipient + ">\r\n";
  input += "DATA\r\n" + stuffed(inbound.mail.content) + ".\r\nQUIT\r\n";
  const std::vector<std::string> replies = lmtp(input);
  // Greeting, LHLO and MAIL first; without them nothing else has a meaning.
  std::size_t at = 0;
  while (at < replies.size() && replies[at].starts_with("2")) {
    if (replies[at].starts_with("250 2.1.0")) break;
    ++at;
  }
  if (at >= replies.size() || !replies[at].starts_with("250 2.1.0")) return;
  ++at;
  std::vector<std::string> taken;
  for (const std::string& recipient : inbound.queue) {
    if (at >= replies.size()) return;
    const std::string& reply = replies[at++];
    if (reply.starts_with("2")) taken.push_back(recipient);
    if (reply.starts_with("5")) refusals_.push_back(recipient + ": " + reply);
  }
  if (taken.empty() || at >= replies.size() || !replies[at++].starts_with("354")) return;
  for (const std::string& recipient : taken) {
    if (at >= replies.size() || !answer_gets_out()) return;
    const std::string& reply = replies[at++];
    if (reply.starts_with("2")) std::erase(inbound.queue, recipient);
    if (reply.starts_with("5")) refusals_.push_back(recipient + ": " + reply);
  }
}

/// A conversation with door 2; the last lines of its replies.
std::vector<std::string> World::lmtp(const std::string& input) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw std::runtime_error("no socket pair");
  }
  std::string output;
  {
    std::jthread writer([&] {
      std::size_t sent = 0;
      while (sent < input.size()) {
        const ssize_t count =
            ::send(ends[1], input.data() + sent, input.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) return;
        sent += static_cast<std::size_t>(count);
      }
    });
    milter::PeerStream stream(ends[0], ends[0], std::chrono::seconds(60));
    milter::LmtpServer(stream, source_, log_, disk_).run();
    ::shutdown(ends[0], SHUT_RDWR);
    writer.join();
    std::array<char, 65536> buffer{};
    ssize_t count = 0;
    while ((count = ::read(ends[1], buffer.data(), buffer.size())) > 0) {
      output.append(buffer.data(), static_cast<std::size_t>(count));
    }
  }
  ::close(ends[0]);
  ::close(ends[1]);
  std::vector<std::string> replies;
  // The process is dead: what it would have said was not said.
  if (disk_.has_stopped()) return replies;
  for (std::size_t at = 0; at < output.size();) {
    const std::size_t end = output.find("\r\n", at);
    const std::string line = output.substr(at, end - at);
    at = end + 2;
    if (line.size() > 3 && line[3] == '-') continue;
    replies.push_back(line);
  }
  return replies;
}

/// What the daemon's threads tell of trouble with a folder.
template <typename T>
bool World::tells(const Expected<T>& result) {
  if (!result && !disk_.has_stopped()) log_.warning("ACME/MAIN: " + result.error().sentence());
  return result.has_value();
}

void World::send_outgoing() {
  const auto opened = Postoffice::open(folder(), disk_);
  if (!tells(opened)) return;
  const auto told = [this](const postoffice::OutboxNote& note) {
    log_.info(note.mailbox + "/" + note.file + ": " + note.outcome.sentence());
  };
  for (const OutboxFile& file : scenario_->outbox) {
    (void)tells(postoffice::pick_up_outbox(*opened, file.mailbox, {}, told));
    if (disk_.has_stopped()) return;
  }
  if (!scenario_->outbox.empty()) {
    (void)tells(postoffice::resume_taken_files(*opened, {}, told));
    if (disk_.has_stopped()) return;
  }
  try_waiting();
}

void World::try_waiting() {
  const auto opened = Postoffice::open(folder(), disk_);
  if (!tells(opened)) return;
  const OutgoingMail mail(*opened);
  const auto ids = mail.waiting();
  if (!tells(ids)) return;
  const milter::OutboundContext context{
      .configuration = *configuration_,
      .postoffice = *opened,
      .files = disk_,
      .log = log_,
      .submit =
          [this](const converter::OutboundEnvelope& envelope, converter::Spool& content,
                 const std::function<void()>& before_end) {
            return submit(envelope, content, before_end);
          },
      // Each look comes after the first pauses between tries.
      .now = [this] { return clock_now() + looks_ * between_looks; }};
  ++looks_;
  for (const std::string& id : *ids) {
    auto taken = mail.take(id);
    if (disk_.has_stopped()) return;
    if (!tells(taken) || !*taken) continue;
    submitted_in_try_ = 0;
    // What could not be written down is kept in memory, as the daemon does.
    std::optional<postoffice::OutgoingState> unsaved;
    if (const auto kept = unsaved_.find(id); kept != unsaved_.end()) {
      unsaved = kept->second.first;
      submitted_in_try_ = kept->second.second;
      unsaved_.erase(kept);
    }
    auto result = milter::try_message(std::move(**taken), context, std::move(unsaved));
    if (disk_.has_stopped()) return;
    if (result.unsaved) unsaved_[id] = {std::move(*result.unsaved), submitted_in_try_};
    // A disk that takes neither the removal nor the state, and says so.
    if (log_.has("bring it back and send it twice")) in_doubt_ += submitted_in_try_;
    submitted_in_try_ = 0;
  }
}

milter::SubmissionResult World::submit(const converter::OutboundEnvelope& envelope,
                                       converter::Spool& content,
                                       const std::function<void()>& before_end) {
  milter::SubmissionResult result;
  std::string octets;
  postoffice::StringSink sink(octets);
  const bool is_read = content.copy_to(sink).has_value();
  if (is_read) before_end();
  if (!is_read || disk_.has_stopped()) {
    for (std::size_t i = 0; i < envelope.recipients.size(); ++i) {
      result.recipients.push_back({Outcome::temporary("cannot read the content"), {}});
    }
    return result;
  }
  result.host = "127.0.0.1[127.0.0.1]:25";
  for (const converter::OutboundRecipient& recipient : envelope.recipients) {
    const auto& refused = scenario_->refused_recipients;
    if (std::find(refused.begin(), refused.end(), recipient.address) != refused.end()) {
      result.recipients.push_back({Outcome::permanent("550 5.1.1 no such user", "5.1.1"), {}});
      continue;
    }
    const auto& later = scenario_->refused_later;
    if (std::find(later.begin(), later.end(), recipient.address) != later.end()) {
      const bool is_first = tried_.insert(recipient.address).second;
      result.recipients.push_back({is_first ? Outcome::temporary("450 4.2.1 not now", "4.2.1")
                                            : Outcome::permanent("550 5.1.1 no user", "5.1.1"),
                                   {}});
      continue;
    }
    submitted_.push_back("submitted to " + recipient.address + " from " + envelope.sender + ": " +
                         without_random_parts(without_trace(octets)));
    ++submitted_in_try_;
    result.recipients.push_back({Outcome::delivered("queued as 4F3A1"), "4F3A1"});
  }
  return result;
}

void World::die(Death death, const Loss& loss) {
  in_doubt_ += std::exchange(submitted_in_try_, 0);
  for (const auto& [id, kept] : unsaved_) in_doubt_ += kept.second;
  unsaved_.clear();
  for (Inbound& inbound : inbound_) {
    if (inbound.is_accepted || death == Death::machine) continue;
    // Postfix goes on without us.
    inbound.is_accepted = true;
    inbound.queue = inbound.mail.recipients;
    if (!keeps_deletions) continue;
    for (const std::string& gone : inbound.deletions) std::erase(inbound.queue, gone);
  }
  answers_left.reset();
  disk_.heal();
  if (death == Death::process) {
    disk_.restart_process();
  } else {
    disk_.restart_machine(loss);
  }
}

void World::start() {
  milter::clear_incomplete_chains(*configuration_, disk_);
  const auto opened = Postoffice::open(folder(), disk_);
  if (!opened) return;
  (void)OutgoingMail(*opened).keep_alive(900);
  const auto told = [this](const postoffice::OutboxNote& note) {
    log_.info(note.mailbox + "/" + note.file + ": " + note.outcome.sentence());
  };
  (void)postoffice::resume_taken_files(*opened, {}, told);
  (void)postoffice::clear_abandoned_work(*opened);
  (void)postoffice::expire_markers(*opened, clock_now());
  (void)postoffice::expire_outgoing_markers(*opened, clock_now());
}

bool World::is_over() const {
  for (const Inbound& inbound : inbound_) {
    if (!inbound.is_accepted || !inbound.queue.empty()) return false;
  }
  for (const std::string& name : disk_.names(folder() + "/SMTP")) {
    if (postoffice::is_outgoing_id(name.substr(0, 32))) return false;
  }
  for (const OutboxFile& file : scenario_->outbox) {
    for (const std::string& name : disk_.names(mailbag(file.mailbox) + "/outbox")) {
      if (name.ends_with(".API")) return false;
    }
  }
  for (const std::string& host : disk_.names(folder() + "/P1")) {
    for (const std::string& id : disk_.names(folder() + "/P1/" + host)) {
      if (disk_.exists(folder() + "/P1/" + host + "/" + id + "/TAKEN.API")) return false;
    }
  }
  return true;
}

void World::read_all() {
  for (const std::string mailbox : all_mailboxes) {
    for (const std::string& name : disk_.names(mailbag(mailbox) + "/new")) {
      if (name.front() == '.') continue;
      disk_.move(mailbag(mailbox) + "/new/" + name, mailbag(mailbox) + "/cur/" + name);
    }
  }
}

std::uint64_t World::delete_all() {
  std::uint64_t unmarked = 0;
  for (const std::string mailbox : all_mailboxes) {
    for (const char* part : {"/new/", "/cur/"}) {
      for (const std::string& name : disk_.names(mailbag(mailbox) + part)) {
        if (name.front() == '.') continue;
        const std::string path = mailbag(mailbox) + part + name;
        add_found(removed_, mailbox, path);
        if (!disk_.exists(mailbag(mailbox) + "/ids/" + name)) ++unmarked;
        if (is_directory(path)) {
          for (const std::string& file : disk_.names(path)) disk_.erase(path + "/" + file);
        }
        disk_.erase(path);
      }
    }
  }
  return unmarked;
}

}  // namespace smtpgate::crash
